"""The world of conflict: who wins, by what services report of their downtime."""

import plotly.graph_objects as go

from dti_core.lab.forest import Axis, Row, plot_forest
from dti_core.lab.record import Result
from dti_core.lab.say import signed
from dti_core.lab.theme import NEUTRAL, PALETTE
from dti_core.studies.patch_planning.figures.cards import simulated
from dti_core.studies.patch_planning.measures.conflict import AGENTS, REPORTS, WORLD
from dti_core.studies.patch_planning.methods import METHODS
from dti_core.studies.patch_planning.methods.lessons import FAVOURITE

_WHO = {"exact": "Exact plan", "rule": "Tuned rule"}


def plot_conflict(result: Result) -> go.Figure:
    """Gains on the exact plan that is told the truth, a label a planner and a colour a report."""
    axis = Axis("gain on the exact plan, %", 100.0)
    colours = dict(zip(REPORTS, PALETTE, strict=False))
    rows = [
        Row(title, result[f"conflict_{who}_{told}@{WORLD}"], colours[told], series=words, axis=axis)
        for who, title in _WHO.items() for told, (words, _) in REPORTS.items()
        if (who, told) != ("exact", "truth")
    ]  # fmt: skip
    own = {name: result[f"conflict_{name}_unasked@{WORLD}"] for name in AGENTS}
    rows += [Row(METHODS[who].title, one, NEUTRAL, series="not asked", axis=axis) for who, one in own.items()]
    return plot_forest(
        rows, what="Net dollars above those of the exact plan that is told the truth", card=simulated(result),
        title="Who wins if only a service knows its price? Agents that are not asked earn "
        f"{signed(own[FAVOURITE], scale=100)} % beside an exact plan that is told the truth",
        caption="0: the exact plan that is told the truth. A minute of downtime is dear and only its "
        "service knows the price; all are judged by the true prices, on the same estates of 11 services. "
        "Scaled back: the mean report of a week is set to the mean that is publicly known. Bars: 95 % "
        "bootstrap intervals over estates and, of agents, trainings.",
        series="conflict",
    )  # fmt: skip
