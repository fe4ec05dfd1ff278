"""The estate that is planned, the user's or the example, with its card; real call graphs and arrivals."""

from dataclasses import replace
from pathlib import Path

from dti_core.lab.config import Config
from dti_core.lab.data import DataCard, Problem
from dti_core.lab.described import Described, read_described
from dti_core.lab.errors import DataError
from dti_core.lab.paths import project_root
from dti_core.studies.patch_planning.data.check import check_estate
from dti_core.studies.patch_planning.data.own import OwnEstate, estate_of
from dti_core.studies.patch_planning.data.parameters import Parameters

__all__ = ["OwnEstate", "Parameters", "check", "load", "load_example", "load_yours", "read"]

SLUG = "patch_planning"
EXAMPLE = "shop.yaml"


def load(config: Config) -> tuple[OwnEstate, DataCard]:
    """The estate that `config.estate` names, and its card; see `load_yours` and `load_example`."""
    asked = config.typed(Parameters)
    return load_yours(asked.data_path) if asked.estate == "yours" else load_example()


def read(path: str | Path, *, own: bool = True) -> tuple[Described, DataCard]:
    """The two files of an estate: the YAML file, or the only one of a folder, and its table of findings.

    Raises
    ------
    DataError if one of them is missing, empty, too large or unreadable.
    """
    return read_described(path, "findings") if own else read_described(path, "findings", noted="")


def check(described: Described) -> list[Problem]:
    """All problems of a user's estate, both files at once."""
    return check_estate(described)


def load_yours(data_path: str) -> tuple[OwnEstate, DataCard]:
    """The user's estate and its card, checked as `dti data check` does.

    Raises
    ------
    DataError with all blocking problems at once.
    """
    if not data_path:
        raise DataError("estate='yours' needs data_path: a YAML file that names its CSV file of findings.")
    return _load(data_path)


def load_example() -> tuple[OwnEstate, DataCard]:
    """The invented web shop of experiments/data/patch_planning, with its card."""
    estate, card = _load(project_root() / "experiments" / "data" / SLUG / EXAMPLE, own=False)
    invented = "Eleven services and 45 findings, invented for this study; any likeness is by chance."
    return estate, replace(
        card, title="An invented web shop", origin="frozen", badge="Invented estate", licence="MIT",
        source=invented, caveat=f"Hours, losses and windows are made up. {_assumed(estate)}".strip(),
    )  # fmt: skip


def _load(path: str | Path, *, own: bool = True) -> tuple[OwnEstate, DataCard]:
    described, card = read(path, own=own)
    if blocking := [problem.text for problem in check(described) if problem.blocks]:
        lines = "\n".join(f"- {text}" for text in blocking)
        raise DataError(f"{card.title}: {len(blocking)} problem{'s' * (len(blocking) > 1)}.\n{lines}")
    estate = estate_of(described)
    return estate, replace(card, caveat=f"{card.caveat} {_assumed(estate)}".strip())


def _assumed(estate: OwnEstate) -> str:
    if not estate.n_assumed:
        return ""
    return (
        f"{estate.n_assumed} findings give no chance of exploitation: it is assumed from the CVSS score "
        "(shares of CISA's records by score), or from being exploited already."
    )
