"""What decides the claims: every bar beside its control worlds, with the smallest effect drawn in."""

from dataclasses import replace
from typing import Any

import plotly.graph_objects as go

from dti_core.lab.forest import Axis, bar_rows, plot_forest
from dti_core.lab.methods import World
from dti_core.lab.record import OBSERVED, Estimate, Result
from dti_core.studies.patch_planning.figures.cards import ROLE_TITLES, cut, place_badge, simulated
from dti_core.studies.patch_planning.worlds import CONTROLS, WORLDS
from dti_core.studies.patch_planning.worlds.finance import COST_WORLDS
from dti_core.studies.patch_planning.worlds.parties import TABLES

#: An axis a claim, and what of it is shown, in percent.
_LEARNT = Axis("C6c: gain on the rival, %", 100.0, 20.0)
_WEIGHED = Axis("C20: gain on the rival, %", 100.0, 200.0)
_PAID = Axis("C42: more loss avoided, %", 100.0, 45.0)
_SHARED = Axis("C21a: more of its best, %", 100.0, 100.0)
_SHOWN = {_LEARNT: -20.0, _WEIGHED: -20.0, _PAID: -25.0, _SHARED: -30.0}
#: What a bar measures, in few words, and its axis.
BARS = {
    "agents_gain_11": ("Agents over the tuned rule, 11 services", _LEARNT),
    "agents_gain_50": ("The same, taught at 50 services", _LEARNT),
    "need_over_risk_alone": ("Weighing over risk alone", _WEIGHED),
    "need_over_oldest_first": ("Weighing over oldest first", _WEIGHED),
    "finance_with_minus_without": ("With costs over without", _PAID),
    "finance_with_minus_dealt": ("With costs over dealt costs", _PAID),
    "patches_joint_minus_single": ("Bargain over one party's plan", _SHARED),
    "patches_joint_minus_dollars": ("Bargain over net dollars", _SHARED),
    "patches_joint_minus_dealt": ("Bargain over dealt weights", _SHARED),
}


def plot_bars(result: Result) -> go.Figure:
    """The bars of all four claims, over the assumptions, beside their control worlds."""
    seen = {OBSERVED: World("Drawn from the assumptions", "observed", None)}
    known: dict[str, World[Any]] = {**WORLDS, **CONTROLS, **COST_WORLDS, **TABLES, **seen}
    worlds = {name: replace(one, title=ROLE_TITLES.get(one.role, one.title)) for name, one in known.items()}
    rows = [
        row
        for claim in ("C6c", "C20", "C42", "C21a")
        for row in bar_rows(result, claim, _label, worlds, lambda one: BARS[one.name][1])
    ]
    clear = sum(row.estimate.low > (row.smallest or 0) for row in rows if not row.control)
    figure = plot_forest(
        rows, what="What decides", card=simulated(result),
        title=f"What decides the four claims? {clear} of {sum(not row.control for row in rows)} bars lie "
        "wholly beyond the smallest effect that matters",
        caption="Whiskers: 95 % intervals over sets of stated assumptions, their own uncertainty included. "
        "Hollow: control worlds, over their draws. C21a: of the worst-off party's own best plan. A line "
        "that leaves the figure has its end beside it.",
    )  # fmt: skip
    return place_badge(cut(figure, *((low, axis.upto) for axis, low in _SHOWN.items())))


def _label(one: Estimate) -> str:
    return BARS[one.name][0]
