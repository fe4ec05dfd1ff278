"""Our labelled lab as scanners saw it, and the scans that are ranked, the lab's or the user's."""

from dti_core.lab.config import Config
from dti_core.lab.data import DataCard
from dti_core.studies.vuln_priority.data.check import check
from dti_core.studies.vuln_priority.data.lab import load_lab
from dti_core.studies.vuln_priority.data.parameters import Parameters
from dti_core.studies.vuln_priority.data.scans import Scans, load_yours, recorded_scans
from dti_core.studies.vuln_priority.data.yours import read

__all__ = ["Parameters", "Scans", "check", "load", "read"]


def load(config: Config) -> tuple[Scans, DataCard]:
    """The recorded lab with the scans that `config.scans` names, and the card of these.

    Raises
    ------
    DataError for files of the user that are missing or unfit, with all blocking problems at once.
    """
    asked = config.typed(Parameters)
    lab, card = load_lab()
    if asked.scans == "lab":
        return Scans(lab, recorded_scans()), card
    own, card = load_yours(asked.data_path)
    return Scans(lab, own), card
