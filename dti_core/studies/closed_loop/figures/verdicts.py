"""What decides the claims: every bar beside its control worlds, with the smallest effect drawn in."""

import plotly.graph_objects as go

from dti_core.lab.forest import Axis, Row, bar_rows, plot_forest
from dti_core.lab.record import Estimate, Result
from dti_core.studies.closed_loop.worlds import WORLDS

_AXES = {
    "return ratio": Axis("return ratio"), "directed cycles": Axis("cycles", upto=6.0),
    "% of the naive loss": Axis("% of the naive loss", upto=40.0),
    "dollars a dollar and year": Axis("dollars a dollar and year", upto=12.0),
}  # fmt: skip
_LEVELS = Axis("% of what technology, or all arrows, add", upto=60.0)
#: Estimates in the order of the figure, with the claim whose test is drawn, and what they measure in few
#: words.
BARS = {
    "three_fields": ("C1", "C1: through all three fields"),
    "other_fields": ("C63", "C63: through another field"),
    "largest_ratio": ("C34", "C34: largest return ratio"),
    "smallest_ratio": ("C44", "C44: smallest return ratio"),
    "cycles_possible": ("C1", "C1, C63: cycles that dates allow"),
    "feedback_told": ("C2", "C2: feedback told right"),
    "needs_told": ("C9", "C9: needs told right"),
    "needs_over_push": ("C9", "C9: closed loop over an even deal"),
    "sales_of_the_lesser": ("C45", "C45: sales of small or large firms"),
    "sales_of_all": ("C48a", "C48a: sales of all firms"),
    "sales_of_small": ("C48a", "C48a: sales of small firms"),
    "bridges_over_arrows": ("C3", "C3, C64: bridges over arrows"),
    "small_over_large": ("C3", "C3, C64: small firms' feedback"),
    "transfer_into_finance": ("C2", "C2: best part carried to finance"),
    "frontiers_alike": ("C3", "C3, C64: curves alike"),
    "dollar_over_elsewhere": ("C57", "C57: a dollar more for patches"),
}


def plot_bars(result: Result) -> go.Figure:
    """The bars of all claims of the study."""
    rows: list[Row] = []
    for name, (claim, label) in BARS.items():
        found = bar_rows(result, claim, lambda one, label=label: label, WORLDS, _axis)  # type: ignore[misc]
        rows += [row for row in found if row.estimate.name == name]
    return plot_forest(
        rows, what="What decides", card=result.card, title="What decides the claims of this chapter",
        caption="Ranges over all assumptions under both priors, or intervals of the chapter that a "
        "number comes from. Hollow: control worlds, over their draws. What lies wholly beyond an "
        "axis is told with its number.",
    )  # fmt: skip


def _axis(one: Estimate) -> Axis:
    if one.name == "frontiers_alike":
        return Axis("share of cost")
    return _AXES.get(one.unit, _LEVELS)
