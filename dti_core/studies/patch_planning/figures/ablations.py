"""What each part of the agents brings, and how they learn."""

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dti_core.lab.forest import Axis, Row, plot_forest
from dti_core.lab.intervals import Interval, mean_over_seeds
from dti_core.lab.record import Estimate, Result
from dti_core.lab.say import spoken
from dti_core.lab.theme import NEUTRAL, PALETTE, style
from dti_core.studies.patch_planning.figures.cards import WORLD_TITLES, pale, place_badge, simulated
from dti_core.studies.patch_planning.measures.ablations import ABLATIONS, HELD, HOME
from dti_core.studies.patch_planning.methods.lessons import ALLOWED_DOWNTIME, FAVOURITE, SMALL
from dti_core.studies.patch_planning.methods.planners import METHODS

_LOST = Axis("lead of the favourite, %", 100)
_OVER = Axis("quarters over allowance, %", 100)
_EARNED = Axis("gain on the tuned rule, %", 100)
_WORLD_COLOURS = dict(zip(WORLD_TITLES, PALETTE, strict=False))
_HELD_TITLES = {"free": "not held", "lagrange": "moving prices", "shaping": "a fixed charge"}
#: Rounds of which means are drawn.
_SMOOTHED = 5


def plot_ablations(result: Result) -> go.Figure:
    """What the favourite earns beyond agents without each part, and what holding downtime costs."""
    rows = []
    for name, (_, _, title, _) in ABLATIONS.items():
        for world, legend in WORLD_TITLES.items():
            where = "observed" if world == HOME else world
            rows += [Row(title, one, _WORLD_COLOURS[world], series=legend, axis=_LOST)
                     for one in result.where(where, part=name)]  # fmt: skip
    held = {(name, key): _held(result, name, key) for name in HELD for key in ("over", "gain")}
    rows += [Row(_HELD_TITLES[name], one, _WORLD_COLOURS[HOME], series=WORLD_TITLES[HOME],
                 axis=_OVER if key == "over" else _EARNED)
             for (name, key), one in sorted(held.items(), key=lambda pair: pair[0][1] == "gain")]  # fmt: skip
    matters = [row for row in rows if row.axis == _LOST and not row.estimate.low <= 0 <= row.estimate.high]
    compared = sum(row.axis == _LOST for row in rows)
    return plot_forest(
        rows, what="What parts of the agents bring", card=simulated(result), series="ablations",
        title=f"Do parts of the agents matter? {len(matters)} of {compared} intervals leave out 0, "
        f"{0.05 * compared:.1f} would by chance; told to "
        f"hold downtime, they exceed it in {spoken(held['lagrange', 'over'], scale=100)} % of quarters",
        caption=f"Above: what {METHODS[FAVOURITE].title} earn beyond agents so made, in % of what the tuned "
        f"rule earns. Below: "
        f"agents told to keep downtime to {ALLOWED_DOWNTIME:.0%} of the minutes that the tuned rule takes on "
        "average, by prices that move (Lagrange) or a fixed charge in the reward (shaping). 95 % intervals: "
        f"{rows[0].estimate.how}. Estates of {SMALL} services.",
    )  # fmt: skip


def _held(result: Result, name: str, key: str) -> Estimate:
    (found,) = result.where(how_held=name, what=key)
    return found


def plot_learning(result: Result) -> go.Figure:
    """What algorithms earn in training beside the favourite, on the same estates; a panel a world."""
    table, own = result.series["learning"], METHODS[FAVOURITE].title
    worlds = [world for world in WORLD_TITLES if world in set(table["world"])]
    others = [name for name in dict.fromkeys(table["algorithm"]) if name != FAVOURITE]
    figure, ends = make_subplots(rows=len(worlds), shared_xaxes=True, vertical_spacing=0.06,
                                 subplot_titles=[WORLD_TITLES[world] for world in worlds]), []  # fmt: skip
    for row, world in enumerate(worlds, start=1):
        for colour, name in zip(PALETTE, others, strict=False):
            lead = _leads(table[table["world"] == world], name)
            ends.append(f"{WORLD_TITLES[world]}, {METHODS[name].title} {_said(lead[-1])}")
            rounds = list(range(_SMOOTHED, _SMOOTHED + len(lead)))
            around = [one.high for one in lead] + [one.low for one in reversed(lead)]
            figure.add_scatter(x=rounds + rounds[::-1], y=around, fill="toself", mode="none", row=row, col=1,
                               hoverinfo="skip", fillcolor=pale(colour), showlegend=False)  # fmt: skip
            figure.add_scatter(x=rounds, y=[one.value for one in lead], mode="lines", row=row, col=1,
                               name=METHODS[name].title, legendgroup=name, showlegend=row == 1,
                               line={"color": colour, "width": 2})  # fmt: skip
        figure.add_hline(y=0, line_color=NEUTRAL, row=row, col=1)
    home = _returns(table[table["world"] == HOME], FAVOURITE)
    risen = mean_over_seeds(100 * (home[-_SMOOTHED:].mean() / home[:_SMOOTHED].mean() - 1).to_numpy())
    figure = style(
        figure, x="", y="", card=simulated(result), series="learning",
        title=f"Does another way to teach lead {own}? From its first to its last {_SMOOTHED} rounds that "
        f"earns {_said(risen)} % more, {WORLD_TITLES[HOME]}",
        caption=f"Lines: lead over {own} (0) in the same round, on the same training estates; these change "
        f"from round to round, which hides any rise. Means of {_SMOOTHED} rounds and of {home.shape[1]} "
        "trainings; bands: their 95 % intervals (Student t). The linear agents have half as many rounds. "
        "All others pay here for actions that they only try out, so that a lead here is none in the contest.",
        alt=f"In the last rounds the lead in %: {'; '.join(ends)}.",
    )  # fmt: skip
    figure.update_xaxes(title_text="round of training", row=len(worlds), col=1)
    figure.update_yaxes(title_text="lead, %")
    figure.update_layout(height=280 + 170 * len(worlds))
    return place_badge(figure, titled=True)


def _leads(some: pd.DataFrame, name: str) -> list[Interval]:
    """Lead over the favourite in percent, of the rounds up to each, over trainings."""
    lead = 100 * (_returns(some, name) / _returns(some, FAVOURITE) - 1).dropna()
    return [mean_over_seeds(one) for one in lead.rolling(_SMOOTHED).mean().dropna().to_numpy()]


def _returns(some: pd.DataFrame, name: str) -> pd.DataFrame:
    """Dollars an estate by round and seed."""
    return some[some["algorithm"] == name].pivot(index="round", columns="seed", values="usd")


def _said(one: Interval) -> str:
    return f"{one.value:+.1f} [{one.low:+.1f}, {one.high:+.1f}]"
