"""Figures of one panel. Each takes only a Result; its title states what the numbers show."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from dti_core.lab.record import Estimate, Result
from dti_core.lab.theme import NEUTRAL, PALETTE, style
from dti_core.studies.esg_constraint.model.registry import ESTIMATORS

BLUE, ORANGE = PALETTE[:2]
#: From orange over pale grey to blue; every cell also carries its number.
CORRELATION_SCALE = [[0.0, "#D55E00"], [0.5, "#EDEDED"], [1.0, "#56A0CC"]]
NO_RATING = "This panel holds no ratings, so there is nothing to draw"


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
        _point(figure, known[f"effect_{name}"], -row, colour, plain(name))
    figure.add_vline(x=0, line_color=NEUTRAL)
    if true is not None:
        figure.add_vline(x=true.value, line_color=ORANGE, line_dash="dash", line_width=2)
    found = [known[f"effect_{name}"] for name in names]
    negative = sum(one.high < 0 for one in found)
    values = [one.value for one in found]
    ending = "" if true is None else f"; the truth is {true.value:.2f}"
    figure = roomy(style(
        figure, title=f"One panel, {len(names)} estimators, from {min(values):.2f} to {max(values):.2f}: "
        f"{negative} call the effect negative{ending}",
        x=found[0].unit, y="", card=result.card,
        caption="Points and 95 % intervals. Blue: offered as valid "
        + (f"in the world '{plain(world)}'" if true is not None else "even if ratings move constraints")
        + "." + (" Dashed: the truth." if true is not None else ""),
        alt="Effect of last year's constraint on the rating: "
        + "; ".join(f"{plain(n)} {one.text}" for n, one in zip(names, found, strict=True)) + f"{ending}.",
    ))  # fmt: skip
    figure.update_yaxes(
        tickvals=[-k for k in range(len(names))], ticktext=[plain(n) for n in names], zeroline=False
    )
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
    barred = result.series["overlap"].query("collinear")["index"]
    return roomy(style(
        figure, title=f"{lower} of {n} specifications call the effect negative; median of the two-way ones "
        f"{joint.value:.3f} (joint p {p:.3f})",
        x="specification, in order of its coefficient", y="sd of rating a sd of measure", card=result.card,
        caption="Points and 95 % intervals. Colour: measure of constraint. Circle: firm and year "
        "effects, diamond: firm only, cross: year only. "
        f"Left out as collinear: {', '.join(barred) or 'none'}.",
        alt=f"{n} specifications from {table['coef'].min():.3f} to {table['coef'].max():.3f}; {lower} "
        f"intervals lie below 0, {int((table['low'] > 0).sum())} above; joint p {p:.3f}.",
    ))  # fmt: skip


def plot_event_study(result: Result) -> go.Figure:
    """Rating and constraint of reached firms around the policy shock."""
    table = result.series.get("event_study")
    known = {one.key: one for one in result}
    if table is None or "event_rating" not in known:
        return _nothing(result, "No policy shock in this panel: a column 'cohort' would open the event study")
    figure = go.Figure()
    for (name, rows), colour, shift in zip(
        table.groupby("outcome"), (ORANGE, BLUE), (-0.08, 0.08), strict=False
    ):
        figure.add_scatter(
            x=rows["years"] + shift,
            y=rows["coef"],
            mode="lines+markers",
            name=str(name),
            line={"color": colour},
            error_y={
                "array": rows["high"] - rows["coef"],
                "arrayminus": rows["coef"] - rows["low"],
                "color": colour,
            },
        )
    figure.add_hline(y=0, line_color=NEUTRAL)
    figure.add_vline(x=-0.5, line_color=NEUTRAL, line_dash="dot")
    rating, fall = known["event_rating"], known.get("event_constraint")
    p = _test(result, "Event study of rating, leads p")
    first = f"Relief lowers the constraint by {-fall.value:.2f} and " if fall else "Relief "
    rose = "raises" if rating.low > 0 else "lowers" if rating.high < 0 else "does not clearly move"
    return roomy(style(
        figure, title=f"{first}{rose} the rating ({rating.value:+.2f} grades in the years after)",
        x="years since the policy reached the firm", y="grades; units of constraint", card=result.card,
        caption="Against firms never reached, the year before is 0. Points and 95 % intervals, clustered by "
        f"firm. That ratings moved alike before: p = {p:.3f}.",
        alt=f"Event study. Rating after relief {rating.text}"
        + (f"; constraint {fall.text}" if fall else "") + f"; leads of the rating p = {p:.3f}.",
    ))  # fmt: skip


def plot_timing(result: Result) -> go.Figure:
    """Coefficients of coming, present and past constraints in one regression."""
    table = result.series.get("leads_lags")
    if table is None:
        return _nothing(result, NO_RATING)
    figure = go.Figure()
    figure.add_scatter(
        x=table["years"],
        y=table["coef"],
        mode="markers",
        marker={"color": BLUE, "size": 10},
        showlegend=False,
        error_y={"array": table["high"] - table["coef"], "arrayminus": table["coef"] - table["low"]},
    )
    figure.add_hline(y=0, line_color=NEUTRAL)
    p = _test(result, "Leads, p")
    found = result["leads_found@reverse_only"]
    wider = result["present_found@reverse_only"]
    verdict = "do" if p < 0.05 else "do not clearly"
    return roomy(style(
        figure, title=f"Coming constraints {verdict} predict the rating (p = {p:.2f})",
        x="year of the constraint, relative to the rating", y="grades a unit of constraint", card=result.card,
        caption="One regression with firm and year effects. Points and 95 % intervals. Right of 0: "
        "constraints of later years, which a rating cannot feel yet. Where only the reverse is true "
        f"they predict it in {found.value:.0%} of panels, with the present year in {wider.value:.0%}.",
        alt="Coefficients by year: " + "; ".join(
            f"{row.years:+d}: {row.coef:.3f} [{row.low:.3f}, {row.high:.3f}]" for row in table.itertuples()
        ) + ".",
    ))  # fmt: skip


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
    figure = roomy(style(
        figure, title=f"Measures of one thing: correlations run from {pairs.min():.2f} to {pairs.max():.2f}",
        x="", y="", card=result.card,
        caption="Pooled correlation over firm-years; no interval. Higher means more constrained in all.",
        alt="Correlations: " + "; ".join(f"{a} with {b} {r:.2f}" for (a, b), r in pairs.items()) + ".",
    ))  # fmt: skip
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(showgrid=False)
    return figure


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


def _test(result: Result, name: str) -> float:
    tests: Sequence[float] = result.series["tests"].set_index("test")["value"].get([name], [float("nan")])
    return float(next(iter(tests)))


def roomy(figure: go.Figure) -> go.Figure:
    """Make room for the title's lines above the badge and for the legend below the axis title."""
    lines = str(figure.layout.title.text).count("<br>") + 1
    place = {"y": 1.0, "yref": "container", "yanchor": "top", "pad": {"t": 10}}
    return figure.update_layout(title=place, margin_t=48 + 22 * lines, legend_y=-0.36)


def plain(name: str) -> str:
    """A name of the code as figures print it."""
    return name.replace("_", " ")
