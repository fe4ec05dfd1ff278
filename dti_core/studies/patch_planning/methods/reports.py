"""What services tell a planner about the cost of their downtime, and what one goes by whom nobody tells.

Only the services know that cost.

The truth needs no function: it is `outage_usd` itself.
"""

from dataclasses import replace

import numpy as np

from dti_core.studies.patch_planning.methods.agents import View
from dti_core.studies.patch_planning.model.estates import Array, Estates, Flags

#: By how much a strategic service exaggerates.
EXAGGERATION = 4.0


def strategic(estates: Estates, exaggerating: Flags, factor: float = EXAGGERATION) -> Array:
    """(N, S, T) reports in which the (N, S) `exaggerating` services name `factor` times the truth."""
    return estates.outage_usd * np.where(exaggerating, factor, 1.0)[..., None]


def normalised(estates: Estates, reported_usd: Array) -> Array:
    """(N, S, T) reports scaled, in each week, so that an estate's mean is the one that is publicly known.

    Undoes what all exaggerate alike; what only some do, it takes from the others.
    """
    true_mean = estates.outage_usd.mean(axis=1, keepdims=True)
    return reported_usd * true_mean / np.maximum(reported_usd.mean(axis=1, keepdims=True), 1e-12)


def unreported(estates: Estates, usual_usd: float) -> Array:
    """(N, S, T) what a minute usually costs in estates of that world: believed where nobody reports."""
    return np.full_like(estates.outage_usd, usual_usd)


def mediated(world: str, usual_usd: float) -> View:
    """What the mediator knows where agents plan: all, but in the world of conflict no price of downtime."""
    if world == "conflict":
        return lambda estates: replace(estates, outage_usd=unreported(estates, usual_usd))
    return _as_it_is


def _as_it_is(estates: Estates) -> Estates:
    return estates
