"""Users of a market one by one: what each was eligible for, saw, did, and would have done otherwise."""

from dataclasses import dataclass
from typing import cast

import numpy as np

from dti_core.studies.private_lift.model.cells import Array, Counts, Flags
from dti_core.studies.private_lift.worlds.market import base_chance, consent_chance, effects, exposure_chance
from dti_core.studies.private_lift.worlds.settings import Market

#: Regions, sizes of the business that a user buys from and retailers that it sells through, with their shares
#: of users.
REGIONS, REGION_SHARES = ("north", "centre", "south"), (0.5, 0.3, 0.2)
SIZES, SIZE_SHARES = ("micro", "small", "large"), (0.05, 0.15, 0.8)
RETAILERS, RETAILER_SHARES = ("marketplace", "chain", "corner shops"), (0.6, 0.3, 0.1)


@dataclass(frozen=True, slots=True)
class Users:
    """n users and C channels.

    assigned, exposed : (n, C) bool. impressions : (n, C), 0 where not exposed. times : (n, C) in [0, 1], of
    the last impression of a channel, NaN where not exposed. converted : (n,) bool. spend_usd : (n,), 0
    without conversion. consents : (n,) bool. region, size, retailer : (n,) codes into REGIONS, SIZES and
    RETAILERS. covariates : (n, 3), what an analyst sees of activity: two noisy readings of it and one of
    nothing. activity : (n,), which nobody sees. unmoved : (n,), chance of converting without any exposure.
    moved : (n, C), chance that an exposure makes a user convert who would not have.
    """

    channels: tuple[str, ...]
    assigned: Flags
    exposed: Flags
    impressions: Counts
    times: Array
    converted: Flags
    spend_usd: Array
    consents: Flags
    region: Counts
    size: Counts
    retailer: Counts
    covariates: Array
    activity: Array
    unmoved: Array
    moved: Array

    def __len__(self) -> int:
        return len(self.converted)


@dataclass(frozen=True, slots=True)
class Chances:
    """Of users of known activity; see `Users`. reached : (n, C), chance of exposure where eligible."""

    unmoved: Array
    moved: Array
    reached: Array


def chances(market: Market, activity: Array) -> Chances:
    """What decides of users of this activity (n,) who sees what, and who converts."""
    return Chances(
        base_chance(market, activity), effects(market, activity), exposure_chance(market, activity)
    )


def simulate_outcomes(
    chance: Chances, holdout: float, rng: np.random.Generator
) -> tuple[Flags, Flags, Flags]:
    """(n, C) who is eligible and who exposed, (n,) who converts."""
    assigned = rng.random(chance.reached.shape) >= holdout
    exposed = assigned & (rng.random(assigned.shape) < chance.reached)
    stays = (1 - chance.unmoved) * np.prod(np.where(exposed, 1 - chance.moved, 1), axis=1)
    return assigned, exposed, rng.random(len(stays)) < 1 - stays


def read_activity(activity: Array, rng: np.random.Generator) -> Array:
    """(n, 3) what an analyst sees of activity: two noisy readings of it and one of nothing."""
    n = len(activity)
    return np.column_stack(
        [activity + rng.normal(0, 0.5, n), activity + rng.normal(0, 1, n), rng.normal(size=n)]
    )


def simulate_users(market: Market, n: int, rng: np.random.Generator) -> Users:
    """Draw `n` independent users; Assumes: nobody's exposure moves anybody else."""
    activity = rng.normal(size=n)
    chance = chances(market, activity)
    assigned, exposed, converted = simulate_outcomes(chance, market.holdout, rng)
    spend = rng.lognormal(np.log(market.spend_usd) - market.spend_sd**2 / 2, market.spend_sd, size=n)
    seen = read_activity(activity, rng)
    return Users(
        market.names, assigned, exposed, _impressions(market, exposed, activity, rng),
        _times(market, exposed, rng), converted, np.where(converted, spend, 0.0),
        rng.random(n) < consent_chance(market, activity), rng.choice(len(REGIONS), n, p=REGION_SHARES),
        rng.choice(len(SIZES), n, p=SIZE_SHARES), _retailers(n, rng), seen, activity, chance.unmoved,
        chance.moved,
    )  # fmt: skip


def coalition(members: Flags) -> Counts:
    """(n,) code of the coalition of channels that each row holds; channel c is bit c."""
    return members @ (1 << np.arange(members.shape[1], dtype=np.int64))


def counted(users: Users) -> Counts:
    """(2^C, 2^C, 2) users by eligible coalition, exposed coalition and conversion, as `draw_counts`."""
    n_coalitions = 2 ** len(users.channels)
    place = (coalition(users.assigned) * n_coalitions + coalition(users.exposed)) * 2 + users.converted
    return np.bincount(place, minlength=2 * n_coalitions**2).reshape(n_coalitions, n_coalitions, 2)


def _retailers(n: int, rng: np.random.Generator) -> Counts:
    """(n,) codes of a stream that bears their name, of the root of `rng`, none of whose draws they move."""
    root = cast(np.random.SeedSequence, rng.bit_generator.seed_seq)
    own = np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, *b"retailers"))
    return np.random.default_rng(own).choice(len(RETAILERS), n, p=RETAILER_SHARES)


def _impressions(market: Market, exposed: Flags, activity: Array, rng: np.random.Generator) -> Counts:
    """At least one impression where exposed; active users see more."""
    extra = np.array([channel.impressions - 1 for _, channel in market.channels])
    return np.where(exposed, 1 + rng.poisson(extra * np.exp(0.3 * activity - 0.045)[:, None]), 0)


def _times(market: Market, exposed: Flags, rng: np.random.Generator) -> Array:
    """Times around each channel's place on the path."""
    place = np.array([channel.place for _, channel in market.channels])
    return np.where(exposed, rng.beta(1 + 4 * place, 1 + 4 * (1 - place), size=exposed.shape), np.nan)
