"""The card of a figure that rests on simulation: campaigns made up, whatever campaign the run reports on."""

from dti_core.lab.data import DataCard, simulated_card
from dti_core.lab.record import Result


def made_up(result: Result, what: str = "campaigns whose effects are known") -> DataCard:
    """The card of a figure that rests on simulation alone."""
    return simulated_card(result.card, "worlds", what)
