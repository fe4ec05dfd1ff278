"""Long-only weights by skfolio's optimisers: rules that read no forecast, one that does, and an overlay."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dti_core.lab.methods import Method
from dti_core.studies.lstm_portfolio.model import Array, Days, regimes

Rule = Callable[[Array], Array]
Overlay = Callable[[Array, Array, Array, Days], Array]


@dataclass(frozen=True, slots=True)
class WeightTask:
    """Some decisions of one strategy: returns up to the last of them, and forecasts if the rule reads any.

    rule : takes a window (lookback_days, n_assets) of simple returns, and a row of `forecast` if given.
    returns : (n_rows, n_assets). days : (n_decisions,) rows of it. forecast : (n_decisions, n_assets).
    """

    rule: Callable[..., Array]
    returns: Array
    days: Days
    lookback_days: int
    forecast: Array | None = None


def weigh(task: WeightTask) -> Array:
    """(n_decisions, n_assets) weights of one stretch."""
    windows = [task.returns[day + 1 - task.lookback_days : day + 1] for day in task.days]
    if task.forecast is None:
        return np.array([task.rule(window) for window in windows])
    return np.array([task.rule(*pair) for pair in zip(windows, task.forecast, strict=True)])


def equal_weight(window: Array) -> Array:
    """The same share of wealth in each asset."""
    return np.full(window.shape[1], 1 / window.shape[1])


def min_variance(window: Array) -> Array:
    """Least variance. Source: Markowitz (1952)."""
    from skfolio.optimization import MeanRisk

    return _weights_of(MeanRisk(), window)


def risk_parity(window: Array) -> Array:
    """Hierarchical risk parity. Source: Lopez de Prado (2016)."""
    from skfolio.optimization import HierarchicalRiskParity

    return _weights_of(HierarchicalRiskParity(), window)


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
    from skfolio import RiskMeasure
    from skfolio.optimization import MeanRisk, ObjectiveFunction

    if not np.isfinite(forecast).all():
        raise ValueError(f"max_sharpe needs {window.shape[1]} finite forecasts, got {forecast}")
    best = float(forecast.max())
    if best <= 0:
        return min_variance(window)
    mean = forecast / best * 1e-3
    optimiser = MeanRisk(
        objective_function=ObjectiveFunction.MAXIMIZE_RATIO, risk_measure=RiskMeasure.STANDARD_DEVIATION,
        overwrite_expected_return=lambda weights: mean @ weights,
    )  # fmt: skip
    return _weights_of(optimiser, window)


def risk_factors(returns: Array, days: Days, lookback_days: int) -> Array:
    """(n_decisions, n_assets, n_assets) R, with R' R the sample covariance of the window up to each decision."""
    windows = (returns[day + 1 - lookback_days : day + 1] for day in days)
    return np.array([np.linalg.cholesky(np.cov(window.T), upper=True) for window in windows])


def max_sharpe_by_factor(factor: Array, forecast: Array) -> Array:
    """The weights of `max_sharpe` at a hundredth of its time, for worlds that are drawn many times.

    The long-only portfolio of largest ratio is proportional to the w >= 0 of least w' S w / 2 - f' w, which
    is a problem of nonnegative least squares (scipy); equal forecasts make the portfolio of least variance.

    Parameters
    ----------
    factor : (n_assets, n_assets) of `risk_factors`. forecast : (n_assets,) as in `max_sharpe`.
    """
    from scipy.linalg import solve_triangular
    from scipy.optimize import nnls

    asked = forecast if forecast.max() > 0 else np.ones_like(forecast)
    aim = solve_triangular(factor, asked / asked.max(), trans="T")
    weights, _ = nnls(factor / np.abs(factor).max(), aim / np.abs(aim).max())
    return np.asarray(weights / weights.sum())


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


def _weights_of(optimiser: object, window: Array) -> Array:
    fitted = optimiser.fit(window)  # type: ignore[attr-defined]
    return np.asarray(fitted.weights_, dtype=float)


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
