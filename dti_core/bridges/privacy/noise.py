"""Integer noise for simulation: fast, from a seeded generator. Never release data with it; see `exact`."""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dti_core.bridges.privacy.clipping import gaussian_sigma

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Size = int | tuple[int, ...]

#: Most that the reports of one source may add to all buckets, in Google's Attribution Reporting API.
ARA_BUDGET = 65_536
#: Largest sigma of which the discrete Gaussian is tabulated; beyond, the table would not fit well in memory.
LARGEST_SIGMA = 1e6
_TAIL = 12.0


def discrete_laplace(scale: float, size: Size, rng: np.random.Generator) -> Ints:
    """Draws with P(k) proportional to exp(-|k| / scale): the two-sided geometric distribution.

    With scale = L1 sensitivity / epsilon it makes integer counts epsilon-private (pure).

    Source: Ghosh, Roughgarden, Sundararajan (2009); the difference of two geometric draws has this law.

    Raises
    ------
    ValueError unless 0 < scale < 2^53, beyond which doubles are no integers.
    """
    if not 0 < scale < 2.0**53:
        raise ValueError(f"scale {scale} of discrete Laplace noise must lie within (0, 2^53)")
    stop = -math.expm1(-1 / scale)
    return rng.geometric(stop, size) - rng.geometric(stop, size)


def discrete_gaussian(sigma: float, size: Size, rng: np.random.Generator) -> Ints:
    """Draws with P(k) proportional to exp(-k^2 / (2 sigma^2)), by its distribution function.

    Source: Canonne, Kamath, Steinke (2020), definition 1. Doubles cut the tails beyond a mass of 1e-16.

    Raises
    ------
    ValueError unless 0 < sigma <= 1e6.
    """
    support, pmf = discrete_gaussian_pmf(sigma)
    return support[np.searchsorted(np.cumsum(pmf)[:-1], rng.random(size), side="right")]


def discrete_gaussian_pmf(sigma: float) -> tuple[Ints, Floats]:
    """Support (integers within 12 sigma of 0) and probabilities of the discrete Gaussian."""
    if not 0 < sigma <= LARGEST_SIGMA:
        raise ValueError(f"sigma {sigma} of discrete Gaussian noise must lie within (0, {LARGEST_SIGMA:g}]")
    reach = math.ceil(_TAIL * sigma) + 1
    support = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (support / sigma) ** 2)
    return support, weights / weights.sum()


@lru_cache(maxsize=256)
def discrete_gaussian_sigma(epsilon: float, delta: float, sensitivity: int = 1, n_counts: int = 1) -> float:
    """A sigma with which discrete Gaussian noise keeps its exact delta, near the least one.

    The analytic sigma is exact for continuous noise only: on the integers it may miss delta by a tenth. There
    delta falls in waves as sigma grows, so that a still smaller sigma may keep it too.

    Source: Balle, Wang (2018), theorem 5, for any pair of distributions; Canonne, Kamath, Steinke (2020).

    Parameters
    ----------
    sensitivity, n_counts : how far one unit moves each of how many counts, each with noise of its own.
    """
    low = gaussian_sigma(epsilon, delta, sensitivity * math.sqrt(n_counts))
    high = 1.2 * low + 0.5
    low *= 0.8
    while high > 1.0001 * low:
        middle = math.sqrt(low * high)
        one = mass = discrete_gaussian_pmf(middle)[1]
        for _ in range(n_counts - 1):
            mass = np.convolve(mass, one)
        total = np.arange(len(mass)) - len(mass) // 2
        loss = sensitivity * (n_counts * sensitivity - 2 * total) / (2 * middle**2)
        kept = mass @ -np.expm1(np.minimum(epsilon - loss, 0.0))
        low, high = (middle, high) if kept > delta else (low, middle)
    return high


def skellam(variance: float, size: Size, rng: np.random.Generator) -> Ints:
    """Differences of two Poisson draws of mean variance / 2 each.

    The sum of independent Skellam draws is one, of the summed variances: n clients who each add variance / n
    give the same noise as one who adds it all, so that no party knows the noise.

    Source: Agarwal, Kairouz, Liu (2021).
    """
    if not variance > 0:
        raise ValueError(f"variance {variance} of Skellam noise must be positive")
    return rng.poisson(variance / 2, size) - rng.poisson(variance / 2, size)


def ara_noise_sd(epsilon: float) -> float:
    """Standard deviation of the noise of Google's Attribution Reporting API, of its budget of 65,536.

    Its aggregates carry discrete Laplace noise of scale 65,536 / epsilon; the unit of privacy is a *source*
    (an impression or click), not a user, and a contribution may be added or removed.

    Source: WICG attribution-reporting-api, AGGREGATE.md. The API was retired in 2025: told as history.
    """
    if not epsilon > 0:
        raise ValueError(f"epsilon {epsilon} must be positive")
    stay = math.exp(-epsilon / ARA_BUDGET)
    return math.sqrt(2 * stay) / (1 - stay)
