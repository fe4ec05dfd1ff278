"""Do the chapter's intervals hold what they promise: share of simulated histories whose truth they cover."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from dti_core.lab.intervals import influence_interval, share
from dti_core.lab.record import Estimate
from dti_core.studies.lstm_portfolio.measures.report import Report
from dti_core.studies.lstm_portfolio.model import Array, performance, skill
from dti_core.studies.lstm_portfolio.model.clustered import Clustered, simulate_paths, typical
from dti_core.studies.lstm_portfolio.model.statistic import Statistic, mean

#: Resamples for each simulated history, and the fewest histories.
RESAMPLES_A_HISTORY, LEAST = 2, 20


def coverage_estimates(n_days: int, n_months: int, report: Report) -> Iterator[Estimate]:
    """Coverage of each kind of interval over histories as long as the one that was observed.

    Parameters
    ----------
    n_days, n_months : days held and decisions of the observed history.
    """
    n_histories = max(LEAST, report.config.n_resamples // RESAMPLES_A_HISTORY)
    world, rng = typical(), report.rng("coverage")
    weights = np.array([rng.dirichlet(np.full(len(world.mean), 0.5)), np.full(len(world.mean), 0.05)])
    known, covered = truths(world, weights), Counter[str]()
    for paths, months in zip(
        *simulate_paths(world, weights, n_histories, n_days, n_months, rng), strict=True
    ):
        found = daily_statistics(*paths.T) | monthly_statistics(months, world, rng)
        for name, one in found.items():
            bounds = influence_interval(one.value, one.influence)
            covered[name] += bounds.low <= known[name] <= bounds.high
    for name in known:
        at = {"measure": "coverage", "statistic": name}
        yield share(covered[name], n_histories).estimate(f"coverage_{name}", "share of histories", **at)


def daily_statistics(returns: Array, benchmark: Array) -> dict[str, Statistic]:
    """What the chapter estimates from (n_days,) returns of a portfolio and of its benchmark."""
    first, second = (performance.annual_volatility(one) for one in (returns, benchmark))
    return {
        "sharpe": performance.sharpe_ratio(returns),
        "sharpe_difference": performance.sharpe_difference(returns, benchmark),
        "return_at_equal_volatility": performance.return_at_equal_volatility(returns, benchmark),
        "alpha": performance.alpha(returns, benchmark),
        "beta": performance.beta(returns, benchmark),
        "volatility": first,
        "volatility_difference": first - second,
    }


def monthly_statistics(months: Array, world: Clustered, rng: np.random.Generator) -> dict[str, Statistic]:
    """Of (n_months, n_assets) surprises: R2 of the best forecast, rank correlation of one that is void."""
    known, void = world.forecasts(months.shape, rng), world.forecasts(months.shape, rng)
    outcome = months + known
    return {
        "r2": skill.r2_against(outcome, known, np.zeros_like(outcome)),
        "rank_ic": mean(skill.rank_ic(outcome, void)),
    }


def truths(world: Clustered, weights: Array) -> dict[str, float]:
    """The same statistics where history never ends.

    Parameters
    ----------
    weights : (2, n_assets) of the portfolio and of its benchmark.
    """
    days = performance.DAYS_PER_YEAR
    returns, covariance = days * weights @ world.mean, days * weights @ world.covariance @ weights.T
    volatility = np.sqrt(np.diag(covariance))
    ratios, beta = returns / volatility, covariance[0, 1] / covariance[1, 1]
    found = {
        "sharpe": ratios[0],
        "sharpe_difference": ratios[0] - ratios[1],
        "return_at_equal_volatility": (ratios[0] - ratios[1]) * volatility[1],
        "alpha": returns[0] - beta * returns[1],
        "beta": beta,
        "volatility": volatility[0],
        "volatility_difference": volatility[0] - volatility[1],
        "r2": world.r2,
        "rank_ic": 0.0,
    }
    return {name: float(value) for name, value in found.items()}
