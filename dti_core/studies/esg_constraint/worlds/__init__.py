"""The worlds of the Monte Carlo: what is true in each, and what may mislead an estimator there."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from dti_core.lab.methods import World
from dti_core.studies.esg_constraint.worlds.settings import (
    PUBLISHED_REVERSE,
    SMALL_EFFECT,
    Threat,
    WorldSettings,
)

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
        "observed_shock": World("Profit shock", "threat", WorldSettings(effect=0.0, observed_shock=0.3)),
        "hidden_shock": World("Hidden shock", "threat", WorldSettings(effect=0.0, hidden_shock=0.3)),
        "constraint_error": World("Constraint error", "threat", WorldSettings(reliability=0.8)),
        "size_bias": World("Size bias", "threat", WorldSettings(effect=0.0, size_bias=0.3)),
        "late_coverage": World(
            "Late coverage", "threat", WorldSettings(coverage_starts=(2009, 2011, 2013))
        ),
        "unequal_relief": World(
            "Unequal relief", "threat",
            WorldSettings(shock_years=(2010, 2012, 2014), shock_shares=(1.8, 1.0, 0.2)),
        ),
        "persistence": World("Persistent constraint", "threat", WorldSettings(persistence=0.85)),
        "size_like": World(
            "Constraint like size", "threat", WorldSettings(effect=0.0, size_overlap=0.95, size_bend=-0.35)
        ),
        "large_only": World(
            "Large firms only", "threat", WorldSettings(effect=0.0, effect_large=SMALL_EFFECT)
        ),
    }
)  # fmt: skip


#: The threat that a setting brings if it is not what it is in the plain world.
_BRINGS: Mapping[str, Threat] = MappingProxyType(
    {
        "reverse_effect": "reverse_effect", "selection_strength": "selection",
        "observed_shock": "observed_shock", "hidden_shock": "hidden_shock",
        "reliability": "constraint_error", "size_bias": "size_bias", "coverage_starts": "late_coverage",
        "size_overlap": "size_like", "size_bend": "size_like", "shock_shares": "unequal_relief",
        "persistence": "persistence", "effect_large": "unequal_effect",
    }
)  # fmt: skip


def threats(settings: WorldSettings) -> frozenset[Threat]:
    """What can mislead in a world; firm effects, common shocks and noisy raters are in all of them."""
    plain = WorldSettings()
    brought = {of for name, of in _BRINGS.items() if getattr(settings, name) != getattr(plain, name)}
    return frozenset({"firm_effects", "common_shocks", "rater_noise", *brought})


def without_effect(settings: WorldSettings) -> WorldSettings:
    """The twin of a world in which constraints do nothing, so that whatever is found is false."""
    return replace(settings, effect=0.0)
