"""Long-only weights: rules that read no forecast, one that does, and an overlay."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dti_core.lab.methods import Method
from dti_core.studies.lstm_portfolio.model import Array, Days, regimes
from dti_core.studies.lstm_portfolio.model.frontier import best_ratio

Rule = Callable[[Array], Array]
Overlay = Callable[[Array, Array, Array, Days], Array]


@dataclass(frozen=True, slots=True)
class WeightTask:
    """Some decisions of one strategy: returns up to the last of them, and forecasts if the rule reads any.

    rule : takes a window (lookback_days, n_assets) of simple returns, and a row of `forecast` if given.
    returns : (n_rows, n_assets). days : (n_decisions,) rows of it.
    eligible, forecast : (n_decisions, n_assets), what may be held and what it promises.
    max_weight : largest share of wealth in one asset.
    """

    rule: Callable[..., Array]
    returns: Array
    days: Days
    lookback_days: int
    eligible: NDArray[np.bool_]
    forecast: Array | None = None
    max_weight: float = 1.0


def weigh(task: WeightTask) -> Array:
    """(n_decisions, n_assets) weights of one stretch, 0 for what may not be held."""
    weights = np.zeros(task.eligible.shape)
    for k, (day, held) in enumerate(zip(task.days, task.eligible, strict=True)):
        window = task.returns[day + 1 - task.lookback_days : day + 1, held]
        told = () if task.forecast is None else (task.forecast[k, held],)
        weights[k, held] = capped(task.rule(window, *told), task.max_weight)
    return weights


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


def equal_weight(window: Array) -> Array:
    """The same share of wealth in each asset."""
    return np.full(window.shape[1], 1 / window.shape[1])


def min_variance(window: Array) -> Array:
    """Least variance. Source: Markowitz (1952)."""
    return best_ratio(window, np.ones(window.shape[1]))


def risk_parity(window: Array) -> Array:
    """Hierarchical risk parity. Source: Lopez de Prado (2016)."""
    from skfolio.optimization import HierarchicalRiskParity

    return np.asarray(HierarchicalRiskParity().fit(window).weights_, dtype=float)


def max_sharpe(window: Array, forecast: Array) -> Array:
    """Largest ratio of forecast to risk, the sample covariance of the window. Source: Markowitz (1952).

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
    return min_variance(window) if forecast.max() <= 0 else best_ratio(window, forecast)


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
#: The bet that claims speak of, and the one that tells heeding the market from diluting the favourite.
ADAPTIVE, CONSTANT_MIX = "adaptive", "constant_mix"
#: Bets that mix the weights of favourite and benchmark by what is known of the market.
OVERLAYS: dict[str, Method[Overlay]] = {
    ADAPTIVE: Method("adaptive", adaptive, ("volatility lasts",), counts_as_trial=False),
    CONSTANT_MIX: Method("constant mix", constant_mix, counts_as_trial=False),
}
