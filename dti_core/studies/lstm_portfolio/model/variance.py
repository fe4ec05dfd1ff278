"""Realised variance of the days ahead, the forecast without skill, and the loss of a variance forecast.

All tell the variance of one day of log returns, (n_days, n_series).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dti_core.studies.lstm_portfolio.model import Array

Rows = Sequence[int] | NDArray[np.int_]


def realised_variance(log_returns: Array, days: Rows, horizon_days: int, floor: float) -> Array:
    """Mean squared return of the `horizon_days` rows after each day, at least `floor` squared.

    Parameters
    ----------
    log_returns : (n_rows, n_series). days : rows whose horizon ends inside the table.

    Returns
    -------
    (n_days, n_series), variance of a day.
    """
    total = np.vstack([np.zeros(log_returns.shape[1]), np.cumsum(log_returns**2, axis=0)])
    start = np.asarray(days) + 1
    if start.max() + horizon_days >= len(total):
        raise ValueError("a horizon ends after the last row")
    return np.maximum((total[start + horizon_days] - total[start]) / horizon_days, floor**2)


def constant_variance(log_returns: Array, days: Rows) -> Array:
    """Mean squared return of all rows up to each day, the forecast without skill: (n_days, n_series)."""
    rows = np.asarray(days)
    mean: Array = np.cumsum(log_returns**2, axis=0)[rows] / (rows[:, None] + 1.0)
    return mean


def qlike(realised: Array, forecast: Array) -> Array:
    """Loss of variance forecasts, zero for a perfect one: x - log(x) - 1 with x = realised / forecast.

    Source: Patton (2011), the robust loss that is homogeneous of degree zero.

    Parameters
    ----------
    realised, forecast : variances of any shapes that fit together, all above 0.
    """
    with np.errstate(divide="ignore"):
        ratio = realised / forecast
    if not np.all(np.isfinite(ratio) & (ratio > 0.0)):
        raise ValueError("variances must be finite and above 0")
    loss: Array = ratio - np.log(ratio) - 1.0
    return loss
