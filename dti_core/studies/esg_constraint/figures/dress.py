"""What the figures of this study share: error bars, heat maps, the claim's smallest effect."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dti_core.lab.forest import smallest_effects
from dti_core.lab.record import Result
from dti_core.lab.theme import PALETTE, style

BLUE, ORANGE = PALETTE[:2]
SLUG, CLAIM = "esg_constraint", "C16b"
NO_RATING = "Nothing to draw: the table of what was left out says what this panel lacks"


def nothing(result: Result, why: str) -> go.Figure:
    """An empty figure that says why it is empty."""
    return style(
        go.Figure(), title=why, x="nothing to draw", y="", card=result.card, caption=why + ".", alt=why + "."
    )


def bars(rows: pd.DataFrame, **look: Any) -> dict[str, Any]:
    """Error bars of a table with columns coef, low and high."""
    return {"array": rows["high"] - rows["coef"], "arrayminus": rows["coef"] - rows["low"], **look}


def heat_map(table: pd.DataFrame, texts: Any, scale: list[list[Any]], low: float) -> go.Figure:
    """A cell a row and column, coloured from `low` to 1; each carries its number."""
    heat = go.Heatmap(
        z=table, x=list(table), y=list(table.index), text=np.asarray(texts), texttemplate="%{text}",
        textfont={"color": "#111111", "size": 13}, colorscale=scale, zmin=low, zmax=1, showscale=False,
        xgap=2, ygap=2, hovertemplate="%{y}, %{x}: %{z:.3f}<extra></extra>",
    )  # fmt: skip
    figure = go.Figure(heat)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure.update_xaxes(type="category", showgrid=False, tickangle=-40)


def test_of(result: Result, name: str) -> float:
    """The value of a test that the result holds, else NaN."""
    return float(result.series["tests"].set_index("test")["value"].get(name, float("nan")))


def chance(p: float, digits: int = 3) -> str:
    """A p-value in words; a panel may be too short to have one."""
    return f"p = {p:.{digits}f}" if np.isfinite(p) else "not testable on this panel"


def matters() -> float:
    """What matters to claim C16b at least, in sd of rating a sd of constraint, as the register has it."""
    return smallest_effects(SLUG, CLAIM)["rating_effect"]
