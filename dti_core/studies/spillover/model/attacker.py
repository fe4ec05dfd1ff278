"""Who reads a released sum and wants to know whether one member's report of 1 is in it.

The attacker knows the reports of all others and the code, so that what is left of the release is noise, with
or without the 1: no other test of the same release has a larger advantage (Neyman and Pearson, 1933).
"""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]
#: An aggregator knows the noise that it added itself; an outsider knows none.
View = Literal["aggregator", "outsider"]
#: Draws of noise that stay unknown to each.
UNKNOWN = {"aggregator": 1, "outsider": 2}
GRID = 200
_REACH = 60.0


def bound(epsilon: float, n_releases: int = 1) -> float:
    """Largest advantage that pure privacy leaves anybody, after releases with each this epsilon.

    Source: Kairouz, Oh and Viswanath (2015): (e^epsilon - 1) / (e^epsilon + 1).
    """
    return math.tanh(n_releases * epsilon / 2)


def noise_pmf(epsilon: float, n_draws: int) -> Array:
    """Probabilities of the sum of `n_draws` discrete Laplace draws of scale 1 / epsilon, middle at 0."""
    reach = math.ceil(_REACH / epsilon) + 1
    one = np.exp(-epsilon * np.abs(np.arange(-reach, reach + 1)))
    one, total = one / one.sum(), np.ones(1)
    for _ in range(n_draws):
        total = np.convolve(total, one)
    return total


def exact_advantage(epsilon: float, view: View, n_releases: int = 1) -> float:
    """Of the optimal test of `n_releases` sums that each hold the member's 1, or none of them does.

    It is the total variation distance. For more than one release the log likelihood ratio of each is put on
    a grid of `GRID` points an epsilon, which can only lose: the value is then a lower bound, tight to 1e-3.
    """
    if math.isinf(epsilon):
        return 1.0
    pmf = np.pad(noise_pmf(epsilon, UNKNOWN[view]), 1, constant_values=0.0)
    without, within = pmf[1:], pmf[:-1]
    if n_releases == 1:
        return float(np.maximum(within - without, 0.0).sum())
    kept = (without > 0) & (within > 0)
    ratio = np.round(np.log(within[kept] / without[kept]) * GRID / epsilon).astype(np.int64)
    laws = [np.bincount(ratio - ratio.min(), mass[kept]) for mass in (within, without)]
    totals = [np.ones(1), np.ones(1)]
    for _ in range(n_releases):
        totals = [np.convolve(total, law) for total, law in zip(totals, laws, strict=True)]
    return float(np.maximum(totals[0] - totals[1], 0.0).sum())


def sampled_share(n_active: float, variance: float) -> float:
    """Share of members whose plain sum, scaled up, errs as much as one of all with noise of this variance.

    A plain sum over a random share q of n reports of 1, divided by q, has the variance n (1 - q) / q. Whoever
    is in it is seen for sure, so that q is also the attacker's advantage at that equal error.
    """
    return n_active / (n_active + variance)


def secret_advantage(n_others: Array, share: float) -> float:
    """Of the optimal test of a plain sum over a sample drawn in secret, mean over months.

    Every member tosses a coin of this chance of its own. The attacker knows how many others report,
    `n_others` (n_months,), and not who of them is in.
    """
    found = []
    for n in np.unique(n_others).astype(int):
        without = stats.binom.pmf(np.arange(n + 2), n, share)
        within = (1 - share) * without + share * np.concatenate([[0.0], without[:-1]])
        found.append(float(np.maximum(within - without, 0.0).sum()) * float(np.mean(n_others == n)))
    return sum(found)
