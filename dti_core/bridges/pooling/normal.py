"""Means of many units: a normal prior, and each unit's mean drawn in towards that of all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq, minimize_scalar

from dti_core.bridges.pooling.counts import Array

How = Literal["ml", "reml", "dersimonian_laird", "paule_mandel"]


@dataclass(frozen=True, slots=True)
class NormalPrior:
    """What a unit of one group is like before its data: normal around `mean`, `variance` between units."""

    mean: float
    variance: float

    def weights(self, variances: ArrayLike) -> Array:
        """Share (n_units,) that a unit keeps of what it saw itself: 0 is all the prior's, 1 all its own."""
        noise = np.asarray(variances, dtype=float)
        total = self.variance + noise
        kept: Array = np.where(np.isinf(noise), 0.0, self.variance / np.where(total > 0, total, 1.0))
        return kept

    def means(self, values: ArrayLike, variances: ArrayLike) -> Array:
        """Posterior means (n_units,); a unit without data has an infinite variance, whatever its value."""
        kept = self.weights(variances)
        own = np.where(kept > 0, np.asarray(values, dtype=float), self.mean)
        drawn: Array = self.mean + kept * (own - self.mean)
        return drawn

    def spreads(self, variances: ArrayLike) -> Array:
        """Posterior standard deviations (n_units,), the prior taken as known."""
        return np.sqrt(self.variance * (1 - self.weights(variances)))


def fit_normal(values: ArrayLike, variances: ArrayLike, how: How = "ml") -> NormalPrior:
    """The normal prior of a group of units.

    Source: DerSimonian and Laird (1986); Paule and Mandel (1982); Morris (1983) for the likelihoods.

    Parameters
    ----------
    values : (n_units,) means of what each unit saw. variances : (n_units,) of their error, positive; an
        infinite one leaves its unit out. how : greatest likelihood, as it is or restricted, or moments.

    Raises
    ------
    ValueError for fewer than two units with data, or variances that are not positive.
    """
    noise = np.asarray(variances, dtype=float)
    if noise.shape != np.shape(values) or noise.ndim != 1 or not (noise > 0).all():
        raise ValueError("values and variances must be one a unit, and variances positive")
    seen = np.isfinite(noise)
    own, noise = np.asarray(values, dtype=float)[seen], noise[seen]
    if len(own) < 2 or not np.isfinite(own).all():
        raise ValueError(f"a prior takes at least two units with finite values, got {len(own)} with data")
    between = HOW[how](own, noise)
    return NormalPrior(_centre(own, noise, between)[0], between)


def james_stein(values: ArrayLike, variance: float) -> Array:
    """Means (n_units,) of at least 4 units drawn in to their average, by the positive-part rule.

    Source: Efron, Morris (1975), equation 1.4 with the plus rule: c = 1 - (n - 3) variance / sum of squares.

    Parameters
    ----------
    variance : of the error of every value, known.
    """
    own = np.asarray(values, dtype=float)
    if own.ndim != 1 or len(own) < 4:
        raise ValueError(f"the rule of James and Stein around an average takes 4 units, got {own.shape}")
    centre, squares = own.mean(), float(((own - own.mean()) ** 2).sum())
    kept = max(0.0, 1 - (len(own) - 3) * variance / squares) if squares > 0 else 0.0
    drawn: Array = centre + kept * (own - centre)
    return drawn


def within_variance(values: ArrayLike) -> float:
    """Variance of one observation around its unit's mean, the same in all units.

    Parameters
    ----------
    values : (n_units, n_observations), NaN where there is none.

    Raises
    ------
    ValueError if no unit has two observations.
    """
    table = np.asarray(values, dtype=float)
    counts = np.isfinite(table).sum(axis=1)
    table = table[counts > 1]
    if not len(table):
        raise ValueError("no unit has two observations, so that none tells how much they vary within one")
    squares = np.nansum((table - np.nanmean(table, axis=1, keepdims=True)) ** 2)
    return float(squares / (np.isfinite(table).sum() - len(table)))


def _centre(own: Array, noise: Array, between: float) -> tuple[float, float]:
    """Weighted mean, and the sum of weighted squares around it."""
    weights = 1 / (noise + between)
    mean = float(weights @ own / weights.sum())
    return mean, float(weights @ (own - mean) ** 2)


def _likeliest(own: Array, noise: Array, restricted: bool) -> float:
    def loss(between: float) -> float:
        kept = np.log(np.sum(1 / (noise + between))) if restricted else 0.0
        return float(np.sum(np.log(noise + between)) + _centre(own, noise, between)[1] + kept)

    top = float(((own - own.mean()) ** 2).sum()) + 1e-300
    grid = np.concatenate([[0.0], np.geomspace(1e-6, 1.0, 25) * top])
    best = int(np.argmin([loss(one) for one in grid]))
    low, high = grid[max(0, best - 1)], grid[min(len(grid) - 1, best + 1)]
    found = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-10 * top})
    return float(found.x) if found.fun < loss(0.0) else 0.0


def _dersimonian_laird(own: Array, noise: Array) -> float:
    weights = 1 / noise
    heterogeneity = _centre(own, noise, 0.0)[1] - (len(own) - 1)
    return max(0.0, heterogeneity / float(weights.sum() - (weights**2).sum() / weights.sum()))


def _paule_mandel(own: Array, noise: Array) -> float:
    def excess(between: float) -> float:
        return _centre(own, noise, between)[1] - (len(own) - 1)

    top = float(((own - own.mean()) ** 2).sum()) + 1e-300
    return 0.0 if excess(0.0) <= 0 else float(brentq(excess, 0.0, top, xtol=1e-14 * top))


#: Ways to find the variance between units.
HOW: Mapping[How, Callable[[Array, Array], float]] = {
    "ml": lambda own, noise: _likeliest(own, noise, restricted=False),
    "reml": lambda own, noise: _likeliest(own, noise, restricted=True),
    "dersimonian_laird": _dersimonian_laird,
    "paule_mandel": _paule_mandel,
}
