"""How much is luck: the best of several tried forecasts, and another draw of the networks' seeds."""

import math
from collections.abc import Iterator

import numpy as np
from scipy import stats

from dti_core.lab import intervals
from dti_core.lab.methods import trials
from dti_core.lab.record import Estimate
from dti_core.studies.lstm_portfolio.measures.resampling import SHARPE_UNIT, Resampling
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE, METHODS
from dti_core.studies.lstm_portfolio.methods.portfolios import BENCHMARK
from dti_core.studies.lstm_portfolio.model import Array, performance
from dti_core.studies.lstm_portfolio.model.backtest import Backtest


def deflated_estimate(backtest: Backtest, resampling: Resampling) -> Iterator[Estimate]:
    """Deflated Sharpe ratio of the best of the tried forecasts, on its returns in excess of equal weights.

    The interval resamples days; which trial is best and how far the trials spread are held fixed.
    """
    tried, name = trials(METHODS), "deflated_sharpe_of_best_forecast"
    active = {trial: backtest.returns(trial) - backtest.returns(BENCHMARK) for trial in tried}
    ratios = {trial: float(lead.mean() / lead.std()) for trial, lead in active.items()}
    best, variance = max(ratios, key=ratios.__getitem__), float(np.var(list(ratios.values()), ddof=1))

    def deflated(sample: Array) -> float:
        return performance.deflated_sharpe_of(sample, variance, len(tried))

    drawn = intervals.block_bootstrap(deflated, active[best], **resampling.options(name))
    unit = f"probability ({METHODS[best].title}, best of {len(tried)})"
    yield drawn.estimate(name, unit, measure="deflated_sharpe", method=best, trials=len(tried))


def seed_estimates(backtest: Backtest, resampling: Resampling) -> Iterator[Estimate]:
    """What another draw of seeds would change, apart from what another stretch of history would."""
    n = len(backtest.networks)
    if n < 2:
        return
    leads = performance.sharpe_leads(backtest.networks, backtest.returns(BENCHMARK))
    name = f"sharpe_single_{FAVOURITE}_minus_{BENCHMARK}_over_seeds"
    at = {"measure": "mean_over_seeds", "method": FAVOURITE, "against": BENCHMARK}
    yield intervals.mean_over_seeds(leads).estimate(name, SHARPE_UNIT, resampling.world, **at)
    spread = float(np.std(leads, ddof=1))
    low, high = (spread * math.sqrt((n - 1) / stats.chi2.ppf(q, n - 1)) for q in (0.975, 0.025))
    yield Estimate(
        "sharpe_spread_of_seeds", spread, low, high, SHARPE_UNIT, n, n, per_seed=leads,
        how=f"chi-squared over {n} seeds, normal seeds", at={"measure": "seed_spread", "method": FAVOURITE},
    )  # fmt: skip
