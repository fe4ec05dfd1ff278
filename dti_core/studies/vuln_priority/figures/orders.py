"""What orders of work avoid, what decides the claims, and which scanners to keep."""

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dti_core.lab.forest import Axis, Row, bar_rows, plot_forest
from dti_core.lab.record import Result
from dti_core.lab.say import spoken
from dti_core.lab.tables import Span, Table, show_table
from dti_core.lab.theme import NEUTRAL, PALETTE, style
from dti_core.studies.vuln_priority.figures.cards import (
    KIND_TITLES,
    ROLE_TITLES,
    assumed,
    order_title,
    place_badge,
)
from dti_core.studies.vuln_priority.measures.orders import BEST, FUSION, RIVALS, STATIC, gains_of
from dti_core.studies.vuln_priority.methods.fusion import FAVOURITE, TITLES, TOOLS
from dti_core.studies.vuln_priority.methods.orders import ORDERS
from dti_core.studies.vuln_priority.worlds import WORLDS
from dti_core.studies.vuln_priority.worlds.running import SIZES, WEEKLY_HOURS

_SHARE = Axis("share of the whole loss avoided, %", 100)
#: Assumptions by whose halves bars are told.
EDGES = {
    "impact_spread": "spread of impacts", "told_impact": "errors of impacts",
    "told_exploit": "errors of chances",
}  # fmt: skip
_SCALE = [[0, "#EDEDED"], [1, "#7DB7DE"]]
_POINTS = Axis("points of the whole loss, %", 100)
#: Claims in the order of the figure; what a bar measures, in few words.
CLAIMS = ("C19", "C21b", "C43a", "C55", "C31")
BARS = {
    "hours_matter": "C19: over risk alone",
    "risk_matters": "C19: over least work first",
    "order_matters": "C19: over random order",
    "fusion_finds_more": "C21b: all tools over the best one",
    "impact_matters": "C43a: over no impact in the score",
    "right_impact_matters": "C21b, C43a, C55: over dealt impacts",
    "over_severity": "C55: over severity",
    "over_exploit": "C55: over chance of exploitation",
    "pick_over_one": "C31: pick by size over one for all",
}


def plot_orders(result: Result) -> go.Figure:
    """Share of the loss that each order avoids in the same hours, and each tool with the best order."""
    rows = [
        Row(order_title(order), result[f"avoided_{FAVOURITE}_{order}"], _colour(order), axis=_SHARE)
        for order in ORDERS
    ]
    rows += [
        Row(f"By {_who(name)} alone", result[f"avoided_{name}_{BEST}"], PALETTE[1], axis=_SHARE)
        for name in (*TOOLS, STATIC)
    ]
    best, severity = result[f"avoided_{FAVOURITE}_{BEST}"], result[f"avoided_{FAVOURITE}_plain_severity"]
    figure = plot_forest(
        rows, what="Share of the loss avoided", card=assumed(result), series="orders",
        title=f"Risk an hour avoids {spoken(best, scale=100)} % of the loss, severity as tools tell it "
        f"{spoken(severity, scale=100)} %",
        caption=f"Median and {best.how}. Whiskers overlap because sets differ; the figure of verdicts "
        "compares "
        "orders on the same sets. Weighed: times the chance that a finding is real. Dealt: impacts shuffled "
        "between services. Orange: risk an hour, by one tool's word, or Bandit's and Semgrep's. Values, "
        "chances "
        "and hours are simulated.",
    )  # fmt: skip
    return place_badge(figure)


def plot_bars(result: Result) -> go.Figure:
    """The bars of all claims, over the assumptions, beside their control worlds."""
    worlds = {name: replace(one, title=ROLE_TITLES[one.role]) for name, one in WORLDS.items()}
    seen: dict[str, Row] = {}
    for claim in CLAIMS:
        for row in bar_rows(result, claim, lambda one: BARS[one.name], worlds, lambda _: _POINTS):
            seen.setdefault(row.estimate.key, row)
    rows = list(seen.values())
    clear = sum(row.estimate.low > 0 for row in rows if not row.control)
    figure = plot_forest(
        rows, what="What decides", card=assumed(result),
        title=f"What decides the claims? {clear} of {sum(not row.control for row in rows)} bars lie wholly "
        "above 0",
        caption="Points of the whole loss avoided in the same hours, beyond the rival. Whiskers: 95 % of "
        "sets of "
        "assumptions. Hollow: control worlds, over their draws.",
    )  # fmt: skip
    return place_badge(figure)


