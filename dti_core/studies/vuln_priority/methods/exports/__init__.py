"""The worklist as files: for people, for tools, for other studies. Foreign text is escaped in each."""

from dti_core.lab.record import Result
from dti_core.studies.vuln_priority.data.scans import Scans
from dti_core.studies.vuln_priority.methods.exports.page import worklist_page
from dti_core.studies.vuln_priority.methods.exports.patches import patch_files
from dti_core.studies.vuln_priority.methods.exports.sarif import worklist_sarif
from dti_core.studies.vuln_priority.methods.exports.table import worklist_csv
from dti_core.studies.vuln_priority.methods.exports.vex import worklist_vex
from dti_core.studies.vuln_priority.methods.worklist import each_flaw

__all__ = ["files_of", "patch_files", "worklist_csv", "worklist_page", "worklist_sarif", "worklist_vex"]

#: Days in which the chances of exploitation of the list hold.
DAYS = 365.0


def files_of(result: Result, scans: Scans) -> dict[str, bytes]:
    """The files of the worklist in a Result, by name; none where the scans report nothing."""
    if "worklist" not in result.series:
        return {}
    listed, groups, own = result.series["worklist"], scans.own.groups, scans.own
    flaws = each_flaw(listed, groups.table, result.series["worklist_flaws"])
    start, weekly = result.config.created.date(), result.config.weekly_hours
    return {
        "worklist.csv": worklist_csv(listed),
        "worklist.html": worklist_page(listed, result.card.title, start, weekly, own.services.hours),
        "worklist.sarif": worklist_sarif(flaws, groups, own.findings),
        "worklist.vex.json": worklist_vex(flaws, groups.table, own.truth),
        **patch_files(flaws, groups.table, own.services, start=start, weekly_hours=weekly, exploit_days=DAYS),
    }
