"""Coalitions of channels as bits, counts of users by coalition, and games on coalitions."""

from functools import cache
from math import factorial

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]


def bits(n_channels: int) -> NDArray[np.bool_]:
    """(2^C, C) membership of each channel in each coalition; coalition s holds channel c if bit c is set."""
    return (np.arange(2**n_channels)[:, None] >> np.arange(n_channels)) & 1 == 1


@cache
def shapley_weights(n_channels: int) -> Array:
    """(C, 2^C) weights L such that L @ value gives the Shapley values of a game.

    Source: Shapley (1953).
    """
    inside, coalitions = bits(n_channels), np.arange(2**n_channels)
    weights = np.zeros((n_channels, 2**n_channels))
    orders = [factorial(k) * factorial(n_channels - k - 1) / factorial(n_channels) for k in range(n_channels)]
    for channel in range(n_channels):
        without = coalitions[~inside[:, channel]]
        share = np.array(orders)[inside[without].sum(axis=1)]
        weights[channel, without] -= share
        weights[channel, without | 1 << channel] += share
    weights.flags.writeable = False
    return weights
