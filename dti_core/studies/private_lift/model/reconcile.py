"""Two private views of the same conversions made one: reports of single events, noisy totals of a tree."""

import numpy as np
from scipy.optimize import nnls

from dti_core.bridges.privacy import discrete_laplace, estimate_randomised_response, randomised_response_rate
from dti_core.studies.private_lift.model.cells import Array, Counts


def tree(*branches: int) -> Array:
    """(n_totals, n_leaves) of 0 and 1: which leaves each total sums, level by level, the leaves last.

    `tree(3, 4)` is of 3 channels with 4 creators each: 3 + 12 totals of 12 leaves.
    """
    levels, n_leaves = np.cumprod(branches), int(np.prod(branches))
    return np.vstack([np.repeat(np.eye(n), n_leaves // n, axis=1) for n in levels])


def event_view(counts: Counts, epsilon: float, n_draws: int, rng: np.random.Generator) -> tuple[Array, float]:
    """Unbiased counts from k-ary randomised response of each user, and about the variance of a small one.

    Each user gives a value's code with `epsilon` (replace one, no trusted party).

    Parameters
    ----------
    counts : (k,) users by value.

    Returns
    -------
    (n_draws, k); variance of a value that nobody has, which depends on no data.
    """
    k, rate, n_users = len(counts), randomised_response_rate(len(counts), epsilon), int(counts.sum())
    random = rng.binomial(counts, rate, size=(n_draws, k))
    answers = counts - random + rng.multinomial(random.sum(axis=1), np.full(k, 1 / k))
    by_chance = rate / k
    return estimate_randomised_response(answers, k, epsilon), n_users * by_chance * (1 - by_chance) / (
        1 - rate
    ) ** 2


def summary_view(
    totals: Counts, epsilon: float, n_levels: int, n_draws: int, rng: np.random.Generator
) -> tuple[Array, float]:
    """Totals with discrete Laplace noise, (n_draws, n_totals), and its variance.

    Replacing a user moves two totals on each level by one, so that the scale is 2 n_levels / epsilon.
    """
    scale = 2 * n_levels / epsilon
    stay = np.exp(-1 / scale)
    noise = discrete_laplace(scale, (n_draws, len(totals)), rng)
    return (totals + noise).astype(float), float(2 * stay / (1 - stay) ** 2)


def reconcile(design: Array, seen: Array, variance: Array) -> tuple[Array, Array]:
    """Leaves that fit all that was seen best, (n_draws, n_leaves), and their variance (n_leaves,).

    Weighted least squares by inverse variance: unbiased if what is seen is, as no weight depends on data.

    Source: Hay, Rastogi, Miklau, Suciu (2010).

    Parameters
    ----------
    design : (n_seen, n_leaves). seen : (n_draws, n_seen). variance : (n_seen,).
    """
    information = design.T @ (design / variance[:, None])
    covariance = np.linalg.inv(information)
    return (seen / variance) @ design @ covariance, np.diag(covariance)


def reconcile_positive(design: Array, seen: Array, variance: Array) -> Array:
    """The same with no leaf below 0: less error, but small leaves too large on average."""
    weight = 1 / np.sqrt(variance)
    return np.array([nnls(design * weight[:, None], one * weight)[0] for one in seen])
