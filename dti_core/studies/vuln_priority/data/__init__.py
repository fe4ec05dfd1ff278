"""Our labelled lab as scanners saw it, and the user's own scans, with their cards."""

from dti_core.lab.config import Config
from dti_core.lab.data import DataCard
from dti_core.studies.vuln_priority.data.check import check
from dti_core.studies.vuln_priority.data.lab import Lab, load_lab
from dti_core.studies.vuln_priority.data.parameters import Parameters
from dti_core.studies.vuln_priority.data.yours import OwnScans, read

__all__ = ["Lab", "OwnScans", "Parameters", "check", "load", "read"]


def load(config: Config) -> tuple[Lab, DataCard]:
    """The recorded lab and its card."""
    config.typed(Parameters)
    return load_lab()
