"""Ways to choose an offer for each user from a randomised trial, under a guarantee for a user."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dti_core.bridges.federated import Clients, FederatedSettings, Logistic, gaussian_noise, train
from dti_core.bridges.privacy import discrete_laplace
from dti_core.lab.methods import Method
from dti_core.studies.private_lift.methods.budget import ROUNDS, SAMPLING_RATE, Budget
from dti_core.studies.private_lift.worlds.offers import OfferTrial

Array = NDArray[np.float64]
#: Bound on a user's update, and step of the server, the best of 2, 8, 32, 128 in a simulation at epsilon 1.
CLIPPING_NORM, SERVER_RATE = 1.0, 8.0


@dataclass(frozen=True, slots=True)
class Released:
    """What leaves the learner: `rates` (n_segments, n_offers), expected outcome of each offer.

    counts : (n_segments, n_offers, 2) released users without and with the outcome, where a table is released.
    """

    rates: Array
    counts: Array | None = None


#: Trial, budget a user, generator -> what is released.
Choose = Callable[[OfferTrial, Budget, np.random.Generator], Released]


def table(trial: OfferTrial, budget: Budget, rng: np.random.Generator) -> Released:
    """Users counted by segment, offer and outcome, with discrete Laplace noise on each count.

    Assumes: one row a user, so that a user is in one cell: sensitivity 1, add or remove one, delta 0.
    """
    cell = (trial.segment * trial.n_offers + trial.offer) * 2 + (trial.outcome > 0)
    shape = (trial.n_segments, trial.n_offers, 2)
    counts = np.bincount(cell, minlength=int(np.prod(shape))).reshape(shape).astype(float)
    if budget.private:
        counts = counts + discrete_laplace(1 / budget.epsilon, shape, rng)
    return Released(shrunk(counts), counts)


def shrunk(counts: Array, weight: float = 20.0) -> Array:
    """(n_segments, n_offers) rates, drawn to that of the offer over all segments as if by `weight` users."""
    kept = np.maximum(counts, 0.0)
    overall = (kept[..., 1].sum(axis=0) + 1) / (kept.sum(axis=(0, 2)) + 2)
    return np.asarray((kept[..., 1] + weight * overall) / (kept.sum(axis=2) + weight))


def single(trial: OfferTrial, budget: Budget, rng: np.random.Generator) -> Released:
    """The same table summed over segments: one offer for all, the rival with the same information."""
    counts = table(trial, budget, rng).counts
    assert counts is not None
    return Released(np.broadcast_to(shrunk(counts.sum(axis=0, keepdims=True)), counts.shape[:2]), counts)


def logistic(trial: OfferTrial, budget: Budget, rng: np.random.Generator) -> Released:
    """Logistic model of segment, offer and both, trained on users as clients of federated descent.

    Assumes: Poisson sampling of users, add or remove one; the noise of the budget.
    """
    rows = designs(trial.segment, trial.offer, trial.n_segments, trial.n_offers)
    clients = Clients(rows, trial.outcome, np.arange(len(rows) + 1))
    settings = FederatedSettings(
        unit="user", rounds=ROUNDS, local_steps=1, sampling_rate=SAMPLING_RATE, learning_rate=1.0,
        server_rate=SERVER_RATE, clipping_norm=CLIPPING_NORM,
    )  # fmt: skip
    protect = None
    if budget.private:
        protect = gaussian_noise(budget.noise_multiplier, settings)
    trained = train(Logistic(rows.shape[1]), clients, settings, rng, protect)
    segment, offer = np.divmod(np.arange(trial.n_segments * trial.n_offers), trial.n_offers)
    asked = designs(segment, offer, trial.n_segments, trial.n_offers)
    return Released(trained.predict(asked).reshape(trial.n_segments, trial.n_offers))


def designs(segment: NDArray[np.int64], offer: NDArray[np.int64], n_segments: int, n_offers: int) -> Array:
    """(n, n_segments + n_offers + n_segments n_offers) 0/1 columns."""
    both = segment * n_offers + offer
    sizes = ((segment, n_segments), (offer, n_offers), (both, n_segments * n_offers))
    return np.hstack([np.eye(size)[codes] for codes, size in sizes])


def at_random(trial: OfferTrial, budget: Budget, rng: np.random.Generator) -> Released:
    """A preference of its own for each segment, drawn without looking at anybody: the placebo."""
    return Released(rng.random((trial.n_segments, trial.n_offers)))


OFFERS: dict[str, Method[Choose]] = {
    "table": Method("Noisy table, best offer a segment", table, assumes=("one row a user",)),
    "logistic": Method("Federated logistic model", logistic, assumes=("Poisson sampling of users",)),
    "random": Method("Offers dealt at random", at_random, counts_as_trial=False),
}
