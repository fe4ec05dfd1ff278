"""Effects of a treatment user by user: unbiased scores, and how much a ranking by them would gain."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from dti_core.studies.private_lift.worlds.market import base_chance, effects, exposure_chance
from dti_core.studies.private_lift.worlds.settings import Market

Array = NDArray[np.float64]
#: Effects no further apart are the same: rounding errors of a model's sums are a thousand times smaller.
SAME_EFFECT = 1e-12


def robust_scores(outcome: Array, treated: Array, chance: Array | float, on: Array, off: Array) -> Array:
    """(n,) doubly robust score of each user's effect; its mean is the mean effect.

    Source: Robins, Rotnitzky, Zhao (1994).

    Parameters
    ----------
    outcome, treated : (n,), treated 0 or 1. chance : of being treated, known by design.
    on, off : (n,), expected outcome with and without treatment, learned from other users.
    """
    return on - off + treated * (outcome - on) / chance - (1 - treated) * (outcome - off) / (1 - chance)


def ranks(effect: Array) -> Array:
    """(n,) rank of each effect as a share of users, the lowest first; those within rounding share one."""
    order = np.argsort(effect)
    group = np.empty(len(effect), dtype=np.int64)
    group[order] = np.cumsum(np.diff(effect[order], prepend=effect[order][:1]) > SAME_EFFECT)
    return (rankdata(group) - 0.5) / len(effect)


def targeting_curve(scores: Array, ranking: Array, n_points: int = 50) -> Array:
    """(n_points + 1, 2): share of users treated, best ranked first, and outcomes gained a user of all.

    Users of one rank are treated in random order: the curve is straight among them.
    """
    place = places(ranking[None])[0]
    treated = np.append(0.0, np.cumsum(np.bincount(place))) / len(scores)
    gained = np.append(0.0, np.cumsum(np.bincount(place, scores))) / len(scores)
    share = np.linspace(0, 1, n_points + 1)
    return np.column_stack([share, np.interp(share, treated, gained)])


def places(rankings: Array) -> NDArray[np.int64]:
    """(m, n) place of each user in each ranking (m, n), the highest first; ties share one."""
    return np.array([np.unique(-ranking, return_inverse=True)[1] for ranking in rankings])


def areas(scores: Array, place: NDArray[np.int64], counts: Array | None = None) -> Array:
    """Area under the uplift curve and Qini coefficient of each ranking.

    The curve is outcomes gained a user of all when a growing share is treated, best ranked first; Qini is the
    area less that of treating at random. Source: Radcliffe (2007), a user of the whole.

    Parameters
    ----------
    scores : (n,), unbiased for the effect of each user. place : (m, n) of `places`. counts : (n,), how often
    a resample holds each user; None is once.

    Returns
    -------
    (m, 2).
    """
    weights = np.ones(len(scores)) if counts is None else counts
    n, found = weights.sum(), np.empty((len(place), 2))
    for row, group in enumerate(place):
        held, earned = np.bincount(group, weights), np.bincount(group, weights * scores)
        area = float(earned @ (1 - (np.cumsum(held) - held / 2) / n)) / n
        found[row] = area, area - earned.sum() / n / 2
    return found


def bootstrap_areas(
    scores: Array, place: NDArray[np.int64], n_resamples: int, rng: np.random.Generator
) -> Array:
    """(n_resamples, m, 2) of `areas` when users are drawn again; the rankings stay as learned."""
    n = len(scores)
    draws = (np.bincount(rng.integers(n, size=n), minlength=n).astype(float) for _ in range(n_resamples))
    return np.array([areas(scores, place, counts) for counts in draws])


def individual_effect(market: Market, activity: Array, channel: int) -> Array:
    """(n,) true effect of being eligible for a channel on converting, the others randomised as they are."""
    reached, moved = exposure_chance(market, activity), effects(market, activity)
    others = 1 - (1 - market.holdout) * reached * moved
    others[..., channel] = 1.0
    stays = (1 - base_chance(market, activity)) * others.prod(axis=-1)
    return np.asarray(stays * reached[..., channel] * moved[..., channel])
