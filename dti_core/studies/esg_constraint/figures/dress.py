"""What the figures of this study share: the house style with room for long titles, bars, heat maps."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dti_core.lab.record import Result
from dti_core.lab.theme import PALETTE, style

BLUE, ORANGE = PALETTE[:2]
NO_RATING = "This panel holds no ratings, so there is nothing to draw"


def dress(figure: go.Figure, **texts: Any) -> go.Figure:
    """The house style, with room for long titles and legends."""
    return roomy(style(figure, **texts))


def roomy(figure: go.Figure) -> go.Figure:
    """Make room for the title's lines above the badge and for the legend below the axis title."""
    lines = str(figure.layout.title.text).count("<br>") + 1
    place = {"y": 1.0, "yref": "container", "yanchor": "top", "pad": {"t": 10}}
    return figure.update_layout(title=place, margin_t=48 + 22 * lines, legend_y=-0.36)


def nothing(result: Result, why: str) -> go.Figure:
    """An empty figure that says why it is empty."""
    return style(go.Figure(), title=why, x="", y="", card=result.card, caption=why + ".", alt=why + ".")


def bars(rows: pd.DataFrame, **look: Any) -> dict[str, Any]:
    """Error bars of a table with columns coef, low and high."""
    return {"array": rows["high"] - rows["coef"], "arrayminus": rows["coef"] - rows["low"], **look}


def heat_map(table: pd.DataFrame, texts: Any, scale: list[list[Any]], low: float) -> go.Figure:
    """A cell a row and column, coloured from `low` to 1; each carries its number."""
    heat = go.Heatmap(
        z=table, x=list(table), y=list(table.index), text=np.asarray(texts), texttemplate="%{text}",
        textfont={"color": "#111111"}, colorscale=scale, zmin=low, zmax=1, showscale=False, xgap=2, ygap=2,
        hovertemplate="%{y}, %{x}: %{z:.3f}<extra></extra>",
    )  # fmt: skip
    return go.Figure(heat)


def test_of(result: Result, name: str) -> float:
    """The value of a test that the result holds, else NaN."""
    return float(result.series["tests"].set_index("test")["value"].get(name, float("nan")))
