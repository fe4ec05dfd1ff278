"""Trials of offers: users differ in which offer moves them, or all are moved alike."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dti_core.lab.methods import World

Array = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class OfferTrial:
    """Users to whom offers were dealt at random, all with the same chance; n users.

    segment : (n,) codes from 0, known of every user before the offer. offer : (n,) codes from 0.
    outcome : (n,) 0 or 1. n_segments, n_offers : public.
    """

    segment: Codes
    offer: Codes
    outcome: Array
    n_segments: int
    n_offers: int

    def part(self, rows: NDArray[np.bool_] | Codes) -> "OfferTrial":
        """The trial of these users."""
        return OfferTrial(
            self.segment[rows], self.offer[rows], self.outcome[rows], self.n_segments, self.n_offers
        )


@dataclass(frozen=True, slots=True)
class OfferSettings:
    """What is true of offers.

    base : chance of the outcome with an offer that does not suit. own : what an offer adds for users whom it
    suits; offer s modulo n_offers suits segment s. shared : what the first offer adds for everybody.
    epsilon : at which a control world releases the table.
    """

    base: float = 0.15
    own: float = 0.0
    shared: float = 0.01
    n_segments: int = 12
    n_offers: int = 3
    epsilon: float = 1.0

    def chances(self) -> Array:
        """(n_segments, n_offers) chance of the outcome."""
        suits = np.arange(self.n_segments)[:, None] % self.n_offers == np.arange(self.n_offers)
        return self.base + self.own * suits + self.shared * (np.arange(self.n_offers) == 0)


#: Epsilons at which who knows everybody else has an advantage of 0.04 and 0.12 at most.
TELLS_LITTLE, TELLS_MUCH = 0.08, 0.25
#: With `own` 0.05 the best offer to each gains 2/3 x 0.05 less what the best single offer adds for all.
#: Each of gain and secrecy is there with the other and without it.
OFFER_WORLDS: dict[str, World[OfferSettings]] = {
    "offers_differ": World(
        "Each offer moves a third of users, told at epsilon 0.08", "positive",
        OfferSettings(own=0.05, epsilon=TELLS_LITTLE),
    ),
    "offers_alike": World(
        "One offer is best for all, told at epsilon 0.25", "negative", OfferSettings(epsilon=TELLS_MUCH)
    ),
    "offers_told": World(
        "Each offer moves a third of users, told at epsilon 0.25", "threat",
        OfferSettings(own=0.05, epsilon=TELLS_MUCH),
    ),
    "offers_hidden": World(
        "One offer is best for all, told at epsilon 0.08", "threat", OfferSettings(epsilon=TELLS_LITTLE)
    ),
}  # fmt: skip


def simulate_offers(settings: OfferSettings, n: int, rng: np.random.Generator) -> OfferTrial:
    """`n` independent users, each with a segment and an offer at random."""
    segment, offer = rng.integers(settings.n_segments, size=n), rng.integers(settings.n_offers, size=n)
    outcome = (rng.random(n) < settings.chances()[segment, offer]).astype(float)
    return OfferTrial(segment, offer, outcome, settings.n_segments, settings.n_offers)
