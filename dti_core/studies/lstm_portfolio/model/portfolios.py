"""From forecasts to weights by skfolio's optimisers, and from weights to returns after costs."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
Days = NDArray[np.int64]
Rule = Literal["equal_weight", "min_variance", "hrp", "max_sharpe"]

#: Trading days a month where rows carry no dates.
MONTH_DAYS = 21


@dataclass(frozen=True, slots=True)
class Holding:
    """What a sequence of target weights earned.

    returns : (n_days_held,) simple daily returns after costs, from the day after the first decision.
    turnover : (n_decisions,) traded share of wealth; entering counts 1.
    """

    returns: Array
    turnover: Array


def decision_days(index: pd.Index) -> Days:
    """(n_decisions,) rows at whose close weights are set: month ends, or every 21st row without dates.

    The last row is never one, because nothing could be held after it.
    """
    if isinstance(index, pd.DatetimeIndex):
        month = index.year * 12 + index.month
        return np.flatnonzero(month[1:] != month[:-1]).astype(np.int64)
    return np.arange(MONTH_DAYS - 1, len(index) - 1, MONTH_DAYS, dtype=np.int64)


def choose_weights(rule: Rule, window: Array, forecast: Array | None = None) -> Array:
    """Long-only weights that sum to 1.

    "max_sharpe" maximises forecast over risk. Where no asset has a forecast above zero that ratio has no
    maximum, and the portfolio of least variance is held instead.

    Source: Markowitz (1952); Lopez de Prado (2016) for "hrp". Optimisers: skfolio.

    Parameters
    ----------
    window : (n_days, n_assets) simple returns up to the decision; its sample covariance is the risk.
    forecast : (n_assets,) expected returns on any positive scale; only "max_sharpe" reads it.

    Raises
    ------
    ValueError for a forecast that is missing or not finite.
    """
    n_assets = window.shape[1]
    if rule == "equal_weight":
        return np.full(n_assets, 1 / n_assets)
    from skfolio.optimization import HierarchicalRiskParity, MeanRisk

    if rule == "hrp":
        return _weights_of(HierarchicalRiskParity(), window)
    if rule == "min_variance":
        return _weights_of(MeanRisk(), window)
    if forecast is None or not np.isfinite(forecast).all():
        raise ValueError(f"max_sharpe needs {n_assets} finite forecasts, got {forecast}")
    best = float(forecast.max())
    return (
        choose_weights("min_variance", window) if best <= 0 else _max_sharpe(window, forecast / best * 1e-3)
    )


def drifted(weights: Array, growth: Array) -> Array:
    """(n_assets,) weights after each asset grew by the factor `growth` and nothing was traded."""
    grown = weights * growth
    return np.asarray(grown / grown.sum())


def hold(weights: Array, returns: Array, days: Days, cost_bps: float, end: int | None = None) -> Holding:
    """Daily returns of weights set at the closes `days`, left to drift in between, less the cost of trading.

    Trading at day t costs cost_bps / 10,000 of each traded dollar, sum |target - drifted|, and is taken from
    the return of day t + 1.

    Parameters
    ----------
    weights : (n_decisions, n_assets), each row set with what was known at the close of its day.
    returns : (n_days, n_assets) simple daily returns. days : (n_decisions,) increasing rows of it.
    end : last row that is held; None holds to the last.
    """
    last = len(returns) - 1 if end is None else end
    paid = cost_bps * 1e-4
    before = np.zeros(weights.shape[1])
    daily, turnover = [], np.empty(len(days))
    for k, (day, until) in enumerate(zip(days, [*days[1:], last], strict=True)):
        turnover[k] = np.abs(weights[k] - before).sum()
        growth = np.cumprod(1 + returns[day + 1 : until + 1], axis=0)
        wealth = growth @ weights[k]
        wealth_before = np.concatenate([[1.0], wealth[:-1]])
        net = wealth / wealth_before - 1
        net[0] = (1 + net[0]) * (1 - paid * turnover[k]) - 1
        daily.append(net)
        before = drifted(weights[k], growth[-1])
    return Holding(np.concatenate(daily), turnover)


def _max_sharpe(window: Array, mean: Array) -> Array:
    from skfolio.optimization import MeanRisk, ObjectiveFunction
    from skfolio.prior import EmpiricalPrior

    from dti_core.studies.lstm_portfolio.methods.expected_returns import GivenMu

    prior = EmpiricalPrior(mu_estimator=GivenMu(mean))
    return _weights_of(
        MeanRisk(objective_function=ObjectiveFunction.MAXIMIZE_RATIO, prior_estimator=prior), window
    )


def _weights_of(optimiser: object, window: Array) -> Array:
    fitted = optimiser.fit(window)  # type: ignore[attr-defined]
    return np.asarray(fitted.weights_, dtype=float)
