"""Forecasts of variance by models of the GARCH family, each series apart: GARCH, GJR-GARCH, EGARCH.

Fitted by arch on the rows up to the first day asked for, zero mean, normal quasi-likelihood, and filtered
forward with new returns. arch gives the variance of the next day; the days after it follow in closed form.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from dti_core.studies.lstm_portfolio.model import Array

#: Log of the largest variance that EGARCH may forecast, in those of the sample (ten times the volatility): on
#: few days its shocks may be estimated so large that the mean of their exponential has no bound.
LARGEST_LOG = float(np.log(100.0))
#: Variances of the next day, parameters by arch's names, days ahead -> mean variance of the days ahead.
MeanAhead = Callable[[Array, Mapping[str, float], int], Array]


@dataclass(frozen=True, slots=True)
class Law:
    """A model of the family: what arch is asked for, and the mean of its variances over days ahead."""

    asked: Mapping[str, Any]
    mean_ahead: MeanAhead


def mean_of_garch(next_day: Array, parameters: Mapping[str, float], horizon_days: int) -> Array:
    """Variances that return to their long run at the rate alpha + gamma / 2 + beta.

    Source: Bollerslev (1986); Glosten, Jagannathan and Runkle (1993) with symmetric shocks.
    """
    kept = parameters["alpha[1]"] + parameters.get("gamma[1]", 0.0) / 2 + parameters["beta[1]"]
    ahead, total = next_day, np.zeros_like(next_day)
    for _ in range(horizon_days):
        total = total + ahead
        ahead = parameters["omega"] + kept * ahead
    return total / horizon_days


def mean_of_egarch(next_day: Array, parameters: Mapping[str, float], horizon_days: int) -> Array:
    """Variances whose logarithm returns to its long run; the mean of their exponentials is exact.

    With log v' = omega + beta log v + alpha (|e| - sqrt(2 / pi)) + gamma e and normal e, the mean of
    exp(b (alpha |e| + gamma e)) is the sum over s = +1, -1 of Phi(m) exp(m^2 / 2), m = b (alpha + s gamma).

    Source: Nelson (1991), with normal shocks.
    """
    omega, beta = parameters["omega"], parameters["beta[1]"]
    alpha, gamma = parameters["alpha[1]"], parameters["gamma[1]"]
    power, shift, total = 1.0, 0.0, np.zeros_like(next_day)
    for _ in range(horizon_days):
        total = total + np.exp(np.minimum(power * np.log(next_day) + shift, LARGEST_LOG))
        ends = power * np.array([alpha + gamma, alpha - gamma])
        shift += power * (omega - alpha * np.sqrt(2 / np.pi))
        shift += float(np.logaddexp(*(stats.norm.logcdf(ends) + ends**2 / 2)))
        power *= beta
    return total / horizon_days


GARCH = Law({"vol": "GARCH", "p": 1, "q": 1}, mean_of_garch)
GJR = Law({"vol": "GARCH", "p": 1, "o": 1, "q": 1}, mean_of_garch)
EGARCH = Law({"vol": "EGARCH", "p": 1, "o": 1, "q": 1}, mean_of_egarch)


def garch_variance(
    log_returns: Array,
    first_row: int,
    days: Sequence[int],
    horizon_days: int,
    floor: float,
    law: Law = GARCH,
) -> Array:
    """Mean of the variances of the `horizon_days` after each day.

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
        model = arch_model(sample / scale, mean="Zero", rescale=False, **law.asked)
        fit = model.fit(last_obs=int(rows[0]) + 1, disp="off", show_warning=False)
        ahead = fit.forecast(horizon=1, start=int(rows[0]), reindex=False).variance.to_numpy()[:, 0]
        mean = law.mean_ahead(ahead[rows - rows[0]], dict(fit.params), horizon_days)
        forecasts[:, series] = scale**2 * mean
    return np.maximum(forecasts, floor**2)
