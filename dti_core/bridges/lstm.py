"""A small LSTM pooled over assets: train it on one walk-forward fold for several seeds, and forecast."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from dti_core.bridges.lstm_network import Lstm
from dti_core.bridges.lstm_training import Plan, Seeds, descend, torch_generators
from dti_core.bridges.sequences import (
    SCALE_FLOOR,
    Array,
    Days,
    Fold,
    Windows,
    future_log_volatility,
    future_returns,
    return_windows,
    volatility_windows,
)

Features = NDArray[np.float32] | Array
Target = Literal["return", "log_volatility"]


@dataclass(frozen=True, slots=True)
class LstmSettings:
    """Size and training of the network.

    hidden : units.
    shared_windows, shared_spacing_days : training windows that share one run of the network, rows between
        their ends; all begin on the same row, so later ones see more than `window_days`. 1 runs each alone.
    window_days, horizon_days : rows seen and rows forecast.
    n_steps, batch : most Adam steps, windows in each (a multiple of `shared_windows`).
    check_every, patience : steps between looks at the validation loss, looks without a better one before the
        end; patience 0 trains all steps and keeps the last weights.
    validation_stride_days : every how many days the validation slice is used; neighbouring targets overlap.
    scale_floor : smallest daily volatility by which a window is divided.
    n_seeds : networks trained when the seeds come as a SeedSequence.
    device : "auto" takes CUDA where there is one.
    """

    hidden: int = 32
    window_days: int = 60
    horizon_days: int = 21
    n_steps: int = 200
    batch: int = 256
    learning_rate: float = 1e-3
    check_every: int = 20
    patience: int = 3
    validation_stride_days: int = 5
    scale_floor: float = SCALE_FLOOR
    shared_windows: int = 4
    shared_spacing_days: int = 5
    n_seeds: int = 3
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        counts = (
            self.hidden,
            self.window_days,
            self.horizon_days,
            self.n_steps,
            self.batch,
            self.check_every,
        )
        if min(counts) < 1 or min(self.validation_stride_days, self.n_seeds) < 1 or self.patience < 0:
            raise ValueError(f"lengths and counts must be at least 1, patience at least 0: {self}")
        if min(self.shared_windows, self.shared_spacing_days) < 1 or self.batch % self.shared_windows:
            raise ValueError(
                f"batch = {self.batch} must be a multiple of shared_windows = {self.shared_windows}"
            )
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate = {self.learning_rate} must be positive")

    def torch_device(self) -> torch.device:
        """The device meant by `device`."""
        if self.device == "auto":
            return torch.device("cuda" if torch.cuda.is_available() else "cpu")
        return torch.device(self.device)


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
        windows = _checked_windows(features, self.settings.window_days)
        if windows.shape[2] != self.n_features:
            raise ValueError(
                f"windows have {windows.shape[2]} features; the network learned {self.n_features}"
            )
        device = self.settings.torch_device()
        with one_torch_thread(), torch.inference_mode():
            size = (self.settings.batch, self.settings.window_days, self.n_features, self.settings.hidden)
            net = Lstm(len(self.weights), *size, device=device)
            net.theta.copy_(torch.from_numpy(self.weights))
            forecasts = net.predict(torch.from_numpy(windows).to(device))
        return forecasts.cpu().numpy().astype(np.float64)


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Run torch on one thread, as networks this small are slower on two; the former number comes back."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def fit_lstm(
    train_windows: Features,
    train_targets: Array,
    val_windows: Features,
    val_targets: Array,
    settings: LstmSettings,
    seeds: Seeds,
) -> LstmEnsemble:
    """Train one network a seed on mean squared error, stopping each where the validation slice is best.

    Parameters
    ----------
    val_windows : (n, window_days) or (n, window_days, n_features), already scaled; val_targets : (n,).
    train_windows, train_targets : the same; or longer windows with targets (n, n_ends), the first after
        `window_days` rows and one more after each further `shared_spacing_days` rows.
    seeds : whole numbers, one network each, or a SeedSequence from which `settings.n_seeds` are drawn.

    Assumes: the validation slice is later than the training days, with an embargo between them.

    Raises
    ------
    ValueError : wrong shapes, values not finite, no seeds, or a loss that stops being finite.
    """
    targets = np.asarray(train_targets, dtype=np.float32)
    targets = targets[:, None] if targets.ndim == 1 else targets
    ends = tuple(
        settings.window_days - 1 + k * settings.shared_spacing_days for k in range(targets.shape[-1])
    )
    train = _checked_windows(train_windows, ends[-1] + 1)
    validation = _checked_windows(val_windows, settings.window_days)
    _check_targets(targets, (len(train), len(ends)))
    held_targets = np.asarray(val_targets, dtype=np.float32)
    _check_targets(held_targets, (len(validation),))
    device, generators = settings.torch_device(), torch_generators(seeds, settings.n_seeds)
    tensors = [torch.from_numpy(part).to(device) for part in (train, targets, validation, held_targets)]
    plan = Plan(settings.n_steps, settings.learning_rate, settings.check_every, settings.patience, ends)
    with one_torch_thread(), torch.inference_mode():
        size = (settings.batch // len(ends), len(train[0]), train.shape[2], settings.hidden)
        net = Lstm(len(generators), *size, device=device)
        net.initialise(generators)
        best = descend(net, (tensors[0], tensors[1]), (tensors[2], tensors[3]), plan, generators)
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
        raise ValueError(
            f"targets must be finite with shape {shape}, one a window; got shape {targets.shape}"
        )


def forecast_fold(
    returns: Array, fold: Fold, settings: LstmSettings, seeds: Seeds, target: Target = "return"
) -> Array:
    """Train on one fold and forecast at its decision days: (n_seeds, n_decisions_in_fold, n_assets).

    Parameters
    ----------
    returns : (n_rows, n_assets) log returns; rows after a decision day do not move its forecast.
    target : "return" gives the log return over the horizon, "log_volatility" the log of its daily volatility.

    Assumes: the fold was made for this horizon and window (embargo at least the horizon).
    Raises ValueError for an embargo shorter than the horizon, returns with holes, or a forecast not finite.
    """
    if fold.embargo_days < settings.horizon_days:
        raise ValueError(
            f"the fold's embargo is {fold.embargo_days}, the horizon {settings.horizon_days} days"
        )
    held_days = fold.validation[:: -settings.validation_stride_days][::-1]
    train_x, train_y = training_samples(returns, fold.train, settings, target)
    held = target_windows(returns, held_days, settings, target)
    held_y = held.standardise(target_values(returns, held_days, settings, target))
    ensemble = fit_lstm(train_x, train_y, held.values, held_y, settings, seeds)
    test = target_windows(returns, fold.decisions, settings, target)
    return test.unscale(ensemble.predict(test.values))


def training_samples(
    returns: Array, days: range, settings: LstmSettings, target: Target = "return"
) -> tuple[NDArray[np.float32], Array]:
    """Stretches (n, length, n_features) and the scaled targets (n, shared_windows) at their several ends.

    All forecast days lie in `days`. A stretch is scaled by its first window alone: the rows after it are
    the future of the first forecast.
    """
    offsets = settings.shared_spacing_days * np.arange(settings.shared_windows)
    first_ends = np.asarray(days[: max(0, len(days) - int(offsets[-1]))])
    if not len(first_ends):
        raise ValueError(f"{len(days)} training days are too few for windows {offsets[-1]} days apart")
    windows = target_windows(returns, first_ends, settings, target, int(offsets[-1]))
    targets = [windows.standardise(target_values(returns, first_ends + k, settings, target)) for k in offsets]
    return windows.values, np.stack(targets, axis=1)


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
