"""Did the favourite earn more at the same risk: return at equal volatility, alpha and beta.

Returns and volatilities side by side compare nothing: a portfolio of most Sharpe ratio holds few assets and
is more volatile than equal weights whatever its forecasts are worth.
"""

from collections.abc import Callable, Iterator

from dti_core.lab.intervals import Interval, influence_interval
from dti_core.lab.record import Estimate
from dti_core.studies.lstm_portfolio.measures.report import Report
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE
from dti_core.studies.lstm_portfolio.methods.portfolios import BENCHMARK
from dti_core.studies.lstm_portfolio.model import Array, performance
from dti_core.studies.lstm_portfolio.model.backtest import Backtest
from dti_core.studies.lstm_portfolio.model.statistic import Statistic

#: What stands between the two strategies in an estimate's name, its unit, and the statistic.
MEASURES: dict[str, tuple[str, str, Callable[[Array, Array, float], Statistic]]] = {
    "return_at_equal_volatility": ("minus", "share a year", performance.return_at_equal_volatility),
    "alpha": ("on", "share a year", performance.alpha),
    "beta": ("on", "slope", lambda returns, benchmark, _: performance.beta(returns, benchmark)),
}


def equal_risk_intervals(
    returns: Array, benchmark: Array, periods_per_year: float, against: str = BENCHMARK
) -> dict[str, Interval]:
    """Intervals of the favourite's measures at equal risk by estimate name, in about a millisecond.

    Parameters
    ----------
    returns, benchmark : (n_periods,) simple returns of the same periods. against : names the benchmark.
    """
    found = {}
    for measure, (joint, _, statistic) in MEASURES.items():
        one = statistic(returns, benchmark, periods_per_year)
        name = f"{measure}_{FAVOURITE}_{joint}_{against}"
        found[name] = influence_interval(one.value, one.influence)
    return found


def judged_equal_risk(backtest: Backtest, report: Report) -> Iterator[Estimate]:
    """In every world: the favourite against equal weights."""
    yield from _against(FAVOURITE, BENCHMARK, backtest.returns(BENCHMARK), backtest, report)


def compared_equal_risk(backtest: Backtest, report: Report) -> Iterator[Estimate]:
    """In the observed world: every other strategy against equal weights, and all against the index."""
    for name in backtest.holdings:
        if name not in (FAVOURITE, BENCHMARK):
            yield from _against(name, BENCHMARK, backtest.returns(BENCHMARK), backtest, report)
        if backtest.index_returns is not None:
            yield from _against(name, "index", backtest.index_returns, backtest, report)


def _against(
    method: str, against: str, benchmark: Array, backtest: Backtest, report: Report
) -> Iterator[Estimate]:
    for measure, (joint, unit, statistic) in MEASURES.items():
        at = {"measure": measure, "method": method, "against": against}
        found = statistic(backtest.returns(method), benchmark, backtest.periods_per_year)
        yield report.of(found, f"{measure}_{method}_{joint}_{against}", unit, at)
