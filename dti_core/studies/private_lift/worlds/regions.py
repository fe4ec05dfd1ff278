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
_SHARES = (0.05, 1.0)


def drawn_around(regions: Regions, rng: np.random.Generator) -> Regions:
    """Profiles drawn around these: epsilon and batch by log-uniform factors, shares by uniform steps."""
    return tuple(_drawn(region, rng) for region in regions)


def _drawn(region: Region, rng: np.random.Generator) -> Region:
    epsilon, batch = (factor ** rng.uniform(-1, 1) for factor in (EPSILON_FACTOR, BATCH_FACTOR))
    rules = replace(
        region.rules,
        epsilon_epoch=region.rules.epsilon_epoch * epsilon,
        least_batch=max(1.0, region.rules.least_batch * batch),
    )
    opt_in, opt_out = np.clip(
        np.array([region.opt_in_share, region.opt_out_share]) + rng.uniform(-CONSENT_STEP, CONSENT_STEP, 2),
        *_SHARES,
    )
    return Region(region.name, rules, float(opt_in), float(max(opt_in, opt_out)))


def as_they_are(regions: Regions) -> Regions:
    """The regions with their own rules."""
    return regions


def alike(regions: Regions) -> Regions:
    """All with the rules and users of the first: nothing is there to be fitted."""
    first = regions[0]
    return tuple(replace(first, name=region.name) for region in regions)


def ordered(regions: Regions) -> Regions:
    """Each stricter than the next in epsilon alone: half of all wrong dealings break no rule."""
    first = regions[0]
    halved = [replace(first.rules, epsilon_epoch=first.rules.epsilon_epoch * 2**k) for k in range(len(regions))]
    return tuple(replace(first, name=one.name, rules=rules) for one, rules in zip(regions, halved, strict=True))


def far_apart(regions: Regions) -> Regions:
    """Each asks for what the others do not: a tenth of the epsilon, consent that few give, a large arm."""
    loose = replace(
        regions[0].rules, consent_default="opt_out", epsilon_epoch=4.0, least_batch=100.0, untargeted_share=0.0
    )
    single = (
        {"epsilon_epoch": 0.4},
        {"consent_default": "opt_in"},
        {"untargeted_share": 0.5},
    )
    rules = [replace(loose, **single[k % len(single)]) for k in range(len(regions))]  # type: ignore[arg-type]
    return tuple(
        replace(one, rules=rule, opt_in_share=min(one.opt_in_share, 0.3), opt_out_share=0.9)
        for one, rule in zip(regions, rules, strict=True)
    )


REGION_WORLDS: dict[str, World[Callable[[Regions], Regions]]] = {
    "regions": World("Rules of the EU, California and China as we assume them", "observed", as_they_are),
    "same_rules": World("All regions have the same rules", "negative", alike),
    "ordered_rules": World("Each region stricter than the next in epsilon alone", "threat", ordered),
    "far_apart": World("Each region asks for what the others do not", "positive", far_apart),
}


def eligible_cells(market: Market) -> Array:
    """(2^C, 2) P(eligible coalition, converted) among those who agree: `joint` without the exposures."""
    activity, weights = activity_nodes(market, consenting=True)
    inside = bits(len(market.channels))
    moved = exposure_chance(market, activity) * effects(market, activity)
    stays = (1 - base_chance(market, activity))[:, None] * np.prod(
        np.where(inside, 1 - moved[:, None], 1), axis=2
    )
    eligible = np.where(inside, 1 - market.holdout, market.holdout).prod(axis=1)
    converts = weights @ (1 - stays)
    return np.stack([eligible * (1 - converts), eligible * converts], axis=-1)
