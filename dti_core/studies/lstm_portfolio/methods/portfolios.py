"""Long-only weights: rules that read no forecast, two that do, and overlays; caps that hold for all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dti_core.lab.errors import DataError
from dti_core.lab.methods import Method
from dti_core.studies.lstm_portfolio.data.parameters import Covariance
from dti_core.studies.lstm_portfolio.model import Array, Days, regimes
from dti_core.studies.lstm_portfolio.model.backtest import drifted
from dti_core.studies.lstm_portfolio.model.frontier import best_ratio, covariance_estimator

#: From a window and `covariance` to weights.
Rule = Callable[..., Array]
Overlay = Callable[[Array, Array, Array, Days], Array]


@dataclass(frozen=True, slots=True)
class WeightTask:
    """Some decisions of one strategy: returns up to the last of them, and forecasts if the rule reads any.

    rule : takes a window (lookback_days, n_assets) of simple returns, a row of `forecast` if given, what is
        held before trading and `cost` if that is given, and `covariance` by its name.
    returns : (n_rows, n_assets). days : (n_decisions,) rows of it.
    eligible, forecast : (n_decisions, n_assets), what may be held and what it promises.
    cost : of each traded share of wealth, for a rule that heeds it; decisions are then all of a walk.
    max_weight, max_sector_weight : largest share of wealth in one asset, and in the assets of one sector.
    sectors : of each asset, where known.
    """

    rule: Callable[..., Array]
    returns: Array
    days: Days
    lookback_days: int
    eligible: NDArray[np.bool_]
    forecast: Array | None = None
    covariance: Covariance = "sample"
    cost: float | None = None
    max_weight: float = 1.0
    max_sector_weight: float = 1.0
    sectors: tuple[str, ...] = ()


def weigh(task: WeightTask) -> Array:
    """(n_decisions, n_assets) weights of one stretch, 0 for what may not be held."""
    weights = np.zeros(task.eligible.shape)
    for k, (day, held) in enumerate(zip(task.days, task.eligible, strict=True)):
        window = task.returns[day + 1 - task.lookback_days : day + 1, held]
        told: list[Array | float] = [] if task.forecast is None else [task.forecast[k, held]]
        if task.cost is not None:
            told += [_before(task, weights, k)[held], task.cost]
        found = capped(task.rule(window, *told, covariance=task.covariance), task.max_weight)
        if task.sectors and task.max_sector_weight < 1:
            names = np.array(task.sectors)[held]
            caps = task.max_sector_weight, task.max_weight
            found = within_sectors(window, found, names.tolist(), *caps, task.covariance)
        weights[k, held] = found
    return weights


def _before(task: WeightTask, weights: Array, k: int) -> Array:
    """(n_assets,) what is held before the decision number k: the last weights, drifted; at first nothing."""
    if k == 0:
        return np.zeros(weights.shape[1])
    held = slice(task.days[k - 1] + 1, task.days[k] + 1)
    return drifted(weights[k - 1], np.prod(1 + np.nan_to_num(task.returns[held]), axis=0))


def capped(weights: Array, max_weight: float) -> Array:
    """(n_assets,) the weights cut at `max_weight`, the rest spread over the others as they stand.

    Nothing is optimised again. Where the assets are too few for the cap, all weigh the same.
    """
    if max_weight * len(weights) <= 1:
        return np.full(len(weights), 1 / len(weights))
    while (over := weights > max_weight * (1 + 1e-12)).any():
        free = ~(over | (weights == max_weight))
        spare = 1 - max_weight * (~free).sum()
        share = weights[free] if weights[free].sum() > 0 else np.ones(free.sum())
        weights = np.full(len(weights), max_weight)
        weights[free] = spare * share / share.sum()
    return weights


def within_sectors(
    window: Array, weights: Array, sectors: Sequence[str], max_sector_weight: float, max_weight: float,
    covariance: Covariance = "sample",
) -> Array:  # fmt: skip
    """(n_assets,) the weights under the caps that differ from `weights` by the least variance.

    Weights that keep the caps stay as they are. All rules are treated alike: each is asked first, its answer
    then brought under the caps, by skfolio.

    Raises
    ------
    DataError if the caps leave a part of wealth without a place.
    """
    from skfolio.optimization import MeanRisk, ObjectiveFunction

    held = dict.fromkeys(sectors)
    totals = {name: weights[[one == name for one in sectors]].sum() for name in held}
    if max(totals.values()) <= max_sector_weight + 1e-9:
        return weights
    widest = {name: min(max_sector_weight, max_weight * list(sectors).count(name)) for name in held}
    if sum(widest.values()) < 1:
        raise DataError(
            f"at one decision only {len(sectors)} assets of {len(held)} sectors may be held: "
            f"max_sector_weight={max_sector_weight:g} and max_weight={max_weight:g} place "
            f"{sum(widest.values()):.0%} of wealth. Give larger ones."
        )
    numbers = {name: f"sector{k}" for k, name in enumerate(held)}
    scaled, prior = _scaled(window, covariance)
    towards = 2 * prior.fit(scaled).return_distribution_.covariance @ weights
    closest = MeanRisk(
        objective_function=ObjectiveFunction.MAXIMIZE_UTILITY, risk_aversion=1.0, prior_estimator=prior,
        overwrite_expected_return=lambda chosen: towards @ chosen, max_weights=max_weight,
        groups=[[numbers[name] for name in sectors]],
        linear_constraints=[f"{number} <= {max_sector_weight}" for number in numbers.values()],
    )  # fmt: skip
    found = np.maximum(closest.fit(scaled).weights_, 0.0)
    return np.asarray(found / found.sum())


def _scaled(window: Array, covariance: Covariance) -> tuple[Array, Any]:
    """The window in units for which skfolio's solver is exact, and a prior of it with this covariance."""
    from skfolio.prior import EmpiricalPrior

    return window / window.std(), EmpiricalPrior(covariance_estimator=covariance_estimator(covariance))


