"""Scaled windows of daily returns and walk-forward folds that cannot look ahead.

A day is a row of the return table: row t holds the log return from the close of day t - 1 to that of day t.
A forecast made at day t may use rows up to t and speaks of rows t + 1 ... t + horizon.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Days = Sequence[int] | NDArray[np.int_]

#: Smallest daily volatility by which a window is divided (30 basis points, about 5 % a year): a stock whose
#: price stands still for weeks has none of its own.
SCALE_FLOOR = 0.003
#: Most returns that are laid out at once where only their sum is wanted.
MOST_CELLS = 5_000_000
#: Largest scaled target, in standard deviations: one day of a thinly traded stock must not rule the loss.
TARGET_LIMIT = 10.0


@dataclass(frozen=True, slots=True)
class Fold:
    """One refit: the days to learn from, a later slice for early stopping, the days to forecast at.

    The target of the last training day ends before the first target of the validation slice begins, and the
    target of the last validation day ends on or before the first decision day.
    """

    train: range
    validation: range
    decisions: tuple[int, ...]
    embargo_days: int


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of all assets at some days, pooled day by day, and how to undo their scaling.

    values : (n_days * n_assets, window_days, n_features), scaled by the window's own past only.
    location, spread : (n_days, n_assets); a target y becomes (y - location) / spread.
    """

    values: NDArray[np.float32]
    location: Array
    spread: Array

    def standardise(self, targets: Array) -> Array:
        """Targets (n_days, n_assets) in units of their trailing spread, pooled to (n_days * n_assets,).

        Clipped at TARGET_LIMIT standard deviations. Raises ValueError for a wrong shape or values not finite.
        """
        if targets.shape != self.spread.shape:
            raise ValueError(f"targets have shape {targets.shape}; the windows need {self.spread.shape}")
        if not np.isfinite(targets).all():
            raise ValueError("targets must be finite; leave out days whose horizon is not over")
        scaled: Array = ((targets - self.location) / self.spread).ravel()
        return np.clip(scaled, -TARGET_LIMIT, TARGET_LIMIT)

    def unscale(self, forecasts: Array) -> Array:
        """Forecasts (..., n_days * n_assets) back in the units of the target: (..., n_days, n_assets).

        Raises ValueError if any forecast is not finite: a hole must not pass for an opinion.
        """
        if not np.isfinite(forecasts).all():
            n_bad = int((~np.isfinite(forecasts)).sum())
            raise ValueError(f"{n_bad} of {forecasts.size} forecasts are not finite; look at their windows")
        shaped = forecasts.reshape(*forecasts.shape[:-1], *self.spread.shape)
        unscaled: Array = self.location + self.spread * shaped
        return unscaled


def walk_forward_folds(
    decision_days: Days, *, refit_every: int, horizon_days: int, window_days: int, validation_days: int,
    train_days: int | None = None, embargo_days: int | None = None,
) -> tuple[Fold, ...]:  # fmt: skip
    """Folds for ascending decision days: a new fit at every `refit_every`-th of them.

    Parameters
    ----------
    decision_days : rows at which forecasts are made, such as month ends.
    refit_every : number of decision days served by one fit.
    train_days : days of training; None grows from the first full window.
    embargo_days : days from the last training day to the validation slice, and from its last day to the first
        decision day; default the horizon.

    Assumes: rows up to and including the decision day are known when deciding.

    Raises
    ------
    ValueError : an embargo shorter than the horizon, days out of order, or too little history.
    """
    embargo = horizon_days if embargo_days is None else embargo_days
    if embargo < horizon_days:
        raise ValueError(f"embargo_days = {embargo} is shorter than the horizon of {horizon_days} days")
    if min(refit_every, horizon_days, window_days, validation_days) < 1 or (train_days or 1) < 1:
        raise ValueError("refit_every and horizon, window, validation, training days must be at least 1")
    if not len(decision_days) or any(later <= earlier for earlier, later in pairwise(decision_days)):
        raise ValueError("decision_days must be ascending row numbers without repeats, at least one")
    folds = []
    for first in range(0, len(decision_days), refit_every):
        decisions = tuple(int(day) for day in decision_days[first : first + refit_every])
        validation_stop = decisions[0] - embargo + 1
        validation_start = validation_stop - validation_days
        train_stop = validation_start - embargo + 1
        train_start = window_days - 1 if train_days is None else train_stop - train_days
        if train_start < window_days - 1 or train_start >= train_stop:
            need = window_days - 2 + (train_days or 1) + validation_days + 2 * embargo - 1
            raise ValueError(f"decision day {decisions[0]} has too little history; the first can be {need}")
        train, validation = range(train_start, train_stop), range(validation_start, validation_stop)
        folds.append(Fold(train, validation, decisions, embargo))
    return tuple(folds)


