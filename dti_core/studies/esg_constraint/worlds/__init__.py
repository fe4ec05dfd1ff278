"""The worlds of the Monte Carlo: what is true in each, and what may mislead an estimator there."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from dti_core.lab.methods import World
from dti_core.studies.esg_constraint.worlds.settings import PUBLISHED_REVERSE, Threat, WorldSettings

#: One entry adds a world everywhere: to the data, the Monte Carlo, the tables and the figures.
WORLDS: Mapping[str, World[WorldSettings]] = MappingProxyType(
    {
        "effect": World("Effect", "positive", WorldSettings()),
        "no_effect": World("No effect", "negative", WorldSettings(effect=0.0)),
        "reverse_only": World(
            "Reverse only", "threat", WorldSettings(effect=0.0, reverse_effect=PUBLISHED_REVERSE)
        ),
        "selection": World("Selection", "threat", WorldSettings(selection_strength=1.0)),
        "rater_noise": World("Rater noise", "threat", WorldSettings(rater_noise=1.90)),
    }
)


def threats(settings: WorldSettings) -> frozenset[Threat]:
    """What can mislead in a world; firm effects, common shocks and noisy raters are in all of them."""
    found: set[Threat] = {"firm_effects", "common_shocks", "rater_noise"}
    if settings.reverse_effect:
        found.add("reverse_effect")
    if settings.selection_strength:
        found.add("selection")
    return frozenset(found)


def without_effect(settings: WorldSettings) -> WorldSettings:
    """The twin of a world in which constraints do nothing, so that whatever is found is false."""
    return replace(settings, effect=0.0)
