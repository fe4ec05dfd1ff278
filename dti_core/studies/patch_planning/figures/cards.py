"""What figures of this study share: their card, names of worlds, and intervals that leave a panel."""

import plotly.graph_objects as go

from dti_core.lab.data import DataCard, simulated_card
from dti_core.lab.record import Result
from dti_core.lab.say import number

#: How a figure calls the worlds of training, short enough for a legend.
WORLD_TITLES = {"tight_budget": "tight budget", "scarce": "scarce windows", "arrive": "late arrivals",
                "conflict": "conflict"}  # fmt: skip
#: How a legend calls worlds by their role in a test.
ROLE_TITLES = {"observed": "drawn from the assumptions", "negative": "control: nothing to find",
               "positive": "control: an effect was planted"}  # fmt: skip
#: Below so many estates a resampled interval says little: marks are hollow, or left out.
FEW_ESTATES = 20


def simulated(result: Result, what: str = "estates from stated assumptions") -> DataCard:
    """The card of a figure that rests on simulation alone, whatever estate the run plans."""
    return simulated_card(result.card, "worlds", what)


def place_badge(figure: go.Figure, *, titled: bool = False) -> go.Figure:
    """Set the badge just above the first panel, or its title, however tall the figure is."""
    figure.update_annotations({"y": 1, "yshift": 18 * titled}, selector={"y": 1.02})
    return figure.update_layout(margin_t=figure.layout.margin.t + 18 * titled)


def cut(figure: go.Figure, panel: int, low: float, high: float) -> None:
    """Show a panel from `low` to `high`; an interval that goes on has the number of its end at the edge."""
    axis = "x" if panel == 1 else f"x{panel}"
    for mark in (one for one in figure.data if one.xaxis == axis and one.error_x.visible is not False):
        ends = mark.x[0] - mark.error_x.arrayminus[0], mark.x[0] + mark.error_x.array[0]
        for end, edge, beyond in zip(ends, (low, high), (ends[0] < low, ends[1] > high), strict=True):
            if beyond:
                figure.add_annotation(
                    x=edge, y=mark.y[0], text=f"to {number(end, int(abs(end) < 10))}", yanchor="bottom",
                    xanchor="left" if edge == low else "right", showarrow=False, row=panel, col=1,
                    font={"size": 11, "color": mark.marker.color},
                )  # fmt: skip
    figure.update_xaxes(range=(low, high), row=panel, col=1)


def pale(colour: str) -> str:
    """The colour of a band behind a line."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},.15)"
