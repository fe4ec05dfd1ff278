"""Figures of the analyst's choices: all specifications, and how far indices agree."""

import numpy as np
import plotly.graph_objects as go

from dti_core.lab.record import Result
from dti_core.lab.say import listed, value
from dti_core.lab.theme import NEUTRAL, PALETTE, SHADE, style
from dti_core.studies.esg_constraint.figures.dress import NO_RATING, bars, heat_map, matters, nothing, test_of

#: From orange over pale grey to blue; every cell also carries its number.
CORRELATION_SCALE = [[0.0, "#D55E00"], [0.5, "#EDEDED"], [1.0, "#56A0CC"]]
SYMBOLS = {"firm and year": "circle", "firm": "diamond-open", "year": "x-thin-open"}


def plot_specifications(result: Result) -> go.Figure:
    """All specifications in the order of their coefficient."""
    table = result.series.get("specifications")
    if table is None:
        return nothing(result, NO_RATING)
    table = table.dropna(subset=["coef", "low"]).sort_values("coef", ignore_index=True)
    figure = go.Figure()
    for colour, (measure, rows) in zip(PALETTE, table.groupby("measure", sort=False), strict=False):
        figure.add_scatter(x=[None], y=[None], mode="markers", name=str(measure), marker_color=colour)
        figure.add_scatter(
            x=rows.index + 1, y=rows["coef"], mode="markers", name=str(measure), showlegend=False,
            marker={"color": colour, "size": 8, "symbol": [SYMBOLS[e] for e in rows["effects"]]},
            error_y=bars(rows, color=colour, thickness=1, width=0),
            customdata=rows[["controls", "effects", "outcome"]],
            hovertemplate="%{y:.3f}: %{customdata[0]} controls, %{customdata[1]} effects, %{customdata[2]}",
        )  # fmt: skip
    figure.add_hline(y=0, line_color=NEUTRAL)
    figure.add_hrect(y0=0, y1=matters(), fillcolor=SHADE, line_width=0, layer="below")
    joint = next(iter(result.where(measure="median over specifications")), None)
    p = test_of(result, "Specification curve, median p")
    lower, n = int((table["high"] < 0).sum()), len(table)
    overlap = result.series.get("overlap")
    barred = [] if overlap is None else overlap.query("collinear")["index"].tolist()
    return style(
        figure, title=f"{lower} of {n} specifications call the effect negative; median of the two-way ones "
        + ("not identified" if joint is None else f"{value(joint)} (joint p {p:.3f})"),
        x="specification, in order of its coefficient", y="effect, sd of rating a sd of measure",
        series="specifications",
        caption="Points and 95 % intervals (least squares, firm errors). Colour: measure of constraint. "
        "Circle: firm and year effects, diamond: firm only, cross: year only. Left out as collinear: "
        f"{listed(barred)}. Shaded: too small to matter, from 0 to {matters():g}.", card=result.card,
        alt=f"{n} specifications from {table['coef'].min():.3f} to {table['coef'].max():.3f}; {lower} "
        f"intervals lie below 0, {int((table['low'] > 0).sum())} above; joint p {p:.3f}.",
    )  # fmt: skip


def plot_indices(result: Result) -> go.Figure:
    """Correlation of the measures of constraint with each other."""
    table = result.series.get("index_correlation")
    if table is None or len(table) < 2:
        return nothing(result, "Fewer than two measures of constraint can be made from this panel")
    pairs = table.where(np.tril(np.ones(table.shape, dtype=bool), -1)).stack().dropna()
    return style(
        heat_map(table, table.map("{:.2f}".format), CORRELATION_SCALE, -1), x="", y="", card=result.card,
        series="index_correlation",
        title=f"Measures of one thing: correlations run from {pairs.min():.2f} to {pairs.max():.2f}",
        caption="Pooled correlation (no unit) over firm-years; no interval. Higher means more constrained in "
        "all.",
        alt="Correlations: " + "; ".join(f"{a} with {b} {r:.2f}" for (a, b), r in pairs.items()) + ".",
    )  # fmt: skip
