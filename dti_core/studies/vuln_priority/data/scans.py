"""What a run works on: the recorded lab, from which worth is learnt, and the scans that are ranked."""

import json
from dataclasses import dataclass

from dti_core.lab.data import DataCard
from dti_core.lab.data.frozen import frozen_bytes
from dti_core.lab.errors import DataError
from dti_core.lab.yaml_files import parse_yaml
from dti_core.studies.vuln_priority.data.check import check
from dti_core.studies.vuln_priority.data.lab import ADVISED, SLUG, Lab
from dti_core.studies.vuln_priority.data.readers import read_scan
from dti_core.studies.vuln_priority.data.yours import OwnScans, read, together
from dti_core.studies.vuln_priority.methods.fusion import TOOLS

SERVICES = "services.yaml"


@dataclass(frozen=True)
class Scans:
    """The lab, and the scans whose worklist is written: the lab's own, or the user's."""

    lab: Lab
    own: OwnScans


def recorded_scans() -> OwnScans:
    """What all scanners reported of the lab, with its services, as a user's folder would hold it."""
    scans = [read_scan(frozen_bytes(SLUG, f"recorded/{tool}.sarif"), f"{tool}.sarif") for tool in TOOLS]
    for service, listed in json.loads(frozen_bytes(SLUG, ADVISED))["services"].items():
        scans.append(read_scan(json.dumps(listed).encode(), f"{service}/pip-audit.json"))
    services = parse_yaml(frozen_bytes(SLUG, SERVICES).decode(), SERVICES)
    return together(scans, services=services)


def load_yours(data_path: str) -> tuple[OwnScans, DataCard]:
    """The user's scans and their card, checked as `dti data check` does.

    Raises
    ------
    DataError with all blocking problems at once.
    """
    if not data_path:
        raise DataError("scans='yours' needs data_path: a folder with scans as SARIF or JSON.")
    own, card = read(data_path)
    if blocking := [problem.text for problem in check(own) if problem.blocks]:
        lines = "\n".join(f"- {text}" for text in blocking)
        raise DataError(f"{card.title}: {len(blocking)} problem{'s' * (len(blocking) > 1)}.\n{lines}")
    return own, card