def plot_subsets(result: Result) -> go.Figure:
    """What each subset avoids in each cell of size and hours, the cheapest near the best marked."""
    table = result.series["subsets"]
    names, hours = list(dict.fromkeys(table["subset"])), [f"{one:.0f}" for one in WEEKLY_HOURS]
    titles = [f"{size}: {n:,} places and packages" for size, n in SIZES.items()]
    figure = make_subplots(
        rows=len(SIZES), shared_xaxes=True, vertical_spacing=0.04, subplot_titles=titles
    )  # fmt: skip
    for row, size in enumerate(SIZES, start=1):
        mine = table[table["size"] == size]
        grid = mine.pivot(index="subset", columns="hours", values="avoided").loc[names[::-1]]
        figure.add_heatmap(
            z=100 * grid.to_numpy(), x=hours, y=[_words(name) for name in grid.index], zmin=0, zmax=100,
            colorscale=_SCALE, showscale=False, row=row, col=1, xgap=2, ygap=2,
            texttemplate="%{z:.0f}", textfont={"color": "#111111", "size": 12},
            hovertemplate="%{y}: %{z:.0f} %<extra></extra>",
        )  # fmt: skip
        picks = mine[mine["pick"]]
        figure.add_scatter(
            x=[f"{one:.0f}" for one in picks["hours"]], y=[_words(one) for one in picks["subset"]],
            mode="markers", showlegend=False, row=row, col=1, hoverinfo="skip",
            marker={"symbol": "circle-open", "size": 30, "color": PALETTE[1], "line": {"width": 3}},
        )  # fmt: skip
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_xaxes(title_text="hours a week", row=len(SIZES), col=1)
    figure.update_yaxes(type="category", showgrid=False, range=[-0.5, len(names) - 0.5])
    gain, picked = result["pick_over_one"], sorted(set(table[table["pick"]]["subset"]))
    figure = style(
        figure, x="", y="", card=assumed(result), series="subsets",
        title=f"A pick by size gains {spoken(gain, '+', scale=100)} points over one pick for all; "
        f"{len(picked)} subsets are picked in nine cells",
        caption="Share of the loss avoided in a quarter, %, mean over sets of assumptions. What no tool of "
        "a subset "
        "reports in own code is found by a review by hand, at 2 to 8 times the hours of looking into a "
        "report; "
        "packages are not known without their list. Ringed: the subset that takes the fewest hours among "
        "those "
        "within 5 % of the best. Hours of scanners are assumed.",
        alt="Picked: " + "; ".join(f"{one.size} at {one.hours:.0f} hours {_words(one.subset)}"
                                   for one in table[table["pick"]].itertuples()) + ".",
    )  # fmt: skip
    return place_badge(figure.update_layout(height=1400), titled=True)


def _who(name: str) -> str:
    return "static tools" if name == STATIC else TITLES[name]


def _words(subset: str) -> str:
    return " + ".join(KIND_TITLES[kind] for kind in subset.split("+"))


def _colour(order: str) -> str:
    return PALETTE[0] if order == BEST else PALETTE[2] if order == "truth" else NEUTRAL


def edges_table(result: Result) -> Table:
    """Where in the assumptions a sign may turn: each bar in halves of the sets."""
    told, cells = result.series["orders"], {}
    halves = {"all sets": np.ones(len(told), bool)}
    for name, words in EDGES.items():
        large = told[name].to_numpy() > told[name].median()
        halves |= {f"{words}: less": ~large, f"{words}: more": large}
    for bar, label in BARS.items():
        if bar in (*RIVALS, FUSION):
            gains = 100 * gains_of(told, bar)
            cells[label] = {
                words: Span(*np.quantile(gains[mine], (0.5, 0.025, 0.975))) for words, mine in halves.items()
            }
    return show_table(
        cells, name="edges", title="Where a sign may turn: points of the loss in halves of the sets",
        stub="bar",
        note="Median and 95 % of the sets of each half. Spread of impacts: between services. Errors: of "
        "what is "
        "told of impacts, and of chances of exploitation.",
    )  # fmt: skip
