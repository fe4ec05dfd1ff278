"""Counts of users released with noise: one histogram, each user in one bucket."""

import math

import numpy as np

from dti_core.bridges.privacy import Guarantee, discrete_laplace
from dti_core.studies.private_lift.model.cells import Array

#: Said beside each epsilon, which stands in a column of its own.
GUARANTEE = "unit user, add or remove one, delta 0, pure epsilon"


def guarantee(epsilon: float) -> Guarantee:
    """What a histogram with one bucket a user and noise of scale 1 / epsilon promises."""
    return Guarantee("user", "add or remove one", epsilon, 0.0, "pure")


def laplace_variance(epsilon: float) -> float:
    """Variance of the discrete Laplace noise of one bucket; none without privacy (epsilon infinite)."""
    if math.isinf(epsilon):
        return 0.0
    stay = math.exp(-epsilon)
    return 2 * stay / (1 - stay) ** 2


def released(counts: Array, epsilon: float, rng: np.random.Generator) -> Array:
    """Counts, each with discrete Laplace noise of scale 1 / epsilon; none where epsilon is infinite."""
    if math.isinf(epsilon):
        return np.asarray(counts, dtype=float)
    return counts + discrete_laplace(1 / epsilon, np.shape(counts), rng).astype(float)
