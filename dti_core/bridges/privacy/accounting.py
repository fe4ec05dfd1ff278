"""Adding up what repeated releases cost, with dp-accounting; the accountant is named in every answer."""

import math
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Literal

from dti_core.bridges.privacy.clipping import gaussian_sigma

Accountant = Literal["pld", "rdp", "rdp_integer", "rdp_classic"]
#: Orders of the classic tables of DP-SGD.
INTEGER_ORDERS = tuple(range(2, 64))


@lru_cache(maxsize=1024)
def epsilon_of(
    noise_multiplier: float, sampling_rate: float, steps: int, delta: float, accountant: Accountant = "pld"
) -> float:
    """Epsilon at `delta` of Gaussian sums over Poisson samples of the units, so many times.

    Source: Koskela, Jaelkoe, Honkela (2020) and Doroshenko et al. (2022) for privacy loss distributions
    ("pld"); Mironov, Talwar, Zhang (2019) for the Renyi divergence, turned into epsilon as by Canonne,
    Kamath, Steinke (2020), proposition 12 ("rdp" at dp-accounting's orders, "rdp_integer" at 2 to 63) or as
    by Mironov (2017), proposition 3 ("rdp_classic", integer orders).

    Parameters
    ----------
    noise_multiplier : standard deviation of the noise over the clipping norm; 0 gives infinity.
    sampling_rate : chance of each unit, each step, in (0, 1].

    Assumes: add or remove one unit; each unit is drawn by itself (Poisson), not in shuffled batches of one
    size; the sum is clipped, and no other output of a step is looked at.

    Raises
    ------
    ValueError for numbers out of range or another accountant.
    """
    if not (noise_multiplier >= 0 and 0 < sampling_rate <= 1 and steps >= 0 and 0 < delta < 1):
        raise ValueError(f"no epsilon for {noise_multiplier=}, {sampling_rate=}, {steps=}, {delta=}")
    if accountant not in ("pld", "rdp", "rdp_integer", "rdp_classic"):
        raise ValueError(f"accountant '{accountant}' is none of pld, rdp, rdp_integer, rdp_classic")
    if steps == 0 or noise_multiplier == 0:
        return 0.0 if steps == 0 else math.inf
    import dp_accounting
    from dp_accounting import rdp
    from dp_accounting.pld import PLDAccountant

    gaussian = dp_accounting.GaussianDpEvent(noise_multiplier)
    step = dp_accounting.PoissonSampledDpEvent(sampling_rate, gaussian) if sampling_rate < 1 else gaussian
    event = dp_accounting.SelfComposedDpEvent(step, steps)
    if accountant == "pld":
        return float(PLDAccountant().compose(event).get_epsilon(delta))
    spent = rdp.RdpAccountant(orders=None if accountant == "rdp" else list(INTEGER_ORDERS)).compose(event)
    if accountant == "rdp_classic":
        return float(min(spent.rdp - math.log(delta) / (spent.orders - 1)))
    return float(spent.get_epsilon(delta))


@lru_cache(maxsize=1024)
def noise_multiplier_for(
    epsilon: float, sampling_rate: float, steps: int, delta: float, accountant: Accountant = "pld"
) -> float:
    """Noise multiplier whose epsilon is at most this one, to .2 %; see `epsilon_of`.

    Raises
    ------
    ValueError unless 0 < epsilon < inf and steps >= 1.
    """
    if not 0 < epsilon < math.inf or steps < 1:
        raise ValueError(f"no noise for epsilon {epsilon} over {steps} steps")
    without_sampling = gaussian_sigma(epsilon, delta) * math.sqrt(steps)
    if sampling_rate == 1 and accountant == "pld":
        return without_sampling

    def cost(sigma: float, by: Accountant) -> float:
        return epsilon_of(sigma, sampling_rate, steps, delta, by)

    near = least_noise(partial(cost, by="rdp_integer"), epsilon, without_sampling)
    return least_noise(partial(cost, by=accountant), epsilon, near)


def least_noise(cost: Callable[[float], float], epsilon: float, near: float) -> float:
    """Least noise, to .2 %, whose epsilon (`cost`, which falls) is at most this; sought from `near` on."""
    high = near
    while cost(high) > epsilon:
        high *= 1.2
    low = high / 1.2
    while cost(low) <= epsilon:
        low, high = low / 1.2, low
    while cost(high) < 0.998 * epsilon and high > 1.001 * low:
        share = math.log(cost(low) / (0.999 * epsilon)) / math.log(cost(low) / max(cost(high), 1e-9))
        middle = low * (high / low) ** min(0.9, max(0.1, share))
        low, high = (low, middle) if cost(middle) <= epsilon else (middle, high)
    return high
