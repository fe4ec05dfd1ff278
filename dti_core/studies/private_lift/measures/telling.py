"""Counts released with noise, and numbers kept with the promise under which they were released."""

import math
from collections.abc import Mapping

import numpy as np

from dti_core.bridges.privacy import discrete_laplace
from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval
from dti_core.lab.record import OBSERVED, Estimate
from dti_core.studies.private_lift.model.cells import Array, Counts

#: Where an estimate stands on each dimension.
At = Mapping[str, str | float]
#: Said beside the epsilon of one histogram, or of several that share it, in which a user has one bucket each.
GUARANTEE = "unit user, add or remove one, delta 0, pure epsilon"


def released(counts: Array | Counts, epsilon: float, rng: np.random.Generator) -> Array:
    """Counts, each with discrete Laplace noise of scale 1 / epsilon; none where epsilon is infinite."""
    if math.isinf(epsilon):
        return np.asarray(counts, dtype=float)
    return counts + discrete_laplace(1 / epsilon, np.shape(counts), rng).astype(float)


def laplace_variance(epsilon: float) -> float:
    """Variance of the noise of `released`, in each count."""
    stay = math.exp(-epsilon)
    return 2 * stay / (1 - stay) ** 2


def keep(
    found: Findings, name: str, one: Interval | float, unit: str, at: At, *, world: str = OBSERVED,
    how: str = "exact, no interval",
) -> None:  # fmt: skip
    """Keep an interval, or a number that has none, under a name; an epsilon in `at` with what it promises."""
    place = {key: where for key, where in at.items() if where != math.inf}
    if "epsilon" in place:
        place.setdefault("guarantee", GUARANTEE)
    if isinstance(one, Interval):
        found.estimates.append(one.estimate(name, unit, world, **place))
    else:
        found.estimates.append(Estimate(name, one, one, one, unit, 1, how=how, at=place, world=world))
