"""What figures of this study share: cards for what is assumed or real beside the lab, and edges of panels."""

import plotly.graph_objects as go

from dti_core.lab.data import DataCard, simulated_card
from dti_core.lab.data.registry import published
from dti_core.lab.record import Result
from dti_core.studies.vuln_priority.methods.fusion import METHODS
from dti_core.studies.vuln_priority.methods.orders import ORDERS

#: How held-out cases are chosen.
SPLITS = {"flows": "whole flows held out", "rows": "rows held out"}
#: Kinds of test in a reader's words.
KIND_TITLES = {"sast": "static", "dast": "prober", "iast": "agent", "sca": "packages"}
ROLE_TITLES = {"observed": "drawn from the assumptions", "negative": "control: nothing to find",
               "positive": "control: an effect was planted"}  # fmt: skip


def assumed(result: Result) -> DataCard:
    """The card of a figure whose findings are the lab's and whose values and hours are drawn."""
    return simulated_card(result.card, "worlds", "values and hours from stated assumptions")


def real_records(result: Result) -> DataCard:
    """The card of a figure of real records."""
    return published("vuln_dates").card()


def method_title(name: str) -> str:
    """A method in words."""
    return METHODS[name].title


def order_title(name: str) -> str:
    """An order of work in words."""
    return ORDERS[name].title


def place_badge(figure: go.Figure, *, titled: bool = False) -> go.Figure:
    """Set the badge just above the first panel, or its title, however tall the figure is."""
    figure.update_annotations({"y": 1, "yshift": 22 * titled}, selector={"y": 1.02})
    return figure.update_layout(margin_t=figure.layout.margin.t + 22 * titled)
