"""What cost in the objective is worth, and what keeping the budget costs."""

import plotly.graph_objects as go

from dti_core.lab.data import DataCard, simulated_card
from dti_core.lab.forest import Axis, Row, plot_forest
from dti_core.lab.record import Result
from dti_core.lab.say import sign_of, signed
from dti_core.lab.theme import NEUTRAL, PALETTE, style
from dti_core.studies.patch_planning.measures.finance import MATTERS, RIVALS
from dti_core.studies.patch_planning.worlds.finance import COST_WORLDS, PURSES

_GAIN = Axis("loss avoided beyond the rival's, %, at its spending", 100.0)
_EXTRA = Axis("residual risk that the budget adds, %", 100.0)
_RIVALS = {"without": "Against no costs", "dealt": "Against costs dealt to others"}


def plot_finance(result: Result) -> go.Figure:
    """Gains at equal spending beside the control worlds, and in the two worlds with fixed assumptions."""
    rows = []
    for rival in RIVALS:
        name, label = f"finance_with_minus_{rival}", _RIVALS[rival]
        rows.append(Row(label, result[name], PALETTE[1], False, "Drawn from the assumptions", MATTERS, _GAIN))
        for kind, purse in PURSES.items():
            one = result[f"finance_gain_{rival}_{kind}"]
            rows.append(Row(label, one, PALETTE[0], False, purse.title, MATTERS, _GAIN))
        for kind, made in COST_WORLDS.items():
            colour = NEUTRAL if made.role == "negative" else PALETTE[2]
            rows.append(Row(label, result[f"{name}@{kind}"], colour, True, made.title, MATTERS, _GAIN))
    rows += [Row(purse.title, result[f"finance_extra_residual_{kind}"], PALETTE[0], axis=_EXTRA)
             for kind, purse in PURSES.items()]  # fmt: skip
    gain = result["finance_with_minus_without"]
    helps = sign_of(gain, "helps", "hurts", "may help or not")
    return plot_forest(
        rows, what="Loss avoided with costs in the objective beyond the rival's", card=_card(result),
        title=f"With the same dollars, knowing costs {helps}: {signed(gain, scale=100)} % loss avoided",
        caption=f"Orange: median and 95 % of {gain.n} sets of assumptions, estates included. Blue: means and "
        "Student t over replications. Hollow: control worlds, all their draws. A planner without "
        "costs is told that all bundles cost the mean; all are tuned on the same grid.",
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
    more = "more" if tied > 0 else "less"
    return style(
        figure, x="spread of costs beside hours (standard deviation of the logarithm)",
        y="loss avoided beyond the rival's, %", card=_card(result), series="finance_sets",
        title=f"Where costs differ more, knowing them gains {more} (rank correlation {tied:.2f})",
        caption=f"A point a set of assumptions ({gain.n} in all), at the rival's "
        "spending. Dashed: the smallest gain that matters.",
        alt=f"Rank correlation of gain and spread of costs {tied:.2f} over {gain.n} sets of assumptions.",
    )  # fmt: skip


def _card(result: Result) -> DataCard:
    return simulated_card(result.card, "finance", "estates and costs drawn from assumptions")
