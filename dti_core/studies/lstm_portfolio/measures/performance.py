"""What did strategies earn, after costs and at which risk, against equal weights and against controls?"""

from collections.abc import Iterator

from dti_core.lab import intervals
from dti_core.lab.record import Estimate
from dti_core.studies.lstm_portfolio.measures.resampling import SHARPE_UNIT, Resampling
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE, METHODS
from dti_core.studies.lstm_portfolio.methods.portfolios import BENCHMARK, OVERLAYS
from dti_core.studies.lstm_portfolio.model import Array, performance
from dti_core.studies.lstm_portfolio.model.backtest import Backtest, Holding

MONTHS_PER_YEAR = 12
RISK_UNITS = {"return": "share a year", "volatility": "share a year", "drawdown": "share of wealth"}


def judged_performance(backtest: Backtest, resampling: Resampling) -> Iterator[Estimate]:
    """In every world: favourite less benchmark and controls, foresight, overlays less favourite."""
    favourite, benchmark = backtest.returns(FAVOURITE), backtest.returns(BENCHMARK)
    leads = performance.sharpe_leads(backtest.networks, benchmark)
    yield _difference(backtest, resampling, FAVOURITE, BENCHMARK, leads)
    yield from _risk_differences(favourite, benchmark, resampling)
    for name, method in METHODS.items():
        if _sees_future(name):
            yield _difference(backtest, resampling, name, BENCHMARK)
        elif not method.counts_as_trial:
            yield _difference(backtest, resampling, FAVOURITE, name)
    for name in OVERLAYS:
        at, pair = {"method": name, "against": FAVOURITE}, (backtest.returns(name), favourite)
        yield resampling.sharpe_difference(f"sharpe_{name}_minus_fixed", at, *pair)


def compared_performance(backtest: Backtest, resampling: Resampling) -> Iterator[Estimate]:
    """In the observed world: all strategies beside each other, and equal weights beside the index.

    Differences that `judged_performance` has already are not drawn again.
    """
    benchmark, index = backtest.returns(BENCHMARK), backtest.index_returns
    for name, holding in backtest.holdings.items():
        yield _level(name, holding.returns, resampling)
        yield _turnover(name, holding, resampling)
        if name not in (BENCHMARK, FAVOURITE) and not _sees_future(name):
            yield _difference(backtest, resampling, name, BENCHMARK)
    if index is not None:
        yield _level("index", index, resampling)
        at = {"method": BENCHMARK, "against": "index"}
        yield resampling.sharpe_difference(f"sharpe_{BENCHMARK}_minus_index", at, benchmark, index)


def _sees_future(name: str) -> bool:
    return name in METHODS and "future" in METHODS[name].needs


def _difference(
    backtest: Backtest, resampling: Resampling, method: str, against: str, each: tuple[float, ...] = ()
) -> Estimate:
    at, pair = {"method": method, "against": against}, (backtest.returns(method), backtest.returns(against))
    return resampling.sharpe_difference(f"sharpe_{method}_minus_{against}", at, *pair, each)


def _risk_differences(favourite: Array, benchmark: Array, resampling: Resampling) -> Iterator[Estimate]:
    """Return, volatility and drawdown of favourite less benchmark, from the same resampled days."""
    pair, options = f"{FAVOURITE}_minus_{BENCHMARK}", resampling.options("risk")
    drawn = intervals.joint_block_bootstrap(performance.risk_differences, favourite, benchmark, **options)
    for interval, (measure, unit) in zip(drawn, RISK_UNITS.items(), strict=True):
        at = {"measure": f"{measure}_difference", "method": FAVOURITE, "against": BENCHMARK}
        yield resampling.estimate(interval, f"{measure}_{pair}", unit, at)


def _level(name: str, returns: Array, resampling: Resampling) -> Estimate:
    key = f"sharpe_{name}"
    drawn = intervals.block_bootstrap(performance.sharpe, returns, **resampling.options(key))
    return resampling.estimate(drawn, key, SHARPE_UNIT, {"measure": "sharpe", "method": name})


def _turnover(name: str, holding: Holding, resampling: Resampling) -> Estimate:
    traded = intervals.newey_west_mean(holding.turnover[1:] * MONTHS_PER_YEAR)
    at = {"measure": "turnover", "method": name}
    return resampling.estimate(traded, f"turnover_{name}", "traded share of wealth a year", at)
