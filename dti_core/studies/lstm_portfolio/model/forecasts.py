"""Forecasts of each asset's log return over the horizon: simple rivals of the LSTM, nulls, and two controls.

All rivals see the rows that the LSTM sees, are fitted on the same folds and forecast the same target.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dti_core.bridges.forecaster import SCALE_FLOOR, Fold, future_returns, return_windows, trailing_volatility

Array = NDArray[np.float64]
Days = NDArray[np.int64]
Forecaster = Callable[[Array, Fold, int, int], Array]

#: Training days are taken every so many days, since targets of neighbouring days overlap.
STRIDE_DAYS = 5
RIDGE_PENALTIES = (1e2, 1e3, 1e4, 1e5, 1e6)


def targets(log_returns: Array, days: Days, horizon_days: int) -> Array:
    """(n_decisions, n_assets) log return over the horizon after each day; NaN where that is not over."""
    complete = days + horizon_days < len(log_returns)
    found = np.full((len(days), log_returns.shape[1]), np.nan)
    found[complete] = future_returns(log_returns, days[complete].tolist(), horizon_days)
    return found


def historical_mean(log_returns: Array, days: Days, lookback_days: int, horizon_days: int) -> Array:
    """(n_decisions, n_assets) mean log return of the last `lookback_days`, times the horizon."""
    total = np.vstack([np.zeros(log_returns.shape[1]), np.cumsum(log_returns, axis=0)])
    return (total[days + 1] - total[days + 1 - lookback_days]) / lookback_days * horizon_days


def pooled_mean(log_returns: Array, days: Days, horizon_days: int) -> Array:
    """(n_decisions, n_assets) the same for all assets: mean log return of rows so far, times the horizon."""
    mean = np.cumsum(log_returns.mean(axis=1)) / np.arange(1, len(log_returns) + 1)
    return np.repeat(mean[days, None] * horizon_days, log_returns.shape[1], axis=1)


def constant_sharpe(log_returns: Array, days: Days, window_days: int, horizon_days: int) -> Array:
    """(n_decisions, n_assets) each asset's volatility times one Sharpe ratio, the same for all assets.

    The Sharpe ratio is the mean of all scaled returns whose horizon was over at the decision. A forecaster
    that has learned no more than "risk is paid" forecasts this.
    """
    rows = range(window_days - 1, len(log_returns) - horizon_days)
    scale = trailing_volatility(log_returns, rows, window_days, SCALE_FLOOR) * np.sqrt(horizon_days)
    scaled = (future_returns(log_returns, rows, horizon_days) / scale).mean(axis=1)
    so_far = np.cumsum(scaled) / np.arange(1, len(scaled) + 1)
    price_of_risk = so_far[days - horizon_days - rows[0]]
    now = trailing_volatility(log_returns, days.tolist(), window_days, SCALE_FLOOR) * np.sqrt(horizon_days)
    return price_of_risk[:, None] * now


def ar1(log_returns: Array, fold: Fold, window_days: int, horizon_days: int) -> Array:
    """Each asset's return over the horizon regressed on that over the last horizon, by least squares."""
    rows = _learning_days(fold)
    rows = rows[rows >= horizon_days]
    past, ahead = (
        _past_return(log_returns, rows, horizon_days),
        future_returns(log_returns, rows.tolist(), horizon_days),
    )
    centred = past - past.mean(axis=0)
    slope = (centred * ahead).sum(axis=0) / np.maximum((centred**2).sum(axis=0), 1e-12)
    now = _past_return(log_returns, np.asarray(fold.decisions), horizon_days)
    return ahead.mean(axis=0) + slope * (now - past.mean(axis=0))


def ridge(log_returns: Array, fold: Fold, window_days: int, horizon_days: int) -> Array:
    """Ridge regression on the LSTM's own inputs, pooled over assets; penalty from the validation slice."""
    from sklearn.linear_model import Ridge

    inputs, outcomes = _pooled(log_returns, np.asarray(fold.train)[::STRIDE_DAYS], window_days, horizon_days)
    check, check_outcomes = _pooled(log_returns, np.asarray(fold.validation), window_days, horizon_days)
    models = [Ridge(penalty).fit(inputs, outcomes) for penalty in RIDGE_PENALTIES]
    losses = [float(np.mean((check_outcomes - model.predict(check)) ** 2)) for model in models]
    return _predict(models[int(np.argmin(losses))], log_returns, fold, window_days, horizon_days, lambda x: x)


