"""What one world's strategies earned and what its forecasters said: all that measures look at."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dti_core.studies.lstm_portfolio.model.holding import Holding

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Backtest:
    """The outcome of one walk.

    holdings : by strategy. networks : (n_networks, n_days_held) returns of the portfolio of each network of
        the favourite alone, without rows if there is one network only.
    target : (n_decisions, n_assets) log returns over the horizon, of decisions whose horizon is over.
    forecasts : by forecaster, (n_networks, n_decisions, n_assets). nulls : by null, of the target's shape.
    regime : (n_days_held,) Regime of each day held. index_returns : (n_days_held,) of an index, or None.
    """

    holdings: Mapping[str, Holding]
    networks: Array
    target: Array
    forecasts: Mapping[str, Array]
    nulls: Mapping[str, Array]
    regime: NDArray[np.int64]
    index_returns: Array | None = None

    def returns(self, strategy: str) -> Array:
        """(n_days_held,) daily returns of a strategy after costs."""
        return self.holdings[strategy].returns

    def forecast(self, forecaster: str) -> Array:
        """(n_decisions, n_assets) mean forecast over networks."""
        return np.asarray(self.forecasts[forecaster].mean(axis=0))
