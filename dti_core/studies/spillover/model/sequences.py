"""Forecasts of a panel's levels: windows in their own units, and the simple rivals of the target fields."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
#: Smallest spread of a window, in log units: a series that stood still has none of its own.
LEAST_SPREAD = 0.05
#: Scaled targets beyond this are cut, so that one closed day does not rule the loss.
TARGET_LIMIT = 10.0
#: Grid of ridge penalties and smoothing weights; what is best on the learning rows is taken.
PENALTIES, WEIGHTS = (1.0, 10.0, 100.0, 1000.0), (0.05, 0.1, 0.2, 0.4, 0.7)
#: Seasons whose mean level is one of the rivals.
N_SEASONS = 4


@dataclass(frozen=True, slots=True)
class Sample:
    """Windows of all series that end at some rows, in their own units, and what came after.

    values : (n_ends, n_series, window). location, spread : (n_ends, n_series), mean and standard deviation
    of the window. target : (n_ends, n_series), the level a horizon later; NaN where it is not over.
    """

    values: Array
    location: Array
    spread: Array
    target: Array

    @property
    def scaled(self) -> Array:
        """The target in units of its window, cut at TARGET_LIMIT."""
        return np.clip((self.target - self.location) / self.spread, -TARGET_LIMIT, TARGET_LIMIT)

    def unscale(self, forecasts: Array) -> Array:
        """Forecasts (..., n_ends, n_series) as levels."""
        return self.location + self.spread * forecasts


def sample(levels: Array, ends: Rows, window: int, horizon: int) -> Sample:
    """Windows of levels (n_rows, n_series) that end at rows `ends` and read no later row but as target."""
    if ends.min() < window - 1 or ends.max() >= len(levels):
        raise ValueError(f"rows {ends.min()} to {ends.max()} of {len(levels)} cannot end windows of {window}")
    seen = sliding_window_view(levels, window, axis=0)[ends - window + 1]
    location = seen.mean(axis=-1)
    spread = np.maximum(seen.std(axis=-1), LEAST_SPREAD)
    later = np.minimum(ends + horizon, len(levels) - 1)
    target = np.where((ends + horizon < len(levels))[:, None], levels[later], np.nan)
    return Sample((seen - location[..., None]) / spread[..., None], location, spread, target)


def learning_ends(n_learning: int, window: int, horizon: int) -> Rows:
    """Rows at which windows can end whose target lies before row `n_learning`."""
    return np.arange(window - 1, n_learning - horizon)


def judged_ends(n_rows: int, n_learning: int, horizon: int) -> Rows:
    """Rows at which windows can end whose target lies in the test, from row `n_learning` on."""
    return np.arange(n_learning - horizon, n_rows - horizon)


def fit_ridge(train: Sample, penalty: float) -> tuple[Array, float]:
    """Coefficients (window,) and intercept of a ridge regression pooled over series.

    Source: Hoerl and Kennard (1970), by scikit-learn.
    """
    from sklearn.linear_model import Ridge

    fit = Ridge(alpha=penalty).fit(train.values.reshape(-1, train.values.shape[-1]), train.scaled.ravel())
    return np.asarray(fit.coef_), float(fit.intercept_)


def ridge(levels: Array, learning: Rows, ends: Rows, window: int, horizon: int) -> Array:
    """Forecasts (n_ends, n_series) of the ridge whose penalty is best on the last third of learning rows."""
    cut = 2 * len(learning) // 3
    early, late = (
        sample(levels, rows, window, horizon) for rows in (learning[: cut - horizon], learning[cut:])
    )

    def error(penalty: float) -> float:
        weights, intercept = fit_ridge(early, penalty)
        return float(np.mean((late.unscale(late.values @ weights + intercept) - late.target) ** 2))

    weights, intercept = fit_ridge(sample(levels, learning, window, horizon), min(PENALTIES, key=error))
    asked = sample(levels, ends, window, horizon)
    return asked.unscale(asked.values @ weights + intercept)


def smoothing(levels: Array, learning: Rows, ends: Rows, window: int, horizon: int) -> Array:
    """Exponential smoothing of the rows of the same season, with the weight that is best on learning rows.

    Source: Holt (1957), simple smoothing, a season apart; the weight is common to all series.
    """

    def smooth(weight: float) -> Array:
        level = levels.copy()
        for row in range(horizon, len(levels)):
            level[row] = weight * levels[row] + (1 - weight) * level[row - horizon]
        return level

    def error(weight: float) -> float:
        return float(np.mean((smooth(weight)[learning] - levels[learning + horizon]) ** 2))

    return smooth(min(WEIGHTS, key=error))[ends]


def seasonal_mean(levels: Array, learning: Rows, ends: Rows, window: int, horizon: int) -> Array:
    """Mean level of the last four rows of the same season."""
    back = horizon * np.arange(N_SEASONS)
    return levels[np.maximum(ends[:, None] - back, 0)].mean(axis=1)


def naive(levels: Array, learning: Rows, ends: Rows, window: int, horizon: int) -> Array:
    """The level a season ago, which is that of now."""
    return levels[ends]


def promoted(levels: Array, planned: Array, learning: Rows, ends: Rows, horizon: int) -> Array:
    """The level of now, moved with what is planned for the row that is forecast: one slope for all series.

    Least squares of how levels changed on how plans did; a series whose plans never change adds nothing.
    """
    changed, moved = (one[learning + horizon] - one[learning] for one in (planned, levels))
    slope = float(np.sum(changed * moved) / max(float(np.sum(changed**2)), 1e-12))
    return np.asarray(levels[ends] + slope * (planned[ends + horizon] - planned[ends]))


Forecast = Callable[[Array, Rows, Rows, int, int], Array]
#: Rivals in every target field, from levels, learning rows, rows asked, window and horizon.
RIVALS: Mapping[str, Forecast] = MappingProxyType({
    "four seasons' mean": seasonal_mean, "smoothing": smoothing, "ridge": ridge,
})  # fmt: skip
