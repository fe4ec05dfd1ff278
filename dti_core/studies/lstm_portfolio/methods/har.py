"""Linear forecasts of variance from its own past: HAR, and HAR in logarithms pooled over series.

All work on log returns (n_rows, n_series) and tell the variance of one day, (n_days, n_series).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dti_core.studies.lstm_portfolio.model import Array
from dti_core.studies.lstm_portfolio.model.variance import constant_variance, realised_variance

Rows = Sequence[int] | NDArray[np.int_]

#: Components of HAR in trading days: a day, a week, a month.
HAR_DAYS = (1, 5, 22)
#: Largest ratio of realised to forecast variance that counts in a scale (five times the volatility): the day
#: on which a price moves again after weeks of standstill must not rule it.
RATIO_LIMIT = 25.0


@dataclass(frozen=True, slots=True)
class LogHar:
    """What a pooled HAR in logarithms reads: the past of each series alone unless `market`.

    spans : days of each component. signs : whether falls and rises count apart, by the share of the squares
    that falls have (Patton and Sheppard 2015, semivariance) and by the mean return over each span in units of
    risk (Corsi and Reno 2012, leverage). market : whether the mean of all series' components is read too.
    """

    spans: tuple[int, ...] = HAR_DAYS
    signs: bool = False
    market: bool = False

    def components(self, log_returns: Array, days: Rows, floor: float) -> tuple[Array, Array]:
        """(n_days, n_series, n_components), and the long run (n_days, n_series) that they are relative to."""
        level = np.maximum(constant_variance(log_returns, days), floor**2)
        squares = [np.maximum(_mean(log_returns**2, days, span), floor**2) for span in self.spans]
        own = [np.log(square / level) for square in squares]
        parts = [np.ones_like(level), *own]
        if self.signs:
            falls = np.where(log_returns < 0, log_returns**2, 0.0)
            risk = np.sqrt(squares[-1])
            for span, square in zip(self.spans, squares, strict=True):
                parts.append(_mean(log_returns, days, span) * np.sqrt(span) / risk)
                if span > 1:
                    parts.append(_mean(falls, days, span) / square)
        if self.market:
            parts += [np.broadcast_to(one.mean(axis=1, keepdims=True), one.shape) for one in own]
        return np.stack(parts, axis=-1), level


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
    log_returns: Array,
    fit_days: range,
    days: Sequence[int],
    horizon_days: int,
    floor: float,
    reads: LogHar = LogHar(),
) -> Array:
    """HAR in logarithms with one set of coefficients for all series: linear, but pooled as the network is.

    Components and target are told relative to the series' own variance so far. Without such a rival, a gain
    of the network over `har_variance` could be one of pooling alone, or of what it reads.

    Source: Corsi (2009) for the components; Bollerslev, Hood, Huss and Pedersen (2018) for pooling relative
    to the long run. Parameters and result as in `har_variance`.
    """
    realised = realised_variance(log_returns, fit_days, horizon_days, floor)
    (seen, seen_level), (asked, level) = (
        reads.components(log_returns, rows, floor) for rows in (fit_days, days)
    )
    target = np.log(realised / seen_level)
    coefficients = np.linalg.lstsq(seen.reshape(-1, seen.shape[-1]), target.ravel(), rcond=None)[0]
    scale = mean_ratio(realised, seen_level * np.exp(seen @ coefficients))
    return np.maximum(scale * level * np.exp(asked @ coefficients), floor**2)


def mean_ratio(realised: Array, forecast: Array) -> Array:
    """Mean ratio over the last two axes, the factor of least QLIKE for forecasts made from a mean logarithm.

    Source: Duan (1983).
    """
    ratio: Array = np.minimum(realised / forecast, RATIO_LIMIT).mean(axis=(-2, -1), keepdims=True)
    return ratio


def _har_components(log_returns: Array, days: Rows) -> Array:
    """One and the mean squared returns of the last day, week and month: (n_days, 4, n_series)."""
    means = [_mean(log_returns**2, days, span) for span in HAR_DAYS]
    return np.stack([np.ones_like(means[0]), *means], axis=1)


def _mean(values: Array, days: Rows, span: int) -> Array:
    """(n_days, n_series) mean of the last `span` rows up to each day."""
    total = np.vstack([np.zeros(values.shape[1]), np.cumsum(values, axis=0)])
    end = np.asarray(days) + 1
    if end.min() < span:
        raise ValueError(f"HAR needs {span} rows before its first day")
    return np.asarray((total[end] - total[end - span]) / span)
