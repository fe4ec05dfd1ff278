"""Figures of the study. Each takes only a Result; its title states what the intervals show."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dti_core.lab.forest import Row, plot_forest
from dti_core.lab.methods import trials
from dti_core.lab.record import OBSERVED, Estimate, Result
from dti_core.lab.say import listed, sign_of, signed
from dti_core.lab.theme import NEUTRAL, PALETTE, style
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE, METHODS, NULLS
from dti_core.studies.lstm_portfolio.methods.portfolios import BENCHMARK, OVERLAYS, RULES
from dti_core.studies.lstm_portfolio.methods.volatility import BASELINE, VOLATILITY
from dti_core.studies.lstm_portfolio.worlds import WORLDS

BLUE, ORANGE, GREEN, PINK = PALETTE[:4]
#: Smallest effects that matter, as the claims have them: C16a and C39a, C39a again, C18a, C17a.
SMALLEST_SHARPE, SMALLEST_ADJUSTMENT, SMALLEST_R2, SMALLEST_QLIKE = 0.1, 0.05, 0.005, 0.02
REGIMES = {
    "calm": "calm", "middle": "middle", "volatile": "volatile", "calm_minus_volatile": "calm - volatile",
}  # fmt: skip


def plot_wealth(result: Result) -> go.Figure:
    """Growth of one unit after costs, on a log scale."""
    paths = result.series["wealth"]
    titles = {FAVOURITE: METHODS[FAVOURITE].title} | {name: rule.title for name, rule in RULES.items()}
    titles |= {"index": "index"} if "index" in paths else {}
    colours = dict(zip(titles, cycle((ORANGE, BLUE, GREEN, PINK, *PALETTE[4:])), strict=False)) | {
        "index": NEUTRAL
    }
    ends = {title: float(paths[name].iloc[-1]) for name, title in titles.items()}
    figure = go.Figure()
    for name, title in titles.items():
        line = {"color": colours[name], "width": 3 if name == FAVOURITE else 2}
        figure.add_scatter(x=paths.index, y=paths[name], mode="lines", name=title, line=line)
    _label_ends(figure, ends, [colours[name] for name in titles])
    favourite, benchmark = titles[FAVOURITE], titles[BENCHMARK]
    finding = sign_of(
        _only(result, measure="sharpe_difference", method=FAVOURITE, against=BENCHMARK, regime="all"),
        "a better Sharpe ratio", "a worse Sharpe ratio", "no clear difference in Sharpe ratio",
    )  # fmt: skip
    figure = style(
        figure, x="date" if isinstance(paths.index, pd.DatetimeIndex) else "trading day",
        y="wealth, start = 1 (log scale)", card=result.card,
        title=f"After costs, 1 grew to {ends[favourite]:.1f} with the {favourite} and to "
        f"{ends[benchmark]:.1f} with {benchmark}: {finding}",
        caption=f"Monthly rebalancing, {result.config.cost_bps:g} basis points per traded dollar, weights "
        "drift in between. One path of history: the intervals stand in the next figure.",
        alt="Line chart of wealth at the end, from a start of 1: "
        + ", ".join(f"{title} {value:.1f}" for title, value in ends.items()) + ".",
    )  # fmt: skip
    figure.update_yaxes(type="log", tickvals=_round_levels(paths[list(titles)]), tickformat="~g")
    figure.update_layout(showlegend=False, margin_r=112)
    return figure


def plot_sharpe_differences(result: Result) -> go.Figure:
    """Sharpe ratio less that of equal weights: forecasts, strategies without forecast, controls."""

    def difference(method: str, world: str = OBSERVED) -> Estimate:
        at = {"measure": "sharpe_difference", "method": method, "against": BENCHMARK, "regime": "all"}
        return _only(result, world, **at)

    rows = [Row(METHODS[name].title, difference(name), _colour(name)) for name in trials(METHODS)]
    rows += [Row(rule.title, difference(name), GREEN) for name, rule in RULES.items() if name != BENCHMARK]
    controls = {name: method for name, method in METHODS.items() if not method.counts_as_trial}
    oracles = [name for name, method in controls.items() if "future" in method.needs]
    for name, method in controls.items():
        if name not in oracles:
            colour = ORANGE if "favourite" in method.needs else NEUTRAL
            rows.append(Row(method.title, difference(name), colour, control=True))
    favourite = METHODS[FAVOURITE].title
    for name, world in WORLDS.items():
        if world.role != "observed":
            rows.append(Row(f"{favourite}, {world.title}", difference(FAVOURITE, name), ORANGE, control=True))
    ahead = [row.label for row in rows if not row.control and row.estimate.low > 0]
    who, ending = listed(ahead, "No forecast and no optimiser"), "s" if len(ahead) == 1 else ""
    would = [f"{METHODS[name].title} would add {difference(name).value:.1f}" for name in oracles]
    told = [f"Perfect {METHODS[name].title}, off the scale: {signed(difference(name))}." for name in oracles]
    return plot_forest(
        rows, what="Sharpe ratio less that of equal weights", smallest=SMALLEST_SHARPE, card=result.card,
        title="; ".join([f"{who} clearly beat{ending} equal weights", *would]),
        x="Sharpe less equal weights",
        caption=f"Points and 95 % intervals ({rows[0].estimate.how}), days paired. Hollow: controls, without "
        f"skill (shuffled, no signal) or with skill planted. {' '.join(told)}",
    )  # fmt: skip


def plot_skill(result: Result) -> go.Figure:
    """Out-of-sample R2 of each forecaster against the nulls."""
    colours = dict(zip(NULLS, cycle((NEUTRAL, BLUE, ORANGE, GREEN, PINK)), strict=False))
    by_null = {
        (name, null): _only(result, measure="r2", method=name, null=null)
        for name in trials(METHODS)
        for null in NULLS
    }
    rows = [
        Row(METHODS[name].title, one, colours[null], series=NULLS[null].title)
        for (name, null), one in by_null.items()
    ]
    easiest, *_, hardest = NULLS
    easy, hard = by_null[FAVOURITE, easiest], by_null[FAVOURITE, hardest]
    ranks = _only(result, measure="rank_ic", method=FAVOURITE)
    return plot_forest(
        rows, what="Out-of-sample R2", smallest=100 * SMALLEST_R2, scale=100, digits=4, card=result.card,
        title=f"Against {NULLS[easiest].title} the {METHODS[FAVOURITE].title} removes "
        f"{100 * easy.value:.1f} % of the squared error, against {NULLS[hardest].title} "
        f"{100 * hard.value:.1f} %: {'skill' if hard.low > 0 else 'no clear skill'}",
        x="out-of-sample R2, percent",
        caption=f"Points and 95 % intervals ({hard.how}) over months. Colour: the null. "
        f"Rank correlation of the {METHODS[FAVOURITE].title}: {signed(ranks, 3)}.",
    )  # fmt: skip


def plot_regimes(result: Result) -> go.Figure:
    """Favourite less equal weights in calm and volatile months, and what an adaptive bet changes."""
    by_regime = {
        str(one.at["regime"]): one
        for one in result.where(measure="sharpe_difference", method=FAVOURITE, against=BENCHMARK)
    }
    rows = [Row(label, by_regime[name]) for name, label in REGIMES.items() if name in by_regime]
    for name, overlay in OVERLAYS.items():
        change = _only(result, measure="sharpe_difference", method=name, against=FAVOURITE)
        rows.append(Row(f"{overlay.title} - fixed", change, ORANGE))
    finding = "too few calm or volatile months to compare"
    if contrast := by_regime.get("calm_minus_volatile"):
        finding = sign_of(
            contrast, "clearly better in calm ones", "clearly better in volatile ones", "no clear difference"
        )
    source = "the VIX" if result.config.regime_by == "vix" else "realised volatility of 21 days"
    favourite = METHODS[FAVOURITE].title
    return plot_forest(
        rows, what=f"Sharpe ratio of the {favourite} less that of equal weights by regime",
        smallest=SMALLEST_SHARPE, card=result.card,
        title=f"{favourite} in calm and in volatile markets: {finding}",
        x="difference of annual Sharpe",
        caption=f"Months fall into thirds of {source} before they begin, by cut-offs that use the past only. "
        f"Points and 95 % intervals ({rows[0].estimate.how}). Adaptive: the bet shrinks as volatility "
        f"exceeds its median; there a change matters from {SMALLEST_ADJUSTMENT:g}.",
    )  # fmt: skip


def plot_volatility(result: Result) -> go.Figure:
    """QLIKE of volatility forecasts, asset by asset or pooled."""
    rows = [
        Row(method.title, _only(result, measure="qlike", method=name, series="assets"), _colour(name))
        for name, method in VOLATILITY.items()
    ]
    gains = {
        VOLATILITY[str(gain.at["method"])].title: gain
        for gain in result.where(measure="qlike_difference", series="assets")
    }
    favourite = VOLATILITY[FAVOURITE].title
    beaten = [title for title, gain in gains.items() if gain.low > 0]
    better = [title for title, gain in gains.items() if gain.high < 0]
    findings = [f"the {favourite} beats {listed(beaten)}"] if beaten else []
    findings += [f"{listed(better)} beat the {favourite}"] if better else []
    paired = ", ".join(f"{title} less {favourite} {signed(gain, 3)}" for title, gain in gains.items())
    return plot_forest(
        rows, what="QLIKE loss of monthly volatility forecasts", zero=False, digits=3, card=result.card,
        title=f"Volatility of the next month, stock by stock: {'; '.join(findings) or 'no clear winner'}",
        x="QLIKE loss, 0 is perfect", alt=f"{paired}.",
        caption=f"Mean loss over assets and months with 95 % intervals ({rows[0].estimate.how}). "
        f"Paired, where a difference matters from {SMALLEST_QLIKE:g}: {paired}.",
    )  # fmt: skip


def plot_price_trap(result: Result) -> go.Figure:
    """R2 of an unchanged price on price levels, beside R2 of an AR(1) on returns."""
    level, change = result.where(measure="price_trap")
    rows = [Row("price level", level, NEUTRAL, control=True), Row("daily return", change)]
    return plot_forest(
        rows, what="Out-of-sample R2", digits=4, card=result.card,
        title=f"\"Tomorrow's price is today's\" has R2 {level.value:.2f} and says nothing of returns "
        f"(AR(1): R2 {change.value:.3f})",
        x="out-of-sample R2, median asset",
        caption="Second half of the days. Above: the last price as forecast of the price. Below: an AR(1) "
        f"fitted on the first half as forecast of the return, against 0. Intervals: {level.how}.",
    )  # fmt: skip


def _only(result: Result, world: str = OBSERVED, **at: str) -> Estimate:
    """The one estimate with these dimensions."""
    (estimate,) = result.where(world, **at)
    return estimate


def _colour(name: str) -> str:
    return {FAVOURITE: ORANGE, BASELINE: NEUTRAL}.get(name, BLUE)


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
    gap = 0.06 * max(0.5, float(np.ptp(heights)))
    for k in range(1, len(order)):
        heights[k] = max(heights[k], heights[k - 1] + gap)
    for name, height in zip(order, heights, strict=True):
        figure.add_annotation(
            x=1.01, xref="paper", y=height, text=name, showarrow=False, xanchor="left",
            font={"color": colours[list(ends).index(name)], "size": 12},
        )  # fmt: skip
