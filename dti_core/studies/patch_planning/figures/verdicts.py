"""What decides the claims: every bar beside its control worlds, with the smallest effect drawn in."""

from typing import Any

import plotly.graph_objects as go

from dti_core.lab.forest import Axis, bar_rows, plot_forest
from dti_core.lab.methods import World
from dti_core.lab.record import OBSERVED, Estimate, Result
from dti_core.studies.patch_planning.figures.cards import simulated
from dti_core.studies.patch_planning.worlds import CONTROLS, WORLDS
from dti_core.studies.patch_planning.worlds.finance import COST_WORLDS
from dti_core.studies.patch_planning.worlds.parties import TABLES

_GAIN = Axis("gain on the rival, % of what it earns or avoids", 100.0, upto=150.0)
_SHARE = Axis("more of its own best plan for the worst-off party, share", upto=2.0)
#: What a bar measures, in few words, and its axis.
BARS = {
    "agents_gain_11": ("C6c: agents over the tuned rule, 11 services", _GAIN),
    "agents_gain_50": ("C6c: the same, 50 services", _GAIN),
    "need_over_risk_alone": ("C20: weighing over risk alone", _GAIN),
    "need_over_oldest_first": ("C20: weighing over oldest first", _GAIN),
    "finance_with_minus_without": ("C42: with costs over without", _GAIN),
    "finance_with_minus_dealt": ("C42: with costs over dealt costs", _GAIN),
    "patches_joint_minus_single": ("C21a: bargain over one party's plan", _SHARE),
    "patches_joint_minus_dollars": ("C21a: bargain over net dollars", _SHARE),
    "patches_joint_minus_dealt": ("C21a: bargain over dealt weights", _SHARE),
}


def plot_bars(result: Result) -> go.Figure:
    """The bars of all four claims, over the assumptions, beside their control worlds."""
    seen = {OBSERVED: World("Drawn from the assumptions", "observed", None)}
    worlds: dict[str, World[Any]] = {**WORLDS, **CONTROLS, **COST_WORLDS, **TABLES, **seen}
    rows = [
        row
        for claim in ("C6c", "C20", "C42", "C21a")
        for row in bar_rows(result, claim, _label, worlds, lambda one: BARS[one.name][1])
    ]
    return plot_forest(
        rows, what="What decides", card=simulated(result), title="What decides the four claims",
        caption="Whiskers hold 95 % of the sets of stated assumptions, their own uncertainty included. "
        "Hollow: control worlds, over their draws. Beyond an axis the number is told.",
    )  # fmt: skip


def _label(one: Estimate) -> str:
    return BARS[one.name][0]
