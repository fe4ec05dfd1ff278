"""Who plans best, by world: what each planner earns beside the tuned rule."""

import plotly.graph_objects as go

from dti_core.lab.forest import Axis, Row, plot_forest
from dti_core.lab.methods import World
from dti_core.lab.record import OBSERVED, Estimate, Result
from dti_core.lab.say import listed
from dti_core.lab.theme import PALETTE
from dti_core.studies.patch_planning.figures.cards import simulated
from dti_core.studies.patch_planning.methods import METHODS
from dti_core.studies.patch_planning.methods.lessons import TAUGHT
from dti_core.studies.patch_planning.worlds import WORLDS
from dti_core.studies.patch_planning.worlds.settings import Setting

#: Planners of the figure, in its order; all are in the table below it.
SHOWN = ("clairvoyant", "priced_milp", "rolling_milp", "mappo", "ippo", "hierarchical", "single", "cem",
         "selfish", "exploited_first", "severity", "risk_greedy")  # fmt: skip
#: Where the axis ends, in percent.
_UPTO = 30.0
_LEARNED = ("single", "ippo", "mappo", "hierarchical", "cem")


def plot_contest(result: Result, services: int = 11) -> go.Figure:
    """Gains on the tuned rule, a row a planner and a colour a world."""
    axis = Axis("net dollars above the tuned rule's, % of the rule's", 100.0, _UPTO)
    rows = [
        Row(METHODS[name].title, one, PALETTE[at], series=_world(world).title, axis=axis)
        for name in SHOWN
        for at, world in enumerate(TAUGHT)
        for one in _found(result, f"gain_{name}_{services}", world)
    ]
    best = max(
        (
            one
            for name in _LEARNED
            for world in TAUGHT
            for one in _found(result, f"gain_{name}_{services}", world)
        ),
        key=lambda one: one.value,
    )
    rooms = [one for world in TAUGHT for one in _found(result, f"room_{services}", world)]
    told = listed([f"{100 * one.value:+.1f}" for one in rooms], "not planned")
    return plot_forest(
        rows, what="Net dollars above the tuned rule's", card=simulated(result), series="contest",
        title=f"On {services} services the best learned planner earns {100 * best.value:+.1f} % beside the "
        f"tuned rule; the exact plan {told} % by world",
        caption="Unseen estates, the same for all; objective: loss avoided less money and downtime, "
        "unshaped. "
        "Trained planners: interquartile mean of their seeds. Intervals: bootstrap of estates, and of seeds; "
        "the exact plan earns its room over fewer estates, named in the table.",
    )  # fmt: skip


def _found(result: Result, name: str, world: str) -> list[Estimate]:
    where = OBSERVED if _world(world).role == "observed" else world
    return [one for one in result.where(where) if one.name == name]


def _world(name: str) -> World[Setting]:
    return WORLDS[name]
