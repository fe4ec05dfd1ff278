"""Figures of the worlds: who covers, who is fooled, what decides the claim, how much data it takes."""

from collections import Counter

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dti_core.lab.data import DataCard, simulated_card
from dti_core.lab.forest import Row, plot_forest
from dti_core.lab.intervals import share
from dti_core.lab.record import OBSERVED, Estimate, Result
from dti_core.lab.say import listed, plain
from dti_core.lab.theme import NEUTRAL, PALETTE, style
from dti_core.studies.esg_constraint.figures.dress import BLUE, ORANGE, heat_map, matters
from dti_core.studies.esg_constraint.measures.coverage import (
    GOOD_BIAS,
    GOOD_COVERAGE,
    SIZE,
    STANDARD,
    TELLS_COVERAGE,
)
from dti_core.studies.esg_constraint.measures.needed import NEEDED_BY, PERSISTENCES, RELIABILITIES
from dti_core.studies.esg_constraint.measures.power import SHOWN, WANTED_POWER
from dti_core.studies.esg_constraint.methods import AVERAGE, DECIDING, METHODS
from dti_core.studies.esg_constraint.worlds import WORLDS
from dti_core.studies.esg_constraint.worlds.raters import truth

#: From orange over pale to blue; every cell also carries its number.
COVERAGE_SCALE = [[0.0, "#D55E00"], [0.80, "#E9C9B0"], [0.93, "#DCE6EC"], [1.0, "#56A0CC"]]
#: The share of the effect that an estimator shows.
SHOWN_SCALE = [[0.0, "#E9C9B0"], [1.0, "#DCE6EC"]]
_DASHES = {3: "dot", 5: "dash"}
_COLOURS = {"two_way": BLUE, AVERAGE: PALETTE[2], DECIDING: ORANGE}


def plot_coverage(result: Result) -> go.Figure:
    """Share of 95 % intervals that hold the truth, by estimator and world."""
    table = result.series["coverage"]
    wide, offered = (
        table.pivot(index="estimator", columns="world", values=values).loc[list(METHODS), list(WORLDS)]
        for values in ("coverage", "offered")
    )
    percent = wide.map(lambda part: f"{100 * part:.0f}")
    named = wide.rename(index=plain, columns=plain)
    figure = heat_map(
        named, percent.where(~offered.astype(bool), "<b>" + percent + "</b>"), COVERAGE_SCALE, 0
    )
    rows, n = table[table["offered"]], int(table["n"].max())
    words = ("kept", "conservative", "broken")
    kept, careful, broken = (int((rows["verdict"] == word).sum()) for word in words)
    lines = [
        f"{name}: " + ", ".join(f"{w} {100 * c:.0f}" for w, c in row.items())
        for name, row in named.iterrows()
    ]
    style(
        figure, x="simulated world", y="", card=_worlds_card(result), series="coverage",
        title=f"{kept} of {len(rows)} offers of validity are kept, {careful} are conservative, {broken} "
        "broken; more panels would tell of the others",
        caption="Percent of simulated panels whose 95 % interval holds the truth. Bold: offered as valid in "
        f"that world, judged by up to {n} panels; so many read a true 95 % {_binomial(n)}. Kept: coverage "
        f"of {100 * GOOD_COVERAGE[0]:.0f}-{100 * GOOD_COVERAGE[1]:.0f} % with an interval inside "
        f"{100 * TELLS_COVERAGE[0]:.0f}-{100 * TELLS_COVERAGE[1]:.0f} %, bias below {GOOD_BIAS:g} sd. "
        "Conservative: so small a bias, but a higher coverage.",
        alt=f"Coverage in percent. {'; '.join(lines)}.",
    )  # fmt: skip
    return figure.update_layout(height=250 + 27 * len(wide), margin_l=8)


def plot_decision(result: Result) -> go.Figure:
    """The estimate that decides the claim: on real firms if there are any, and in every control world."""
    found = {name: one for name in (OBSERVED, *WORLDS) for one in result.where(name, measure="rating_effect")}
    words = {name: _verdicts(one) for name, one in found.items() if name != OBSERVED}
    rows = [
        Row("real firms" if name == OBSERVED else _with_shares(name, words[name]), one,
            control=name != OBSERVED)
        for name, one in found.items()
    ]  # fmt: skip
    fooled = [
        plain(name) for name, counts in words.items() if truth(WORLDS[name].settings).grades == 0
        and share(counts["supported"], counts.total()).low > SIZE
    ]  # fmt: skip
    right = words["effect"]["supported"] / words["effect"].total()
    missing = "" if OBSERVED in found else "; no real firms were brought"
    return plot_forest(
        rows, what="Standardised effect of constraints on ratings", x=STANDARD, smallest=matters(),
        title=f"{right:.0%} of single panels support the claim where it holds; wrongly, beyond chance, in: "
        f"{listed(fooled) if fooled else 'none'}{missing}",
        caption=f"{METHODS[DECIDING].title}. Hollow: mean over simulated panels, 95 % Student t interval, "
        f"in {len(WORLDS)} worlds whose truth is known; in brackets the share of single panels that would "
        "support | refute the claim, failed gates counted as neither. Filled: real firms, own interval.",
        card=result.card if OBSERVED in found else _worlds_card(result),
    )  # fmt: skip


