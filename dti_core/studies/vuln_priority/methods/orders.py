"""Orders of work: scores by which findings are worked off, highest first. One entry adds an order."""

from collections.abc import Callable

import numpy as np

from dti_core.lab.methods import Method
from dti_core.studies.vuln_priority.model.evidence import Floats
from dti_core.studies.vuln_priority.model.work import Items

#: (items, chance that each is real (..., n), rng) -> score (..., n).
Order = Callable[[Items, Floats, np.random.Generator], Floats]


def by_risk_per_hour(items: Items, chance: Floats, rng: np.random.Generator) -> Floats:
    """Expected loss an hour of expected work."""
    return by_risk(items, chance, rng) / items.told_hours(chance)


def by_risk(items: Items, chance: Floats, rng: np.random.Generator) -> Floats:
    """Expected loss, whatever the work."""
    return chance * items.told_exploit * items.told_impact_usd


def by_effort(items: Items, chance: Floats, rng: np.random.Generator) -> Floats:
    """The least expected work first."""
    return -items.told_hours(chance)


def by_severity(items: Items, chance: Floats, rng: np.random.Generator) -> Floats:
    """The tools' severity times the chance that it is real; ties by a coin."""
    return chance * items.severity + _coin(items, rng)


def by_plain_severity(items: Items, chance: Floats, rng: np.random.Generator) -> Floats:
    """The tools' severity as it comes; ties by a coin."""
    return items.severity + _coin(items, rng)


def by_exploit(items: Items, chance: Floats, rng: np.random.Generator) -> Floats:
    """Chance that it is real and exploited, as told."""
    return chance * items.told_exploit


def by_chance_and_exploit(items: Items, chance: Floats, rng: np.random.Generator) -> Floats:
    """What `by_risk_per_hour` is without impact: expected exploitations an hour."""
    return chance * items.told_exploit / items.told_hours(chance)


def by_dealt_impact(items: Items, chance: Floats, rng: np.random.Generator) -> Floats:
    """What `by_risk_per_hour` is with the impacts of other services."""
    return chance * items.told_exploit * items.dealt_impact_usd / items.told_hours(chance)


def by_tree(items: Items, chance: Floats, rng: np.random.Generator) -> Floats:
    """Four classes by whether exploitation and impact are in their upper quarter, as SSVC's trees sort.

    Within a class by severity, ties by a coin.
    """
    likely, large = (
        told >= np.quantile(told, 0.75, axis=-1, keepdims=True)
        for told in (items.told_exploit, items.told_impact_usd)
    )
    return 100.0 * (2 * likely + large) + by_plain_severity(items, chance, rng)


def at_random(items: Items, chance: Floats, rng: np.random.Generator) -> Floats:
    """Any order."""
    return rng.random(items.real.shape)


def by_truth(items: Items, chance: Floats, rng: np.random.Generator) -> Floats:
    """What only a clairvoyant knows: true loss an hour of true work."""
    return items.loss_usd / items.hours


def _coin(items: Items, rng: np.random.Generator) -> Floats:
    return 1e-6 * rng.random(items.real.shape)


ORDERS: dict[str, Method[Order]] = {
    "risk_per_hour": Method("Risk an hour", by_risk_per_hour),
    "risk": Method("Risk alone", by_risk),
    "effort": Method("Least work first", by_effort),
    "severity": Method("Severity, weighed", by_severity),
    "plain_severity": Method("Severity as told", by_plain_severity),
    "exploit": Method("Exploitation, weighed", by_exploit),
    "without_impact": Method("No impact in it", by_chance_and_exploit),
    "dealt_impact": Method("Impacts dealt", by_dealt_impact, counts_as_trial=False),
    "tree": Method("Decision tree", by_tree),
    "random": Method("Random order", at_random, counts_as_trial=False),
    "truth": Method("Clairvoyant", by_truth, needs=("the truth",), counts_as_trial=False),
}
