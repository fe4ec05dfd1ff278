"""What one unit grew to."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dti_core.lab.record import Result
from dti_core.lab.say import sign_of
from dti_core.lab.theme import NEUTRAL, PALETTE, style
from dti_core.studies.lstm_portfolio.figures.names import LSTM, STEPS, TITLES, lead
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE
from dti_core.studies.lstm_portfolio.methods.portfolios import BENCHMARK, RULES

BLUE, ORANGE, *OTHERS = PALETTE


def plot_wealth(result: Result) -> go.Figure:
    """Growth of one unit after costs, on a log scale."""
    paths = result.series["wealth"]
    names = [name for name in (FAVOURITE, "constant_sharpe", *RULES, "index") if name in paths]
    titles = {name: TITLES.get(name, name) for name in names}
    colours = dict(zip(names, cycle((ORANGE, BLUE, *OTHERS)), strict=False)) | {"index": NEUTRAL}
    ends = {titles[name]: float(paths[name].iloc[-1]) for name in names}
    figure = go.Figure()
    for name, title in titles.items():
        line = {"color": colours[name], "width": 3 if name == FAVOURITE else 1.5}
        figure.add_scatter(x=paths.index, y=paths[name], mode="lines", name=title, line=line)
    _label_ends(figure, ends, [colours[name] for name in names])
    finding = sign_of(
        lead(result, FAVOURITE), "a better Sharpe ratio", "a worse Sharpe ratio",
        "no clear difference in Sharpe ratio",
    )  # fmt: skip
    figure.update_layout(showlegend=False)
    figure = style(
        figure, x="date" if isinstance(paths.index, pd.DatetimeIndex) else "trading day",
        y="wealth, multiples of the start, log scale", card=result.card, series="wealth",
        title=f"After costs, 1 grew to {ends[LSTM]:.3g} with the {LSTM} and to "
        f"{ends[TITLES[BENCHMARK]]:.3g} with {TITLES[BENCHMARK]}: {finding}",
        caption=f"Monthly rebalancing, {result.config.cost_bps:g} basis points per traded dollar, weights "
        f"drift in between. {STEPS}. One path of history: the intervals stand in the next figure.",
        alt="Line chart of wealth at the end, from a start of 1: "
        + ", ".join(f"{title} {value:.3g}" for title, value in ends.items()) + ".",
    )  # fmt: skip
    figure.update_yaxes(type="log", tickvals=_round_levels(paths[names]), tickformat="~g")
    return figure.update_layout(margin_r=112)


def _round_levels(paths: pd.DataFrame) -> list[float] | None:
    """Ticks of a log axis that stand apart: 1, 2, 5 and their tens, or tens alone over many decades.

    None, which leaves them to plotly, where the paths hardly move.
    """
    low, high = paths.to_numpy().min(), paths.to_numpy().max()
    if high < 5 * low:
        return None
    steps = (1, 2, 5) if high < 200 * low else (1,)
    levels = [step * 10.0**power for power in range(-9, 10) for step in steps]
    return [level for level in levels if low <= level <= high]


def _label_ends(figure: go.Figure, ends: Mapping[str, float], colours: Sequence[str]) -> None:
    """Write each line's name at its end, pushed apart where lines end close together (log scale)."""
    order = sorted(ends, key=ends.__getitem__)
    heights = np.log10([ends[name] for name in order])
    gap = 0.11 * max(0.5, float(np.ptp(heights)))
    for k in range(1, len(order)):
        heights[k] = max(heights[k], heights[k - 1] + gap)
    for name, height in zip(order, heights, strict=True):
        figure.add_annotation(
            x=1.01, xref="paper", y=height, text=name, showarrow=False, xanchor="left",
            font={"color": colours[list(ends).index(name)], "size": 12},
        )  # fmt: skip
