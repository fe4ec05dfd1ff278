"""What patching's policies earn on other budgets, and where each field's balance of cost and risk lies."""

from dataclasses import replace

import plotly.graph_objects as go

from dti_core.lab.data import simulated_card
from dti_core.lab.forest import Row, plot_forest
from dti_core.lab.record import Estimate, Result
from dti_core.lab.theme import NEUTRAL, PALETTE
from dti_core.studies.spillover.methods import METHODS
from dti_core.studies.spillover.methods.planner import TUNED

_ARMS = {
    "with": "patching", "without": "trained there",
    "placebo": "false rewards", "tuned_rule": "tuned rule", "greedy_ratio": "greedy ratio",
}  # fmt: skip
_BUDGETS = {"marketing": "Marketing", "esg": "ESG"}
_FIELDS = {"commerce": PALETTE[0], "finance": PALETTE[1], "security": PALETTE[2], "outside": NEUTRAL}
#: Difference of shares below which two balances are called the same.
ALIKE = 0.1


def plot_plans(result: Result) -> go.Figure:
    """Share of what could be earned, an arm a row, a colour a field."""
    rows = []
    for name, cell in METHODS.items():
        table = result.series.get(f"{name}_arms")
        if table is None:
            continue
        tuned = TUNED in cell.about
        shown = table[table["arm"].isin(["with", "placebo"] if tuned else list(_ARMS))]
        for _, arm in shown.iterrows():
            one = Estimate(
                f"{name}_{arm['arm']}", arm["share"], arm["low"], arm["high"], "% of what could be earned",
                int(arm["policies"]),
            )  # fmt: skip
            label = f"{_BUDGETS[cell.about[0]]}: {_ARMS[arm['arm']]}{', tuned' * tuned}"
            rows.append(Row(label, one, _FIELDS[cell.target], control=arm["arm"] == "placebo"))
    ours = result["planner_marketing_earns"], result["planner_esg_earns"]
    rule = result["planner_marketing_rule_earns"], result["planner_esg_rule_earns"]
    ahead = all(one.value < other.value for one, other in zip(ours, rule, strict=True))
    return plot_forest(
        rows, what="Share of what the exact plan in hindsight earns", x="earned, % of what could be",
        title="The rule tuned in the field earns as much as patching's policies or more" if ahead
        else "Patching's policies earn as much as the rule tuned in the field or more",
        card=simulated_card(result.card, "budgets", "drawn budgets"),
        caption="Policies bid through the tuned rule. Intervals of 95 %, clustered by policies and budgets. "
        "Hollow: the placebo, trained as long on rewards dealt to wrong estates.",
    )  # fmt: skip


def plot_frontiers(result: Result) -> go.Figure:
    """Share of the total that is cost at the best balance, a row a frontier."""
    table = result.series["frontiers"]
    rows = []
    for _, one in table.iterrows():
        estimate = replace(
            result[f"frontiers_share_{one['frontier']}"], value=one["share"], low=one["low"], high=one["high"]
        )
        where = f"{one['field']}: {one['title']}"
        rows.append(Row(where, estimate, _FIELDS[one["field"]], control=one["field"] == "outside"))
    spread, outside = result["frontiers_spread"], result["frontiers_spread_outside"]
    figure = plot_forest(
        rows, what="Share of the total that is cost at the best balance", x="share of the total that is cost",
        card=result.card, zero=False,
        title=f"Shares that the fields best put into cost lie {spread.value:.2f} apart, those of unrelated "
        f"tasks {outside.value:.2f}",
        caption=f"Equal within {ALIKE:g} would be one balance. Intervals of 95 %, units drawn anew. Hollow: "
        "errors of forecasts against rows learned from, which have nothing to do with the fields. The second "
        "row of a field decides nothing.",
    )  # fmt: skip
    return figure.update_layout(height=260 + 70 * len(rows))
