"""Parties that want different things from one plan, and what any plan is worth to each of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from dti_core.studies.patch_planning.model.estates import Array, Estates, Ints
from dti_core.studies.patch_planning.model.worth import expected_later

#: What a plan does, in the order of all arrays.
GAINS, BURDENS = ("avoided_usd", "licence_usd"), ("spent_usd", "outage_usd", "hours")
QUANTITIES = GAINS + BURDENS
#: What a firm counts that adds up its own dollars alone.
NET_DOLLARS = np.array([1.0, 0.0, -1.0, -1.0, 0.0])


@dataclass(frozen=True, slots=True)
class Party:
    """Who has a say. weights : quantity -> (least, most) worth of one unit. no_deal : worth of no plan."""

    title: str
    weights: Mapping[str, tuple[float, float]]
    no_deal: float
    why: str


@dataclass(frozen=True, slots=True)
class Game:
    """Parties around one plan. quantities : what the game calls what a plan does."""

    title: str
    quantities: Mapping[str, str]
    parties: Mapping[str, Party]

    def central_weights(self) -> Array:
        """(P, K) the middle of each range."""
        return self._ends().mean(axis=2)

    def draw_weights(self, rng: np.random.Generator) -> Array:
        """(P, K) weights at an even chance within the ranges."""
        low, high = np.moveaxis(self._ends(), 2, 0)
        return rng.uniform(low, high)

    def no_deal(self) -> Array:
        """(P,) what each party has without a plan."""
        return np.array([party.no_deal for party in self.parties.values()])

    def _ends(self) -> Array:
        return np.array(
            [[party.weights.get(name, (0.0, 0.0)) for name in QUANTITIES] for party in self.parties.values()]
        )


@dataclass(frozen=True, slots=True)
class Stakes:
    """What each patch of one estate is worth to each of P parties; a plan is worth the sum.

    values : (P, B, T) of a bundle patched in a week. setups : (P, S, T) of a service touched in a week, at
    most 0. service : (B,) of each bundle. no_deal : (P,) worth of no plan.
    """

    values: Array
    setups: Array
    service: Ints
    no_deal: Array

    def of(self, plan: Ints) -> Array:
        """(P,) what a plan, (B,) weeks, is worth to each party above its no-deal outcome."""
        done = np.flatnonzero(plan < self.values.shape[2])
        touched = np.unique(np.stack([self.service[done], plan[done]]), axis=1)
        setups = self.setups[:, touched[0], touched[1]].sum(axis=1)
        return self.values[:, done, plan[done]].sum(axis=1) + setups - self.no_deal

    def weighed(self, weights: Array) -> tuple[Array, Array]:
        """(B, T) and (S, T) of one planner who gives each party such a weight, (P,)."""
        return np.tensordot(weights, self.values, 1), np.tensordot(weights, self.setups, 1)

    def of_parties(self, which: Ints | slice) -> Self:
        """Some of the parties, in that order."""
        return replace(
            self, values=self.values[which], setups=self.setups[which], no_deal=self.no_deal[which]
        )


def stakes_of(estate: Estates, licence_usd: Array, weights: Array, no_deal: Array) -> Stakes:
    """What the patches of one estate are worth to parties that weigh what these do.

    Losses are those expected in week 0. A licence is paid from the week of adoption on.

    Parameters
    ----------
    licence_usd : (B,) for the whole quarter. weights : (P, K) worth of one unit of QUANTITIES.
    """
    return Stakes(
        np.tensordot(weights, _of_patches(estate, licence_usd), 1),
        np.tensordot(weights, _of_setups(estate), 1), estate.service[0], no_deal,
    )  # fmt: skip


def _of_patches(estate: Estates, licence_usd: Array) -> Array:
    """(K, B, T) what one patch does."""
    n_weeks, outage = estate.n_weeks, estate.outage_usd[0][estate.service[0]]
    left = 1 - np.arange(n_weeks) / n_weeks
    ones = np.ones(n_weeks)
    return np.stack([
        expected_later(estate, 0)[0], np.outer(licence_usd, left),
        np.outer(estate.cost_usd[0], ones), estate.minutes[0][:, None] * outage,
        np.outer(estate.hours[0], ones),
    ])  # fmt: skip


def _of_setups(estate: Estates) -> Array:
    """(K, S, T) what touching a service does."""
    ones, nothing = np.ones(estate.n_weeks), np.zeros(estate.open.shape[1:])
    return np.stack([
        nothing, nothing, np.outer(estate.setup_usd[0], ones),
        estate.setup_minutes[0][:, None] * estate.outage_usd[0], np.outer(estate.setup_hours[0], ones),
    ])  # fmt: skip
