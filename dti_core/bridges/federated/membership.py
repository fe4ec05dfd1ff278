"""Membership inference: how well a trained model tells who was in its training."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from dti_core.bridges.federated.clients import Array

Interval = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class MembershipAttack:
    """What an attack found out. Each is (value, low, high) at `level`.

    advantage : true minus false positive rate at a threshold chosen on the other half (Newcombe's interval).
    tpr_at : false positive rate -> true positive rate at the threshold that the others' scores allow
        (Clopper-Pearson, threshold taken as given); NaN where the others are too few for such a rate.
    """

    advantage: Interval
    tpr_at: dict[float, Interval]
    n_members: int
    n_others: int
    level: float


def attack_by_score(
    members: Array, others: Array, rng: np.random.Generator,
    rates: tuple[float, ...] = (0.001, 0.01), level: float = 0.95,
) -> MembershipAttack:  # fmt: skip
    """How well scores, high for likely members, tell members (n,) from others (m,).

    Half of either, at random, chooses the threshold, and the advantage is measured on the rest, so that an
    attack that knows nothing has an advantage of zero on average.
    Source: Yeom et al. (2018) for the advantage, Carlini et al. (2022) for low false positive rates.

    Raises
    ------
    ValueError for fewer than 4 scores on either side or one that is not a number.
    """
    if min(len(members), len(others)) < 4 or np.isnan(members).any() or np.isnan(others).any():
        raise ValueError("an attack needs at least 4 scores of members and of others, none of them NaN")
    (tune_in, test_in), (tune_out, test_out) = (_halves(scores, rng) for scores in (members, others))
    threshold = _best_threshold(tune_in, tune_out)
    hits = int((test_in >= threshold).sum()), int((test_out >= threshold).sum())
    return MembershipAttack(
        _difference(hits[0], len(test_in), hits[1], len(test_out), level),
        {rate: _tpr_at(members, others, rate, level) for rate in rates},
        len(members), len(others), level,
    )  # fmt: skip


def advantage_limit(epsilon: float, delta: float) -> float:
    """Largest advantage against (epsilon, delta)-privacy. Source: Humphries et al. (2020), theorem 3.

    Assumes: the adjacency of epsilon is the one attacked, a unit in the data or not.
    """
    return float((np.expm1(epsilon) + 2 * delta) / (np.exp(epsilon) + 1))


def log_losses(chances: Array, labels: Array) -> Array:
    """Log loss (n,) of predicted chances (n,) of label 1; the negative is the score of the loss attack."""
    right = np.where(labels > 0.5, chances, 1 - chances)
    found: Array = -np.log(np.maximum(right, 1e-300))
    return found


def _halves(scores: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    mixed = rng.permutation(scores)
    return mixed[: len(mixed) // 2], mixed[len(mixed) // 2 :]


def _best_threshold(members: Array, others: Array) -> float:
    """Halfway between two scores, where true minus false positive rate is largest."""
    scores = np.unique(np.concatenate([members, others]))
    candidates = np.concatenate([[-np.inf], (scores[1:] + scores[:-1]) / 2, [np.inf]])
    rates = [1 - np.searchsorted(np.sort(one), candidates) / len(one) for one in (members, others)]
    return float(candidates[np.argmax(rates[0] - rates[1])])


def _tpr_at(members: Array, others: Array, rate: float, level: float) -> Interval:
    allowed = int(rate * len(others))
    if allowed < 1:
        return float("nan"), float("nan"), float("nan")
    threshold = np.sort(others)[-allowed - 1]
    hits = int((members > threshold).sum())
    found = stats.binomtest(hits, len(members)).proportion_ci(level)
    return hits / len(members), float(found.low), float(found.high)


def _difference(hits: int, n: int, false: int, m: int, level: float) -> Interval:
    """Difference of two independent proportions. Source: Newcombe (1998), method 10."""
    low_in, high_in = stats.binomtest(hits, n).proportion_ci(level, method="wilson")
    low_out, high_out = stats.binomtest(false, m).proportion_ci(level, method="wilson")
    p, q = hits / n, false / m
    below, above = np.hypot(p - low_in, high_out - q), np.hypot(high_in - p, q - low_out)
    return p - q, float(p - q - below), float(p - q + above)
