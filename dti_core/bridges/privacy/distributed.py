"""What Skellam noise of the clients promises: exact for one-hot reports, a bound for any integer vectors."""

import math
from functools import lru_cache
from typing import Any

from dti_core.bridges.privacy.accounting import least_noise
from dti_core.bridges.privacy.clipping import gaussian_sigma, sensitivity
from dti_core.bridges.privacy.guarantee import ADJACENCIES, Adjacency

_REACH = 40.0


@lru_cache(maxsize=1024)
def skellam_epsilon(
    variance: float, delta: float, adjacency: Adjacency = "add or remove one", steps: int = 1
) -> float:
    """Epsilon at `delta` of histograms of one-hot reports with Skellam noise of this variance in each bucket.

    Exact up to an upward rounding of the loss to 1e-4: adding a report moves one bucket by 1, replacing one
    moves two, and buckets have independent noise, so that the privacy loss is that of one or two shifted
    Skellam variables, composed as privacy loss distributions (accountant "skellam_pld").

    Assumes: every party but the observer added its share; noise of corrupt or dropped clients does not count.

    Raises
    ------
    ValueError for numbers out of range.
    """
    if not (variance > 0 and 0 < delta < 1 and steps >= 1) or adjacency not in ADJACENCIES:
        raise ValueError(f"no epsilon for {variance=}, {delta=}, {steps=}, {adjacency=}")
    buckets = 1 if adjacency == "add or remove one" else 2
    return float(_shifted_by_one(variance).self_compose(buckets * steps).get_epsilon_for_delta(delta))


def skellam_epsilon_bound(
    variance: float, delta: float, l1: float, l2_squared: float, steps: int = 1
) -> float:
    """Upper bound of epsilon for any integer vectors: Renyi orders 2 to 256 (accountant "skellam_rdp").

    Parameters
    ----------
    l1, l2_squared : most that L1 norm and squared L2 norm of the sum change between adjacent data sets.
    """
    from dp_accounting.rdp import compute_epsilon

    orders = list(range(2, 257))
    divergence = [steps * skellam_renyi(order, variance, l1, l2_squared) for order in orders]
    return float(compute_epsilon(orders, divergence, delta)[0])


def skellam_renyi(order: int, variance: float, l1: float, l2_squared: float) -> float:
    """Upper bound of the Renyi divergence of integer order >= 2 between Skellam vectors shifted apart.

    Source: Agarwal, Kairouz, Liu (2021), theorem 3.5, with variance = mu.

    Parameters
    ----------
    l1, l2_squared : L1 norm and squared L2 norm of the shift.
    """
    bend = min(((2 * order - 1) * l2_squared + 6 * l1) / (4 * variance**2), 3 * l1 / (2 * variance))
    return order * l2_squared / (2 * variance) + bend


def skellam_variance_for(epsilon: float, delta: float, adjacency: Adjacency = "add or remove one") -> float:
    """Variance in each bucket whose `skellam_epsilon` (exact PLD, one release) is at most this one.

    n clients of whom a share may drop out add variance / (n (1 - share)) each.
    """
    if not 0 < epsilon < math.inf:
        raise ValueError(f"no noise for epsilon {epsilon}")
    near = sensitivity("l2", adjacency) ** 2 * gaussian_sigma(epsilon, delta) ** 2
    return least_noise(lambda variance: skellam_epsilon(variance, delta, adjacency), epsilon, near)


def _shifted_by_one(variance: float) -> Any:
    """Privacy loss distribution of a Skellam variable against itself shifted by one.

    Mass beyond the support counts as lost: dp-accounting takes an outcome of one side alone as infinite loss.
    """
    import numpy as np
    from dp_accounting.pld import privacy_loss_distribution
    from scipy.special import ive

    reach = math.ceil(_REACH * math.sqrt(variance) + _REACH)
    support = np.arange(-reach, reach + 1)
    mass = ive(np.abs(support), variance)
    kept = mass > 1e-280
    upper = dict(zip(support[kept].tolist(), np.log(mass[kept]).tolist(), strict=True))
    lower = {outcome + 1: log_mass for outcome, log_mass in upper.items()}
    return privacy_loss_distribution.from_two_probability_mass_functions(lower, upper)
