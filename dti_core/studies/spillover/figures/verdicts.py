"""What decides the claims: every bar beside its control worlds, with the smallest effect drawn in."""

import plotly.graph_objects as go

from dti_core.lab.forest import Axis, Row, bar_rows, plot_forest
from dti_core.lab.record import Estimate, Result
from dti_core.studies.spillover.worlds import WORLDS

#: Percent of the naive loss at which intervals are cut.
EDGE = 20.0
_GAIN = Axis("gain, % of the naive loss", upto=EDGE)
_ATTACK = Axis("true less false positives")
#: Claims in the order of the figure, and what their bars measure, in few words.
CLAIMS = ("C24", "C25a", "C25b", "C26", "C27", "C32", "C33", "C37b", "C39b", "C56a")
BARS = {
    "best_gain_in_commerce": "C24: best part in commerce",
    "best_gain_in_finance": "C24: best part in finance",
    "best_gain_in_security": "C24: best part in security",
    "least_gain_of_privacy": "C25a: privacy technology, its worst cell",
    "least_gain_of_modules": "C25a: modular AI, its worst cell",
    "privacy_over_other_bridges": "C25b: privacy over other bridges",
    "gain_sums_ratings": "C26: ratings from private sums",
    "gain_sums_fixes": "C27: fixes of sources",
    "gain_sums_exploits": "C27: exploited vendors",
    "plans_help": "C32: policies of patching on budgets",
    "feedback_helps": "C33: feedback on four streams",
    "regional_gain_finance": "C37b: rules by region, ratings",
    "regional_gain_security": "C37b: rules by region, fixes",
    "stocks_help_sales": "C39b: forecaster of stocks on sales",
    "attacker_gain": "C56a: less advantage than from a sample",
}


def plot_bars(result: Result) -> go.Figure:
    """The bars of all claims of the study."""
    rows: list[Row] = [
        row
        for claim in CLAIMS
        for row in bar_rows(result, claim, lambda one: BARS.get(one.name, ""), WORLDS, _axis)
        if row.label
    ]
    figure = plot_forest(
        rows, what="What decides", card=result.card, title="What decides the claims of this chapter",
        caption="Intervals of 95 %, cut at both edges; lower ends of the best of several parts hold for all "
        "at once. Hollow: control worlds, over their draws. Wholly beyond an axis on the right the number is "
        "told. C10 and the first bar of C56a, claimed to lie below, stand in the strips at the head.",
    )  # fmt: skip
    figure.for_each_xaxis(lambda axis: axis.update(range=[-EDGE, EDGE]) if _wide(axis) else None)
    return figure


def _wide(axis: go.layout.XAxis) -> bool:
    """Whether it is the axis of gains, which a single wide interval would stretch until no other is seen."""
    return str(axis.title.text or "").startswith("gain")


def _axis(one: Estimate) -> Axis:
    return _ATTACK if one.unit.startswith("TPR") else _GAIN
