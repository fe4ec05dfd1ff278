"""Portfolios of months without survivorship bias, in the manner of DeMiguel, Garlappi and Uppal (2009).

Monthly Sharpe ratios of returns less the riskless rate, turnover, the lead over equal weights, and what four
factors leave unexplained.
"""

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd
from scipy import stats

from dti_core.lab import intervals
from dti_core.lab.intervals import Interval
from dti_core.lab.record import Estimate
from dti_core.studies.lstm_portfolio.measures.report import Report
from dti_core.studies.lstm_portfolio.methods.forecasters import METHODS
from dti_core.studies.lstm_portfolio.methods.portfolios import BENCHMARK
from dti_core.studies.lstm_portfolio.model import Array
from dti_core.studies.lstm_portfolio.model.backtest import Backtest
from dti_core.studies.lstm_portfolio.model.performance import sharpe_difference, sharpe_ratio

MONTHS_A_YEAR = 12
MONTHLY_SHARPE = "Sharpe ratio a month"
#: Ends the word `measure` of an estimate of months, so that whoever asks for days does not meet it.
OF_MONTHS = "_months"


def named_for(universe: str, one: Estimate) -> Estimate:
    """The estimate under the name of its universe, in its name, its measure and its dimensions."""
    at = {**one.at, "universe": universe, "measure": f"{one.at['measure']}{OF_MONTHS}"}
    return replace(one, name=f"{one.name}_{universe}", at=at)


def month_estimates(backtest: Backtest, factors: pd.DataFrame, report: Report) -> Iterator[Estimate]:
    """Of each strategy but foresight: monthly Sharpe ratio, lead over equal weights, turnover, alpha.

    Parameters
    ----------
    factors : (n_months_held, n_factors) returns of traded factors of the same months.
    """
    benchmark, index = backtest.returns(BENCHMARK), backtest.index_returns
    for name, holding in backtest.holdings.items():
        if name in METHODS and "future" in METHODS[name].needs:
            continue
        yield _level(name, holding.returns, report)
        alpha = alpha_a_year(holding.returns, factors)
        at = {"measure": "factor_alpha", "method": name}
        yield report.estimate(alpha, f"alpha_{name}", "share a year", at)
        traded = intervals.newey_west_mean(holding.turnover[1:])
        at = {"measure": "turnover", "method": name}
        yield report.estimate(traded, f"turnover_{name}", "traded share of wealth a month", at)
        if name != BENCHMARK:
            yield _lead(name, BENCHMARK, holding.returns, benchmark, report)
    if index is not None:
        yield _level("index", index, report)
        yield _lead(BENCHMARK, "index", benchmark, index, report)


def alpha_a_year(returns: Array, factors: pd.DataFrame) -> Interval:
    """Twelve times the monthly return that traded factors leave unexplained, with a kernel (HAC) interval.

    Source: Newey and West (1987) for the errors, as linearmodels has them.

    Parameters
    ----------
    returns : (n_months,) less the riskless rate. factors : (n_months, n_factors).
    """
    from linearmodels.asset_pricing import TradedFactorModel

    table = factors.reset_index(drop=True)
    fit = TradedFactorModel(pd.DataFrame({"portfolio": returns}), table).fit(cov_type="kernel")
    value, error = (MONTHS_A_YEAR * float(one["alpha"].iloc[0]) for one in (fit.params, fit.std_errors))
    margin = float(stats.t.ppf(0.975, len(table) - table.shape[1] - 1)) * error
    how = f"kernel (Bartlett) errors on {', '.join(map(str, factors.columns))}, Student t"
    return Interval(value, value - margin, value + margin, error, len(returns), how)


def _level(name: str, returns: Array, report: Report) -> Estimate:
    at = {"measure": "monthly_sharpe", "method": name}
    return report.of(sharpe_ratio(returns, 1.0), f"monthly_sharpe_{name}", MONTHLY_SHARPE, at)


def _lead(name: str, against: str, first: Array, second: Array, report: Report) -> Estimate:
    key = f"monthly_sharpe_{name}_minus_{against}"
    at = {"measure": "monthly_sharpe_difference", "method": name, "against": against}
    return report.of(sharpe_difference(first, second, 1.0), key, MONTHLY_SHARPE, at)
