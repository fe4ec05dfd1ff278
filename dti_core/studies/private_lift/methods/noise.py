"""Ways to publish a histogram of users: who adds how much noise, and what that promises to whom.

All take one-hot reports: a user falls into one bucket of a histogram, so that adding or removing one changes
one bucket by one. One draw of discrete Laplace noise is then the least that pure privacy allows; Gaussian
noise pays once a user counts in many buckets or releases.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from dti_core.bridges.privacy import (
    ARA_BUDGET,
    Guarantee,
    ara_noise_sd,
    discrete_gaussian,
    discrete_gaussian_pmf,
    discrete_gaussian_sigma,
    discrete_laplace,
    draw_oue_sums,
    estimate_oue,
    oue_variance,
    skellam,
    skellam_variance_for,
)
from dti_core.lab.methods import Method
from dti_core.studies.private_lift.model.cells import Array, Counts

#: Chance, up to which a guarantee may fail, of methods that are not pure.
DELTA = 1e-6
#: Share of clients that may drop out before distributed noise is too small.
DROPOUT = 0.2
#: Sources (one a channel) whose budgets protect one user in Google's Attribution Reporting API.
ARA_SOURCES = 5


@dataclass(frozen=True, slots=True)
class Release:
    """Published counts, (..., k), the variance of their noise, one or (..., k), and the promise, if any."""

    counts: Array
    variance: float | Array
    guarantee: Guarantee | None


@dataclass(frozen=True, slots=True)
class Mechanism:
    """A way to publish.

    publish : (counts, epsilon, rng, sensitivity, delta) -> Release. least : (epsilon, delta) -> variance that
    this kind of noise needs at least in a count if one trusted party adds it; NaN where it depends on the
    counts. most : RMSE over that least which the method may reach. sums : whether it can also publish sums to
    which a user adds more than one. trusts : who sees counts or users without noise.
    """

    publish: Callable[[Counts, float, Generator, int, float], Release]
    least: Callable[[float, float], float]
    most: float = 1.02
    sums: bool = True
    trusts: str = "one aggregator"

    def __call__(
        self, counts: Counts, epsilon: float, rng: Generator, sensitivity: int = 1, delta: float = DELTA
    ) -> Release:
        """Publish histograms of buckets on the last axis, each with all of `epsilon`."""
        if sensitivity > 1 and not self.sums:
            raise ValueError("this way of publishing takes counts of users only, not sums")
        return self.publish(counts, epsilon, rng, sensitivity, delta)


def laplace_variance(epsilon: float, sensitivity: int = 1) -> float:
    """Variance of discrete Laplace noise, the least of all noise that is epsilon-private in integer counts.

    Source: Ghosh, Roughgarden, Sundararajan (2009).
    """
    stay = math.exp(-epsilon / sensitivity)
    return 2 * stay / (1 - stay) ** 2


def _pure(epsilon: float) -> Guarantee:
    return Guarantee("user", "add or remove one", epsilon, 0.0, "pure")


def _none(counts: Counts, epsilon: float, rng: Generator, sensitivity: int, delta: float) -> Release:
    return Release(counts.astype(float), 0.0, None)


def _central(counts: Counts, epsilon: float, rng: Generator, sensitivity: int, delta: float) -> Release:
    noise = discrete_laplace(sensitivity / epsilon, counts.shape, rng)
    return Release((counts + noise).astype(float), laplace_variance(epsilon, sensitivity), _pure(epsilon))


def _two_noises(counts: Counts, epsilon: float, rng: Generator, sensitivity: int, delta: float) -> Release:
    once = _central(counts, epsilon, rng, sensitivity, delta)
    noise = discrete_laplace(sensitivity / epsilon, counts.shape, rng)
    return Release(once.counts + noise, 2 * laplace_variance(epsilon, sensitivity), once.guarantee)


def _gaussian(counts: Counts, epsilon: float, rng: Generator, sensitivity: int, delta: float) -> Release:
    sigma = discrete_gaussian_sigma(epsilon, delta, sensitivity)
    support, chance = discrete_gaussian_pmf(sigma)
    noise = discrete_gaussian(sigma, counts.shape, rng)
    promise = Guarantee("user", "add or remove one", epsilon, delta, "exact discrete Gaussian")
    return Release((counts + noise).astype(float), float(support**2 @ chance), promise)


def _skellam(counts: Counts, epsilon: float, rng: Generator, sensitivity: int, delta: float) -> Release:
    return skellam_release(counts, epsilon, rng, delta)


def skellam_release(
    counts: Counts, epsilon: float, rng: Generator, delta: float = DELTA, dropped: float = 0.0
) -> Release:
    """Noise split over the clients so that it suffices if DROPOUT of them drop out; `dropped` did.

    ValueError for more, as then the noise does not keep the promise.
    """
    if not 0 <= dropped <= DROPOUT:
        raise ValueError(f"dropped = {dropped:g}: the noise is enough for a share of 0 ... {DROPOUT:g} only")
    variance = skellam_variance_for(epsilon, delta) * (1 - dropped) / (1 - DROPOUT)
    promise = Guarantee("user", "add or remove one", epsilon, delta, "skellam_pld")
    return Release((counts + skellam(variance, counts.shape, rng)).astype(float), variance, promise)


def _local(counts: Counts, epsilon: float, rng: Generator, sensitivity: int, delta: float) -> Release:
    n_users = counts.sum(axis=-1)
    found = estimate_oue(draw_oue_sums(counts, epsilon, rng), n_users, epsilon)
    variance = oue_variance(np.clip(found, 0, n_users[..., None]), n_users, epsilon)
    return Release(found, variance, Guarantee("user", "replace one", epsilon, 0.0, "pure"))


def _ara(counts: Counts, epsilon: float, rng: Generator, sensitivity: int, delta: float) -> Release:
    step = ARA_BUDGET / sensitivity
    noise = discrete_laplace(ARA_BUDGET * ARA_SOURCES / epsilon, counts.shape, rng)
    promise = Guarantee(
        "user", "add or remove one", epsilon, 0.0, f"basic composition over {ARA_SOURCES} sources"
    )
    return Release(counts + noise / step, (ara_noise_sd(epsilon / ARA_SOURCES) / step) ** 2, promise)


def _laplace_least(epsilon: float, delta: float) -> float:
    return laplace_variance(epsilon)


METHODS: dict[str, Method[Mechanism]] = {
    "none": Method("No privacy", Mechanism(_none, lambda *_: 0.0), counts_as_trial=False),
    "central": Method("Central discrete Laplace", Mechanism(_central, _laplace_least)),
    "central_gaussian": Method(
        "Central discrete Gaussian", Mechanism(_gaussian, lambda *at: discrete_gaussian_sigma(*at) ** 2)
    ),
    "two_noises": Method(
        "Two aggregators, each its own Laplace noise",
        Mechanism(_two_noises, _laplace_least, most=1.43, trusts="one of two aggregators"),
    ),
    "skellam": Method(
        "Skellam noise of the clients, for 20 % dropout",
        Mechanism(_skellam, skellam_variance_for, 1.14, sums=False, trusts="four in five clients"),
        assumes=("at most a fifth of the clients drop out or keep their noise",),
    ),
    "local": Method(
        "Local noise (OUE)",
        Mechanism(_local, lambda *_: math.nan, sums=False, trusts="nobody"),
        assumes=("the number of users is public: its promise is about replacing a user's data",),
    ),
    "ara": Method(
        "Attribution Reporting API (history)",
        Mechanism(_ara, lambda epsilon, _: (ara_noise_sd(epsilon / ARA_SOURCES) / ARA_BUDGET) ** 2),
        assumes=("a user meets at most five sources, one a channel, of which each has its own budget",),
    ),
}  # fmt: skip