def equal_weight(window: Array, covariance: Covariance = "sample") -> Array:
    """The same share of wealth in each asset, whatever their covariance."""
    return np.full(window.shape[1], 1 / window.shape[1])


def min_variance(window: Array, covariance: Covariance = "sample") -> Array:
    """Least variance. Source: Markowitz (1952)."""
    return best_ratio(window, np.ones(window.shape[1]), covariance)


def risk_parity(window: Array, covariance: Covariance = "sample") -> Array:
    """Hierarchical risk parity. Source: Lopez de Prado (2016)."""
    from skfolio.optimization import HierarchicalRiskParity
    from skfolio.prior import EmpiricalPrior

    prior = EmpiricalPrior(covariance_estimator=covariance_estimator(covariance))
    return np.asarray(HierarchicalRiskParity(prior_estimator=prior).fit(window).weights_, dtype=float)


def max_sharpe(window: Array, forecast: Array, covariance: Covariance = "sample") -> Array:
    """Largest ratio of forecast to risk, from the covariance of the window. Source: Markowitz (1952).

    Where no asset has a forecast above zero that ratio has no maximum, and the portfolio of least variance is
    held instead.

    Parameters
    ----------
    window : (n_days, n_assets) simple returns up to the decision.
    forecast : (n_assets,) expected returns on any positive scale.

    Raises
    ------
    ValueError for a forecast that is not finite.
    """
    if not np.isfinite(forecast).all():
        raise ValueError(f"max_sharpe needs {window.shape[1]} finite forecasts, got {forecast}")
    promised = np.ones(window.shape[1]) if forecast.max() <= 0 else forecast
    return best_ratio(window, promised, covariance)


def max_sharpe_after_costs(
    window: Array, forecast: Array, before: Array, cost: float, covariance: Covariance = "sample"
) -> Array:
    """Largest ratio to risk of the forecast less the cost of trading there from what is held.

    Solved by skfolio. Where no asset is expected to gain, and for the first portfolio, all of which is bought
    whatever it is, the same as `max_sharpe`; where costs eat every gain, nothing is traded.

    Parameters
    ----------
    forecast : (n_assets,) expected simple returns until the next decision. before : (n_assets,) shares of
        wealth held. cost : of each traded share of wealth, paid once.
    """
    from skfolio import RiskMeasure
    from skfolio.optimization import MeanRisk, ObjectiveFunction

    best = forecast.max()
    if not np.isfinite(forecast).all() or best <= 0 or not before.any():
        return max_sharpe(window, forecast, covariance)
    scaled, prior = _scaled(window, covariance)
    optimiser = MeanRisk(
        objective_function=ObjectiveFunction.MAXIMIZE_RATIO, risk_measure=RiskMeasure.STANDARD_DEVIATION,
        prior_estimator=prior, overwrite_expected_return=lambda weights: (forecast / best) @ weights,
        transaction_costs=cost / best, previous_weights=before, fallback="previous_weights",
    )  # fmt: skip
    found = np.maximum(optimiser.fit(scaled).weights_, 0.0)
    return np.asarray(found / found.sum())


def adaptive(favourite: Array, benchmark: Array, volatility: Array, days: Days) -> Array:
    """The favourite's weights, the more of the benchmark's the further volatility exceeds its median."""
    share = regimes.trust(volatility, days)[:, None]
    return share * favourite + (1 - share) * benchmark


def constant_mix(favourite: Array, benchmark: Array, volatility: Array, days: Days) -> Array:
    """As much of the benchmark as `adaptive` holds on average, but the same share at each decision.

    What `adaptive` gains over this it gains by heeding the market, not by holding less of the favourite. The
    average is that of all decisions, later ones included: a number that no investor is told, so this is no
    strategy but a control, as foresight is.
    """
    share = regimes.trust(volatility, days).mean()
    return np.asarray(share * favourite + (1 - share) * benchmark)


#: The rule that all others are compared with.
BENCHMARK = "equal_weight"
RULES: dict[str, Method[Rule]] = {
    BENCHMARK: Method("equal weights", equal_weight, counts_as_trial=False),
    "min_variance": Method("min variance", min_variance, ("covariances last",), counts_as_trial=False),
    "hrp": Method("risk parity", risk_parity, ("covariances last",), counts_as_trial=False),
}
#: Ways to trade the favourite's forecasts that heed what is held already.
TRADERS: dict[str, Method[Rule]] = {
    "heeding_costs": Method(
        "LSTM, heeding costs", max_sharpe_after_costs, ("the horizon is the time between decisions",)
    ),
}
#: The bet that claims speak of, and the one that tells heeding the market from diluting the favourite.
ADAPTIVE, CONSTANT_MIX = "adaptive", "constant_mix"
#: Bets that mix the weights of favourite and benchmark by what is known of the market.
OVERLAYS: dict[str, Method[Overlay]] = {
    ADAPTIVE: Method("adaptive", adaptive, ("volatility lasts",), counts_as_trial=False),
    CONSTANT_MIX: Method("constant mix", constant_mix, counts_as_trial=False),
}