def _with_shares(world: str, words: Counter[str]) -> str:
    right, wrong = (words[word] / words.total() for word in ("supported", "refuted"))
    return f"{plain(world)} [{right:.0%} | {wrong:.0%}]"


def _verdicts(one: Estimate) -> Counter[str]:
    """How many draws of a control world would support or refute the claim, "" where a gate failed."""
    least = matters()
    return Counter(
        "" if not ends else "refuted" if ends[0] > least else "supported" if ends[1] < 0 else "inconclusive"
        for ends in one.draws
    )


def plot_firms_needed(result: Result) -> go.Figure:
    """Firms that an answer takes, by persistence and reliability of the constraint and by estimator."""
    cells = result.where(measure="firms_needed_in")
    shown = {_place(one): one.value for one in result.where(measure="effect_shown")}
    rows = [(name, r) for name in NEEDED_BY for r in RELIABILITIES]
    firms = {_place(one): one.value for one in cells}
    wide, texts = (
        pd.DataFrame(
            [[values.get((name, p, r), np.nan) for p in PERSISTENCES] for name, r in rows],
            index=[f"{plain(name)}, {r:.0%}" for name, r in rows], columns=[f"{p:g}" for p in PERSISTENCES],
        )
        for values in (shown, firms)
    )  # fmt: skip
    told = texts.map(lambda n: f"{n:,.0f}") + wide.map(lambda part: f"<br>({part:.0%})")
    told = told.where(wide.notna(), "none found")
    figure = heat_map(wide.clip(0, 1), told, SHOWN_SCALE, 0)
    ranges = {name: result.where(measure="firms_needed", method=name)[0] for name in NEEDED_BY}
    lines = [
        f"{name}: " + ", ".join(row).replace("<br>", " ")
        for name, row in zip(told.index, told.to_numpy(), strict=True)
    ]
    style(
        figure, x="persistence of the constraint (AR(1))", y="", card=_worlds_card(result),
        title=f"A small effect takes {_span(ranges['two_way'])} firms by fixed effects, "
        f"{_span(ranges[DECIDING])} by the estimator that decides",
        caption="Firms rated for nine years that find the planted effect with 80 % power; in brackets the "
        "share of it that the estimator shows: below 100 % it is the power to see a weakened effect. Rows: "
        "estimator and reliability of the constraint. For small firms the gates are counted, which stop some "
        "valid panels. The interval of each cell stands in the record.",
        alt="Firms needed and share of the effect shown, for persistence "
        f"{', '.join(wide)}. {'; '.join(lines)}.",
    )  # fmt: skip
    return figure.update_layout(height=250 + 38 * len(wide), margin_l=8)


def _place(one: Estimate) -> tuple[str | float, ...]:
    return tuple(one.at[name] for name in ("method", "persistence", "reliability"))


def _span(one: Estimate) -> str:
    return f"{one.low:,.0f}-{one.high:,.0f}"


def plot_power(result: Result) -> go.Figure:
    """Share of panels in which the planted effect is found, by number of firms."""
    figure, lines = go.Figure(), []
    for name, years in ((name, years) for name, lengths in SHOWN.items() for years in lengths):
        points = result.where(measure="power", method=name, years=years)
        firms, label = [one.at["firms"] for one in points], f"{plain(name)}, {years} years"
        figure.add_scatter(
            x=firms, y=[one.value for one in points], mode="lines+markers", name=label,
            line={"color": _COLOURS[name], "dash": _DASHES.get(years, "solid")},
            error_y={"array": [one.high - one.value for one in points],
                     "arrayminus": [one.value - one.low for one in points], "thickness": 1},
        )  # fmt: skip
        lines.append(
            f"{label}: "
            + ", ".join(f"{n:g} firms {one.value:.0%}" for n, one in zip(firms, points, strict=True))
        )
    figure.add_hline(y=WANTED_POWER, line_color=NEUTRAL, line_dash="dash")
    planted = WORLDS["effect"].settings.effect
    most = max(result.where(measure="power", method=DECIDING), key=lambda one: one.value)
    style(
        figure, title=f"{most.at['firms']:,.0f} firms show a small effect among small ones in "
        f"{most.value:.0%} of panels, by the estimator that decides",
        x="firms (log scale)", y="share of panels that find it", card=_worlds_card(result),
        caption=f"Effect of {planted:+.2f} sd of ESG a sd of constraint. Points with 95 % Wilson intervals. "
        "Dashed line: 80 %. Blue: two-way effects, fooled by the reverse. Green: GMM; orange: small firms.",
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
