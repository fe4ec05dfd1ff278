"""Figures of the study. Each takes only a Result; its title states what the intervals show."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dti_core.lab.record import Estimate, Result
from dti_core.lab.theme import NEUTRAL, PALETTE, style

BLUE, ORANGE, GREEN = PALETTE[0], PALETTE[1], PALETTE[2]
SHARPE_UNIT = "Sharpe less equal weights"
#: Strategies as the figures call them.
LABELS = {
    "lstm": "LSTM",
    "equal_weight": "equal weights",
    "index": "index",
    "min_variance": "min variance",
    "hrp": "risk parity",
    "historical_mean": "past mean",
    "ar1": "AR(1)",
    "ridge": "ridge",
    "boosting": "boosting",
    "adaptive": "LSTM, adaptive",
    "shuffled": "LSTM, shuffled",
    "foresight": "foresight",
    "constant_sharpe": "risk x constant",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a forest plot: a label, an estimate, a colour, and whether it is a control (hollow)."""

    label: str
    estimate: Estimate
    colour: str = BLUE
    control: bool = False


def plot_wealth(result: Result) -> go.Figure:
    """Growth of one unit after costs, on a log scale."""
    paths = result.series["wealth"]
    colours = {"lstm": ORANGE, "equal_weight": BLUE, "min_variance": GREEN, "index": NEUTRAL}
    shown = [name for name in colours if name in paths]
    figure = go.Figure()
    for name in shown:
        line = {"color": colours[name], "width": 3 if name == "lstm" else 2}
        figure.add_scatter(x=paths.index, y=paths[name], mode="lines", name=LABELS[name], line=line)
    _label_ends(figure, {LABELS[name]: float(paths[name].iloc[-1]) for name in shown}, list(colours.values()))
    ends = {name: float(paths[name].iloc[-1]) for name in shown}
    listed = ", ".join(f"{LABELS[name]} {value:.1f}" for name, value in ends.items())
    title = (
        f"After costs, 1 grew to {ends['lstm']:.1f} with the LSTM and to {ends['equal_weight']:.1f} "
        f"with equal weights: {_clearly(result['sharpe_lstm_minus_equal_weight'])}"
    )
    figure = style(
        figure, title=title, x=_time_title(result), y="wealth, start = 1 (log scale)", card=result.card,
        caption=f"Monthly rebalancing, {result.config.cost_bps:g} basis points per traded dollar, weights "
        "drift in between. One path of history: the intervals stand in the next figure.",
        alt=f"Line chart of wealth at the end, from a start of 1: {listed}.",
    )  # fmt: skip
    figure.update_yaxes(type="log")
    figure.update_layout(showlegend=False, margin_r=112)
    return figure


def plot_sharpe_differences(result: Result) -> go.Figure:
    """Sharpe ratio less that of equal weights: forecasts, strategies without forecast, controls."""
    rows = [Row("LSTM", result["sharpe_lstm_minus_equal_weight"], ORANGE)]
    for name in ("historical_mean", "ar1", "ridge", "boosting"):
        rows.append(Row(LABELS[name], result[f"sharpe_{name}_minus_equal_weight"]))
    for name in ("min_variance", "hrp"):
        rows.append(Row(LABELS[name], result[f"sharpe_{name}_minus_equal_weight"], GREEN))
    for name, colour in {"constant_sharpe": NEUTRAL, "shuffled": ORANGE}.items():
        rows.append(Row(LABELS[name], result[f"sharpe_{name}_minus_equal_weight"], colour, True))
    for world, label in {"permuted_returns": "LSTM, no signal", "planted_signal": "LSTM, planted"}.items():
        rows.append(Row(label, result[f"sharpe_lstm_minus_equal_weight@{world}"], ORANGE, True))
    ahead = [row.label for row in rows if not row.control and row.estimate.low > 0]
    who, ending = _list(ahead) or "No forecast and no optimiser", "s" if len(ahead) == 1 else ""
    foresight = result["sharpe_foresight_minus_equal_weight"]
    return _dress(
        _forest(rows), len(rows),
        title=f"{who} clearly beat{ending} equal weights; foresight would add {foresight.value:.1f}",
        x=SHARPE_UNIT, y="", card=result.card,
        caption=f"Points and 95 % intervals ({rows[0].estimate.how}), days paired. Hollow: controls, without "
        "skill (shuffled, no signal) or with skill planted. Perfect foresight, off the scale: "
        f"{_text(foresight)}.",
        alt=_alt("Sharpe ratio less that of equal weights", rows),
    )  # fmt: skip


