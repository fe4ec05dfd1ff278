"""Lower bounds on what a mechanism really leaks, from what it outputs; a claim below one of them is false.

Each bound exceeds the mechanism's true parameter in at most 1 - confidence of audits, whatever the test, so
that a bound above the claim shows a fault, while one below it proves nothing.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
#: Turns a lower bound of P(event | with) and an upper one of P(event | without) into a lower bound.
Bound = Callable[[Floats, Floats], Floats]
_THRESHOLDS = 16


def two_world_bound(
    without: Floats, with_unit: Floats, delta: float = 0.0, confidence: float = 0.95, chosen_on: float = 0.1
) -> float:
    """Lower bound of epsilon from many runs in each of two adjacent worlds, by Clopper-Pearson intervals.

    The event (a score, a threshold, a side) is chosen on the first share of the runs and judged on the rest.

    Source: Jagielski, Ullman, Oprea (2020); Nasr et al. (2021).

    Parameters
    ----------
    without, with_unit : (n_runs,) or (n_runs, n_scores), independent runs; higher or lower may mean present.
    delta : the claimed one. Near delta = 0 pure mechanisms are bounded tightly; for Gaussian noise the tail
        that makes epsilon is not reached by any number of runs, see `gaussian_mu_bound`.

    Returns
    -------
    At least 0; at most about log(n_runs / 4).
    """

    def epsilon(true: Floats, false: Floats) -> Floats:
        return np.log(np.maximum(true - delta, 1e-300) / np.maximum(false, 1e-300))

    return _judge(without, with_unit, epsilon, confidence, chosen_on)


def gaussian_mu_bound(
    without: Floats, with_unit: Floats, confidence: float = 0.95, chosen_on: float = 0.1
) -> float:
    """Lower bound of mu, the parameter of Gaussian differential privacy, from runs in two adjacent worlds.

    A test that is right in a share t of one world and wrong in f of the other shows mu >= z(t) - z(f), at any
    threshold, so that the middle of the distribution, where runs are many, decides. One release of
    sensitivity s with noise sigma has mu = s / sigma; k of them have sqrt(k) times that.

    Source: Dong, Roth, Su (2022); Nasr et al. (2023). Parameters as in `two_world_bound`.
    """
    from scipy.special import ndtri

    def mu(true: Floats, false: Floats) -> Floats:
        return ndtri(true) - ndtri(false)

    return _judge(without, with_unit, mu, confidence, chosen_on)


def one_run_bound(
    scores: Floats,
    included: Bools,
    delta: float = 0.0,
    confidence: float = 0.95,
    guesses: Sequence[int] = (10, 20, 50, 100, 200, 500),
) -> float:
    """Lower bound of epsilon from one run with many canaries, each included by its own coin.

    The auditor says of the highest-scoring half of its guesses that they were in, of the lowest that they
    were out, and abstains on the others. All numbers of guesses are tried, at a level shared among them.

    Source: Steinke, Nasr, Jagielski (2023), theorem 5.2.

    Parameters
    ----------
    scores, included : (n_canaries,); inclusion by independent fair coins.
    guesses : numbers of canaries guessed on; those above n_canaries are left out.

    Assumes: add or remove one canary is the adjacency of the claim.
    """
    order = np.argsort(scores, kind="stable")
    truth = np.asarray(included, dtype=bool)[order]
    tried = [r for r in guesses if 2 <= r <= len(truth)]
    level = (1 - confidence) / max(1, len(tried))
    best = 0.0
    for r in tried:
        right = int(truth[len(truth) - r // 2 :].sum() + (~truth[: r - r // 2]).sum())
        if _chance(len(truth), r, right, best, delta) < level:
            best = _largest_refuted(len(truth), r, right, delta, level, best)
    return best


def clopper_pearson(successes: Floats, n: int, level: float) -> tuple[Floats, Floats]:
    """Lower and upper limits of a rate, each missing it in at most `level` of samples.

    Source: Clopper, Pearson (1934).
    """
    from scipy.special import betaincinv

    k = np.asarray(successes, dtype=float)
    low = np.where(k > 0, betaincinv(np.maximum(k, 1), n - k + 1, level), 0.0)
    high = np.where(k < n, betaincinv(k + 1, np.maximum(n - k, 1), 1 - level), 1.0)
    return low, high


def _judge(without: Floats, with_unit: Floats, bound: Bound, confidence: float, chosen_on: float) -> float:
    worlds = [np.asarray(one, dtype=float).reshape(len(one), -1) for one in (without, with_unit)]
    if worlds[0].shape[1] != worlds[1].shape[1] or min(map(len, worlds)) < 20:
        raise ValueError(f"worlds need 20 runs each and the same scores, got {[w.shape for w in worlds]}")
    scores = [np.hstack([one, -one]) for one in worlds]
    first, rest = zip(*(np.split(one, [int(chosen_on * len(one))]) for one in scores), strict=True)
    level, best = (1 - confidence) / 2, (-np.inf, 0, 0.0, 1)
    for column in range(scores[0].shape[1]):
        drawn = np.concatenate([one[:, column] for one in first])
        thresholds = np.unique(np.sort(drawn)[:: 1 + len(drawn) // _THRESHOLDS])
        for order in (1, -1):
            values = _bounds(first[::order], column, thresholds, bound, level)
            place = int(np.argmax(values))
            best = max(best, (float(values[place]), column, float(thresholds[place]), order))
    _, column, threshold, order = best
    return max(0.0, float(_bounds(rest[::order], column, np.array([threshold]), bound, level)[0]))


def _bounds(worlds: Sequence[Floats], column: int, thresholds: Floats, bound: Bound, level: float) -> Floats:
    """Bounds from the events that a score reaches each of the thresholds, wrongly in the first world."""
    rates = []
    for world in worlds:
        below = np.searchsorted(np.sort(world[:, column]), thresholds, side="left")
        rates.append(clopper_pearson(len(world) - below.astype(float), len(world), level))
    (_, false), (true, _) = rates
    return bound(true, false)


def _largest_refuted(m: int, r: int, right: int, delta: float, level: float, low: float) -> float:
    """Largest epsilon, above `low`, under which so many right guesses have a chance below `level`."""
    high = low + 1.0
    while _chance(m, r, right, high, delta) < level:
        low, high = high, 2 * high
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (middle, high) if _chance(m, r, right, middle, delta) < level else (low, middle)
    return low


def _chance(m: int, r: int, right: int, epsilon: float, delta: float) -> float:
    """Most chance of at least `right` of r right guesses among m canaries under (epsilon, delta)."""
    from scipy.stats import binom

    q = 1 / (1 + np.exp(-epsilon))
    beta = float(binom.sf(right - 1, r, q))
    if delta == 0:
        return beta
    steps = np.arange(1, right + 1)
    sums = np.cumsum(binom.pmf(right - steps, r, q))
    alpha = float(np.max(sums / steps, initial=0.0))
    return min(1.0, beta + 2 * m * delta * alpha)
