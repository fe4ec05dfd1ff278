"""What did strategies earn, after costs and at which risk, against equal weights and against controls?"""

from collections.abc import Iterator, Mapping

from dti_core.lab import intervals
from dti_core.lab.record import Estimate
from dti_core.studies.lstm_portfolio.measures.report import SHARPE_UNIT, Report
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE, METHODS
from dti_core.studies.lstm_portfolio.methods.portfolios import BENCHMARK, OVERLAYS
from dti_core.studies.lstm_portfolio.model import Array, performance
from dti_core.studies.lstm_portfolio.model.backtest import Backtest, Holding

MONTHS_PER_YEAR = 12
YEARLY = "share a year"
#: What one path of returns says of itself, a year: measure, statistic and unit. The level of volatility goes
#: without an interval: where volatility clusters, one of any number of cosines, in levels or logarithms,
#: covers about nine times in ten.
LEVELS = {
    "sharpe": (performance.sharpe_ratio, SHARPE_UNIT),
    "annual_return": (performance.annual_return, YEARLY),
    "annual_volatility": (performance.annual_volatility, YEARLY),
}


def judged_performance(backtest: Backtest, report: Report) -> Iterator[Estimate]:
    """In every world: favourite less benchmark and controls, foresight, overlays less favourite."""
    yield from _differences(backtest, report)
    for name, method in METHODS.items():
        if _sees_future(name):
            yield _lead(backtest, report, name, BENCHMARK)
        elif not method.counts_as_trial:
            yield _lead(backtest, report, FAVOURITE, name)
    for name in OVERLAYS:
        yield _lead(backtest, report, name, FAVOURITE, f"sharpe_{name}_minus_fixed")


def compared_performance(backtest: Backtest, report: Report) -> Iterator[Estimate]:
    """In the observed world: all strategies beside each other, and equal weights beside the index.

    Differences that `judged_performance` has already are not made again.
    """
    index, a_year = backtest.index_returns, backtest.periods_per_year
    for name, holding in backtest.holdings.items():
        yield from _levels(name, holding.returns, backtest, report)
        yield _turnover(name, holding, report)
        if name not in (BENCHMARK, FAVOURITE) and not _sees_future(name):
            yield _lead(backtest, report, name, BENCHMARK)
    if index is not None:
        yield from _levels("index", index, backtest, report)
        at, pair = {"method": BENCHMARK, "against": "index"}, (backtest.returns(BENCHMARK), index)
        name = f"sharpe_{BENCHMARK}_minus_index"
        yield report.sharpe_difference(name, at, *pair, periods_per_year=a_year)


def _sees_future(name: str) -> bool:
    return name in METHODS and "future" in METHODS[name].needs


def _lead(backtest: Backtest, report: Report, method: str, against: str, name: str | None = None) -> Estimate:
    """Annual Sharpe ratio of one strategy less that of another, days paired."""
    pair, a_year = (backtest.returns(method), backtest.returns(against)), backtest.periods_per_year
    at = {"method": method, "against": against}
    alone = (method, against) == (FAVOURITE, BENCHMARK)
    each = performance.sharpe_leads(backtest.networks, pair[1], a_year) if alone else ()
    return report.sharpe_difference(name or f"sharpe_{method}_minus_{against}", at, *pair, each, a_year)


def _differences(backtest: Backtest, report: Report) -> Iterator[Estimate]:
    """Sharpe ratio, return and volatility of favourite less benchmark; the last two are not at equal risk."""
    yield _lead(backtest, report, FAVOURITE, BENCHMARK)
    for measure in ("return", "volatility"):
        statistic, unit = LEVELS[f"annual_{measure}"]
        first, second = (
            statistic(backtest.returns(one), backtest.periods_per_year) for one in (FAVOURITE, BENCHMARK)
        )
        at = {"measure": f"{measure}_difference", "method": FAVOURITE, "against": BENCHMARK}
        yield report.of(first - second, f"{measure}_{FAVOURITE}_minus_{BENCHMARK}", unit, at)


def _levels(name: str, returns: Array, backtest: Backtest, report: Report) -> Iterator[Estimate]:
    for measure, (statistic, unit) in LEVELS.items():
        at = {"measure": measure, "method": name}
        found = statistic(returns, backtest.periods_per_year)
        if measure == "annual_volatility":
            yield _alone(f"{measure}_{name}", found.value, unit, len(returns), report, at)
        else:
            yield report.of(found, f"{measure}_{name}", unit, at)
    loss = performance.max_drawdown(returns + backtest.riskless)
    at = {"measure": "drawdown", "method": name}
    yield _alone(f"drawdown_{name}", loss, "share of wealth", len(returns), report, at)


def _alone(name: str, value: float, unit: str, n: int, report: Report, at: Mapping[str, str]) -> Estimate:
    """A number that describes one path."""
    how = "no interval: it describes one path"
    return Estimate(name, value, value, value, unit, n, world=report.world, how=how, at=at)


def _turnover(name: str, holding: Holding, report: Report) -> Estimate:
    traded = intervals.newey_west_mean(holding.turnover[1:] * MONTHS_PER_YEAR)
    at = {"measure": "turnover", "method": name}
    return report.estimate(traded, f"turnover_{name}", "traded share of wealth a year", at)
