"""What the sum of a round is protected with, and what an accountant needs to know of the training."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dti_core.bridges.federated.clients import Array
from dti_core.bridges.federated.settings import FederatedSettings
from dti_core.bridges.federated.training import Protect


@dataclass(frozen=True, slots=True)
class Mechanism:
    """The subsampled mechanism that a training composes.

    unit : whom it protects. adjacency : which two sets of clients must look alike. sensitivity : largest
    Euclidean change of the sum of one round. sampling_rate : chance to take part in a round. steps : rounds.
    """

    unit: Literal["user", "site"]
    adjacency: str
    sensitivity: float
    sampling_rate: float
    steps: int


def mechanism(settings: FederatedSettings) -> Mechanism:
    """What an accountant needs to know. ValueError without a clipping norm."""
    if settings.clipping_norm is None:
        raise ValueError("no clipping_norm: the sum of updates has no bounded sensitivity")
    return Mechanism(
        settings.unit, "add or remove one", settings.clipping_norm, settings.sampling_rate, settings.rounds
    )


def gaussian_noise(noise_multiplier: float, settings: FederatedSettings) -> Protect:
    """Adds Gaussian noise of `noise_multiplier` times the sensitivity to the sum.

    Assumes: a simulation. Floating-point noise from a seeded generator must not protect real people.
    """
    sigma = noise_multiplier * mechanism(settings).sensitivity

    def protect(total: Array, rng: np.random.Generator) -> Array:
        return total + rng.normal(0.0, sigma, total.shape)

    return protect
