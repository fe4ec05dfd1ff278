"""From weights to returns after costs, and the outcome of a walk: all that measures look at."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dti_core.studies.lstm_portfolio.data.listing import Status
from dti_core.studies.lstm_portfolio.model import Array, Days


@dataclass(frozen=True, slots=True)
class Holding:
    """What a sequence of target weights earned.

    returns : (n_days_held,) simple daily returns after costs, from the day after the first decision.
    turnover : (n_decisions,) traded share of wealth; entering counts 1.
    """

    returns: Array
    turnover: Array


def drifted(weights: Array, growth: Array) -> Array:
    """(n_assets,) weights after each asset grew by the factor `growth` and nothing was traded."""
    grown = weights * growth
    return np.asarray(grown / grown.sum(axis=-1, keepdims=True))


def hold(
    weights: Array, returns: Array, days: Days, cost_bps: float, end: int | None = None,
    states: NDArray[np.int8] | None = None,
) -> Holding:  # fmt: skip
    """Daily returns of weights set at the closes `days`, left to drift in between, less the cost of trading.

    Trading at day t costs cost_bps / 10,000 of each traded dollar, sum |target - drifted|, and is taken from
    the return of day t + 1. What is held of a halted share is kept, and the rest follows the weights. What is
    left of a share that is gone lies as cash until the next decision, and is not traded then.

    Parameters
    ----------
    weights : (n_decisions, n_assets), each row set with what was known at the close of its day; several
        strategies side by side have an axis before, as what they earned has then.
    returns : (n_days, n_assets) simple daily returns, NaN where a share is not listed.
    days : (n_decisions,) increasing rows of it. end : last row that is held; None holds to the last.
    states : (n_days, n_assets) Status of each share; None if all are traded every day.
    """
    last = len(returns) - 1 if end is None else end
    states = np.full(returns.shape, Status.TRADED, dtype=np.int8) if states is None else states
    paid = cost_bps * 1e-4
    before = np.zeros((*weights.shape[:-2], weights.shape[-1]))
    daily, turnover = [], np.empty(weights.shape[:-1])
    for k, (day, until) in enumerate(zip(days, [*days[1:], last], strict=True)):
        kept = before * (states[day] == Status.HALTED)
        target = kept + (1 - kept.sum(axis=-1, keepdims=True)) * weights[..., k, :]
        turnover[..., k] = np.abs(target - before)[..., states[day] != Status.OUT].sum(axis=-1)
        growth = np.cumprod(1 + np.nan_to_num(returns[day + 1 : until + 1]), axis=0)
        wealth = target @ growth.T
        net = wealth / np.concatenate([np.ones_like(wealth[..., :1]), wealth[..., :-1]], axis=-1) - 1
        net[..., 0] = (1 + net[..., 0]) * (1 - paid * turnover[..., k]) - 1
        daily.append(net)
        before = drifted(target, growth[-1])
    return Holding(np.concatenate(daily, axis=-1), turnover)


@dataclass(frozen=True, slots=True)
class Backtest:
    """The outcome of one walk.

    holdings : by strategy. networks : (n_networks, n_days_held) returns of the portfolio of each network of
        the favourite alone, without rows if there is one network only.
    target : (n_decisions, n_assets) log returns over the horizon, of decisions whose horizon is over; NaN
        where a share could not be held.
    forecasts : by forecaster, (n_networks, n_decisions, n_assets). nulls : by null, of the target's shape.
    regime : (n_days_held,) Regime of each day held. index_returns : (n_days_held,) of an index, or None.
    periods_per_year : rows a year, of days or of months.
    riskless : (n_days_held,) return without risk, which all returns above are less; 0 where it is not known.
    """

    holdings: Mapping[str, Holding]
    networks: Array
    target: Array
    forecasts: Mapping[str, Array]
    nulls: Mapping[str, Array]
    regime: Days
    index_returns: Array | None = None
    periods_per_year: float = 252.0
    riskless: Array | float = 0.0

    def returns(self, strategy: str) -> Array:
        """(n_days_held,) daily returns of a strategy after costs, less the riskless rate."""
        return self.holdings[strategy].returns

    def forecast(self, forecaster: str) -> Array:
        """(n_decisions, n_assets) mean forecast over networks."""
        return np.asarray(self.forecasts[forecaster].mean(axis=0))
