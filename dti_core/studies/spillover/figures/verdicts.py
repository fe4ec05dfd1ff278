"""What decides the claims: every bar beside its control worlds, with the smallest effect drawn in."""

import plotly.graph_objects as go

from dti_core.lab.forest import Axis, Row, bar_rows, plot_forest
from dti_core.lab.record import Estimate, Result
from dti_core.lab.register import load_register
from dti_core.lab.theme import PALETTE
from dti_core.studies.spillover.worlds import WORLDS

_GAIN = Axis("gain, % of the naive loss", upto=60.0)
_SHARE = Axis("share of ordered pairs of fields")
_ATTACK = Axis("true less false positives")
_COLOURS = {"observed": PALETTE[1]}


def plot_bars(result: Result) -> go.Figure:
    """The bars of all claims of the study."""
    rows: list[Row] = []
    bars = {
        bar.estimate: (key, bar.label)
        for key, claim in load_register().bound_to(result.config.slug).items()
        for test in claim.tests
        if test.study == result.config.slug
        for bar in test.estimates
    }
    for key in dict.fromkeys(claim for claim, _ in bars.values()):
        rows += bar_rows(result, key, lambda one: f"{bars[one.name][0]}: {bars[one.name][1]}", WORLDS, _axis)
    return plot_forest(
        rows, what="What decides", card=result.card, title="What decides the claims of this chapter",
        caption="Intervals of 95 %; those of the best of several parts hold for all at once. Hollow: control "
        "worlds, over their draws. Beyond an axis the number is told.",
    )  # fmt: skip


def _axis(one: Estimate) -> Axis:
    if one.unit.startswith("share"):
        return _SHARE
    return _ATTACK if one.unit.startswith("TPR") else _GAIN
