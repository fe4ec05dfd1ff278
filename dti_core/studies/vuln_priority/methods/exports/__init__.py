"""The worklist as files: for people, for tools, for other studies. Foreign text is escaped in each."""

from dti_core.studies.vuln_priority.methods.exports.page import worklist_page
from dti_core.studies.vuln_priority.methods.exports.patches import patch_files
from dti_core.studies.vuln_priority.methods.exports.sarif import worklist_sarif
from dti_core.studies.vuln_priority.methods.exports.table import worklist_csv
from dti_core.studies.vuln_priority.methods.exports.vex import worklist_vex

__all__ = ["patch_files", "worklist_csv", "worklist_page", "worklist_sarif", "worklist_vex"]
