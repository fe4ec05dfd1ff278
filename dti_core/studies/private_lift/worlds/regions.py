"""Worlds of regions: users of one campaign who live under different rules, alike in all else."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from dti_core.lab.methods import World
from dti_core.studies.private_lift.model.cells import Array, bits
from dti_core.studies.private_lift.model.rules import Region
from dti_core.studies.private_lift.worlds.market import activity_nodes, base_chance, effects, exposure_chance
from dti_core.studies.private_lift.worlds.settings import Market

Regions = tuple[Region, ...]
#: How far profiles are drawn around ours: factors on epsilon and batch, steps of the shares that agree.
EPSILON_FACTOR, BATCH_FACTOR, CONSENT_STEP = 4.0, 10.0, 0.3


def drawn_around(regions: Regions, rng: np.random.Generator) -> Regions:
    """Profiles drawn around these: epsilon and batch by log-uniform factors, shares by uniform steps.

    Each region is drawn by itself. Shares stay within [.05, 1]; fewer agree when asked than do not object.
    """
    return tuple(_drawn(region, rng) for region in regions)


def _drawn(region: Region, rng: np.random.Generator) -> Region:
    epsilon, batch = np.array([EPSILON_FACTOR, BATCH_FACTOR]) ** rng.uniform(-1, 1, 2)
    steps = rng.uniform(-CONSENT_STEP, CONSENT_STEP, 2)
    low, high = np.sort(np.clip(np.array([region.opt_in_share, region.opt_out_share]) + steps, 0.05, 1.0))
    rules, batch = region.rules, max(1.0, region.rules.least_batch * batch)
    rules = replace(rules, epsilon_epoch=float(rules.epsilon_epoch * epsilon), least_batch=float(batch))
    return Region(region.name, rules, float(low), float(high))


def _alike(regions: Regions) -> Regions:
    """All with the rules and users of the first: nothing is there to be fitted."""
    return tuple(replace(regions[0], name=region.name) for region in regions)


def _far_apart(regions: Regions) -> Regions:
    """Each is strict in what the others are not: epsilon, consent, the untargeted arm, in turn."""
    loose = replace(regions[0].rules, consent_default="opt_out", epsilon_epoch=4.0, least_batch=100.0)
    strict = (
        replace(loose, epsilon_epoch=2.0),
        replace(loose, consent_default="opt_in"),
        replace(loose, untargeted_share=0.2),
    )
    return tuple(Region(one.name, strict[k % 3], 0.5, 0.9) for k, one in enumerate(regions))


REGION_WORLDS: dict[str, World[Callable[[Regions], Regions]]] = {
    "observed": World("Rules of the EU, California and China as we assume them", "observed", tuple),
    "same_rules": World("All regions have the same rules", "negative", _alike),
    "far_apart": World("Each region is strict in what the others are not", "positive", _far_apart),
}


def eligible_cells(market: Market) -> Array:
    """(2^C, 2) P(eligible coalition, converted) among those who agree: `joint` without the exposures."""
    activity, weights = activity_nodes(market, consenting=True)
    inside = bits(len(market.channels))
    moved = (exposure_chance(market, activity) * effects(market, activity))[:, None]
    stays = (1 - base_chance(market, activity))[:, None] * np.where(inside, 1 - moved, 1).prod(axis=2)
    eligible = np.where(inside, 1 - market.holdout, market.holdout).prod(axis=1)
    return eligible[:, None] * np.stack([weights @ stays, 1 - weights @ stays], axis=-1)