def plot_skill(result: Result) -> go.Figure:
    """Out-of-sample R2 of each forecaster against three nulls."""
    nulls = {"zero": NEUTRAL, "pooled_mean": BLUE, "constant_sharpe": ORANGE}
    named = {"zero": "zero", "pooled_mean": "pooled mean", "constant_sharpe": "constant Sharpe x vol"}
    forecasters = ("lstm", "ridge", "boosting", "ar1", "historical_mean")
    figure = go.Figure()
    for k, (null, colour) in enumerate(nulls.items()):
        found = [result[f"r2_{name}_vs_{null}"] for name in forecasters]
        places = -np.arange(len(found)) + (1 - k) * 0.22
        _add_points(figure, [100 * _bounds(one) for one in found], places, colour, named[null])
    figure.update_yaxes(
        tickvals=-np.arange(len(forecasters)), ticktext=[LABELS[name] for name in forecasters]
    )
    figure.add_vline(x=0, line_color=NEUTRAL)
    hard, easy = result["r2_lstm_vs_constant_sharpe"], result["r2_lstm_vs_zero"]
    rows = [
        Row(f"{LABELS[f]} against {named[n]}", result[f"r2_{f}_vs_{n}"]) for f in forecasters for n in nulls
    ]
    return _dress(
        figure, 2 * len(forecasters),
        title=f"Against zero the LSTM removes {100 * easy.value:.1f} % of the squared error, "
        f"against constant Sharpe x volatility {100 * hard.value:.1f} %: "
        f"{'skill' if hard.low > 0 else 'no clear skill'}",
        x="out-of-sample R2, percent", y="", card=result.card,
        caption=f"Points and 95 % intervals ({hard.how}) over months. Colour: the null. "
        f"Rank correlation of the LSTM: {_text(result['rank_ic_lstm'], 3)}.",
        alt=_alt("Out-of-sample R2", rows, 4),
    )  # fmt: skip


def plot_regimes(result: Result) -> go.Figure:
    """LSTM less equal weights in calm and volatile months, and what an adaptive bet changes."""
    stem = "sharpe_lstm_minus_equal_weight_"
    labels = {
        "calm": "calm",
        "middle": "middle",
        "volatile": "volatile",
        "calm_minus_volatile": "calm - volatile",
    }
    known = {estimate.key: estimate for estimate in result}
    rows = [Row(label, known[stem + key]) for key, label in labels.items() if stem + key in known]
    rows.append(Row("adaptive - fixed", result["sharpe_adaptive_minus_fixed"], ORANGE))
    contrast = known.get(f"{stem}calm_minus_volatile")
    finding = "too few calm or volatile months to compare" if contrast is None else _apart(contrast)
    source = "the VIX" if result.config.regime_by == "vix" else "realised volatility of 21 days"
    return _dress(
        _forest(rows), len(rows), title=f"LSTM in calm and in volatile markets: {finding}",
        x="difference of annual Sharpe", y="", card=result.card,
        caption=f"Months fall into thirds of {source} before they begin, by cut-offs that use the past only. "
        f"Points and 95 % intervals ({rows[0].estimate.how}). Adaptive: the bet shrinks as volatility "
        "exceeds its median.",
        alt=_alt("Sharpe ratio of the LSTM less that of equal weights by regime", rows),
    )  # fmt: skip


def plot_volatility(result: Result) -> go.Figure:
    """QLIKE of volatility forecasts: constant, GARCH, HAR asset by asset and pooled, and LSTM."""
    models = {
        "constant": "constant",
        "garch": "GARCH(1,1)",
        "har": "HAR",
        "pooled_har": "pooled HAR",
        "lstm": "LSTM",
    }
    rows = [
        Row(label, result[f"qlike_{model}"], {"lstm": ORANGE, "constant": NEUTRAL}.get(model, BLUE))
        for model, label in models.items()
    ]
    gains = {label: result[f"qlike_{model}_minus_lstm"] for model, label in list(models.items())[1:-1]}
    beaten = [label for label, gain in gains.items() if gain.low > 0]
    better = [label for label, gain in gains.items() if gain.high < 0]
    finding = "; ".join(
        [f"the LSTM beats {_list(beaten)}"] * bool(beaten) + [f"{_list(better)} beat the LSTM"] * bool(better)
    )
    differences = ", ".join(f"{label} less LSTM {_text(gain, 3)}" for label, gain in gains.items())
    return _dress(
        _forest(rows, zero=False), len(rows),
        title=f"Volatility of the next month: {finding or 'no clear winner'}",
        x="QLIKE loss, 0 is perfect", y="", card=result.card,
        caption=f"Mean loss over assets and months with 95 % intervals ({rows[0].estimate.how}). "
        f"Paired: {differences}.",
        alt=_alt("QLIKE loss of monthly volatility forecasts", rows, 3) + f" {differences}.",
    )  # fmt: skip


