"""What each part of the agents brings, and how they learn."""

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dti_core.lab.forest import Axis, Row, plot_forest
from dti_core.lab.record import Estimate, Result
from dti_core.lab.say import spoken
from dti_core.lab.theme import PALETTE, style
from dti_core.studies.patch_planning.figures.cards import WORLD_TITLES, simulated
from dti_core.studies.patch_planning.measures.ablations import ABLATIONS, HELD, HOME
from dti_core.studies.patch_planning.methods.lessons import ALLOWED_DOWNTIME, FAVOURITE, SMALL
from dti_core.studies.patch_planning.methods.planners import METHODS

_LOST = Axis("gain over agents so taught, % of what the tuned rule earns", 100)
_OVER = Axis("quarters over the allowed downtime, %", 100)
_EARNED = Axis("gain on the tuned rule, %", 100)
_WORLD_COLOURS = dict(zip(WORLD_TITLES, PALETTE, strict=False))
_HELD_TITLES = {"free": "downtime not held", "lagrange": "prices that move (Lagrange)",
                "shaping": "a fixed charge in the reward (shaping)"}  # fmt: skip


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
    brings = f"{len(matters)} of {sum(row.axis == _LOST for row in rows)}"
    free, lagrange, shaping = (held[name, "over"] for name in HELD)
    return plot_forest(
        rows, what="What parts of the agents bring", card=simulated(result), series="ablations",
        title=f"A part left out changes what agents earn in {brings} comparisons; prices hold downtime "
        f"in all but {spoken(lagrange, scale=100)} % of quarters, a fixed charge in all but "
        f"{spoken(shaping, scale=100)} % (not held: {spoken(free, scale=100)} %)",
        caption=f"95 % intervals: {rows[0].estimate.how}. Allowed: {ALLOWED_DOWNTIME:.0%} of the minutes "
        f"that the tuned rule takes on average. Estates of {SMALL} services.",
    )  # fmt: skip


def _held(result: Result, name: str, key: str) -> Estimate:
    (found,) = result.where(how_held=name, what=key)
    return found


def plot_learning(result: Result) -> go.Figure:
    """Learning curves, a panel a world: thick lines are the median seeds, thin ones the favourite's."""
    table = result.series["learning"]
    worlds = [world for world in WORLD_TITLES if world in set(table["world"])]
    algorithms = list(dict.fromkeys(table["algorithm"]))
    colours = dict(zip(algorithms, PALETTE, strict=False))
    figure = make_subplots(rows=len(worlds), shared_xaxes=True, vertical_spacing=0.06,
                           subplot_titles=[WORLD_TITLES[world] for world in worlds])  # fmt: skip
    for row, world in enumerate(worlds, start=1):
        for name in algorithms:
            some = table[(table["world"] == world) & (table["algorithm"] == name)]
            wide = some.pivot(index="round", columns="seed", values="usd")
            for seed in wide if name == FAVOURITE else ():
                figure.add_scatter(x=wide.index + 1, y=wide[seed], mode="lines", showlegend=False, row=row,
                                   col=1, line={"color": colours[name], "width": 1}, opacity=0.25,
                                   hoverinfo="skip")  # fmt: skip
            figure.add_scatter(x=wide.index + 1, y=wide.median(axis=1), mode="lines", legendgroup=name,
                               name=METHODS[name].title, showlegend=row == 1, row=row, col=1,
                               line={"color": colours[name], "width": 3})  # fmt: skip
    ends = _risen(result)
    figure = style(
        figure, x="", y="", card=simulated(result), series="learning",
        title=f"Over the rounds of training, {ends}",
        caption="Return of each round's training estates, which change from round to round, in dollars an "
        f"estate, with the actions that were tried out. Thick: the median of ten seeds; thin: each of "
        f"{METHODS[FAVOURITE].title}.",
        alt=f"Learning curves by world and algorithm; over the rounds, {ends}.",
    )  # fmt: skip
    figure.update_xaxes(title_text="round of training", row=len(worlds), col=1)
    figure.update_yaxes(title_text="$ an estate")
    return figure.update_layout(height=220 + 200 * len(worlds))


def _risen(result: Result) -> str:
    """By how much the median seed's return of the last quarter of rounds differs from the first quarter's."""
    table = result.series["learning"]
    home = table[table["world"] == HOME]
    risen = {str(name): _rise(some) for name, some in home.groupby("algorithm", sort=False)}
    own, others = risen.pop(FAVOURITE), risen.values()
    ends = f", of others from {min(others):+.1f} to {max(others):+.1f} %" if others else ""
    who = METHODS[FAVOURITE].title
    return f"returns of {who} change by {own:+.1f} % under a tight budget{ends} (median seeds)"


def _rise(some: pd.DataFrame) -> float:
    rounds = int(some["round"].max()) + 1
    quarter = max(1, rounds // 4)
    last = some[some["round"] >= rounds - quarter].groupby("seed")["usd"].mean()
    first = some[some["round"] < quarter].groupby("seed")["usd"].mean()
    return 100 * float((last / first - 1).median())
