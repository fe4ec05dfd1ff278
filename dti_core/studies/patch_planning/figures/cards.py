"""Whose data a figure shows: simulated estates, a registered set, or the estate at hand."""

import plotly.graph_objects as go

from dti_core.lab.data import DataCard, load_all, simulated_card
from dti_core.lab.record import Result
from dti_core.lab.theme import style

#: How a figure calls the worlds of training, short enough for a legend.
WORLD_TITLES = {"tight_budget": "tight budget", "scarce": "scarce windows", "arrive": "late arrivals",
                "conflict": "conflict"}  # fmt: skip


def simulated(result: Result, what: str = "estates drawn from stated assumptions") -> DataCard:
    """The card of a figure that rests on simulation alone, whatever estate the run plans."""
    return simulated_card(result.card, "worlds", what)


def registered(name: str) -> DataCard:
    """The card of a registered set of data."""
    return load_all()[name].card(name)


def nothing_drawn(result: Result, why: str) -> go.Figure:
    """In the place of a figure whose data this machine lacks: which, and what brings them."""
    return style(
        go.Figure(), title=why, x="nothing to draw", y="", card=result.card, caption=why + ".", alt=why + "."
    )
