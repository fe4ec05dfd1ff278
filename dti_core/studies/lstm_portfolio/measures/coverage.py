"""Do the chapter's intervals hold what they promise: share of simulated histories whose truth they cover."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np

from dti_core.lab.intervals import influence_interval, share
from dti_core.lab.record import Estimate
from dti_core.studies.lstm_portfolio.measures.resampling import Resampling
from dti_core.studies.lstm_portfolio.model import Array, performance, skill
from dti_core.studies.lstm_portfolio.model.clustered import Clustered, lasting_scores, typical
from dti_core.studies.lstm_portfolio.model.statistic import Statistic, mean

#: Resamples for each simulated history; persistence of forecasts from month to month.
RESAMPLES_A_DRAW, PERSISTENCE = 5, 0.6


def coverage_estimates(n_days: int, n_months: int, resampling: Resampling) -> Iterator[Estimate]:
    """Coverage of each kind of interval over histories as long as the one that was observed.

    Source: Wilson (1927) for the interval of a share.

    Parameters
    ----------
    n_days, n_months : days held and decisions of the observed history.
    """
    n_draws = max(20, resampling.config.n_resamples // RESAMPLES_A_DRAW)
    world, rng, covered = typical(), resampling.rng("coverage"), Counter[str]()
    weights = np.array([world.mean / world.mean.sum() ** 0, np.ones(len(world.mean))])
    weights = np.array([rng.dirichlet(np.full(len(world.mean), 0.5)), np.full(len(world.mean), 0.05)])
    paths, months = simulate(world, weights, n_draws, n_days, n_months, rng)
    known = truths(world, weights)
    for path, month in zip(paths, months, strict=True):
        for name, one in (daily_statistics(path) | monthly_statistics(month, world, rng)).items():
            bounds = influence_interval(one.value, one.influence)
            covered[name] += bounds.low <= known[name] <= bounds.high
    for name in known:
        at = {"measure": "coverage", "statistic": name}
        yield share(covered[name], n_draws).estimate(f"coverage_{name}", "share of draws", **at)
