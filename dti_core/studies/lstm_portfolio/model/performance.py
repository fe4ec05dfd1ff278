"""Risk and return of a path of daily returns, and what is left of a Sharpe ratio after many trials."""

import math

import numpy as np
from scipy import stats

from dti_core.studies.lstm_portfolio.model import Array

DAYS_PER_YEAR = 252.0


def sharpe(returns: Array) -> float:
    """Annualised Sharpe ratio at a risk-free rate of 0: mean over standard deviation, times sqrt(252).

    Parameters
    ----------
    returns : (n_days,) simple daily returns that are not all alike.
    """
    spread = float(returns.std())
    if not spread > 0:
        raise ValueError("returns that never move have no Sharpe ratio")
    return float(returns.mean()) / spread * math.sqrt(DAYS_PER_YEAR)


def sharpe_leads(networks: Array, benchmark: Array) -> tuple[float, ...]:
    """Annualised Sharpe ratio of each row of (n_networks, n_days) less that of the benchmark."""
    return tuple(sharpe(returns) - sharpe(benchmark) for returns in networks)


def annual_return(returns: Array) -> float:
    """Arithmetic mean of daily returns, times 252."""
    return float(returns.mean()) * DAYS_PER_YEAR


def annual_volatility(returns: Array) -> float:
    """Standard deviation of daily returns, times sqrt(252)."""
    return float(returns.std()) * math.sqrt(DAYS_PER_YEAR)


def max_drawdown(returns: Array) -> float:
    """Largest loss from a peak of wealth, in [0, 1); wealth starts at 1, which counts as a peak.

    Parameters
    ----------
    returns : (n_days,) simple daily returns.
    """
    wealth = np.concatenate([[1.0], np.cumprod(1 + returns)])
    return float(np.max(1 - wealth / np.maximum.accumulate(wealth)))


def risk_differences(first: Array, second: Array) -> Array:
    """(3,) return, volatility and deepest drawdown of `first` less those of `second`, a year.

    Parameters
    ----------
    first, second : (n_days,) simple daily returns of the same days.
    """
    measures = (annual_return, annual_volatility, max_drawdown)
    return np.array([measure(first) - measure(second) for measure in measures])


def expected_best_sharpe(variance: float, n_trials: int) -> float:
    """Sharpe ratio that the luckiest of `n_trials` skill-less strategies is expected to show.

    Source: Bailey and Lopez de Prado (2014), the threshold of the deflated Sharpe ratio.

    Parameters
    ----------
    variance : variance of the Sharpe ratios of the trials, in the units of the returns' period.
    n_trials : independent trials, at least 2.
    """
    if n_trials < 2:
        return 0.0
    tail = 1 / n_trials
    quantiles = stats.norm.ppf([1 - tail, 1 - tail / math.e])
    return math.sqrt(variance) * float((1 - np.euler_gamma) * quantiles[0] + np.euler_gamma * quantiles[1])


def deflated_sharpe(
    sharpe_a_period: float, threshold: float, n: int, skewness: float, kurtosis: float
) -> float:
    """Probability that the true Sharpe ratio lies above `threshold`, given skewed and fat-tailed returns.

    Source: Bailey and Lopez de Prado (2012, 2014).

    Parameters
    ----------
    sharpe_a_period, threshold : of one period (a day), not annualised. n : number of periods.
    kurtosis : 3 for normal returns.
    """
    spread = math.sqrt(1 - skewness * sharpe_a_period + (kurtosis - 1) / 4 * sharpe_a_period**2)
    return float(stats.norm.cdf((sharpe_a_period - threshold) * math.sqrt(n - 1) / spread))


def deflated_sharpe_of(active: Array, trial_variance: float, n_trials: int) -> float:
    """Deflated Sharpe ratio of daily returns in excess of a benchmark, as the best of `n_trials`.

    Parameters
    ----------
    active : (n_days,) returns less the benchmark's. trial_variance : of the trials' daily Sharpe ratios.
    """
    threshold = expected_best_sharpe(trial_variance, n_trials)
    moments = float(stats.skew(active)), float(stats.kurtosis(active, fisher=False))
    return deflated_sharpe(float(active.mean() / active.std()), threshold, len(active), *moments)
