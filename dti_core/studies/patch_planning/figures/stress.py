"""What wrong assumptions cost."""

import plotly.graph_objects as go

from dti_core.lab.forest import Axis, Row, plot_forest
from dti_core.lab.record import Result
from dti_core.lab.say import spoken
from dti_core.lab.theme import NEUTRAL, PALETTE
from dti_core.studies.patch_planning.figures.cards import FEW, simulated
from dti_core.studies.patch_planning.methods.lessons import FAVOURITE
from dti_core.studies.patch_planning.worlds import WORLDS, told_as
from dti_core.studies.patch_planning.worlds.stress import STRESSES

_MISLED = {"tuned_rule": ("tuned rule", PALETTE[1]), "priced_milp": ("exact plan, money priced", PALETTE[2]),
           FAVOURITE: ("agents", PALETTE[0])}  # fmt: skip


def plot_stress(result: Result, world: str = "tight_budget") -> go.Figure:
    """What misled planners earn, as a share of the rule that knows the truth, stress by stress."""
    axis = Axis("% of the informed rule's", 100)
    found = [one for one in result.where(told_as(world), measure="misled")
             if one.n >= FEW or one.at["method"] != "priced_milp"]  # fmt: skip
    rows = [
        Row(STRESSES[stress].title, one, _MISLED[name][1], series=_MISLED[name][0], axis=axis)
        for stress in STRESSES for name in _MISLED for one in found
        if (one.at["stress"], one.at["method"]) == (stress, name)
    ]  # fmt: skip
    how = {row.series: row.estimate.how for row in rows}
    worst = min((row for row in rows if row.series == "tuned rule"), key=lambda row: row.estimate.value)
    figure = plot_forest(
        rows, what="Share of what the informed rule earns", zero=False, card=simulated(result),
        series="stress", title=f"What do wrong assumptions cost? Where {worst.label}, the tuned rule earns "
        f"{spoken(worst.estimate, scale=100)} % of the informed one's",
        caption=f"{WORLDS[world].title}. 100: the rule that knows the truth and was tuned in it, on other "
        f"estates. 95 % intervals: {'; '.join(f'{who}, {words}' for who, words in how.items())}. Exact plans "
        f"of fewer than {FEW} estates are not drawn. The title has the tuned rule's worst "
        "case.",
    )  # fmt: skip
    return figure.add_vline(x=100.0, line_color=NEUTRAL, layer="below")
