"""Paths of touches that a market leads to, without sampling error; markets with less targeting or more."""

from dataclasses import replace
from functools import cache
from itertools import permutations

import numpy as np
from scipy.integrate import cumulative_trapezoid
from scipy.optimize import brentq
from scipy.stats import beta

from dti_core.studies.private_lift.model.cells import Array
from dti_core.studies.private_lift.model.journeys import Journeys
from dti_core.studies.private_lift.worlds.market import activity_nodes, exposure_chance, joint
from dti_core.studies.private_lift.worlds.settings import Market

#: Points of time on which orders of touches are integrated.
N_TIMES = 401


def expected_journeys(market: Market, n_users: float) -> Journeys:
    """Expected users on each path instead of drawn ones: what a rule credits without sampling error.

    Assumes: as in `simulate_users`, times of touches depend on nothing but the channel.
    """
    channels, by_exposed = len(market.channels), joint(market).sum(axis=0)
    steps, ends = [], []
    for length in range(channels + 1):
        for path in permutations(range(channels), length):
            steps.append([*path, *[-1] * (channels - length)])
            places = tuple(market.channels[c][1].place for c in path)
            ends.append(order_chance(places) * by_exposed[sum(1 << c for c in path)])
    missed, converted = n_users * np.array(ends).T
    return Journeys(np.array(steps), converted, missed, channels)


@cache
def order_chance(places: tuple[float, ...]) -> float:
    """P(touches of channels with these places on the path stand in this order)."""
    times = np.linspace(0, 1, N_TIMES)
    before: Array = np.ones(N_TIMES)
    for place in places:
        before = cumulative_trapezoid(before, beta.cdf(times, 1 + 4 * place, 1 + 4 * (1 - place)), initial=0)
    return float(before[-1])


def scaled_targeting(market: Market, factor: float) -> Market:
    """The market with every slope of targeting times `factor`, as many users reached as before."""
    activity, weights = activity_nodes(market)
    reached = weights @ exposure_chance(market, activity)
    channels = []
    for (name, channel), goal in zip(market.channels, reached, strict=True):
        moved = replace(channel, targeting=channel.targeting * factor)

        def gap(reach: float, moved=moved, goal=goal) -> float:  # type: ignore[no-untyped-def]
            one = replace(market, channels=(("one", replace(moved, reach=reach)),))
            return float(weights @ exposure_chance(one, activity)[:, 0] - goal)

        channels.append((name, replace(moved, reach=brentq(gap, 1e-12, 1 - 1e-12, xtol=1e-14))))
    return replace(market, channels=tuple(channels))
