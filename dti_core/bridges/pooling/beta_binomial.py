"""Rates of many units: a beta prior for each category, fitted to all units at once by maximum likelihood."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import digamma, expit, gammaln, logit, zeta

from dti_core.bridges.pooling.counts import Array, checked

#: Bounds of the strength: beyond the upper one units are alike, below the lower one all or nothing.
LEAST, MOST = 1e-3, 1e6
#: Longest step of the search, in logits of the mean and in logarithms of the strength.
_REACH, _TOLERANCE, _MOST_STEPS = 3.0, 1e-5, 200
#: Share of the log likelihood that is rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class BetaPrior:
    """What a unit is like before its data: Beta(mean strength, (1 - mean) strength) in each category.

    mean : (n_categories,) in (0, 1). strength : (n_categories,) in trials; a unit with as many of its own is
    drawn half of the way to the mean.
    """

    mean: Array
    strength: Array

    def rates(self, successes: ArrayLike, trials: ArrayLike) -> Array:
        """Posterior means (n_units, n_categories)."""
        hits, tries = checked(successes, trials)
        posterior: Array = (hits + self.strength * self.mean) / (tries + self.strength)
        return posterior

    def interval(self, successes: ArrayLike, trials: ArrayLike, level: float = 0.95) -> tuple[Array, Array]:
        """Ends of the credible intervals of equal tails, each (n_units, n_categories).

        Assumes: the prior is known; the error of its fit is left out.
        """
        hits, tries = checked(successes, trials)
        first, second = hits + self.strength * self.mean, tries - hits + self.strength * (1 - self.mean)
        low, high = (stats.beta.ppf(tail, first, second) for tail in ((1 - level) / 2, (1 + level) / 2))
        return low, high


def log_likelihood(prior: BetaPrior, successes: ArrayLike, trials: ArrayLike) -> Array:
    """Log likelihood (n_categories,) of the counts of all units, binomial coefficients left out.

    Source: Skellam (1948), the beta-binomial law.
    """
    return _likelihood(prior.mean, prior.strength, *checked(successes, trials))


def fit_beta(successes: ArrayLike, trials: ArrayLike) -> BetaPrior:
    """The prior of greatest likelihood in each category, all categories in one search.

    Damped Newton steps in the logit of the mean and the logarithm of the strength, which ends at `MOST` where
    units differ no more than chance makes them.

    Parameters
    ----------
    successes : (n_units, n_categories). trials : that shape, or (n_units,) if categories share them. A unit
        without trials says nothing.

    Returns
    -------
    A category of no success (or no failure) at all has its rate with half a success added, at strength
    `MOST`: its counts cannot tell how units differ.
    """
    hits, tries = checked(successes, trials)
    total, among = hits.sum(axis=0), np.broadcast_to(tries, hits.shape).sum(axis=0)
    mean, strength = (total + 0.5) / (among + 1.0), np.full(len(total), MOST)
    todo = np.flatnonzero((total > 0) & (total < among))
    if len(todo):
        own = tries if tries.shape[1] == 1 else tries[:, todo]
        mean[todo], strength[todo] = _search(hits[:, todo], own, mean[todo])
    return BetaPrior(mean, strength)


def _search(hits: Array, tries: Array, mean: Array) -> tuple[Array, Array]:
    """Means and strengths (n_categories,) at the summit; categories that have arrived are left alone."""
    at = np.stack([logit(mean), np.log(_start(hits, tries, mean))])
    value, damping = _value(at, hits, tries), np.full(len(mean), 1e-3)
    going = np.arange(len(mean))
    for _ in range(_MOST_STEPS):
        some, own = hits[:, going], tries if tries.shape[1] == 1 else tries[:, going]
        step = _step(at[:, going], some, own, damping[going])
        new = at[:, going] + step
        new[1] = np.clip(new[1], np.log(LEAST), np.log(MOST))
        found = _value(new, some, own)
        better = found >= value[going] - _ROUNDING * np.abs(value[going])
        moved = np.abs(new - at[:, going]).max(axis=0)
        at[:, going[better]], value[going[better]] = new[:, better], found[better]
        damping[going] = np.where(better, damping[going] / 10, damping[going] * 10)
        going = going[(moved > _TOLERANCE) & (damping[going] < 1e12)]
        if not len(going):
            break
    return expit(at[0]), np.exp(at[1])


def _start(hits: Array, tries: Array, mean: Array) -> Array:
    """Strengths by the method of moments, Source: Kleinman (1973), with every trial weighing the same."""
    spread = ((hits - tries * mean) ** 2).sum(axis=0) / (mean * (1 - mean))
    n, squares = (np.broadcast_to(one, hits.shape).sum(axis=0) for one in (tries, tries**2))
    alike = np.clip((spread - n) / np.maximum(squares - n, 1.0), 1e-4, 0.9)
    return 1 / alike - 1


def _likelihood(mean: Array, strength: Array, hits: Array, tries: Array) -> Array:
    first, second = mean * strength, (1 - mean) * strength
    each = gammaln(first + hits) + gammaln(second + tries - hits)
    alone = (gammaln(strength + tries) - gammaln(strength)).sum(axis=0)
    value: Array = each.sum(axis=0) - len(hits) * (gammaln(first) + gammaln(second)) - alone
    return value


def _value(at: Array, hits: Array, tries: Array) -> Array:
    return _likelihood(expit(at[0]), np.exp(at[1]), hits, tries)


def _step(at: Array, hits: Array, tries: Array, damping: Array) -> Array:
    """Damped Newton step (2, n_categories), uphill whatever the curvature."""
    slope, bent = _derivatives(expit(at[0]), np.exp(at[1]), hits, tries)
    size, turn = np.linalg.eigh(bent)
    size = np.maximum(np.abs(size), 1e-9) * (1 + damping[:, None])
    along = np.einsum("kji,kj->ki", turn, slope) / size
    step = np.einsum("kij,kj->ki", turn, along).T
    longest = np.abs(step).max(axis=0)
    return step * np.minimum(1.0, _REACH / np.maximum(longest, 1e-300))


def _derivatives(mean: Array, strength: Array, hits: Array, tries: Array) -> tuple[Array, Array]:
    """Slope (n_categories, 2) and curvature (n_categories, 2, 2) in (logit mean, log strength)."""
    first, second, n = mean * strength, (1 - mean) * strength, len(hits)
    parts = ((first, hits), (second, tries - hits), (strength, tries))
    a1, b1, s1 = (digamma(one + k).sum(axis=0) - n * digamma(one) for one, k in parts)
    a2, b2, s2 = (zeta(2, one + k).sum(axis=0) - n * zeta(2, one) for one, k in parts)
    pull = mean * (1 - mean) * strength
    up, out = pull * (a1 - b1), first * a1 + second * b1 - strength * s1
    twice_up = pull**2 * (a2 + b2) + (1 - 2 * mean) * up
    mixed = up + pull * (first * a2 - second * b2)
    twice_out = out + first**2 * a2 + second**2 * b2 - strength**2 * s2
    bent = np.stack([np.stack([twice_up, mixed], -1), np.stack([mixed, twice_out], -1)], -1)
    return np.stack([up, out], -1), bent
