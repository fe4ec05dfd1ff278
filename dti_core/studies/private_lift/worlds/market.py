"""The exact distribution of who is assigned, exposed and converts in a market, and the truth that follows.

A user's activity is integrated out by Gauss-Hermite quadrature, so that a campaign of any size is one
multinomial draw and its truth is known without simulation.
"""

import functools
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit

from dti_core.studies.private_lift.model.cells import Array, Counts, bits, shapley_weights
from dti_core.studies.private_lift.worlds.settings import Market

#: Points of the quadrature over activity; more would not move the tenth digit of any truth.
N_NODES = 61


@dataclass(frozen=True, slots=True)
class Truth:
    """What a perfect experiment would find. All effects a user, in conversions.

    itt : (C,), effect of being eligible for a channel while the others are randomised as in the experiment.
    treated : (C,), the same a user who is exposed because of it. lift : (C,), itt over the rate of those held
    out. shapley : (C,), Shapley values of eligibility, which sum to `incremental`, the effect of all channels
    together. shares : (C,), of that sum; zeros where nothing is incremental. reach : share of users whom any
    channel exposes when all are eligible for all. value : (2^C,), rate of conversion by eligible coalition.
    """

    itt: Array
    treated: Array
    lift: Array
    shapley: Array
    shares: Array
    incremental: float
    reach: float
    value: Array


def activity_nodes(market: Market, *, consenting: bool = False) -> tuple[Array, Array]:
    """Activity at the quadrature's points and their weights, of all users or of those who agree."""
    points, weights = _normal_nodes()
    if consenting:
        weights = weights * consent_chance(market, points)
        weights = weights / weights.sum()
    return points, weights


@functools.cache
def _normal_nodes() -> tuple[Array, Array]:
    points, weights = np.polynomial.hermite_e.hermegauss(N_NODES)
    return points, weights / weights.sum()


def consent_chance(market: Market, activity: Array) -> Array:
    """Chance that users of this activity agree to be measured; its mean over users is `market.consent`."""
    if market.consent >= 1:
        return np.ones_like(activity)
    return expit(_intercept(market.consent, market.consent_tilt) + market.consent_tilt * activity)


def exposure_chance(market: Market, activity: Array) -> Array:
    """(..., C) chance that an eligible user is exposed to each channel."""
    channels = [channel for _, channel in market.channels]
    return np.stack([expit(logit(one.reach) + one.targeting * activity) for one in channels], axis=-1)


def effects(market: Market, activity: Array) -> Array:
    """(..., C) chance that an exposure makes a user convert who would not have."""
    channels = [channel for _, channel in market.channels]
    return np.stack([np.clip(one.effect * (1 + one.tilt * activity), 0, 1) for one in channels], axis=-1)


def base_chance(market: Market, activity: Array) -> Array:
    """Chance of converting without any exposure in the experiment, earlier impressions included."""
    alone = expit(_intercept(market.base_rate, market.activity) + market.activity * activity)
    earlier = market.carry_over * effects(market, activity) * exposure_chance(market, activity)
    return 1 - (1 - alone) * np.prod(1 - earlier, axis=-1)


@functools.lru_cache(maxsize=16)
def joint(market: Market, *, consenting: bool = False) -> Array:
    """P(eligible coalition, exposed coalition, converted), of all users or of those who agree.

    Returns
    -------
    (2^C, 2^C, 2), sums to 1; not to be written to.
    """
    activity, weights = activity_nodes(market, consenting=consenting)
    inside = bits(len(market.channels))
    reached, moved = exposure_chance(market, activity), effects(market, activity)
    stays = 1 - base_chance(market, activity)
    converts = 1 - stays[:, None] * np.prod(np.where(inside, 1 - moved[:, None], 1), axis=2)
    eligible = np.where(inside, 1 - market.holdout, market.holdout).prod(axis=1)
    exposed = np.ones((len(activity), 1, 1))
    for chance in reached.T:  # a Kronecker product: who is not eligible is not exposed
        one = np.stack([np.ones_like(chance), np.zeros_like(chance), 1 - chance, chance], axis=-1)
        size = 2 * exposed.shape[1]
        exposed = np.einsum("uij,uab->uiajb", one.reshape(-1, 2, 2), exposed).reshape(-1, size, size)
    together = np.stack([1 - converts, converts], axis=-1)
    cells: Array = np.einsum("u,s,use,uey->sey", weights, eligible, exposed, together, optimize=True)
    cells.flags.writeable = False
    return cells


def truth(market: Market, *, consenting: bool = False) -> Truth:
    """What a perfect experiment would find in this market."""
    cells, inside = joint(market, consenting=consenting), bits(len(market.channels))
    by_eligible = cells.sum(axis=1)
    value = by_eligible[:, 1] / by_eligible.sum(axis=1)
    itt, held, treated = [], [], []
    for channel in range(inside.shape[1]):
        on = inside[:, channel]
        rates = [by_eligible[side, 1].sum() / by_eligible[side].sum() for side in (on, ~on)]
        exposed = cells[on][:, on].sum() / cells[on].sum()
        itt.append(rates[0] - rates[1])
        held.append(rates[1])
        treated.append((rates[0] - rates[1]) / exposed)
    shapley = shapley_weights(inside.shape[1]) @ value
    incremental = float(value[-1] - value[0])
    shares = shapley / incremental if incremental > 0 else np.zeros_like(shapley)
    reach = 1 - float(cells[-1, 0].sum() / cells[-1].sum())
    rates_held = np.array(held)
    return Truth(
        np.array(itt), np.array(treated), np.array(itt) / rates_held, shapley, shares, incremental, reach,
        value,
    )  # fmt: skip


def draw_counts(
    market: Market, n_users: int, n_campaigns: int, rng: np.random.Generator, *, consenting: bool = False
) -> Counts:
    """Users of independent campaigns counted by eligible coalition, exposed coalition and conversion.

    Returns
    -------
    (n_campaigns, 2^C, 2^C, 2), each campaign sums to `n_users`.
    """
    cells = joint(market, consenting=consenting)
    return rng.multinomial(n_users, cells.ravel() / cells.sum(), size=n_campaigns).reshape(-1, *cells.shape)


def _intercept(mean: float, slope: float) -> float:
    """Log-odds at activity 0 for which the mean over standard normal activity is `mean`."""
    points, weights = _normal_nodes()
    found = brentq(lambda level: weights @ expit(level + slope * points) - mean, -40.0, 40.0, xtol=1e-13)
    return float(found)
