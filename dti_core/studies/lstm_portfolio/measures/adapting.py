"""Is it heeding the market that helps, or only holding less of the favourite?"""

from collections.abc import Iterator

from dti_core.lab.record import Estimate
from dti_core.studies.lstm_portfolio.measures.report import Report
from dti_core.studies.lstm_portfolio.methods.portfolios import ADAPTIVE, CONSTANT_MIX
from dti_core.studies.lstm_portfolio.model.backtest import Backtest


def adapting_estimates(backtest: Backtest, report: Report) -> Iterator[Estimate]:
    """In every world: the adaptive bet less a mix that holds as much of the favourite at all times."""
    at = {"method": ADAPTIVE, "against": CONSTANT_MIX}
    pair = backtest.returns(ADAPTIVE), backtest.returns(CONSTANT_MIX)
    name, a_year = f"sharpe_{ADAPTIVE}_minus_{CONSTANT_MIX}", backtest.periods_per_year
    yield report.sharpe_difference(name, at, *pair, periods_per_year=a_year)
