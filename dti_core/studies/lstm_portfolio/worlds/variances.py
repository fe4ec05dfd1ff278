"""Simulated markets for volatility models: the law of one is among the rivals, that of the other is not.

The daily returns of each series are independent of the others' and follow the same law. Nothing can be said
of their mean; what can be forecast is their variance.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dti_core.studies.lstm_portfolio.model import Array

#: Days, series, random numbers -> (n_days, n_series) log returns.
Simulate = Callable[[int, int, np.random.Generator], Array]
#: Daily volatility in the long run.
USUAL = 0.01


@dataclass(frozen=True, slots=True)
class VarianceLaw:
    """A market that is simulated anew in each draw, and how much of it.

    n_assets : series judged together; one more is the index. n_learning_days : before the only fit.
    n_decisions : monthly forecasts that are judged.
    """

    simulate: Simulate
    n_assets: int = 5
    n_learning_days: int = 2000
    n_decisions: int = 360


def gjr_returns(
    n_days: int,
    n_series: int,
    rng: np.random.Generator,
    alpha: float = 0.03,
    gamma: float = 0.10,
    beta: float = 0.90,
) -> Array:
    """GJR-GARCH(1,1) with normal shocks, started at its long run; parameters as stock indices have them.

    Source: Glosten, Jagannathan and Runkle (1993).
    """
    shocks = rng.standard_normal((n_days, n_series))
    returns = np.empty_like(shocks)
    variance = np.full(n_series, USUAL**2)
    omega = USUAL**2 * (1 - alpha - gamma / 2 - beta)
    for day, shock in enumerate(shocks):
        returns[day] = np.sqrt(variance) * shock
        weight = alpha + gamma * (shock < 0)
        variance = omega + weight * returns[day] ** 2 + beta * variance
    return returns


def quiet_days_returns(
    n_days: int,
    n_series: int,
    rng: np.random.Generator,
    threshold: float = 0.3,
    span: int = 21,
    spread: float = 0.8,
) -> Array:
    """A threshold: what counts is on how many of the last days the price hardly moved, not how far it moved.

    A day is quiet if its shock lies within `threshold` standard deviations. The log variance is the share of
    quiet days among the last `span`, averaged over the last `span` days, turned into a number of standard
    deviation `spread`; many quiet days make a calm month. Squared returns hardly tell a quiet day from a
    usual one, so that neither HAR nor a member of the GARCH family reads the pattern.

    Source: own; a threshold model in the manner of Zakoian (1994) with the size of the shock as threshold.
    """
    shocks = rng.standard_normal((n_days, n_series))
    quiet = (np.abs(shocks) < threshold).astype(float)
    share = 2 * _normal_share(threshold)
    deviation = (quiet - share) / np.sqrt(share * (1 - share))
    weights = np.convolve(np.ones(span), np.ones(span))
    weights /= np.sqrt((weights**2).sum())
    pressure = np.zeros_like(shocks)
    for series in range(n_series):
        pressure[1:, series] = np.convolve(deviation[:, series], weights)[: n_days - 1]
    return np.asarray(USUAL * np.exp(-spread * pressure / 2) * shocks)


def _normal_share(threshold: float) -> float:
    """Probability of a normal shock between 0 and `threshold`."""
    from scipy import stats

    return float(stats.norm.cdf(threshold)) - 0.5
