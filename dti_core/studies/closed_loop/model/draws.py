"""Assumptions drawn: a size for every arrow, from its range, under one of two priors."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dti_core.studies.closed_loop.data.loop import Loop

Array = NDArray[np.float64]
Prior = Literal["log-uniform", "uniform"]
PRIORS: tuple[Prior, ...] = ("log-uniform", "uniform")
#: Under the log-uniform prior a range that reaches 0 ends at this share of its far end.
LEAST = 0.01


def papers_of(loop: Loop) -> list[str]:
    """Names of what moves by itself: an arrow, or all arrows of one paper."""
    return list(dict.fromkeys(loop.papers))


def draw_places(loop: Loop, n_draws: int, rng: np.random.Generator) -> Array:
    """(n_draws, n_papers) places from 0 to 1 within ranges, each paper's by itself."""
    return rng.random((n_draws, len(papers_of(loop))))


def sizes_at(loop: Loop, places: Array, prior: Prior) -> Array:
    """(n_draws, n_arrows) elasticities at these places within the ranges of their papers.

    A place of 1 is the end of a range that is farther from 0, so that arrows of one paper are large together;
    in a range of both signs it is the upper end. Uniform: even between the ends. Log-uniform: magnitudes even
    in logarithms; in a range of both signs, the sign is as likely as its part of the range is long.
    """
    columns = papers_of(loop)
    quantile = places[:, [columns.index(paper) for paper in loop.papers]]
    low, high = loop.low, loop.high
    falling = -low > high  # the end farther from 0 is the lower one
    one_sided = (low >= 0) | (high <= 0)
    if prior == "uniform":
        turned = np.where(one_sided & falling, 1 - quantile, quantile)
        return np.asarray(low + turned * (high - low))
    far = np.where(falling, low, high)
    near = np.maximum(np.where(falling, np.abs(high), low), LEAST * np.abs(far))
    with np.errstate(divide="ignore", invalid="ignore"):
        alone = np.sign(far) * np.exp(_between(np.log(near), np.log(np.abs(far)), quantile))
        below = np.where(high > low, -low / (high - low), 0.0)
        inside = np.where(quantile < below, 1 - quantile / below, (quantile - below) / (1 - below))
        end = np.where(quantile < below, -low, high)
        both = np.where(quantile < below, -1, 1) * end * LEAST ** (1 - inside)
    return np.asarray(np.where(far == 0, 0.0, np.where(one_sided, alone, both)))


def _between(low: Array, high: Array, share: Array) -> Array:
    return np.asarray(low + share * (high - low))
