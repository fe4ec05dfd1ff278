"""Local mechanisms: each user randomises before anything leaves the device."""

import math

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
#: Chance that optimised unary encoding keeps the bit of the user's own value.
OUE_KEEP = 0.5


def randomised_response_rate(k: int, epsilon: float) -> float:
    """Chance that k-ary randomised response answers at random instead of truthfully: k / (k - 1 + e^epsilon).

    The random answer may be the true one. Replacing the user's value changes no answer's chance by more than
    e^epsilon.

    Source: Kairouz, Oh, Viswanath (2014); as in Google's Attribution Reporting API for event-level reports.
    """
    if k < 2 or not epsilon > 0:
        raise ValueError(f"randomised response needs k >= 2 and epsilon > 0, got {k} and {epsilon}")
    return k / (k - 1 + math.exp(epsilon))


def randomised_response(values: Ints, k: int, epsilon: float, rng: np.random.Generator) -> Ints:
    """Each value (0 to k - 1) kept, or with `randomised_response_rate` replaced by a uniform one."""
    random = rng.random(len(values)) < randomised_response_rate(k, epsilon)
    return np.where(random, rng.integers(k, size=len(values)), values)


def estimate_randomised_response(answers: Ints, k: int, epsilon: float) -> Floats:
    """Unbiased counts of the values behind randomised answers.

    Parameters
    ----------
    answers : (..., k) how often each answer was given.

    Returns
    -------
    (..., k), which sums to the number of answers; an entry may be negative.
    """
    rate = randomised_response_rate(k, epsilon)
    counts = np.asarray(answers, dtype=float)
    return (counts - counts.sum(axis=-1, keepdims=True) * rate / k) / (1 - rate)


def oue_flip(epsilon: float) -> float:
    """Chance that optimised unary encoding sets a bit that is not the user's: 1 / (e^epsilon + 1)."""
    if not epsilon > 0:
        raise ValueError(f"epsilon {epsilon} must be positive")
    return 1 / (math.exp(epsilon) + 1)


def oue_encode(values: Ints, k: int, epsilon: float, rng: np.random.Generator) -> Bools:
    """Optimised unary encoding: a noisy one-hot vector a user.

    Source: Wang, Blocki, Li, Jha (2017). Replacing a user's value changes no report's chance by more than
    e^epsilon: each user is the unit, and the collector is not trusted.

    Parameters
    ----------
    values : (n,) from 0 to k - 1.

    Returns
    -------
    (n, k) reports.
    """
    if len(values) and not 0 <= values.min() <= values.max() < k:
        raise ValueError(f"values must lie within 0 and {k - 1}")
    reports = rng.random((len(values), k)) < oue_flip(epsilon)
    reports[np.arange(len(values)), values] = rng.random(len(values)) < OUE_KEEP
    return reports


def draw_oue_sums(counts: Ints, epsilon: float, rng: np.random.Generator) -> Ints:
    """Column sums of `oue_encode`, drawn at once from binomials instead of user by user.

    Parameters
    ----------
    counts : (..., k) users by value. Returns the sums, of the same shape.
    """
    others = np.asarray(counts).sum(axis=-1, keepdims=True) - counts
    return rng.binomial(counts, OUE_KEEP) + rng.binomial(others, oue_flip(epsilon))


def estimate_oue(sums: Ints, n_users: Ints | int, epsilon: float) -> Floats:
    """Unbiased counts by value from column sums of OUE reports.

    Parameters
    ----------
    sums : (..., k). n_users : one number, or (...,) one a row.
    """
    flip = oue_flip(epsilon)
    return (np.asarray(sums) - np.asarray(n_users, dtype=float)[..., None] * flip) / (OUE_KEEP - flip)


def oue_variance(counts: Floats | Ints, n_users: Ints | int, epsilon: float) -> Floats:
    """Variance of `estimate_oue` at the true counts (..., k); estimated counts may stand in for them.

    With few users of a value it is near 4 n e^epsilon / (e^epsilon - 1)^2.
    """
    flip = oue_flip(epsilon)
    own = np.asarray(counts, dtype=float)
    others = np.asarray(n_users, dtype=float)[..., None] - own
    return (own * OUE_KEEP * (1 - OUE_KEEP) + others * flip * (1 - flip)) / (OUE_KEEP - flip) ** 2
