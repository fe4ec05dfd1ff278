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
FEW = 20


def simulated(result: Result, what: str = "estates from stated assumptions") -> DataCard:
    """The card of a figure that rests on simulation alone, whatever estate the run plans."""
    return simulated_card(result.card, "worlds", what)


def place_badge(figure: go.Figure, *, titled: bool = False) -> go.Figure:
    """Set the badge just above the first panel, or its title, however tall the figure is."""
    figure.update_annotations({"y": 1, "yshift": 22 * titled}, selector={"y": 1.02})
    return figure.update_layout(margin_t=figure.layout.margin.t + 22 * titled)


def cut(figure: go.Figure, *shown: tuple[float, float]) -> go.Figure:
    """Show of each panel what lies between two ends; where an interval goes on, the edge tells its end."""
    for panel, (low, high) in enumerate(shown, start=1):
        axis = "x" if panel == 1 else f"x{panel}"
        for mark in (one for one in figure.data if one.xaxis == axis and one.error_x.visible is not False):
            begins, ends = mark.x[0] - mark.error_x.arrayminus[0], mark.x[0] + mark.error_x.array[0]
            for end, edge, side in ((begins, low, "left"), (ends, high, "right")):
                if not low <= end <= high:
                    figure.add_annotation(
                        x=edge, y=mark.y[0], text=f"to {number(end, int(abs(end) < 10))}", showarrow=False,
                        xanchor=side, yanchor="bottom", font={"size": 11, "color": mark.marker.color},
                        row=panel, col=1,
                    )  # fmt: skip
        figure.update_xaxes(range=(low, high), row=panel, col=1)
    return figure


def pale(colour: str) -> str:
    """The colour of a band behind a line."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},.15)"
