"""Arrows one by one: sizes and grades, which decide, and what each is worth to firms."""

import plotly.graph_objects as go

from dti_core.lab.forest import Axis, Row, plot_forest
from dti_core.lab.record import Estimate, Result
from dti_core.lab.say import listed
from dti_core.studies.closed_loop.figures.words import (
    COLOURS,
    GRADES,
    KINDS,
    PRIOR_WORDS,
    PRIORS,
    arrow_titles,
    of_firms,
    word,
)

#: Papers and arrows that a figure shows: those that decide most.
N_SHOWN = 10
#: Elasticities beyond it have an axis of their own.
_EDGE = 1.0


def plot_cards(result: Result) -> go.Figure:
    """The ranges of all arrows, by kind and grade."""
    cards, named = result.series["cards"], arrow_titles(result)
    rows = []
    for kind, title in KINDS.items():
        for one in cards[cards["kind"] == kind].to_dict("records"):
            size = Estimate(
                "size", one["middle"], one["low"], one["high"], "elasticity", 1, how="range of the card"
            )
            strong = max(-one["low"], one["high"]) > _EDGE
            axis = Axis(f"{title}{', strong' if strong else ''}: % at the end for 1 % at the start")
            rows.append(Row(named[one["arrow"]], size, GRADES[one["grade"]], series=one["grade"], axis=axis))
    counts = cards["grade"].value_counts()
    told = listed([f"{counts.get(grade, 0)} {grade}" for grade in GRADES])
    return plot_forest(
        sorted(rows, key=_is_strong), what="Elasticities of the arrows", card=result.card,
        title=f"The loop has {len(cards)} arrows: {told}",
        caption="Ranges of elasticities. Observed: the interval of an estimate of this book on real data. "
        "Published: from the literature. Assumed: made up, or measured on simulated data. Sources stand in "
        "experiments/data/closed_loop/arrows.yaml.",
    )  # fmt: skip


def _is_strong(row: Row) -> bool:
    return row.axis is not None and ", strong" in row.axis.title


def plot_decisive(result: Result) -> go.Figure:
    """Shapley effects: which assumptions decide by how much closing the loop changes a technology."""
    table = result.series["decisive"]
    ranked = table.groupby("paper")["shapley"].max().sort_values(ascending=False).index[:N_SHOWN]
    named = arrow_titles(result)
    rows = [
        Row(named.get(paper, paper), result[f"decides_{paper.replace(' ', '_')}_{word(prior)}"],
            COLOURS[prior],
            series=PRIOR_WORDS[prior])
        for paper in ranked for prior in PRIORS
    ]  # fmt: skip
    most = [named.get(paper, paper) for paper in ranked[:2]]
    return plot_forest(
        rows, what="Shares of variance", x="share of the variance, %", scale=100.0, card=result.card,
        title=f"What decides most is {listed(most)}",
        caption=f"Shapley effects on the mean gain of closing the loop, the {N_SHOWN} largest; all arrows "
        "whose sizes stem from one paper move together. Intervals over repeats: of the "
        "computation alone.",
    )  # fmt: skip


def plot_worth(result: Result) -> go.Figure:
    """What each arrow adds to what all firms achieve, on average over orders of adding them."""
    table, named = result.series["worth"], arrow_titles(result)
    size = table.assign(size=table["shapley_value"].abs()).groupby("arrow")["size"].max()
    ranked = size.sort_values(ascending=False).index[:N_SHOWN]
    rows = [
        Row(named[arrow], result[f"worth_{arrow}_{word(prior)}"], COLOURS[prior], series=PRIOR_WORDS[prior])
        for arrow in ranked for prior in PRIORS
    ]  # fmt: skip
    bridges = result["bridges_over_arrows"]
    if bridges.high < 0:
        finding = "An arrow into another field is worth less to firms than an arrow at random"
    elif bridges.low > 0:
        finding = "An arrow into another field is worth more to firms than an arrow at random"
    else:
        finding = "Whether arrows into other fields are worth more than others stays open"
    apart = _apart(result)
    return plot_forest(
        rows, what="Worth of arrows", x="% of what all firms achieve", card=of_firms(result), title=finding,
        caption="Shapley worth in a simulated world of firms: what an arrow adds, mean over orders of "
        f"adding all arrows; the {N_SHOWN} largest. Median and middle 95 % of draws of sizes. "
        "Added first and taken away last differ in sign for "
        f"{listed(apart, 'none of all arrows')}.",
    )  # fmt: skip


def _apart(result: Result) -> list[str]:
    """Arrows whose worth has one sign where they are added first and another where they are the last."""
    table, named = result.series["worth"], arrow_titles(result)
    unlike = table[table["alone_value"] * table["last_value"] < 0]
    return [named[arrow] for arrow in dict.fromkeys(unlike["arrow"])]
