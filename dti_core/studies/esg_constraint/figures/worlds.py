"""Figures of the worlds: who covers, who is fooled, what decides the claim, how much data it takes."""

import numpy as np
import plotly.graph_objects as go

from dti_core.lab.data import DataCard, simulated_card
from dti_core.lab.forest import Row, plot_forest
from dti_core.lab.record import OBSERVED, Result
from dti_core.lab.say import listed, plain
from dti_core.lab.theme import NEUTRAL, style
from dti_core.studies.esg_constraint.figures.dress import BLUE, ORANGE, heat_map, matters
from dti_core.studies.esg_constraint.measures.coverage import GOOD_COVERAGE, STANDARD
from dti_core.studies.esg_constraint.measures.power import SHOWN, WANTED_POWER
from dti_core.studies.esg_constraint.methods import DECIDING, METHODS
from dti_core.studies.esg_constraint.worlds import WORLDS

#: From orange over pale to blue; every cell also carries its number.
COVERAGE_SCALE = [[0.0, "#D55E00"], [0.80, "#E9C9B0"], [0.93, "#DCE6EC"], [1.0, "#56A0CC"]]
_DASHES = {3: "dot", 5: "dash"}


def plot_coverage(result: Result) -> go.Figure:
    """Share of 95 % intervals that hold the truth, by estimator and world."""
    table = result.series["coverage"]
    wide, offered = (
        table.pivot(index="estimator", columns="world", values=values).loc[list(METHODS), list(WORLDS)]
        for values in ("coverage", "offered")
    )
    percent = wide.map(lambda share: f"{100 * share:.0f}")
    named = wide.rename(index=plain, columns=plain)
    figure = heat_map(
        named, percent.where(~offered.astype(bool), "<b>" + percent + "</b>"), COVERAGE_SCALE, 0
    )
    rows, (low, high), n = table[table["offered"]], GOOD_COVERAGE, int(table["n"].min())
    missed = int((rows["verdict"] == "wrong").sum())
    holding = int(((rows["coverage_low"] <= 0.95) & (rows["coverage_high"] >= 0.95)).sum())
    lines = [
        f"{name}: " + ", ".join(f"{w} {100 * c:.0f}" for w, c in row.items())
        for name, row in named.iterrows()
    ]
    style(
        figure, x="simulated world", y="", card=_worlds_card(result), series="coverage",
        title=f"{len(rows) - missed} of {len(rows)} offers of validity touch {100 * low:.0f}-"
        f"{100 * high:.0f} % coverage, {holding} of them hold 95 %",
        caption=f"Percent of {n} simulated panels whose 95 % interval holds the truth. Bold: offered as "
        f"valid in that world. With {n} panels a true 95 % reads {_binomial(n)}.",
        alt=f"Coverage in percent. {'; '.join(lines)}.",
    )  # fmt: skip
    return figure.update_layout(height=250 + 27 * len(wide), margin_l=8)


def plot_decision(result: Result) -> go.Figure:
    """The estimate that decides the claim: on real firms if there are any, and in every control world."""
    found = {name: one for name in (OBSERVED, *WORLDS) for one in result.where(name, measure="rating_effect")}
    rows = [
        Row("real firms" if name == OBSERVED else plain(name), one, control=name != OBSERVED)
        for name, one in found.items()
    ]
    seen = [row.label for row in rows if row.estimate.high < 0 and row.estimate.low <= matters()]
    missing = "" if OBSERVED in found else "; no real firms were brought"
    return plot_forest(
        rows, what="Standardised effect of constraints on ratings", x=STANDARD, smallest=matters(),
        title=f"{METHODS[DECIDING].title} reports an effect of interest in: {listed(seen)}{missing}",
        caption=f"Hollow: mean over simulated panels with 95 % Student t interval, in {len(WORLDS)} worlds "
        "whose truth is known. Filled: the one panel of real firms, with its own interval.",
        card=result.card if OBSERVED in found else _worlds_card(result),
    )  # fmt: skip


def plot_power(result: Result) -> go.Figure:
    """Share of panels in which the planted effect is found, by number of firms."""
    figure, lines = go.Figure(), []
    for name, years in ((name, years) for name, lengths in SHOWN.items() for years in lengths):
        points = result.where(measure="power", method=name, years=years)
        firms, label = [one.at["firms"] for one in points], f"{plain(name)}, {years} years"
        figure.add_scatter(
            x=firms, y=[one.value for one in points], mode="lines+markers", name=label,
            line={"color": ORANGE if name == DECIDING else BLUE, "dash": _DASHES.get(years, "solid")},
            error_y={"array": [one.high - one.value for one in points],
                     "arrayminus": [one.value - one.low for one in points], "thickness": 1},
        )  # fmt: skip
        lines.append(
            f"{label}: "
            + ", ".join(f"{n:g} firms {one.value:.0%}" for n, one in zip(firms, points, strict=True))
        )
    figure.add_hline(y=WANTED_POWER, line_color=NEUTRAL, line_dash="dash")
    planted = WORLDS["effect"].settings.effect
    simple, robust = (result.where(measure="firms_needed", method=name, effect=planted)[0] for name in SHOWN)
    style(
        figure, title=f"Where ratings may move constraints, a small effect takes about {robust.value:,.0f} "
        f"firms over nine years; {simple.value:,.0f} if they may not",
        x="firms (log scale)", y="share of panels that find it", card=_worlds_card(result),
        caption=f"Effect of {planted:+.2f} sd of ESG a sd of constraint. Points with 95 % Wilson intervals. "
        "Dashed line: 80 %. Blue: two-way effects, fooled by the reverse; orange: GMM.",
        alt=f"Power. {'; '.join(lines)}.",
    )  # fmt: skip
    figure.update_xaxes(type="log", tickvals=sorted({x for trace in figure.data for x in trace.x}))
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%")
    return figure.update_layout(height=500)


def _worlds_card(result: Result) -> DataCard:
    return simulated_card(result.card, "worlds", f"{len(WORLDS)} worlds whose truth is known")


def _binomial(n: int) -> str:
    margin = 1.96 * np.sqrt(0.95 * 0.05 / n)
    return f"between {100 * (0.95 - margin):.0f} and {100 * min(1.0, 0.95 + margin):.0f}"
