"""Figures of the study. Each takes only a Result; its title states what the numbers show."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dti_core.lab.data import DataCard, simulated_card
from dti_core.lab.record import Estimate, Result
from dti_core.lab.theme import NEUTRAL, PALETTE, style
from dti_core.studies.esg_constraint.model.registry import ESTIMATORS
from dti_core.studies.esg_constraint.model.world import WORLDS
from dti_core.studies.esg_constraint.montecarlo import GOOD_COVERAGE
from dti_core.studies.esg_constraint.power import WANTED_POWER, cells

BLUE, ORANGE, GREEN, PINK = PALETTE[:4]
#: Colours of the heat maps run from orange over pale grey to blue; every cell also carries its number.
COVERAGE_SCALE = [[0.0, "#D55E00"], [0.80, "#E9C9B0"], [0.93, "#DCE6EC"], [1.0, "#56A0CC"]]
CORRELATION_SCALE = [[0.0, "#D55E00"], [0.5, "#EDEDED"], [1.0, "#56A0CC"]]
NO_RATING = "This panel holds no ratings, so there is nothing to draw"


def plot_coverage(result: Result) -> go.Figure:
    """Share of 95 % intervals that hold the truth, by estimator and world."""
    table = result.series["coverage"]
    wide = table.pivot(index="estimator", columns="world", values="coverage").loc[list(ESTIMATORS), list(WORLDS)]
    offered = table.pivot(index="estimator", columns="world", values="offered").loc[wide.index, wide.columns]
    words = [
        [f"<b>{100 * c:.0f}</b>" if o else f"{100 * c:.0f}" for c, o in zip(row, marks, strict=True)]
        for row, marks in zip(wide.to_numpy(), offered.to_numpy(), strict=True)
    ]
    figure = go.Figure(
        go.Heatmap(
            z=wide, x=[_plain(world) for world in wide.columns], y=[_plain(name) for name in wide.index],
            text=words, texttemplate="%{text}", textfont={"color": "#111111"}, colorscale=COVERAGE_SCALE,
            zmin=0, zmax=1, showscale=False, xgap=2, ygap=2,
            hovertemplate="%{y}, %{x}: %{z:.1%}<extra></extra>",
        )
    )  # fmt: skip
    rows = table[table["offered"]]
    low, high = GOOD_COVERAGE
    kept, missed, n = (rows["verdict"] != "wrong").sum(), (rows["verdict"] == "wrong").sum(), int(table["n"].min())
    worst = table[table["world"] == "no_effect"].sort_values("false_positive").iloc[-1]
    figure = style(
        figure,
        title=f"{kept} of {kept + missed} offers of validity agree with {low:.0%}-{high:.0%} coverage; "
        f"{_plain(worst['estimator'])} finds an effect in {worst['false_positive']:.0%} of panels without one",
        x="world", y="", card=_worlds_card(result),
        caption=f"Percent of {n} simulated panels whose 95 % interval holds the truth. Bold: offered as valid in that "
        f"world. With {n} panels a true 95 % reads {_binomial(n)}.",
        alt="Coverage in percent. " + "; ".join(
            f"{_plain(name)}: " + ", ".join(f"{_plain(w)} {100 * wide.loc[name, w]:.0f}" for w in wide)
            for name in wide.index
        ) + ".",
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(showgrid=False, tickangle=-30)
    figure.update_layout(height=210 + 27 * len(wide), margin_l=8)
    return figure


def plot_estimators(result: Result) -> go.Figure:
    """Every estimator on the one panel, with the line of the truth where it is known."""
    known = {one.key: one for one in result}
    names = [name for name in ESTIMATORS if f"effect_{name}" in known]
    if not names:
        return _nothing(result, NO_RATING)
    true = known.get("true_effect")
    world = result.config.world if result.card.origin == "simulated" else "reverse_only"
    figure = go.Figure()
    for row, name in enumerate(names):
        colour = BLUE if ESTIMATORS[name].offered_in(world) else NEUTRAL
        _point(figure, known[f"effect_{name}"], -row, colour, _plain(name))
    figure.add_vline(x=0, line_color=NEUTRAL)
    if true is not None:
        figure.add_vline(x=true.value, line_color=ORANGE, line_dash="dash", line_width=2)
    found = [known[f"effect_{name}"] for name in names]
    negative = sum(one.high < 0 for one in found)
    values = [one.value for one in found]
    ending = "" if true is None else f"; the truth is {true.value:.2f}"
    figure = style(
        figure, title=f"One panel, {len(names)} estimators, from {min(values):.2f} to {max(values):.2f}: {negative} "
        f"call the effect negative{ending}",
        x=found[0].unit, y="", card=result.card,
        caption="Points and 95 % intervals. Blue: offered as valid "
        + (f"in the world '{_plain(world)}'" if true is not None else "even if ratings move constraints")
        + "." + (" Dashed: the truth." if true is not None else ""),
        alt="Effect of last year's constraint on the rating: "
        + "; ".join(f"{_plain(n)} {one.text}" for n, one in zip(names, found, strict=True)) + f"{ending}.",
    )  # fmt: skip
    figure.update_yaxes(tickvals=[-k for k in range(len(names))], ticktext=[_plain(n) for n in names], zeroline=False)
    figure.update_layout(showlegend=False, height=200 + 27 * len(names), margin_l=8)
    return figure


def plot_specifications(result: Result) -> go.Figure:
    """All specifications in the order of their coefficient."""
    table = result.series.get("specifications")
    if table is None:
        return _nothing(result, NO_RATING)
    table = table.sort_values("coef", ignore_index=True)
    figure = go.Figure()
    symbols = {"firm and year": "circle", "firm": "diamond-open", "year": "x-thin-open"}
    for colour, (measure, rows) in zip(PALETTE, table.groupby("measure", sort=False), strict=False):
        figure.add_scatter(
            x=rows.index + 1, y=rows["coef"], mode="markers", name=str(measure),
            marker={"color": colour, "size": 8, "symbol": [symbols[e] for e in rows["effects"]]},
            error_y={"array": rows["high"] - rows["coef"], "arrayminus": rows["coef"] - rows["low"],
                     "color": colour, "thickness": 1, "width": 0},
            customdata=rows[["controls", "effects", "outcome"]],
            hovertemplate="%{y:.3f}: %{customdata[0]} controls, %{customdata[1]} effects, %{customdata[2]}",
        )  # fmt: skip
    figure.add_hline(y=0, line_color=NEUTRAL)
    joint = result["specification_median"]
    p = _test(result, "Specification curve, median p")
    lower, n = int((table["high"] < 0).sum()), len(table)
    return style(
        figure, title=f"{lower} of {n} specifications call the effect negative; median of the two-way ones "
        f"{joint.value:.3f} (joint p {p:.3f})",
        x="specification, in order of its coefficient", y="sd of rating a sd of measure", card=result.card,
        caption="Points and 95 % intervals. Colour: measure of constraint. Circle: firm and year effects, diamond: firm "
        "only, cross: year only. SA is missing: with firm effects it is a function of size.",
        alt=f"{n} specifications from {table['coef'].min():.3f} to {table['coef'].max():.3f}; {lower} intervals lie "
        f"below 0, {int((table['low'] > 0).sum())} above; joint p {p:.3f}.",
    )  # fmt: skip


def plot_event_study(result: Result) -> go.Figure:
    """Rating and constraint of reached firms around the policy shock."""
    table = result.series.get("event_study")
    known = {one.key: one for one in result}
    if table is None or "event_rating" not in known:
        return _nothing(result, "No policy shock in this panel: a column 'cohort' would open the event study")
    figure = go.Figure()
    for (name, rows), colour, shift in zip(table.groupby("outcome"), (ORANGE, BLUE), (-0.08, 0.08), strict=False):
        figure.add_scatter(
            x=rows["years"] + shift, y=rows["coef"], mode="lines+markers", name=str(name), line={"color": colour},
            error_y={"array": rows["high"] - rows["coef"], "arrayminus": rows["coef"] - rows["low"], "color": colour},
        )
    figure.add_hline(y=0, line_color=NEUTRAL)
    figure.add_vline(x=-0.5, line_color=NEUTRAL, line_dash="dot")
    rating, fall = known["event_rating"], known.get("event_constraint")
    p = _test(result, "Event study of rating, leads p")
    first = f"Relief lowers the constraint by {-fall.value:.2f} and " if fall else "Relief "
    rose = "raises" if rating.low > 0 else "lowers" if rating.high < 0 else "does not clearly move"
    return style(
        figure, title=f"{first}{rose} the rating ({rating.value:+.2f} grades in the years after)",
        x="years since the policy reached the firm", y="grades; units of constraint", card=result.card,
        caption="Against firms never reached, the year before is 0. Points and 95 % intervals, clustered by firm. "
        f"That ratings moved alike before: p = {p:.3f}.",
        alt=f"Event study. Rating after relief {rating.text}"
        + (f"; constraint {fall.text}" if fall else "") + f"; leads of the rating p = {p:.3f}.",
    )  # fmt: skip


def plot_timing(result: Result) -> go.Figure:
    """Coefficients of coming, present and past constraints in one regression."""
    table = result.series.get("leads_lags")
    if table is None:
        return _nothing(result, NO_RATING)
    figure = go.Figure()
    figure.add_scatter(
        x=table["years"], y=table["coef"], mode="markers", marker={"color": BLUE, "size": 10}, showlegend=False,
        error_y={"array": table["high"] - table["coef"], "arrayminus": table["coef"] - table["low"]},
    )
    figure.add_hline(y=0, line_color=NEUTRAL)
    p = _test(result, "Leads, p")
    found = result["leads_found@reverse_only"]
    wider = result["present_found@reverse_only"]
    verdict = "do" if p < 0.05 else "do not clearly"
    return style(
        figure, title=f"Coming constraints {verdict} predict the rating (p = {p:.2f}); the test sees {found.value:.0%} of "
        f"reverse effects, with the present year {wider.value:.0%}",
        x="year of the constraint, relative to the rating", y="grades a unit of constraint", card=result.card,
        caption="One regression with firm and year effects. Points and 95 % intervals. Right of 0: constraints of later "
        "years, which a rating cannot feel yet.",
        alt="Coefficients by year: " + "; ".join(
            f"{row.years:+d}: {row.coef:.3f} [{row.low:.3f}, {row.high:.3f}]" for row in table.itertuples()
        ) + ".",
    )  # fmt: skip


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
            name=f"{_plain(name)}, {years} years", line={"color": colour, "dash": dashes.get(years, "solid")},
            error_y={"array": [one.high - one.value for one in values],
                     "arrayminus": [one.value - one.low for one in values], "thickness": 1},
        )  # fmt: skip
    figure.add_hline(y=WANTED_POWER, line_color=NEUTRAL, line_dash="dash")
    plain, robust = result["firms_needed_two_way"], result["firms_needed_difference_gmm"]
    figure = style(
        figure, title=f"A small effect takes about {plain.value:,.0f} firms over nine years, {robust.value:,.0f} if ratings may "
        "move constraints",
        x="firms (log scale)", y="share of panels that find it", card=_worlds_card(result),
        caption=f"Effect of {WORLDS['effect'].effect:+.2f} sd of ESG a sd of constraint. Points with 95 % Wilson "
        "intervals. Dashed line: 80 %. Blue: two-way effects, fooled by reverse effects; orange: difference GMM.",
        alt="Power. " + "; ".join(
            f"{_plain(name)}, {years} years: " + ", ".join(f"{firms} firms {one.value:.0%}" for firms, one in points)
            for (name, years), points in curves.items()
        ) + ".",
    )  # fmt: skip
    figure.update_xaxes(type="log", tickvals=sorted({f for points in curves.values() for f, _ in points}))
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%")
    return figure


def plot_indices(result: Result) -> go.Figure:
    """Correlation of the measures of constraint with each other."""
    table = result.series.get("index_correlation")
    if table is None or len(table) < 2:
        return _nothing(result, "Fewer than two measures of constraint can be made from this panel")
    pairs = table.where(np.tril(np.ones(table.shape, dtype=bool), -1)).stack().dropna()
    figure = go.Figure(
        go.Heatmap(
            z=table, x=list(table), y=list(table), text=table.round(2).astype(str), texttemplate="%{text}",
            textfont={"color": "#111111"}, colorscale=CORRELATION_SCALE, zmin=-1, zmax=1, showscale=False,
            xgap=2, ygap=2,
        )
    )  # fmt: skip
    figure = style(
        figure, title=f"Measures of the same thing: correlations run from {pairs.min():.2f} to {pairs.max():.2f}",
        x="", y="", card=result.card,
        caption="Pooled correlation over firm-years; no interval. In every measure higher means more constrained.",
        alt="Correlations: " + "; ".join(f"{a} with {b} {value:.2f}" for (a, b), value in pairs.items()) + ".",
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(showgrid=False)
    return figure


def fooled(result: Result) -> pd.DataFrame:
    """Estimators whose intervals miss the truth, by world, with their rate of false findings."""
    table = result.series["coverage"]
    wrong = table[table["verdict"] == "wrong"]
    return wrong[["world", "estimator", "offered", "bias", "coverage", "false_positive", "n"]].reset_index(drop=True)


def _point(figure: go.Figure, estimate: Estimate, place: float, colour: str, name: str) -> None:
    figure.add_scatter(
        x=[estimate.value], y=[place], mode="markers", name=name, marker={"color": colour, "size": 10},
        error_x={"array": [estimate.high - estimate.value], "arrayminus": [estimate.value - estimate.low],
                 "color": colour, "thickness": 2},
        hovertemplate="%{x:.3f}<extra>" + name + "</extra>",
    )  # fmt: skip


def _nothing(result: Result, why: str) -> go.Figure:
    """An empty figure that says why it is empty."""
    return style(go.Figure(), title=why, x="", y="", card=result.card, caption=why + ".", alt=why + ".")


def _worlds_card(result: Result) -> DataCard:
    return simulated_card(result.card, "worlds", f"{len(WORLDS)} worlds whose truth is known")


def _test(result: Result, name: str) -> float:
    tests: Sequence[float] = result.series["tests"].set_index("test")["value"].get([name], [float("nan")])
    return float(next(iter(tests)))


def _binomial(n: int) -> str:
    margin = 1.96 * np.sqrt(0.95 * 0.05 / n)
    return f"between {100 * (0.95 - margin):.0f} and {100 * min(1.0, 0.95 + margin):.0f}"


def _plain(name: str) -> str:
    return name.replace("_", " ")
