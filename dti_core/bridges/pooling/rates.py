"""Rates alone, in one pool and partly pooled, from the same counts."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike

from dti_core.bridges.pooling.beta_binomial import BetaPrior, fit_beta
from dti_core.bridges.pooling.counts import Array, checked

Estimate = Callable[[ArrayLike, ArrayLike], Array]


def lone_rates(successes: ArrayLike, trials: ArrayLike, mean: float = 0.5, strength: float = 1.0) -> Array:
    """Rates (n_units, n_categories) of each unit alone under a prior that no data made.

    A mean of .5 and a strength of 1 are the prior of Jeffreys (1946), a strength of 2 adds one to each side.
    """
    hits, tries = checked(successes, trials)
    rates: Array = (hits + strength * mean) / (tries + strength)
    return rates


def pooled_rates(successes: ArrayLike, trials: ArrayLike) -> Array:
    """One rate a category for all units, every trial weighing the same; half a success and failure added."""
    hits, tries = checked(successes, trials)
    among = np.broadcast_to(tries, hits.shape).sum(axis=0)
    rates: Array = np.broadcast_to((hits.sum(axis=0) + 0.5) / (among + 1.0), hits.shape)
    return rates


def _own_level(successes: ArrayLike, trials: ArrayLike) -> Array:
    """Rates of a unit alone, drawn in by one trial to its own rate over all categories."""
    hits, tries = checked(successes, trials)
    among = np.broadcast_to(tries, hits.shape)
    level = (hits.sum(axis=1) + 0.5) / (among.sum(axis=1) + 1.0)
    rates: Array = (hits + level[:, None]) / (tries + 1.0)
    return rates


def _own_categories(successes: ArrayLike, trials: ArrayLike) -> Array:
    """Rates of a unit alone, a prior fitted over its own categories as if these were units."""
    hits, tries = checked(successes, trials)
    wide = np.array(np.broadcast_to(tries, hits.shape))
    prior = fit_beta(hits.T, wide.T)
    return prior.rates(hits.T, wide.T).T


def _empirical_bayes(successes: ArrayLike, trials: ArrayLike) -> Array:
    prior: BetaPrior = fit_beta(successes, trials)
    return prior.rates(successes, trials)


#: Ways to estimate rates (n_units, n_categories) from successes and trials.
ESTIMATES: Mapping[str, Estimate] = {
    "jeffreys": lone_rates,
    "add_one": lambda successes, trials: lone_rates(successes, trials, strength=2.0),
    "own_level": _own_level,
    "own_categories": _own_categories,
    "pooled": pooled_rates,
    "empirical_bayes": _empirical_bayes,
}
