"""What the sum of a round is protected with, and what a training so protected promises."""

import numpy as np

from dti_core.bridges.federated.clients import Array
from dti_core.bridges.federated.settings import FederatedSettings
from dti_core.bridges.federated.training import Protect
from dti_core.bridges.privacy import Accountant, Guarantee, epsilon_of


def gaussian_noise(noise_multiplier: float, settings: FederatedSettings) -> Protect:
    """Adds Gaussian noise of `noise_multiplier` times the clipping norm to the sum of a round.

    Assumes: a simulation. Floating-point noise from a seeded generator must not protect real people.
    """
    sigma = noise_multiplier * _bound(settings)

    def protect(total: Array, rng: np.random.Generator) -> Array:
        return total + rng.normal(0.0, sigma, total.shape)

    return protect


def guarantee_of(
    settings: FederatedSettings, noise_multiplier: float, delta: float, accountant: Accountant = "pld"
) -> Guarantee:
    """What the weights promise whose training adds `gaussian_noise(noise_multiplier, settings)` each round.

    It is for a client, that is a user or a site as `settings.unit` says, added or removed with all its rows.

    Assumes: the number of clients is public, and of a round nobody sees more than the sum with its noise.
    Neither `counts` nor weights that were trained further on a client's own rows are covered.

    Raises
    ------
    ValueError without a clipping norm.
    """
    _bound(settings)
    epsilon = epsilon_of(noise_multiplier, settings.sampling_rate, settings.rounds, delta, accountant)
    return Guarantee(settings.unit, "add or remove one", epsilon, delta, accountant)


def _bound(settings: FederatedSettings) -> float:
    if settings.clipping_norm is None:
        raise ValueError("no clipping_norm: the sum of updates has no bounded sensitivity")
    return settings.clipping_norm
