"""Returns of control worlds: days permuted, so that nothing can be forecast, or a known signal planted."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from dti_core.lab.errors import DataError
from dti_core.studies.lstm_portfolio.model import Array


@dataclass(frozen=True, slots=True)
class Signal:
    """How strong and how lasting a planted signal is.

    monthly_rank_ic: mean rank correlation, across assets, of the best possible forecast with the return over
    the next `horizon_days`; what a forecaster can reach at most.
    half_life_days: days after which half of an expected return is gone.
    """

    monthly_rank_ic: float = 0.20
    half_life_days: float = 21.0
    horizon_days: int = 21

    def __post_init__(self) -> None:
        if not 0.0 < self.monthly_rank_ic <= 0.6:
            raise ValueError(f"monthly_rank_ic is {self.monthly_rank_ic}; allowed: above 0 to 0.6")
        if self.half_life_days <= 0.0 or self.horizon_days < 1:
            raise ValueError("half_life_days must be above 0 and horizon_days at least 1")

    @property
    def decay(self) -> float:
        """What is left of an expected return after one day."""
        return float(0.5 ** (1.0 / self.half_life_days))


@dataclass(frozen=True, slots=True)
class PlantedWorld:
    """Returns with a planted signal, and what only their maker knows.

    returns : (n_days, n_assets), simple daily returns.
    expected : (n_days, n_assets), planted return to expect over the `horizon_days` after each day.
    """

    returns: pd.DataFrame
    expected: pd.DataFrame


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """What is done to the observed returns: days permuted, then a signal planted. All networks learn anew."""

    permuted: bool = False
    signal: Signal | None = None


def make_world(returns: pd.DataFrame, settings: WorldSettings, rng: np.random.Generator) -> pd.DataFrame:
    """Returns of a world, in the shape and with the labels of the observed ones.

    Permuting shuffles whole days, so that each asset keeps its returns and each day its cross-section, and no
    day says anything of a later one; for a signal see `plant_signal`.

    Parameters
    ----------
    returns : (n_days, n_assets), simple daily returns, no NaN.
    """
    if settings.permuted:
        returns = _permute_days(returns, rng)
    if settings.signal is not None:
        returns = plant_signal(returns, rng, settings.signal).returns
    return returns


def _permute_days(returns: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    order = rng.permutation(len(returns))
    return pd.DataFrame(returns.to_numpy()[order], index=returns.index, columns=returns.columns)


def plant_signal(returns: pd.DataFrame, rng: np.random.Generator, signal: Signal) -> PlantedWorld:
    """Days drawn with replacement, plus an expected return that lasts and that past returns reveal.

    The shock of a day is the return in units of its asset's standard deviation less the mean of all assets.
    The expected return of an asset is a multiple of the exponentially weighted sum of its past shocks, hence
    an AR(1) process with the signal's half-life: who averages past relative returns finds it. The common
    movement of the assets stays unpredictable, and lowers the rank correlation reached by about a twentieth.

    Parameters
    ----------
    returns : (n_days, n_assets), simple daily returns, no NaN, at least two assets.

    Raises
    ------
    DataError if there are fewer than two assets or an asset that never moves.
    """
    observed = returns.to_numpy(dtype=float)
    spread = observed.std(axis=0)
    if returns.shape[1] < 2 or not np.all(spread > 0.0):
        raise DataError("a signal across assets needs at least two assets, and each must move")
    drawn = observed[rng.integers(len(observed), size=len(observed))]
    shocks = (drawn - observed.mean(axis=0)) / spread
    shocks = shocks - shocks.mean(axis=1, keepdims=True)
    shock_spread = shocks.std(axis=0)
    state = _persistent_state(shocks / shock_spread, signal.decay)
    daily = signal_share(signal) * spread * shock_spread * state
    planted = drawn.copy()
    planted[1:] += daily[:-1]
    expected = daily * _remaining(signal.decay, signal.horizon_days)
    labels = {"index": returns.index, "columns": returns.columns}
    return PlantedWorld(pd.DataFrame(planted, **labels), pd.DataFrame(expected, **labels))


def signal_share(signal: Signal) -> float:
    """Standard deviation of the daily expected return, in standard deviations of the daily shock.

    Found from the correlation of forecast and outcome over the horizon, in which shocks inside the horizon
    move the expected returns of its later days too. Rank and product-moment correlation of normal variables:
    rho = 2 sin(pi rho_s / 6), Pearson (1907).
    """
    target = 2.0 * np.sin(np.pi * signal.monthly_rank_ic / 6.0)
    decay, horizon = signal.decay, signal.horizon_days
    carried = np.array([_remaining(decay, horizon - day) for day in range(1, horizon + 1)])

    def excess(share: float) -> float:
        forecast = share * _remaining(decay, horizon)
        shocks = np.sum((1.0 + share * np.sqrt(1.0 - decay**2) * carried) ** 2)
        return float(forecast / np.sqrt(forecast**2 + shocks) - target)

    try:
        return float(brentq(excess, 0.0, 10.0))
    except ValueError as error:
        raise ValueError(f"no signal of half-life {signal.half_life_days} days is that strong") from error


def _remaining(decay: float, n_days: int) -> float:
    """Sum of an expected return over `n_days`, in units of its first day."""
    return float((1.0 - decay**n_days) / (1.0 - decay))


def _persistent_state(shocks: Array, decay: float) -> Array:
    """AR(1) state of unit variance driven by unit shocks: (n_days, n_assets)."""
    state = np.zeros_like(shocks)
    gain = np.sqrt(1.0 - decay**2)
    for day in range(len(shocks)):
        state[day] = (decay * state[day - 1] if day else 0.0) + gain * shocks[day]
    return state
