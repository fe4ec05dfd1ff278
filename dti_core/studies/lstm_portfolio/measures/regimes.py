"""Does the favourite do better in calm markets than in volatile ones?"""

import math
from collections.abc import Iterator
from dataclasses import replace

from scipy import stats

from dti_core.lab.intervals import COSINES
from dti_core.lab.record import Estimate
from dti_core.studies.lstm_portfolio.measures.report import Report
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE
from dti_core.studies.lstm_portfolio.methods.portfolios import BENCHMARK
from dti_core.studies.lstm_portfolio.model.backtest import Backtest
from dti_core.studies.lstm_portfolio.model.regimes import Regime

#: A regime held for fewer days is not judged.
MIN_REGIME_DAYS = 42


def regime_estimates(backtest: Backtest, report: Report) -> Iterator[Estimate]:
    """Sharpe difference of the favourite to equal weights in each regime, and calm less volatile.

    A regime of fewer than MIN_REGIME_DAYS days is left out, and so is a contrast that needs it.
    """
    by_regime: dict[Regime, Estimate] = {}
    for regime in (Regime.CALM, Regime.MIDDLE, Regime.VOLATILE):
        days = backtest.regime == regime
        if days.sum() >= MIN_REGIME_DAYS:
            label = regime.name.lower()
            name = f"sharpe_{FAVOURITE}_minus_{BENCHMARK}_{label}"
            pair = backtest.returns(FAVOURITE)[days], backtest.returns(BENCHMARK)[days]
            at = {"method": FAVOURITE, "against": BENCHMARK, "regime": label}
            by_regime[regime] = report.sharpe_difference(
                name, at, *pair, periods_per_year=backtest.periods_per_year
            )
    yield from by_regime.values()
    if Regime.CALM in by_regime and Regime.VOLATILE in by_regime:
        yield _contrast(by_regime[Regime.CALM], by_regime[Regime.VOLATILE])


def _contrast(calm: Estimate, volatile: Estimate) -> Estimate:
    """Calm less volatile; the days of the two regimes do not overlap, so their variances add."""
    value = calm.value - volatile.value
    error = math.hypot(calm.std_error or 0.0, volatile.std_error or 0.0)
    margin = float(stats.t.ppf((1 + calm.level) / 2, COSINES)) * error
    return replace(
        calm, name=f"sharpe_{FAVOURITE}_minus_{BENCHMARK}_calm_minus_volatile", value=value,
        low=value - margin, high=value + margin, n=calm.n + volatile.n, std_error=error,
        at={**calm.at, "regime": "calm_minus_volatile"},
        how="Student t, errors of two separate sets of days added",
    )  # fmt: skip
