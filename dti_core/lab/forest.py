"""Interval plots: one row an estimate, with the smallest effect that matters drawn in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from dti_core.lab.record import Estimate
from dti_core.lab.say import intervals_in_words
from dti_core.lab.theme import NEUTRAL, PALETTE, style

ROW_HEIGHT = 32


@dataclass(frozen=True, slots=True)
class Row:
    """One line: a label, an estimate, its colour, and whether it is a control (hollow).

    Rows of the same label share a line, one below the other, as several measures of one method do; `series`
    names them in the legend then.
    """

    label: str
    estimate: Estimate
    colour: str = PALETTE[0]
    control: bool = False
    series: str = ""


def plot_forest(
    rows: Sequence[Row], *, what: str, smallest: float | None = None, zero: bool = True, scale: float = 1.0,
    digits: int | None = None, **texts: Any,
) -> go.Figure:  # fmt: skip
    """Points with intervals, one label below the other, in the house style.

    Parameters
    ----------
    what : begins the alt text, "Sharpe ratio less that of equal weights".
    smallest : smallest effect that matters, on the scale of the axis; drawn as a dashed line and named.
    zero : whether a line marks 0. scale : what the axis multiplies estimates by, 100 for percent.
    texts : title, x, caption and card, as `theme.style` takes them; `alt` is added to the alt text.
    """
    figure = go.Figure()
    labels = list(dict.fromkeys(row.label for row in rows))
    for label in labels:
        together = [row for row in rows if row.label == label]
        for k, row in enumerate(together):
            offset = 0.44 * (k - (len(together) - 1) / 2) / max(1, len(together) - 1)
            _add_point(figure, row, -labels.index(label) - offset, scale)
    if zero:
        figure.add_vline(x=0, line_color=NEUTRAL)
    if smallest is not None:
        figure.add_vline(
            x=smallest, line_color=NEUTRAL, line_dash="dash", annotation_text=f"matters from {smallest:g}",
            annotation_position="top right", annotation_font_size=11,
        )  # fmt: skip
    alt = intervals_in_words(what, [(_named(row), row.estimate) for row in rows], digits)
    figure = style(figure, y="", alt=f"{alt} {texts.pop('alt', '')}".strip(), **texts)
    top = 1.1 if smallest is not None else 0.6  # room for what names the dashed line
    places = {"tickvals": [-k for k in range(len(labels))], "range": [0.4 - len(labels), top]}
    figure.update_yaxes(ticktext=labels, zeroline=False, **places)
    series = any(row.series for row in rows)
    height = 190 + ROW_HEIGHT * max(3, len(rows) if series else len(labels))
    figure.update_layout(showlegend=series, legend={"y": -0.28}, height=height)
    return figure


def _named(row: Row) -> str:
    return f"{row.label} against {row.series}" if row.series else row.label


def _add_point(figure: go.Figure, row: Row, place: float, scale: float) -> None:
    one, name = row.estimate, row.series or row.label
    first = not any(trace.name == name for trace in figure.data)
    figure.add_scatter(
        x=[scale * one.value], y=[place], mode="markers", name=name, legendgroup=name, showlegend=first,
        marker={"color": row.colour, "size": 10, "symbol": "circle-open" if row.control else "circle"},
        error_x={"array": [scale * (one.high - one.value)], "arrayminus": [scale * (one.value - one.low)],
                 "color": row.colour, "thickness": 2},
        hovertemplate="%{x:.3f}<extra>" + row.label + "</extra>",
    )  # fmt: skip
