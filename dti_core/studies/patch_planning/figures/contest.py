"""Who plans best, by world: what each planner earns beside the tuned rule."""

import plotly.graph_objects as go

from dti_core.lab.forest import Axis, Row, plot_forest, smallest_effects
from dti_core.lab.record import Estimate, Result
from dti_core.lab.say import signed
from dti_core.lab.theme import PALETTE
from dti_core.studies.patch_planning.figures.cards import FEW, WORLD_TITLES, cut, place_badge, simulated
from dti_core.studies.patch_planning.methods import METHODS
from dti_core.studies.patch_planning.methods.lessons import FAVOURITE, TAUGHT
from dti_core.studies.patch_planning.worlds import told_as

#: Planners of the upper panel, near the rule, and of the lower one; all are in the table below the figure.
NEAR = ("mappo", "mappo_large", "ippo", "hierarchical", "single", "cem", "selfish", "priced_milp")
FAR = ("clairvoyant", "rolling_milp", "exploited_first", "severity", "risk_greedy")
#: What of the upper panel is shown, in percent.
_SHOWN = (-6.0, 12.0)


def plot_contest(result: Result, services: int = 11) -> go.Figure:
    """Gains on the tuned rule, a label a planner and a colour a world; those far from the rule below."""
    matters = smallest_effects(result.config.slug, "C6c")[f"agents_gain_{services}"]
    near, far = (
        Axis("gain on the tuned rule, %", 100.0, _SHOWN[1]),
        Axis("other planners, on a wider axis, %", 100.0),
    )
    rows = [
        Row(METHODS[name].title, one, PALETTE[at], one.n < FEW, WORLD_TITLES[world],
            matters if name in NEAR else None, near if name in NEAR else far)
        for name in NEAR + FAR
        for at, world in enumerate(TAUGHT)
        for one in _found(result, f"gain_{name}_{services}", world)
    ]  # fmt: skip
    (own,) = _found(result, f"gain_{FAVOURITE}_{services}", TAUGHT[0])
    figure = plot_forest(
        rows, what="Net dollars above the tuned rule's", card=simulated(result), series="contest",
        title=f"Who plans best on {services} services? {METHODS[FAVOURITE].title}: {signed(own, scale=100)} "
        f"% beside the tuned rule, {WORLD_TITLES[TAUGHT[0]]}",
        caption="Net dollars (loss avoided less money and downtime) on unseen estates, the same for all, as "
        "expected in the week of each patch; of the clairvoyant and the rule beside it, as they came out. "
        "Trained planners: interquartile mean of their trainings. Bars: 95 % bootstrap intervals over "
        f"estates and trainings; hollow: fewer than {FEW} estates, as exact plans are slow. All orders have "
        "their tuned price, but for the untuned one.",
    )  # fmt: skip
    return place_badge(cut(figure, _SHOWN))


def _found(result: Result, name: str, world: str) -> list[Estimate]:
    where = told_as(world)
    return [one for one in result.where(where) if one.name == name]
