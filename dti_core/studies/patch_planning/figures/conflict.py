"""The world of conflict: who wins, by what services report of their downtime."""

import plotly.graph_objects as go

from dti_core.lab.forest import Axis, Row, plot_forest
from dti_core.lab.record import Result
from dti_core.lab.theme import PALETTE
from dti_core.studies.patch_planning.figures.cards import simulated
from dti_core.studies.patch_planning.measures.conflict import AGENTS, REPORTS, WORLD
from dti_core.studies.patch_planning.methods import METHODS

_WHO = {"exact": "Exact plan", "rule": "Tuned rule"}


def plot_conflict(result: Result) -> go.Figure:
    """Gains on the exact plan that is told the truth, a row a planner and report."""
    axis = Axis("net dollars above those of the exact plan that is told the truth, %", 100.0)
    rows = [
        Row(f"{words}, {REPORTS[told][0]}", result[f"conflict_{who}_{told}@{WORLD}"], PALETTE[at], axis=axis)
        for at, (who, words) in enumerate(_WHO.items())
        for told in REPORTS
        if (who, told) != ("exact", "truth")
    ]
    rows += [
        Row(
            f"{METHODS[name].title}, not asked",
            result[f"conflict_{name}_unasked@{WORLD}"],
            PALETTE[2],
            axis=axis,
        )
        for name in AGENTS
    ]
    liars, silent = (result[f"conflict_exact_{told}@{WORLD}"] for told in ("exaggerated", "none"))
    agents = result[f"conflict_mappo_unasked@{WORLD}"]
    return plot_forest(
        rows, what="Net dollars above those of the exact plan that is told the truth", card=simulated(result),
        title=f"Agents that keep their prices to themselves earn {100 * agents.value:+.1f} %, an exact "
        "plan that "
        f"is told four times the truth {100 * liars.value:+.1f} %, one that is told nothing "
        f"{100 * silent.value:+.1f} %",
        caption="Conflict: a minute of downtime is dear and only its service knows the price. All "
        "judged by the "
        "true prices, on the same estates of 11 services. Scaled back: the mean report of a week is set "
        "to the "
        "mean that is publicly known. Intervals: bootstrap of estates, and of seeds of training.",
        series="conflict",
    )  # fmt: skip
