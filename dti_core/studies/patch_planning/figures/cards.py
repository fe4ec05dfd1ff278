"""Whose data a figure shows: simulated estates, a registered set, or the estate at hand."""

from dti_core.lab.data import DataCard, load_all, simulated_card
from dti_core.lab.record import Result


def simulated(result: Result, what: str = "estates drawn from stated assumptions") -> DataCard:
    """The card of a figure that rests on simulation alone, whatever estate the run plans."""
    return simulated_card(result.card, "worlds", what)


def registered(name: str) -> DataCard:
    """The card of a registered set of data."""
    return load_all()[name].card(name)
