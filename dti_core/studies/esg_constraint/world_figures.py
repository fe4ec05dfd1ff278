"""Figures of the simulated worlds: who covers, who is fooled, how much data it takes; from a Result only."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dti_core.lab.data import DataCard, simulated_card
from dti_core.lab.record import Result
from dti_core.lab.theme import NEUTRAL, style
from dti_core.studies.esg_constraint.figures import BLUE, ORANGE, plain, roomy
from dti_core.studies.esg_constraint.model.registry import ESTIMATORS
from dti_core.studies.esg_constraint.model.world import WORLDS
from dti_core.studies.esg_constraint.montecarlo import GOOD_COVERAGE
from dti_core.studies.esg_constraint.power import WANTED_POWER, cells

#: From orange over pale to blue; every cell also carries its number.
COVERAGE_SCALE = [[0.0, "#D55E00"], [0.80, "#E9C9B0"], [0.93, "#DCE6EC"], [1.0, "#56A0CC"]]


def plot_coverage(result: Result) -> go.Figure:
    """Share of 95 % intervals that hold the truth, by estimator and world."""
    table = result.series["coverage"]
    wide, offered = (
        table.pivot(index="estimator", columns="world", values=values).loc[list(ESTIMATORS), list(WORLDS)]
        for values in ("coverage", "offered")
    )
    words = [
        [f"<b>{100 * c:.0f}</b>" if o else f"{100 * c:.0f}" for c, o in zip(row, marks, strict=True)]
        for row, marks in zip(wide.to_numpy(), offered.to_numpy(), strict=True)
    ]
    figure = go.Figure(
        go.Heatmap(
            z=wide, x=[plain(world) for world in wide.columns], y=[plain(name) for name in wide.index],
            text=words, texttemplate="%{text}", textfont={"color": "#111111"}, colorscale=COVERAGE_SCALE,
            zmin=0, zmax=1, showscale=False, xgap=2, ygap=2,
            hovertemplate="%{y}, %{x}: %{z:.1%}<extra></extra>",
        )
    )  # fmt: skip
    rows = table[table["offered"]]
    low, high = GOOD_COVERAGE
    missed, n = int((rows["verdict"] == "wrong").sum()), int(table["n"].min())
    worst = table[table["world"] == "no_effect"].sort_values("false_positive").iloc[-1]
    figure = roomy(style(
        figure,
        title=f"{len(rows) - missed} of {len(rows)} offers of validity agree with {low:.0%}-{high:.0%} "
        f"coverage; {plain(worst['estimator'])} finds an effect in {worst['false_positive']:.0%} of panels "
        "without one",
        x="world", y="", card=_worlds_card(result),
        caption=f"Percent of {n} simulated panels whose 95 % interval holds the truth. Bold: offered as "
        f"valid in that world. With {n} panels a true 95 % reads {_binomial(n)}.",
        alt="Coverage in percent. " + "; ".join(
            f"{plain(name)}: " + ", ".join(f"{plain(w)} {100 * wide.loc[name, w]:.0f}" for w in wide)
            for name in wide.index
        ) + ".",
    ))  # fmt: skip
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(showgrid=False, tickangle=-30)
    figure.update_layout(height=210 + 27 * len(wide), margin_l=8)
    return figure


def plot_power(result: Result) -> go.Figure:
    """Share of panels in which the planted effect is found, by number of firms."""
    curves = cells(list(result))
    figure = go.Figure()
    dashes = {3: "dot", 5: "dash", 9: "solid"}
    for (name, years), points in curves.items():
        colour = ORANGE if name == "difference_gmm" else BLUE
        values = [one for _, one in points]
        figure.add_scatter(
            x=[firms for firms, _ in points], y=[one.value for one in values], mode="lines+markers",
            name=f"{plain(name)}, {years} years", line={"color": colour, "dash": dashes.get(years, "solid")},
            error_y={"array": [one.high - one.value for one in values],
                     "arrayminus": [one.value - one.low for one in values], "thickness": 1},
        )  # fmt: skip
    figure.add_hline(y=WANTED_POWER, line_color=NEUTRAL, line_dash="dash")
    simple, robust = result["firms_needed_two_way"], result["firms_needed_difference_gmm"]
    figure = roomy(style(
        figure, title=f"A small effect takes about {simple.value:,.0f} firms over nine years, "
        f"{robust.value:,.0f} if ratings may move constraints",
        x="firms (log scale)", y="share of panels that find it", card=_worlds_card(result),
        caption=f"Effect of {WORLDS['effect'].effect:+.2f} sd of ESG a sd of constraint. Points with 95 % "
        "Wilson intervals. Dashed line: 80 %. Blue: two-way effects, fooled by the reverse; orange: GMM.",
        alt="Power. " + "; ".join(
            f"{plain(name)}, {years} years: " + ", ".join(f"{n} firms {one.value:.0%}" for n, one in line)
            for (name, years), line in curves.items()
        ) + ".",
    ))  # fmt: skip
    figure.update_xaxes(type="log", tickvals=sorted({f for points in curves.values() for f, _ in points}))
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%")
    figure.update_layout(height=500)
    return figure


def fooled(result: Result) -> pd.DataFrame:
    """Estimators whose intervals miss the truth, by world, with their rate of false findings."""
    table = result.series["coverage"]
    wrong = table[table["verdict"] == "wrong"]
    return wrong[["world", "estimator", "offered", "bias", "coverage", "false_positive", "n"]].reset_index(
        drop=True
    )


def _worlds_card(result: Result) -> DataCard:
    return simulated_card(result.card, "worlds", f"{len(WORLDS)} worlds whose truth is known")


def _binomial(n: int) -> str:
    margin = 1.96 * np.sqrt(0.95 * 0.05 / n)
    return f"between {100 * (0.95 - margin):.0f} and {100 * min(1.0, 0.95 + margin):.0f}"
