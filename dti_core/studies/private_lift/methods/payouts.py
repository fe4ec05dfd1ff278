"""Rules by which a pool of pay is split over channels or creators; each releases only what it needs."""

from collections.abc import Callable
from itertools import permutations

import numpy as np

from dti_core.lab.methods import Method
from dti_core.studies.private_lift.model.cells import Array, Counts, bits
from dti_core.studies.private_lift.model.lift import rates
from dti_core.studies.private_lift.model.payouts import leave_one_out, shapley
from dti_core.studies.private_lift.worlds.paths import order_chance
from dti_core.studies.private_lift.worlds.settings import Market

#: Counts of campaigns (k, 2^C, 2^C, 2), their market, and what adds noise to a histogram -> credit (k, C).
Rule = Callable[[Counts, Market, Callable[[Array], Array]], Array]


def _values(counts: Counts, release: Callable[[Array], Array]) -> Array:
    return np.nan_to_num(rates(release(counts.sum(axis=2))).value)


def _shapley(counts: Counts, market: Market, release: Callable[[Array], Array]) -> Array:
    return shapley(_values(counts, release))


def _leave_one_out(counts: Counts, market: Market, release: Callable[[Array], Array]) -> Array:
    return leave_one_out(_values(counts, release))


def _last_touch(counts: Counts, market: Market, release: Callable[[Array], Array]) -> Array:
    return release(counts[..., 1].sum(axis=1) @ last_chance(market))


def _equal(counts: Counts, market: Market, release: Callable[[Array], Array]) -> Array:
    return np.ones((len(counts), len(market.channels)))


def _impressions(counts: Counts, market: Market, release: Callable[[Array], Array]) -> Array:
    """Users shown each channel, which its platform bills for, times its mean impressions a user."""
    each = np.array([channel.impressions for _, channel in market.channels])
    return counts.sum(axis=(1, 3)) @ bits(len(each)) * each


def last_chance(market: Market) -> Array:
    """(2^C, C) chance that a channel is touched last by users who are exposed to a coalition."""
    channels = range(len(market.channels))
    chance = np.zeros((2 ** len(channels), len(channels)))
    for length in range(1, len(channels) + 1):
        for path in permutations(channels, length):
            places = tuple(market.channels[c][1].place for c in path)
            chance[sum(1 << c for c in path), path[-1]] += order_chance(places)
    return chance


RULES: dict[str, Method[Rule]] = {
    "shapley": Method("Causal Shapley", _shapley, ("eligibility was randomised",)),
    "leave_one_out": Method("Leave one out", _leave_one_out, ("eligibility was randomised",)),
    "last_touch": Method("Last touch", _last_touch),
    "impressions": Method("By impressions", _impressions),
    "equal": Method("Equal", _equal, counts_as_trial=False),
}
