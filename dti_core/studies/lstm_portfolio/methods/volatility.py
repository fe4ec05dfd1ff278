"""Forecasts of the variance of daily returns over the next month: constant, HAR, pooled HAR, GARCH, LSTM.

All work on log returns (n_rows, n_series) and tell the variance of one day, (n_days, n_series).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dti_core.bridges.forecaster import Fold, LstmSettings, forecast_fold
from dti_core.lab.methods import Method
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE, Forecaster, Task
from dti_core.studies.lstm_portfolio.model import Array
from dti_core.studies.lstm_portfolio.model.variance import constant_variance, realised_variance

Rows = Sequence[int] | NDArray[np.int_]

#: Smallest daily volatility of a target or a forecast (10 basis points, about 1.6 % a year): a price may
#: stand still for weeks, and the QLIKE of a realised variance of zero is infinite.
VOLATILITY_FLOOR = 0.001
#: Components of HAR in trading days: a day, a week, a month.
HAR_DAYS = (1, 5, 22)
#: Days that the LSTM's scale is found on, spread evenly over those it learned from.
CALIBRATION_DAYS = 250
#: Largest ratio of realised to forecast variance that counts in a scale (five times the volatility): the day
#: on which a price moves again after weeks of standstill must not rule it.
RATIO_LIMIT = 25.0


def har_variance(
    log_returns: Array, fit_days: range, days: Sequence[int], horizon_days: int, floor: float
) -> Array:
    """HAR forecasts: the variance ahead regressed on that of the last day, week and month, each series apart.

    Forecasts below the smallest target seen in fitting are raised to it: least squares may go below zero.

    Source: Corsi (2009), eq. 11 with direct regression over the horizon; floor as in Bollerslev, Patton and
    Quaedvlieg (2016).

    Parameters
    ----------
    log_returns : (n_rows, n_series). fit_days : rows whose horizon ends before the first of `days`.
    days : rows at which forecasts are made.

    Returns
    -------
    (n_days, n_series), variance of a day.
    """
    targets = realised_variance(log_returns, fit_days, horizon_days, floor)
    seen, asked = (_har_components(log_returns, rows) for rows in (fit_days, days))
    forecasts = np.empty((len(days), log_returns.shape[1]))
    for series in range(log_returns.shape[1]):
        coefficients = np.linalg.lstsq(seen[:, :, series], targets[:, series], rcond=None)[0]
        forecasts[:, series] = np.maximum(asked[:, :, series] @ coefficients, targets[:, series].min())
    return forecasts


def pooled_har_variance(
    log_returns: Array, fit_days: range, days: Sequence[int], horizon_days: int, floor: float
) -> Array:
    """HAR in logarithms with one set of coefficients for all series: linear, but pooled as the network is.

    Day, week, month and target are told relative to the series' own variance so far. Without this rival, a
    gain of the network over `har_variance` could be one of pooling alone.

    Source: Corsi (2009) for the components; Bollerslev, Hood, Huss and Pedersen (2018) for pooling relative
    to the long run. Parameters and result as in `har_variance`.
    """
    realised = realised_variance(log_returns, fit_days, horizon_days, floor)
    (seen, seen_level), (asked, level) = (
        _log_components(log_returns, rows, floor) for rows in (fit_days, days)
    )
    target = np.log(realised / seen_level)
    coefficients = np.linalg.lstsq(seen.reshape(-1, seen.shape[-1]), target.ravel(), rcond=None)[0]
    scale = _scale(realised, seen_level * np.exp(seen @ coefficients))
    return np.maximum(scale * level * np.exp(asked @ coefficients), floor**2)


def _log_components(log_returns: Array, days: Rows, floor: float) -> tuple[Array, Array]:
    """One and the log components relative to the long run, (n_days, n_series, 4), and the long run itself."""
    level = np.maximum(constant_variance(log_returns, days), floor**2)
    parts = np.maximum(_har_components(log_returns, days)[:, 1:], floor**2)
    logs = np.log(parts / level[:, None]).transpose(0, 2, 1)
    return np.concatenate([np.ones_like(logs[..., :1]), logs], axis=-1), level


def _scale(realised: Array, forecast: Array) -> Array:
    """Mean ratio over the last two axes, the factor of least QLIKE for forecasts made from a mean logarithm.

    Source: Duan (1983).
    """
    ratio: Array = np.minimum(realised / forecast, RATIO_LIMIT).mean(axis=(-2, -1), keepdims=True)
    return ratio


def _har_components(log_returns: Array, days: Rows) -> Array:
    """One and the mean squared returns of the last day, week and month: (n_days, 4, n_series)."""
    total = np.vstack([np.zeros(log_returns.shape[1]), np.cumsum(log_returns**2, axis=0)])
    end = np.asarray(days) + 1
    if end.min() < max(HAR_DAYS):
        raise ValueError(f"HAR needs {max(HAR_DAYS)} rows before its first day")
    means = [(total[end] - total[end - length]) / length for length in HAR_DAYS]
    return np.stack([np.ones_like(means[0]), *means], axis=1)


def garch_variance(
    log_returns: Array, first_row: int, days: Sequence[int], horizon_days: int, floor: float
) -> Array:
    """GARCH(1,1) forecasts: fitted on the rows up to the first day, then filtered forward with new returns.

    Zero mean, normal quasi-likelihood, by arch; the forecast is the mean of the variances of the days ahead.

    Source: Bollerslev (1986).

    Parameters
    ----------
    log_returns : (n_rows, n_series). first_row : where fitting begins.
    days : ascending rows at which forecasts are made; the first is the last row of fitting.

    Returns
    -------
    (n_days, n_series), variance of a day.
    """
    from arch import arch_model

    rows = np.asarray(days) - first_row
    forecasts = np.empty((len(rows), log_returns.shape[1]))
    for series in range(log_returns.shape[1]):
        sample = log_returns[first_row : days[-1] + 1, series]
        scale = max(float(sample[: rows[0] + 1].std()), floor)
        model = arch_model(sample / scale, mean="Zero", vol="GARCH", p=1, q=1, rescale=False)
        fit = model.fit(last_obs=int(rows[0]) + 1, disp="off", show_warning=False)
        ahead = fit.forecast(horizon=horizon_days, start=int(rows[0]), reindex=False).variance.to_numpy()
        forecasts[:, series] = scale**2 * ahead[rows - rows[0]].mean(axis=1)
    return np.maximum(forecasts, floor**2)


def lstm_variance(
    log_returns: Array, fold: Fold, settings: "LstmSettings", seeds: np.random.SeedSequence, floor: float
) -> Array:
    """LSTM forecasts of each seed: the network of the return forecasts, trained on log realised volatility.

    The exponential of a forecast logarithm is too low on average. Each network is therefore scaled by its
    mean ratio of realised to forecast variance on the days it learned from, the scale of least QLIKE there.

    Returns
    -------
    (n_seeds, n_decisions, n_series), variance of a day.
    """

    learned = (*fold.train, *fold.validation)
    known = learned[:: max(1, len(learned) // CALIBRATION_DAYS)]
    asked = replace(fold, decisions=(*known, *fold.decisions))
    floored = replace(settings, scale_floor=floor)
    raw = np.exp(2.0 * forecast_fold(log_returns, asked, floored, seeds, target="log_volatility"))
    realised = realised_variance(log_returns, known, settings.horizon_days, floor)
    return np.maximum(_scale(realised, raw[:, : len(known)]) * raw[:, len(known) :], floor**2)


def _fit_days(task: Task) -> range:
    """Days whose components and outcome were known at the first decision."""
    first = max(task.fold.train.start, max(HAR_DAYS) - 1)
    return range(first, task.fold.decisions[0] - task.horizon_days + 1)


def _constant(task: Task) -> Array:
    return np.maximum(constant_variance(task.log_returns, task.fold.decisions), VOLATILITY_FLOOR**2)


def _har(task: Task) -> Array:
    lengths = task.horizon_days, VOLATILITY_FLOOR
    return har_variance(task.log_returns, _fit_days(task), task.fold.decisions, *lengths)


def _pooled_har(task: Task) -> Array:
    lengths = task.horizon_days, VOLATILITY_FLOOR
    return pooled_har_variance(task.log_returns, _fit_days(task), task.fold.decisions, *lengths)


def _garch(task: Task) -> Array:
    first, lengths = task.fold.train.start, (task.horizon_days, VOLATILITY_FLOOR)
    return garch_variance(task.log_returns, first, task.fold.decisions, *lengths)


def _lstm(task: Task) -> Array:
    return lstm_variance(task.log_returns, task.fold, task.network, task.seeds, VOLATILITY_FLOOR)


#: The model without skill: what the others' losses are compared with.
BASELINE = "constant"
#: Each gives (n_decisions, n_series), or (n_networks, n_decisions, n_series) where it draws random numbers.
VOLATILITY: dict[str, Method[Forecaster]] = {
    BASELINE: Method("constant", _constant, ("variance never changes",), counts_as_trial=False),
    "har": Method("HAR", _har, ("variance is linear in that of a day, a week and a month",)),
    "pooled_har": Method("pooled HAR", _pooled_har, ("log variance follows the same HAR for all series",)),
    "garch": Method("GARCH(1,1)", _garch, ("variance follows its own square and the last squared return",)),
    FAVOURITE: Method("LSTM", _lstm, ("all series follow one rule",)),
}
