"""The series that the forecaster is carried to beside the study's own: none, or a table of the user's."""

import hashlib

from dti_core.lab.config import Config
from dti_core.lab.data import DataCard, load_all, read_user_table
from dti_core.lab.errors import DataError
from dti_core.studies.spillover.data.panels import PANELS, Panel
from dti_core.studies.spillover.data.parameters import Parameters
from dti_core.studies.spillover.data.yours import check, panel_of

__all__ = ["Panel", "Parameters", "check", "load"]


def load(config: Config) -> tuple[Panel | None, DataCard]:
    """The user's panel and its card, or None and the card of the study's own panels.

    Raises
    ------
    DataError for a file that is missing or unfit, with all blocking problems at once.
    """
    asked = config.typed(Parameters)
    if asked.series == "packaged":
        return None, _card()
    if not asked.data_path:
        raise DataError("series='yours' needs data_path: a long table of series, date, value.")
    raw, card = read_user_table(asked.data_path)
    if blocking := [problem.text for problem in check(raw, asked.map) if problem.blocks]:
        lines = "\n".join(f"- {text}" for text in blocking)
        raise DataError(f"{card.title}: {len(blocking)} problem{'s' * (len(blocking) > 1)}.\n{lines}")
    return panel_of(raw, asked.map), card


def _card() -> DataCard:
    """One card for all panels: every set has its own on the data page."""
    registry = load_all()
    sets = [registry[name] for name in sorted({need for one in PANELS.values() for need in one.needs})]
    together = "".join(f"{one.name} {file.sha256}\n" for one in sets for file in one.files.values())
    return DataCard(
        name="spillover", title="Real series of three fields", origin="packaged", badge="Real series",
        source="Stocks, shops, bookings, fixes, firms: each data set has its card on the page of data.",
        licence="of each set", rows=sum(one.rows for one in sets), columns=max(one.columns for one in sets),
        sha256=hashlib.sha256(together.encode()).hexdigest(),
        caveat="Planned budgets of marketing and ESG are simulated, which their rows and figures say.",
    )  # fmt: skip
