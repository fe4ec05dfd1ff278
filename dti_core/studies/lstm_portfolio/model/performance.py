"""Risk and return of a path of returns, at equal risk too, and what is left of a lead after many trials.

Statistics carry their influence functions; the riskless rate is 0, or taken off the returns before.
"""

import math

import numpy as np
from scipy import stats

from dti_core.studies.lstm_portfolio.model import Array
from dti_core.studies.lstm_portfolio.model.statistic import Statistic, covariance, mean

DAYS_PER_YEAR = 252.0


def annual_return(returns: Array, periods_per_year: float = DAYS_PER_YEAR) -> Statistic:
    """Arithmetic mean of (n_periods,) returns, times the periods of a year."""
    return mean(returns) * periods_per_year


def annual_volatility(returns: Array, periods_per_year: float = DAYS_PER_YEAR) -> Statistic:
    """Standard deviation of (n_periods,) returns, times the root of the periods of a year."""
    return covariance(returns, returns).root() * math.sqrt(periods_per_year)


def sharpe_ratio(returns: Array, periods_per_year: float = DAYS_PER_YEAR) -> Statistic:
    """Annual Sharpe ratio: mean over standard deviation, times the root of the periods of a year.

    Parameters
    ----------
    returns : (n_periods,) simple returns that are not all alike.
    """
    return mean(returns) / covariance(returns, returns).root() * math.sqrt(periods_per_year)


def sharpe(returns: Array, periods_per_year: float = DAYS_PER_YEAR) -> float:
    """The value of `sharpe_ratio`."""
    return sharpe_ratio(returns, periods_per_year).value


def sharpe_difference(returns: Array, benchmark: Array, periods_per_year: float = DAYS_PER_YEAR) -> Statistic:
    """Annual Sharpe ratio less that of a benchmark over the same (n_periods,)."""
    return sharpe_ratio(returns, periods_per_year) - sharpe_ratio(benchmark, periods_per_year)


def sharpe_leads(
    networks: Array, benchmark: Array, periods_per_year: float = DAYS_PER_YEAR
) -> tuple[float, ...]:
    """Annual Sharpe ratio of each row of (n_networks, n_periods) less that of the benchmark."""
    level = sharpe(benchmark, periods_per_year)
    return tuple(sharpe(returns, periods_per_year) - level for returns in networks)


def return_at_equal_volatility(
    returns: Array, benchmark: Array, periods_per_year: float = DAYS_PER_YEAR
) -> Statistic:
    """Yearly return, scaled by lending or borrowing to the benchmark's volatility, less the benchmark's.

    It is the Sharpe difference times the benchmark's volatility: who leads here has more return at the same
    risk, and as much return at less.

    Source: Modigliani and Modigliani (1997).

    Parameters
    ----------
    returns, benchmark : (n_periods,) simple returns of the same periods.
    """
    lead = sharpe_difference(returns, benchmark, periods_per_year)
    return lead * annual_volatility(benchmark, periods_per_year)


def beta(returns: Array, benchmark: Array) -> Statistic:
    """Slope of the regression of returns on the benchmark's, both (n_periods,)."""
    return covariance(returns, benchmark) / covariance(benchmark, benchmark)


def alpha(returns: Array, benchmark: Array, periods_per_year: float = DAYS_PER_YEAR) -> Statistic:
    """Yearly intercept of the same regression: what is left once the benchmark's risk is hedged.

    Source: Jensen (1968).
    """
    return (mean(returns) - beta(returns, benchmark) * mean(benchmark)) * periods_per_year


def hedged(returns: Array, benchmark: Array) -> Array:
    """(n_periods,) returns less beta times those of the benchmark, intercept included."""
    return np.asarray(returns - beta(returns, benchmark).value * benchmark)


def hedged_sharpe(returns: Array, benchmark: Array, periods_per_year: float = DAYS_PER_YEAR) -> Statistic:
    """Annual Sharpe ratio of what is left once the benchmark is hedged: alpha over the residual's volatility.

    Beta is estimated, and its error counts.
    """
    left = hedged(returns, benchmark)
    a_period = alpha(returns, benchmark, 1.0) / covariance(left, left).root()
    return a_period * math.sqrt(periods_per_year)


def max_drawdown(returns: Array) -> float:
    """Largest loss from a peak of wealth, in [0, 1); wealth starts at 1, which counts as a peak.

    It describes one path. Resampled days have other peaks, so no interval belongs to it.

    Parameters
    ----------
    returns : (n_periods,) simple returns.
    """
    wealth = np.concatenate([[1.0], np.cumprod(1 + returns)])
    return float(np.max(1 - wealth / np.maximum.accumulate(wealth)))


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
    sharpe_a_period, threshold : of one period, not annualised. n : number of periods.
    kurtosis : 3 for normal returns.
    """
    spread = math.sqrt(1 - skewness * sharpe_a_period + (kurtosis - 1) / 4 * sharpe_a_period**2)
    return float(stats.norm.cdf((sharpe_a_period - threshold) * math.sqrt(n - 1) / spread))


def deflated_sharpe_of(returns: Array, threshold: float) -> float:
    """Deflated Sharpe ratio of (n_periods,) returns against a threshold of one period."""
    moments = float(stats.skew(returns)), float(stats.kurtosis(returns, fisher=False))
    return deflated_sharpe(sharpe(returns, 1.0), threshold, len(returns), *moments)
