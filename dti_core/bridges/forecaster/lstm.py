"""A small LSTM pooled over assets: train it on one walk-forward fold for several seeds, and forecast.

Arrays in, arrays out; torch is imported where networks run, so that whoever only names the bridge need not
wait for it.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dti_core.bridges.forecaster.sequences import (
    Array,
    Days,
    Fold,
    Windows,
    complete_rows,
    future_log_volatility,
    future_returns,
    return_windows,
    volatility_windows,
)
from dti_core.bridges.forecaster.settings import LstmSettings, Seeds

#: Most windows that are laid out to learn from and to stop by; of more series fewer days are taken, evenly.
MOST_WINDOWS, MOST_HELD = 300_000, 6_000

Features = NDArray[np.float32] | Array
Target = Literal["return", "log_volatility"]


@dataclass(frozen=True, slots=True)
class LstmEnsemble:
    """Trained networks: weights (n_seeds, n_weights), validation loss and the step it was reached at."""

    settings: LstmSettings
    n_features: int
    weights: NDArray[np.float32]
    validation_loss: Array
    best_step: NDArray[np.int64]

    def predict(self, features: Features) -> Array:
        """Forecasts (n_seeds, n) of windows (n, window_days[, n_features]), in units of the spread."""
        return self._run(features)[0]

    def hidden_states(self, features: Features) -> Array:
        """What the networks remember at the end of windows, (n_seeds, n, hidden), each in (-1, 1)."""
        return self._run(features)[1]

    def _run(self, features: Features) -> tuple[Array, Array]:
        windows = _checked_windows(features, self.settings.window_days)
        if (n := windows.shape[2]) != self.n_features:
            raise ValueError(f"windows have {n} features; the network learned {self.n_features}")
        from dti_core.bridges.forecaster.training import run_networks

        return run_networks(self.weights, windows, self.settings)


def fit_lstm(
    train_windows: Features, train_targets: Array, val_windows: Features, val_targets: Array,
    settings: LstmSettings, seeds: Seeds, start: NDArray[np.float32] | None = None,
) -> LstmEnsemble:  # fmt: skip
    """Train one network a seed on mean squared error, stopping each where the validation slice is best.

    Parameters
    ----------
    val_windows : (n, window_days) or (n, window_days, n_features), already scaled; val_targets : (n,).
    train_windows, train_targets : the same; or longer windows with targets (n, n_ends), the first after
        `window_days` rows and one more after each further `shared_spacing_days` rows.
    seeds : whole numbers, one network each, or a SeedSequence from which `settings.n_seeds` are drawn.
    start : `weights` of an ensemble of this size, to go on from what it learned elsewhere; else random ones.

    Assumes: the validation slice is later than the training days, with an embargo between them.

    Raises
    ------
    ValueError : wrong shapes, values not finite, no seeds, or a loss that stops being finite.
    """
    targets = np.asarray(train_targets, dtype=np.float32)
    targets = targets[:, None] if targets.ndim == 1 else targets
    spacing = settings.shared_spacing_days
    ends = tuple(settings.window_days - 1 + k * spacing for k in range(targets.shape[-1]))
    train = _checked_windows(train_windows, ends[-1] + 1)
    validation = _checked_windows(val_windows, settings.window_days)
    _check_targets(targets, (len(train), len(ends)))
    held_targets = np.asarray(val_targets, dtype=np.float32)
    _check_targets(held_targets, (len(validation),))
    from dti_core.bridges.forecaster.training import train_networks

    best = train_networks((train, targets), (validation, held_targets), ends, settings, seeds, start)
    return LstmEnsemble(settings, train.shape[2], *best)


def _checked_windows(features: Features, length: int) -> NDArray[np.float32]:
    windows = np.asarray(features, dtype=np.float32)
    windows = windows[..., None] if windows.ndim == 2 else windows
    if windows.ndim != 3 or windows.shape[1] != length or not len(windows):
        raise ValueError(f"windows have shape {np.shape(features)}; needed: (n, {length}[, n_features])")
    if not np.isfinite(windows).all():
        raise ValueError("windows must be finite; floor their scale and drop assets with holes")
    return np.ascontiguousarray(windows)


def _check_targets(targets: NDArray[np.float32], shape: tuple[int, ...]) -> None:
    if targets.shape != shape or not np.isfinite(targets).all():
        raise ValueError(f"targets must be finite, one a window: {shape}; got shape {targets.shape}")


def forecast_fold(
    returns: Array, fold: Fold, settings: LstmSettings, seeds: Seeds, target: Target = "return"
) -> Array:
    """Train on one fold and forecast at its decision days: (n_seeds, n_decisions_in_fold, n_assets).

    Parameters
    ----------
    returns : (n_rows, n_assets) log returns; rows after a decision day do not move its forecast. Windows that
        touch a NaN are not learned from, and the forecast of a series with one in its window is NaN.
    target : "return" gives the log return over the horizon, "log_volatility" the log of its daily volatility.

    Assumes: the fold was made for this horizon and window (embargo at least the horizon).
    Raises ValueError for an embargo shorter than the horizon, too few windows, or a forecast not finite.
    """
    if fold.embargo_days < settings.horizon_days:
        raise ValueError(f"the embargo is {fold.embargo_days}, the horizon {settings.horizon_days} days")
    n_series = returns.shape[1]
    stride = max(settings.validation_stride_days, math.ceil(len(fold.validation) * n_series / MOST_HELD))
    held_days = fold.validation[::-stride][::-1]
    train_x, train_y = training_samples(returns, fold.train, settings, target)
    whole = complete_rows(returns, held_days, settings.window_days, settings.horizon_days).ravel()
    asked = complete_rows(returns, fold.decisions, settings.window_days, 0)
    filled = np.where(np.isfinite(returns), returns, 0.0)
    held = target_windows(filled, held_days, settings, target)
    held_y = held.standardise(target_values(filled, held_days, settings, target))
    ensemble = fit_lstm(train_x, train_y, held.values[whole], held_y[whole], settings, seeds)
    test = target_windows(filled, fold.decisions, settings, target)
    return np.where(asked, test.unscale(ensemble.predict(test.values)), np.nan)


def training_samples(
    returns: Array, days: range, settings: LstmSettings, target: Target = "return"
) -> tuple[NDArray[np.float32], Array]:
    """Stretches (n, length, n_features) and the scaled targets (n, shared_windows) at their several ends.

    All forecast days lie in `days`. A stretch is scaled by its first window alone: the rows after it are
    the future of the first forecast. Those that touch a NaN are left out.
    """
    offsets = settings.shared_spacing_days * np.arange(settings.shared_windows)
    first_ends = np.asarray(days[: max(0, len(days) - int(offsets[-1]))])
    if not len(first_ends):
        raise ValueError(f"{len(days)} training days are too few for windows {offsets[-1]} days apart")
    first_ends = first_ends[:: math.ceil(len(first_ends) * returns.shape[1] / MOST_WINDOWS)]
    last = int(offsets[-1])
    whole = complete_rows(returns, first_ends, settings.window_days, last + settings.horizon_days).ravel()
    filled = np.where(np.isfinite(returns), returns, 0.0)
    windows = target_windows(filled, first_ends, settings, target, last)
    targets = [windows.standardise(target_values(filled, first_ends + k, settings, target)) for k in offsets]
    return windows.values[whole], np.stack(targets, axis=1)[whole]


def target_windows(
    returns: Array, days: Days, settings: LstmSettings, target: Target = "return", rows_after: int = 0
) -> Windows:
    """Windows fit for the target; with `rows_after` 0 they read no row after their day."""
    if target == "return":
        horizon = settings.horizon_days
        return return_windows(returns, days, settings.window_days, horizon, settings.scale_floor, rows_after)
    return volatility_windows(returns, days, settings.window_days, settings.scale_floor, rows_after)


def target_values(returns: Array, days: Days, settings: LstmSettings, target: Target = "return") -> Array:
    """What came after each day, to learn from: (n_days, n_assets)."""
    if target == "return":
        return future_returns(returns, days, settings.horizon_days)
    return future_log_volatility(returns, days, settings.horizon_days, settings.scale_floor)
