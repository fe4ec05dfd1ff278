"""The card of a figure that rests on simulation: estates drawn from assumptions."""

from dti_core.lab.data import DataCard, simulated_card
from dti_core.lab.record import Result

#: How a figure calls the worlds of training, short enough for a legend.
WORLD_TITLES = {"tight_budget": "tight budget", "scarce": "scarce windows", "arrive": "late arrivals",
                "conflict": "conflict"}  # fmt: skip


def simulated(result: Result, what: str = "estates drawn from stated assumptions") -> DataCard:
    """The card of a figure that rests on simulation alone, whatever estate the run plans."""
    return simulated_card(result.card, "worlds", what)