def plot_price_trap(result: Result) -> go.Figure:
    """R2 of an unchanged price on price levels, beside R2 of an AR(1) on returns."""
    level, change = result["r2_unchanged_price_on_levels"], result["r2_ar1_on_daily_returns"]
    rows = [Row("price level", level, NEUTRAL, True), Row("daily return", change, BLUE)]
    return _dress(
        _forest(rows), len(rows),
        title=f"\"Tomorrow's price is today's\" has R2 {level.value:.2f} and says nothing of returns "
        f"(AR(1): R2 {change.value:.3f})",
        x="out-of-sample R2, median asset", y="", card=result.card,
        caption="Second half of the days. Above: the last price as forecast of the price. Below: an AR(1) "
        f"fitted on the first half as forecast of the return, against 0. Intervals: {level.how}.",
        alt=_alt("Out-of-sample R2", rows, 4),
    )  # fmt: skip


def _dress(figure: go.Figure, n_rows: int, **texts: Any) -> go.Figure:
    """House style for rows of intervals: as high as its rows need, no line along a row."""
    figure = style(figure, **texts)
    figure.update_yaxes(zeroline=False)
    figure.update_layout(height=190 + 32 * max(3, n_rows), legend={"y": -0.28})
    return figure


def _forest(rows: Sequence[Row], zero: bool = True) -> go.Figure:
    """Points with intervals, one row below the other; controls are hollow."""
    figure = go.Figure()
    for k, row in enumerate(rows):
        _add_points(figure, [_bounds(row.estimate)], np.array([-k]), row.colour, row.label, row.control)
    figure.update_yaxes(tickvals=[-k for k in range(len(rows))], ticktext=[row.label for row in rows])
    figure.update_layout(showlegend=False)
    if zero:
        figure.add_vline(x=0, line_color=NEUTRAL)
    return figure


def _add_points(
    figure: go.Figure,
    bounds: Sequence[np.ndarray],
    places: np.ndarray,
    colour: str,
    name: str,
    hollow: bool = False,
) -> None:
    value, low, high = np.array(bounds).T
    figure.add_scatter(
        x=value, y=places, mode="markers", name=name,
        marker={"color": colour, "size": 10, "symbol": "circle-open" if hollow else "circle"},
        error_x={"array": high - value, "arrayminus": value - low, "color": colour, "thickness": 2},
        hovertemplate="%{x:.3f}<extra>" + name + "</extra>",
    )  # fmt: skip


def _label_ends(figure: go.Figure, ends: dict[str, float], colours: Sequence[str]) -> None:
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


def _bounds(estimate: Estimate) -> np.ndarray:
    return np.array([estimate.value, estimate.low, estimate.high])


def _text(estimate: Estimate, digits: int = 2) -> str:
    return f"{estimate.value:+.{digits}f} [{estimate.low:+.{digits}f}, {estimate.high:+.{digits}f}]"


def _clearly(difference: Estimate) -> str:
    if difference.low > 0:
        return "a better Sharpe ratio"
    return "a worse Sharpe ratio" if difference.high < 0 else "no clear difference in Sharpe ratio"


def _apart(contrast: Estimate) -> str:
    if contrast.low > 0:
        return "clearly better in calm ones"
    return "clearly better in volatile ones" if contrast.high < 0 else "no clear difference"


def _list(labels: Sequence[str]) -> str:
    return " and ".join([", ".join(labels[:-1]), labels[-1]] if len(labels) > 1 else list(labels))


def _alt(what: str, rows: Sequence[Row], digits: int = 2) -> str:
    return (
        f"{what} with 95 % intervals: "
        + "; ".join(f"{r.label} {_text(r.estimate, digits)}" for r in rows)
        + "."
    )


def _time_title(result: Result) -> str:
    dated = hasattr(result.series["wealth"].index, "year")
    return "date" if dated else "trading day"
