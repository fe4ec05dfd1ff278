"""Whose data a figure shows: made-up campaigns, or a registered set, whatever campaign the run reports on."""

import plotly.graph_objects as go

from dti_core.lab.data import DataCard, load_all, simulated_card
from dti_core.lab.record import Result
from dti_core.lab.theme import style


def made_up(result: Result, what: str = "campaigns whose effects are known") -> DataCard:
    """The card of a figure that rests on simulation alone."""
    return simulated_card(result.card, "worlds", what)


def registered(name: str) -> DataCard:
    """The card of a registered set of data."""
    return load_all()[name].card(name)


def nothing_drawn(result: Result, why: str) -> go.Figure:
    """In the place of a figure whose data this machine lacks: which, and the command that brings them."""
    return style(
        go.Figure(), title=why, x="nothing to draw", y="", card=result.card, caption=why + ".", alt=why + "."
    )
