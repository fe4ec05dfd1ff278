"""How much is luck: the best of several tried forecasts, and another draw of the networks' seeds."""

import math
from collections.abc import Iterator

import numpy as np
from scipy import stats

from dti_core.lab import intervals
from dti_core.lab.methods import trials
from dti_core.lab.record import Estimate
from dti_core.studies.lstm_portfolio.measures.report import SHARPE_UNIT, Report
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE, METHODS
from dti_core.studies.lstm_portfolio.methods.portfolios import BENCHMARK, OVERLAYS, RULES, TRADERS
from dti_core.studies.lstm_portfolio.model import performance
from dti_core.studies.lstm_portfolio.model.backtest import Backtest


def deflated_estimate(backtest: Backtest, report: Report) -> Iterator[Estimate]:
    """What the best trial's lead at equal risk is worth, once all that were tried are counted.

    Each trial is hedged with equal weights: its returns less beta times theirs. The best of N trials without
    skill would show a Sharpe ratio of such residuals by luck; the deflated one is the probability that the
    true ratio of the best lies above that. A probability has no interval.
    """
    tried, benchmark = trials({**METHODS, **RULES, **TRADERS, **OVERLAYS}), backtest.returns(BENCHMARK)
    residuals = {trial: performance.hedged(backtest.returns(trial), benchmark) for trial in tried}
    ratios = {trial: performance.sharpe(one, 1.0) for trial, one in residuals.items()}
    best, spread = max(ratios, key=ratios.__getitem__), float(np.var(list(ratios.values()), ddof=1))
    threshold, a_year = performance.expected_best_sharpe(spread, len(tried)), backtest.periods_per_year
    at = {"method": best, "against": BENCHMARK}
    ratio = performance.hedged_sharpe(backtest.returns(best), benchmark, a_year)
    yield report.of(ratio, "hedged_sharpe_of_best_forecast", SHARPE_UNIT, {"measure": "hedged_sharpe", **at})
    for name, value, unit in (
        ("hedged_sharpe_of_luck", threshold * math.sqrt(a_year), SHARPE_UNIT),
        (
            "deflated_sharpe_of_best_forecast",
            performance.deflated_sharpe_of(residuals[best], threshold),
            "probability",
        ),
    ):
        yield Estimate(
            name, value, value, value, unit, len(benchmark), how=f"no interval: best of {len(tried)} trials",
            at={"measure": name, "trials": len(tried), **at},
        )  # fmt: skip


def seed_estimates(backtest: Backtest, report: Report) -> Iterator[Estimate]:
    """What another draw of seeds would change, apart from what another stretch of history would."""
    n = len(backtest.networks)
    if n < 2:
        return
    leads = performance.sharpe_leads(
        backtest.networks, backtest.returns(BENCHMARK), backtest.periods_per_year
    )
    name = f"sharpe_single_{FAVOURITE}_minus_{BENCHMARK}_over_seeds"
    at = {"measure": "mean_over_seeds", "method": FAVOURITE, "against": BENCHMARK}
    yield intervals.mean_over_seeds(leads).estimate(name, SHARPE_UNIT, report.world, **at)
    spread = float(np.std(leads, ddof=1))
    low, high = (spread * math.sqrt((n - 1) / stats.chi2.ppf(q, n - 1)) for q in (0.975, 0.025))
    yield Estimate(
        "sharpe_spread_of_seeds", spread, low, high, SHARPE_UNIT, n, n, per_seed=leads,
        how=f"chi-squared over {n} seeds, normal seeds", at={"measure": "seed_spread", "method": FAVOURITE},
    )  # fmt: skip
