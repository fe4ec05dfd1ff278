"""What cost in the objective is worth, and what keeping the budget costs."""

import math

import plotly.graph_objects as go

from dti_core.lab.data import DataCard, simulated_card
from dti_core.lab.forest import Axis, Row, plot_forest
from dti_core.lab.record import Result
from dti_core.lab.say import signed
from dti_core.lab.theme import NEUTRAL, PALETTE, style
from dti_core.studies.patch_planning.figures.cards import ROLE_TITLES
from dti_core.studies.patch_planning.measures.finance import MATTERS, RIVALS
from dti_core.studies.patch_planning.worlds.finance import COST_WORLDS, PURSES

_GAIN = Axis("more loss avoided, %", 100.0)
_EXTRA = Axis("more residual risk, %", 100.0)
_PURSES = dict(zip(PURSES, (PALETTE[0], PALETTE[3]), strict=False))
_RIVALS = {"without": "Against no costs", "dealt": "Against costs dealt to others"}


def plot_finance(result: Result) -> go.Figure:
    """Gains at equal spending beside the control worlds, and in the two worlds with fixed assumptions."""
    rows = []
    for rival in RIVALS:
        name, label = f"finance_with_minus_{rival}", _RIVALS[rival]
        rows.append(Row(label, result[name], PALETTE[1], False, ROLE_TITLES["observed"], MATTERS, _GAIN))
        for kind, purse in PURSES.items():
            one = result[f"finance_gain_{rival}_{kind}"]
            rows.append(Row(label, one, _PURSES[kind], False, purse.title, MATTERS, _GAIN))
        for kind, made in COST_WORLDS.items():
            colour, one = NEUTRAL if made.role == "negative" else PALETTE[2], result[f"{name}@{kind}"]
            rows.append(Row(label, one, colour, True, ROLE_TITLES[made.role], MATTERS, _GAIN))
    rows += [Row(purse.title, result[f"finance_extra_residual_{kind}"], _PURSES[kind], series=purse.title,
                 axis=_EXTRA)
             for kind, purse in PURSES.items()]  # fmt: skip
    gain = result["finance_with_minus_without"]
    return plot_forest(
        rows, what="Loss avoided with costs in the objective beyond the rival's", card=_card(result),
        title=f"Does knowing costs help at about equal cost? {signed(gain, scale=100)} % more loss avoided",
        caption="Above, at the rival's spending or less, where a budget of a half leaves some; orange: "
        f"median and 95 % interval over {gain.n} sets of assumptions, estates included; blue and pink: "
        "means and Student t over replications; hollow: "
        "control worlds, all their draws. A planner without costs is told that all bundles cost the mean; "
        "all are tuned on the same grid. Below: within the budget, beside the same planner without a limit.",
    )  # fmt: skip


def plot_finance_sets(result: Result) -> go.Figure:
    """The gain of each set of assumptions by how widely costs spread beside hours."""
    rows, gain = result.series["finance_sets"], result["finance_with_minus_without"]
    figure = go.Figure()
    for rival, colour in zip(RIVALS, PALETTE, strict=False):
        figure.add_scatter(x=rows["cost_spread"], y=100 * rows[f"gain_{rival}"], mode="markers",
                           marker={"color": colour, "size": 9}, name=_RIVALS[rival])  # fmt: skip
    figure.add_hline(y=100 * MATTERS, line_dash="dash", line_color=NEUTRAL)
    tied = float(rows["cost_spread"].corr(rows["gain_without"], method="spearman"))
    low, high = _around(tied, len(rows))
    return style(
        figure, x="spread of log costs by hours", y="more loss avoided, %", card=_card(result),
        series="finance_sets",
        title="Does knowing costs gain more where they differ more? Rank correlation with the gain over no "
        f"costs {tied:.2f} [{low:.2f}, {high:.2f}]",
        caption=f"A point a set of assumptions ({gain.n} in all), at the rival's spending. Across: standard "
        "deviation of the logarithm of what bundles cost beside hours. Dashed: the smallest gain that "
        "matters. Interval: 95 % (Bonett and Wright).",
        alt=f"Rank correlation {tied:.2f} [{low:.2f}, {high:.2f}] over {gain.n} sets of assumptions, whose "
        "gains "
        + " and ".join(f"{_RIVALS[rival].lower()} lie from {100 * rows[f'gain_{rival}'].min():+.1f} to "
                       f"{100 * rows[f'gain_{rival}'].max():+.1f} %" for rival in RIVALS) + ".",
    )  # fmt: skip


def _around(tied: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a rank correlation over n pairs. Source: Bonett and Wright (2000)."""
    margin = 1.96 * math.sqrt((1 + tied**2 / 2) / max(1, n - 3))
    middle = math.atanh(min(0.999, max(-0.999, tied)))
    return math.tanh(middle - margin), math.tanh(middle + margin)


def _card(result: Result) -> DataCard:
    return simulated_card(result.card, "finance", "drawn from stated assumptions")
