"""Personal offers: what they gain over the best single offer, and what their release tells of a user.

Both are measured on the same release at the same epsilon. The gain is doubly robust, out of fold; the attacks
are one that knows everybody but the user (the most that the guarantee has to withstand) and one that only
looks at the release.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.bridges.federated import advantage_limit, attack_by_score
from dti_core.lab.intervals import Interval
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import OBSERVED, Estimate
from dti_core.studies.private_lift.measures.findings import Findings
from dti_core.studies.private_lift.methods.offers import DELTA, OFFERS, Released, shrunk, single, table
from dti_core.studies.private_lift.model.ranking import over_runs_and_users
from dti_core.studies.private_lift.worlds.offers import (
    OFFER_WORLDS,
    OfferSettings,
    OfferTrial,
    simulate_offers,
)

Array = NDArray[np.float64]
#: Releases are for one row a user; an attack decides between the user's being in the table and not.
UNIT_GAIN, UNIT_ADVANTAGE = "outcomes a user", "true less false positive rate"
#: Noises that are averaged over, of the same trial.
N_RELEASES = 4
#: Users whom an attacker tries to tell apart, half of them in the table.
N_TARGETS = 4000
#: Cells a user in the model that is known to give its users away.
CELLS_A_USER = 4


def name_of(epsilon: float) -> str:
    """An epsilon as it stands in a name."""
    return f"eps{epsilon:g}"


def value_scores(trial: OfferTrial, others: OfferTrial) -> Array:
    """(n, n_offers) doubly robust score of each offer for each user, whose mean is the offer's value.

    Assumes: offers dealt with equal chances; expected outcomes are learned from `others`, without noise: the
    evaluator sees the trial.
    """
    counts = table(others, np.inf, np.random.default_rng(0)).counts
    assert counts is not None
    expected = shrunk(counts)[trial.segment]
    dealt = trial.offer[:, None] == np.arange(trial.n_offers)
    return expected + dealt * trial.n_offers * (trial.outcome[:, None] - expected)


def gain_over_single(
    trial: OfferTrial, method: str, epsilon: float, n_releases: int, rng: np.random.Generator
) -> Interval:
    """Value of a policy less that of the best single offer, both learned at epsilon from other users.

    Users are cut in two; what is learned on one half is valued on the other, and a user is in one table only.
    """
    fold = rng.permutation(len(trial.outcome)) % 2 == 0
    difference = np.zeros((n_releases, len(fold)))
    for held in (fold, ~fold):
        here, others = trial.part(held), trial.part(~held)
        scores = value_scores(here, others)
        rows = np.arange(len(scores))
        for run in range(n_releases):
            personal = OFFERS[method].run(others, epsilon, rng).rates.argmax(axis=1)[here.segment]
            one = int(single(others, epsilon, rng).rates[0].argmax())
            difference[run, held] = scores[rows, personal] - scores[:, one]
    values, mean = difference.mean(axis=1), difference.mean(axis=0)
    return over_runs_and_users(values, mean - mean.mean(), rows_of(len(fold)))


def rows_of(n: int) -> NDArray[np.int64]:
    """Codes of users who have one row each."""
    return np.arange(n, dtype=np.int64)


def informed_advantage(epsilon: float, rng: np.random.Generator, *, unseen: bool = False) -> Interval:
    """Advantage of who knows all rows of the table but one user's, whose cell is released with fresh noise.

    unseen : nobody attacked is in the table, whatever the attacker believes.
    """
    empty = np.zeros(N_TARGETS, dtype=np.int64)
    lone = OfferTrial(empty, empty, np.ones(N_TARGETS), N_TARGETS, 1)
    member = rng.permutation(N_TARGETS) % 2 == 0
    there = np.flatnonzero(member & (not unseen))
    cells = OfferTrial(there, empty[there], np.ones(len(there)), N_TARGETS, 1)
    counts = table(cells, epsilon, rng).counts
    assert counts is not None and len(lone.outcome) == N_TARGETS
    excess = counts[:, 0, 1]
    return advantage_of(excess[member], excess[~member], rng)


def advantage_of(members: Array, others: Array, rng: np.random.Generator) -> Interval:
    """Advantage of an attack by score, with its interval."""
    found = attack_by_score(members, others, rng)
    value, low, high = found.advantage
    how = "threshold from half of the users, Newcombe on the rest"
    return Interval(value, low, high, (high - low) / 3.92, found.n_members + found.n_others, how)


def release_advantage(
    trial: OfferTrial, fresh: OfferTrial, released: Released, rng: np.random.Generator
) -> Interval:
    """Advantage of who sees the release alone and calls those members whose outcome it foretells best."""
    scores = []
    for users in (trial, fresh):
        rate = np.clip(released.rates, 1e-6, 1 - 1e-6)[users.segment, users.offer]
        scores.append(np.where(users.outcome > 0, np.log(rate), np.log1p(-rate)))
    return advantage_of(scores[0], scores[1], rng)


def memorised_advantage(settings: OfferSettings, n: int, rng: np.random.Generator) -> Interval:
    """Advantage against a table without noise and with more cells than users: an attack that must succeed."""
    return memory_of(simulate_offers(settings, n, rng), simulate_offers(settings, n, rng), rng)


def memory_of(trial: OfferTrial, fresh: OfferTrial, rng: np.random.Generator) -> Interval:
    """The attack on a release in which each user's segment is nearly the user's own."""
    n_cells = CELLS_A_USER * len(trial.outcome)
    own = [
        OfferTrial(rng.integers(n_cells, size=len(one.outcome)), one.offer, one.outcome, n_cells, one.n_offers)
        for one in (trial, fresh)
    ]
    counts = table(own[0], np.inf, rng).counts
    assert counts is not None
    return release_advantage(own[0], own[1], Released(shrunk(counts, weight=1.0)), rng)