def complete_rows(returns: Array, days: Days, rows_before: int, rows_after: int) -> NDArray[np.bool_]:
    """Whether all returns of a series around a day are known: (n_days, n_series).

    Asked of the last `rows_before` rows, the day's own among them, and of `rows_after` rows behind it.
    """
    unknown = np.zeros((len(returns) + 1, returns.shape[1]), dtype=np.int64)
    np.cumsum(~np.isfinite(returns), axis=0, out=unknown[1:])
    end = np.asarray(days) + 1
    complete: NDArray[np.bool_] = unknown[end + rows_after] == unknown[end - rows_before]
    return complete


def trailing_volatility(returns: Array, days: Days, window_days: int, floor: float) -> Array:
    """Root mean square return of the last `window_days` rows up to each day, per day: (n_days, n_assets).

    Never below `floor`, which must be positive.
    """
    offsets, rows = np.arange(1 - window_days, 1), np.asarray(days)
    size = max(1, MOST_CELLS // (window_days * max(1, returns.shape[1])))
    parts = [rows[start : start + size] for start in range(0, max(1, len(rows)), size)]
    mean = np.concatenate([np.mean(_rows(returns, part, offsets) ** 2, axis=1) for part in parts])
    return _floored(np.sqrt(mean), floor)


def return_windows(
    returns: Array, days: Days, window_days: int, horizon_days: int, floor: float = SCALE_FLOOR,
    rows_after: int = 0,
) -> Windows:  # fmt: skip
    """Windows for forecasting the return over the horizon.

    The one feature is the daily return over its window's volatility; the target's spread is that volatility
    times the root of the horizon, so that stocks and decades can be pooled.

    Parameters
    ----------
    returns : (n_rows, n_assets) log returns; rows after a day are not read for that day.
    days : n_days rows at which the windows end.
    rows_after : rows appended to each window, for training alone; they take no part in the scale.
    """
    volatility = trailing_volatility(returns, days, window_days, floor)
    scaled = _rows(returns, days, np.arange(1 - window_days, 1 + rows_after)) / volatility[:, None]
    values = _pooled(scaled[..., None])
    return Windows(values, np.zeros_like(volatility), volatility * np.sqrt(horizon_days))


def volatility_windows(
    returns: Array, days: Days, window_days: int, floor: float = SCALE_FLOOR, rows_after: int = 0
) -> Windows:
    """Windows for forecasting log realised volatility, told as its change from the trailing one.

    Three features: the scaled return, the log of its size, and the log of trailing over long-run volatility
    (all rows up to the day), which is what mean reversion needs.
    """
    volatility = trailing_volatility(returns, days, window_days, floor)
    rows = np.asarray(days)
    long_run = _floored(np.sqrt(np.cumsum(returns**2, axis=0)[rows] / (rows[:, None] + 1.0)), floor)
    scaled = _rows(returns, days, np.arange(1 - window_days, 1 + rows_after)) / volatility[:, None]
    size = np.log(np.maximum(np.abs(scaled), 0.05))
    level = np.broadcast_to(np.log(volatility / long_run)[:, None], scaled.shape)
    values = _pooled(np.stack([scaled, size, level], axis=-1))
    return Windows(values, np.log(volatility), np.ones_like(volatility))


def future_returns(returns: Array, days: Days, horizon_days: int) -> Array:
    """Log return over rows t + 1 ... t + horizon for each day t: (n_days, n_assets). Uses the future."""
    total: Array = _future(returns, days, horizon_days).sum(axis=1)
    return total


def future_log_volatility(returns: Array, days: Days, horizon_days: int, floor: float = SCALE_FLOOR) -> Array:
    """Log daily volatility realised over rows t + 1 ... t + horizon: (n_days, n_assets). Uses the future."""
    ahead = _future(returns, days, horizon_days)
    log_volatility: Array = np.log(_floored(np.sqrt(np.mean(ahead**2, axis=1)), floor))
    return log_volatility


def _future(returns: Array, days: Days, horizon_days: int) -> Array:
    return _rows(returns, days, np.arange(1, horizon_days + 1))


def _rows(returns: Array, days: Days, offsets: NDArray[np.int_]) -> Array:
    if returns.ndim != 2 or not len(days) or not len(offsets):
        raise ValueError("needs returns (n_rows, n_assets), at least one day and a length of at least one")
    rows = np.asarray(days)[:, None] + offsets
    if rows.min() < 0 or rows.max() >= len(returns):
        raise ValueError(f"rows {rows.min()} to {rows.max()} are asked of a table with {len(returns)} rows")
    chosen = np.asarray(returns, dtype=np.float64)[rows]
    if not np.isfinite(chosen).all():
        raise ValueError("returns must be finite; drop or repair assets with holes before making windows")
    return chosen


def _floored(volatility: Array, floor: float) -> Array:
    if not floor > 0:
        raise ValueError(f"floor = {floor} must be positive")
    return np.maximum(volatility, floor)


def _pooled(values: Array) -> NDArray[np.float32]:
    """(n_days, window, n_assets, n_features) to (n_days * n_assets, window, n_features), days outermost."""
    n_days, window_days, n_assets, n_features = values.shape
    by_asset = values.transpose(0, 2, 1, 3).astype(np.float32)
    return by_asset.reshape(n_days * n_assets, window_days, n_features)
