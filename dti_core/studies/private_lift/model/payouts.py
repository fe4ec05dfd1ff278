"""Pay for advertising: what a game, or an estimate of it, gives each player, and what is done to such pay."""

import numpy as np
from scipy.stats import norm

from dti_core.studies.private_lift.model.cells import Array, bits, shapley_weights


def shapley(value: Array) -> Array:
    """Shapley values of games, (..., C) from (..., 2^C).

    They alone share out value[all] - value[none] in full (efficiency), pay equal players alike (symmetry),
    pay nothing to who adds nothing (null player), and add up over games.

    Source: Shapley (1953).
    """
    return value @ shapley_weights(value.shape[-1].bit_length() - 1).T


def leave_one_out(value: Array) -> Array:
    """What all others would miss without a player, (..., C); its sum is not what there is to share."""
    n_players = value.shape[-1].bit_length() - 1
    everyone = 2**n_players - 1
    return value[..., [everyone]] - value[..., everyone ^ (1 << np.arange(n_players))]


def paid_shares(credit: Array) -> Array:
    """Shares of a pool by credit, (..., C): negative credit is paid nothing; without any, all get alike."""
    positive = np.maximum(credit, 0.0)
    total = positive.sum(axis=-1, keepdims=True)
    return np.where(total > 0, positive / np.where(total > 0, total, 1), 1 / credit.shape[-1])


def misallocated(pay: Array, due: Array) -> Array:
    """Part of a pool that goes to the wrong players, (...,), from shares (..., C)."""
    return np.abs(pay - due).sum(axis=-1) / 2


def floored(pay: Array, protected: Array, floor: float) -> Array:
    """Shares of which protected players get `floor` at least, (..., C), rows sum to 1.

    What lifts them is taken from all who have more than they must have, in proportion to the excess.

    Raises
    ------
    ValueError if the floors together exceed the pool.
    """
    least = np.where(protected, floor, 0.0)
    if least.sum() > 1:
        raise ValueError(f"floors of {floor} for {int(protected.sum())} players exceed the pool")
    lack, excess = np.maximum(least - pay, 0), np.maximum(pay - least, 0)
    missing = lack.sum(axis=-1, keepdims=True)
    return pay + lack - excess / excess.sum(axis=-1, keepdims=True) * missing


def held_back(value: Array, std_error: Array, level: float = 0.95) -> Array:
    """Lower confidence bounds, at least 0: what is paid now, while the rest waits for more data."""
    return np.maximum(value - norm.ppf(level) * std_error, 0.0)


def split_in_two(value: Array, player: int) -> Array:
    """The game, (..., 2^(C+1)), in which a player registers twice and either of its two names does its work.

    The second name is the last bit.
    """
    n_players = value.shape[-1].bit_length() - 1
    members = bits(n_players + 1)
    merged = members[:, :n_players].copy()
    merged[:, player] |= members[:, n_players]
    return value[..., merged @ (1 << np.arange(n_players))]