def boosting(log_returns: Array, fold: Fold, window_days: int, horizon_days: int) -> Array:
    """Gradient-boosted trees on summaries of the LSTM's window, stopped early on the validation slice."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    inputs, outcomes = _pooled(log_returns, np.asarray(fold.train)[::STRIDE_DAYS], window_days, horizon_days)
    check, check_outcomes = _pooled(log_returns, np.asarray(fold.validation), window_days, horizon_days)
    model = HistGradientBoostingRegressor(
        max_iter=100, learning_rate=0.05, max_leaf_nodes=8, min_samples_leaf=200, l2_regularization=1.0,
        early_stopping=True, n_iter_no_change=5, random_state=0,
    )  # fmt: skip
    model.fit(summaries(inputs), outcomes, X_val=summaries(check), y_val=check_outcomes)
    return _predict(model, log_returns, fold, window_days, horizon_days, summaries)


RIVALS: dict[str, Forecaster] = {"ar1": ar1, "ridge": ridge, "boosting": boosting}


def shuffle_across_assets(forecasts: Array, rng: np.random.Generator) -> Array:
    """The same forecasts dealt to assets at random at each decision: level and spread stay, skill goes."""
    return rng.permuted(forecasts, axis=1)


def simple_return(
    forecasts: Array, log_returns: Array, days: Days, lookback_days: int, horizon_days: int
) -> Array:
    """Expected simple return of log-return forecasts, under log-normal returns: exp(f + h s^2 / 2) - 1.

    Parameters
    ----------
    forecasts : (n_decisions, n_assets). s is the daily volatility of the last `lookback_days`.
    """
    volatility = trailing_volatility(log_returns, days.tolist(), lookback_days, SCALE_FLOOR)
    return np.asarray(np.expm1(forecasts + horizon_days * volatility**2 / 2))


def foresight(returns: Array, days: Days, end: int) -> Array:
    """(n_decisions, n_assets) simple return of each asset until the next decision. Uses the future.

    Parameters
    ----------
    end : last row that is held.
    """
    return np.array(
        [np.prod(1 + returns[a + 1 : b + 1], axis=0) - 1 for a, b in zip(days, [*days[1:], end], strict=True)]
    )


def summaries(windows: Array) -> Array:
    """(n, 8) of (n, window_days) scaled returns: sums and spreads over the last days, weeks and all days."""
    length = windows.shape[1]
    spans = [span for span in (1, 5, 10, 21) if span < length] + [length]
    sums = [windows[:, -span:].sum(axis=1) / np.sqrt(span) for span in spans]
    spreads = [np.sqrt((windows[:, -span:] ** 2).mean(axis=1)) for span in spans[1:-1]]
    return np.column_stack([*sums, *spreads])


def _pooled(log_returns: Array, days: Days, window_days: int, horizon_days: int) -> tuple[Array, Array]:
    windows = return_windows(log_returns, days.tolist(), window_days, horizon_days)
    outcomes = windows.standardise(future_returns(log_returns, days.tolist(), horizon_days))
    return windows.values[..., 0].astype(float), outcomes


def _predict(
    model: object,
    log_returns: Array,
    fold: Fold,
    window_days: int,
    horizon_days: int,
    prepare: Callable[[Array], Array],
) -> Array:
    windows = return_windows(log_returns, fold.decisions, window_days, horizon_days)
    inputs = prepare(windows.values[..., 0].astype(float))
    return windows.unscale(model.predict(inputs))  # type: ignore[attr-defined]


def _learning_days(fold: Fold) -> Days:
    return np.concatenate([np.asarray(fold.train), np.asarray(fold.validation)])


def _past_return(log_returns: Array, days: Days, n_days: int) -> Array:
    total = np.vstack([np.zeros(log_returns.shape[1]), np.cumsum(log_returns, axis=0)])
    return total[days + 1] - total[days + 1 - n_days]
