"""What stands under a figure that rests on other data than the run's, and in the place of one without any."""

import plotly.graph_objects as go

from dti_core.lab.data import DataCard, load_all
from dti_core.lab.record import Result
from dti_core.lab.theme import style


def registered(name: str) -> DataCard:
    """The card of a registered set of data."""
    return load_all()[name].card(name)


def nothing_drawn(result: Result, why: str) -> go.Figure:
    """In the place of a figure whose data this machine lacks: which, and what brings them."""
    return style(
        go.Figure(), title=why, x="nothing to draw", y="", card=result.card, caption=why + ".", alt=why + "."
    )
