"""Campaigns drawn many times, published with noise, and what is estimated from them."""

from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.random import Generator

from dti_core.studies.private_lift.methods.noise import METHODS
from dti_core.studies.private_lift.model.cells import Array, Counts
from dti_core.studies.private_lift.worlds.market import Truth, joint, truth
from dti_core.studies.private_lift.worlds.settings import Market


@lru_cache(maxsize=512)
def outcome_cells(market: Market) -> Array:
    """(2^C, 2) chance of each eligible coalition and conversion, which is all that lift needs.

    Where only some users agree to be measured, of those: a campaign can count no others.
    """
    return joint(market, consenting=market.consent < 1).sum(axis=1)


@lru_cache(maxsize=512)
def measured_truth(market: Market) -> Truth:
    """What a perfect experiment would find among those who agree to be measured."""
    return truth(market, consenting=market.consent < 1)


def draw_outcomes(market: Market, n_users: int, n_campaigns: int, rng: Generator) -> Counts:
    """(n_campaigns, 2^C, 2) users by eligible coalition and conversion."""
    cells = outcome_cells(market)
    drawn = rng.multinomial(n_users, cells.ravel() / cells.sum(), size=n_campaigns)
    return drawn.reshape(-1, *cells.shape)


def published(counts: Counts, method: str, epsilon: float, rng: Generator) -> tuple[Array, float | Array]:
    """Noisy (n_campaigns, 2^C, 2) and their noise variance, one number or as the counts."""
    release = METHODS[method].run(counts.reshape(len(counts), -1), epsilon, rng)
    variance = release.variance
    return (
        release.counts.reshape(counts.shape),
        variance if isinstance(variance, float) else variance.reshape(counts.shape),
    )


def word(epsilon: float) -> str:
    """An epsilon as a part of a name: 0.5 is "0_5", none at all is "none"."""
    return "none" if np.isinf(epsilon) else f"{epsilon:.4g}".replace(".", "_")


def stream(seed: np.random.SeedSequence, name: str) -> Generator:
    """Random numbers that bear this name below a seed: another method moves none of them."""
    return np.random.default_rng([*seed.generate_state(4), crc32(name.encode())])
