"""Interval plots: one row an estimate, with the smallest effect that matters drawn in where it governs."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dti_core.lab.methods import World
from dti_core.lab.record import OBSERVED, Estimate, Result
from dti_core.lab.register import ExperimentTest, load_register
from dti_core.lab.say import intervals_in_words, signed
from dti_core.lab.theme import NEUTRAL, PALETTE, SHADE, style, wrap

ROW_HEIGHT = 34
#: Pixels between two panels, for the axis title of the upper one.
_GAP = 98
#: Characters of a line of labels and axis titles, so that marks keep most of a phone's width.
_LABEL_WIDTH, _AXIS_WIDTH = 18, 32
_ROLES = {"observed": PALETTE[1], "negative": NEUTRAL, "positive": PALETTE[2], "threat": PALETTE[3]}


@dataclass(frozen=True, slots=True)
class Axis:
    """The axis of a panel: title with unit, and what it multiplies estimates by, 100 for percent.

    An interval wholly beyond `upto` is told at the edge, with its number.
    """

    title: str
    scale: float = 1.0
    upto: float = math.inf


@dataclass(frozen=True, slots=True)
class Row:
    """One line: a label, an estimate, its colour, and whether it is a control (hollow).

    Rows of the same label share a line, one below the other, as several worlds of one measure do; `series`
    names them in the legend then. `smallest` is the smallest effect that matters to this row, as the estimate
    counts. Rows on another `axis` stand in a panel of their own.
    """

    label: str
    estimate: Estimate
    colour: str = PALETTE[0]
    control: bool = False
    series: str = ""
    smallest: float | None = None
    axis: Axis | None = None


@dataclass(frozen=True, slots=True)
class _Band:
    """The rows of one label: heights, upper and lower end, and the smallest effect if it is named above."""

    rows: Sequence[Row]
    heights: Sequence[float]
    top: float
    bottom: float
    named: float | None

    @property
    def goal(self) -> float | None:
        return self.rows[0].smallest


def bar_rows(
    result: Result, claim: str, label: Callable[[Estimate], str], worlds: Mapping[str, World[Any]],
    axis: Callable[[Estimate], Axis | None] = lambda _: None, also: Sequence[str] = (),
) -> list[Row]:  # fmt: skip
    """Exactly the estimates that decide `claim` in this study, each beside its control worlds (hollow).

    also : worlds that stand beside the controls and decide nothing.
    """
    test, keys = _test_of(result.config.slug, claim), {estimate.key: estimate for estimate in result}
    rows = []
    for name, goal in smallest_effects(result.config.slug, claim).items():
        for world in (OBSERVED, *test.worlds, *also):
            if one := keys.get(name if world == OBSERVED else f"{name}@{world}"):
                role, series = worlds[world].role, worlds[world].title
                rows.append(Row(label(one), one, _ROLES[role], role != "observed", series, goal, axis(one)))
    return rows


def smallest_effects(slug: str, claim: str) -> dict[str, float]:
    """For each estimate that decides `claim` in a study, the value from which it matters."""
    return {
        bar.estimate: bar.than + (1 if bar.direction == "greater" else -1) * bar.smallest_effect
        for bar in _test_of(slug, claim).estimates
    }


def _test_of(slug: str, claim: str) -> ExperimentTest:
    (test,) = (test for test in load_register().claims[claim].tests if test.study == slug)
    return test


def plot_forest(
    rows: Sequence[Row], *, what: str, x: str = "", smallest: float | None = None, zero: bool = True,
    scale: float = 1.0, **texts: Any,
) -> go.Figure:  # fmt: skip
    """Points with intervals, one label below the other, in the house style.

    Parameters
    ----------
    what : begins the alt text, "Sharpe ratio less that of equal weights".
    x, scale, smallest : axis of the rows that name none, and on it the smallest effect that matters.
    zero : whether a line marks 0.
    texts : title, caption and card, as `theme.style` takes them; `alt` is added to the alt text.
    """
    panels: dict[Axis, list[Row]] = {}
    for row in rows:
        axis = row.axis or Axis(x, scale)
        panels.setdefault(axis, []).append(_scaled(row, axis, smallest))
    bands = [_bands(panel) for panel in panels.values()]
    depths = [ROW_HEIGHT * (1.1 - panel[-1].bottom) for panel in bands]
    inner = sum(depths) + _GAP * (len(panels) - 1)
    spacing = _GAP / inner if len(panels) > 1 else None
    figure = make_subplots(rows=len(panels), row_heights=depths, vertical_spacing=spacing)
    for number, (axis, panel) in enumerate(zip(panels, bands, strict=True), start=1):
        for band in panel:
            for row, height in zip(band.rows, band.heights, strict=True):
                _add_row(figure, row, axis, height, number)
            _mark(figure, axis, band, zero=zero, panel=number)
        _label(figure, axis, panel, number)
    told = [
        (f"{axis.title}, {_named(row)}" if len(panels) > 1 and row is panel[0] else _named(row), row.estimate)
        for axis, panel in panels.items()
        for row in panel
    ]
    alt = f"{intervals_in_words(what, told)} {texts.pop('alt', '')}".strip()
    figure.update_layout(showlegend=len({row.series for row in rows}) > 1)
    figure = style(figure, x="", y="", alt=alt, **texts)
    margin = figure.layout.margin
    return figure.update_layout(height=round(inner + margin.t + margin.b))


def _scaled(row: Row, axis: Axis, smallest: float | None) -> Row:
    """The row in the units of its axis."""
    one, scale = row.estimate, axis.scale
    estimate = replace(one, value=scale * one.value, low=scale * one.low, high=scale * one.high)
    goal = smallest if row.smallest is None else scale * row.smallest
    return replace(row, estimate=estimate, smallest=goal)


def _bands(rows: Sequence[Row]) -> list[_Band]:
    """The labels of a panel from top to bottom, with room above those whose smallest effect is named."""
    bands: list[_Band] = []
    for label in dict.fromkeys(row.label for row in rows):
        together = [row for row in rows if row.label == label]
        goal, above = together[0].smallest, bands[-1].goal if bands else None
        top = (bands[-1].bottom if bands else 1.0) - 0.6 * (goal is not None and goal != above)
        room = 0.5 + 0.12 * wrap(label, _LABEL_WIDTH).count("<br>") * (len(together) == 1)
        heights = [top - room - 0.55 * k for k in range(len(together))]
        bands.append(_Band(together, heights, top, heights[-1] - room, goal if goal != above else None))
    return bands


def _add_row(figure: go.Figure, row: Row, axis: Axis, height: float, panel: int) -> None:
    one, name, told = row.estimate, row.series or row.label, signed(row.estimate)
    beyond = one.low > axis.upto
    first = not beyond and not any(trace.name == name and trace.showlegend for trace in figure.data)
    symbol = "triangle-right" if beyond else "circle"
    figure.add_scatter(
        x=[axis.upto if beyond else one.value], y=[height], name=name, legendgroup=name, showlegend=first,
        mode="markers+text" if beyond else "markers", text=[f"{told} "], textposition="middle left",
        marker={"color": row.colour, "size": 10, "symbol": f"{symbol}-open" if row.control else symbol},
        error_x={"array": [one.high - one.value], "arrayminus": [one.value - one.low],
                 "color": row.colour, "thickness": 2, "visible": not beyond},
        hovertemplate=f"{_named(row)}: {told}<extra></extra>", row=panel, col=1,
    )  # fmt: skip


def _named(row: Row) -> str:
    return f"{row.label}, {row.series}" if row.series else row.label


def _mark(figure: go.Figure, axis: Axis, band: _Band, *, zero: bool, panel: int) -> None:
    """The line at 0 and, shaded, what is too small to matter, as far down as they govern."""
    goal, named = band.goal, band.named
    shape = {"y0": band.bottom, "y1": band.top, "layer": "below", "row": panel, "col": 1}
    line = {"type": "line", "line_color": NEUTRAL, **shape}
    if zero:
        figure.add_shape(x0=0, x1=0, **line)
    if goal is not None:
        figure.add_shape(type="rect", x0=0, x1=goal, fillcolor=SHADE, line_width=0, **shape)
        figure.add_shape(x0=goal, x1=goal, line_dash="dash", **line)
    if named is not None:
        figure.add_annotation(
            x=named, y=band.top, text=f"matters from {named:.2g}{' %' * (axis.scale == 100)}",
            showarrow=False, yanchor="bottom", font_size=11, row=panel, col=1,
        )  # fmt: skip


def _label(figure: go.Figure, axis: Axis, bands: Sequence[_Band], panel: int) -> None:
    """The titles of the axes of one panel."""
    figure.update_xaxes(title_text=wrap(axis.title, _AXIS_WIDTH), zeroline=False, row=panel, col=1)
    figure.update_yaxes(
        tickvals=[sum(band.heights) / len(band.heights) for band in bands],
        ticktext=[wrap(band.rows[0].label, _LABEL_WIDTH) for band in bands],
        range=[bands[-1].bottom - 0.1, 1], zeroline=False, row=panel, col=1,
    )  # fmt: skip
