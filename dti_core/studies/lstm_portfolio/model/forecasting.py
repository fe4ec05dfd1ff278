"""Forecasts of log returns over the horizon in closed form, what they aim at, and what they are worth.

All work on log returns (n_rows, n_assets) and read no row after a decision, `targets` and `until_next` apart.
Where a share is not listed its return is NaN and counts as 0; a forecast that would need it means nothing.
"""

import numpy as np

from dti_core.bridges.forecaster import SCALE_FLOOR, complete_rows, future_returns, trailing_volatility
from dti_core.studies.lstm_portfolio.model import Array, Days


def targets(log_returns: Array, days: Days, horizon_days: int) -> Array:
    """(n_decisions, n_assets) log return over the horizon after each day; NaN where that is not over."""
    complete = days + horizon_days < len(log_returns)
    outcome = np.full((len(days), log_returns.shape[1]), np.nan)
    outcome[complete] = future_returns(np.nan_to_num(log_returns), days[complete].tolist(), horizon_days)
    return outcome


def until_next(log_returns: Array, days: Days, end: int) -> Array:
    """(n_decisions, n_assets) log return from each day to the next decision, or to row `end`. The future."""
    total = np.cumsum(np.nan_to_num(log_returns), axis=0)
    return total[np.append(days[1:], end)] - total[days]


def past_return(log_returns: Array, days: Days, n_days: int) -> Array:
    """(n_decisions, n_assets) log return of the last `n_days` rows up to each day."""
    total = np.vstack([np.zeros(log_returns.shape[1]), np.cumsum(np.nan_to_num(log_returns), axis=0)])
    return total[days + 1] - total[days + 1 - n_days]


def pooled_mean(log_returns: Array, days: Days, horizon_days: int) -> Array:
    """(n_decisions, n_assets) the same for all assets: mean log return of rows so far, times the horizon."""
    mean = np.cumsum(np.nanmean(log_returns, axis=1)) / np.arange(1, len(log_returns) + 1)
    return np.repeat(mean[days, None] * horizon_days, log_returns.shape[1], axis=1)


def constant_sharpe(log_returns: Array, days: Days, window_days: int, horizon_days: int) -> Array:
    """(n_decisions, n_assets) each asset's volatility times one Sharpe ratio, the same for all assets.

    The Sharpe ratio is the mean of all scaled returns whose horizon was over at the decision. A forecaster
    that has learned no more than "risk is paid" forecasts this.
    """
    rows = range(window_days - 1, len(log_returns) - horizon_days)
    known = complete_rows(log_returns, rows, window_days, horizon_days)
    log_returns = np.nan_to_num(log_returns)
    scale = trailing_volatility(log_returns, rows, window_days, SCALE_FLOOR) * np.sqrt(horizon_days)
    scaled = (future_returns(log_returns, rows, horizon_days) / scale).mean(axis=1, where=known)
    counted = np.isfinite(scaled)
    so_far = np.cumsum(np.where(counted, scaled, 0.0)) / np.maximum(np.cumsum(counted), 1)
    price_of_risk = so_far[days - horizon_days - rows[0]]
    now = trailing_volatility(log_returns, days.tolist(), window_days, SCALE_FLOOR) * np.sqrt(horizon_days)
    return price_of_risk[:, None] * now


def shuffle_across_assets(forecasts: Array, rng: np.random.Generator) -> Array:
    """The same forecasts dealt to assets at random at each decision: level and spread stay, skill goes.

    Only forecasts that are known are dealt, and only to assets that had one.
    """
    known = np.isfinite(forecasts)
    if known.all():
        return rng.permuted(forecasts, axis=1)
    dealt = forecasts.copy()
    for row, held in zip(dealt, known, strict=True):
        row[held] = rng.permutation(row[held])
    return dealt


def convexity(log_returns: Array, days: Days, lookback_days: int, horizon_days: int) -> Array:
    """(n_decisions, n_assets) by how much a log return falls short of the log of the expected simple return.

    Under log-normal returns a forecast f of the log return means an expected simple return of
    exp(f + h s^2 / 2) - 1, with s the daily volatility of the last `lookback_days`; this is h s^2 / 2.
    """
    volatility = trailing_volatility(np.nan_to_num(log_returns), days.tolist(), lookback_days, SCALE_FLOOR)
    return np.asarray(horizon_days * volatility**2 / 2)


def summaries(windows: Array) -> Array:
    """(n, 8) of (n, window_days) scaled returns: sums and spreads over the last days, weeks and all days."""
    length = windows.shape[1]
    spans = [span for span in (1, 5, 10, 21) if span < length] + [length]
    sums = [windows[:, -span:].sum(axis=1) / np.sqrt(span) for span in spans]
    spreads = [np.sqrt((windows[:, -span:] ** 2).mean(axis=1)) for span in spans[1:-1]]
    return np.column_stack([*sums, *spreads])
