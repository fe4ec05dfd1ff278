"""Personal offers: what they gain over the best single offer, and what their release tells of a user.

Both are measured on the same release at the same epsilon. The gain is doubly robust, out of fold; the attacks
are one that knows everybody but the user (the most that the guarantee has to withstand) and one that only
looks at the release.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.bridges.federated import advantage_limit, attack_by_score
from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval, mean_over_seeds
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import OBSERVED, Estimate
from dti_core.studies.private_lift.methods.budget import DELTA, Budget
from dti_core.studies.private_lift.methods.offers import OFFERS, Released, shrunk, single, table
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
#: Cuts and noises that are averaged over in a control world.
N_RELEASES = 2
#: Users whom an attacker tries to tell apart, half of them in the table.
N_TARGETS = 20_000
#: Ways to choose that the control worlds hold.
CONTROLLED = ("table", "random")
#: Cells a user in the model that is known to give its users away.
CELLS_A_USER = 4


def name_of(epsilon: float) -> str:
    """An epsilon as it stands in a name."""
    return f"eps{epsilon:g}".replace(".", "_") if np.isfinite(epsilon) else "no_noise"


def place_of(epsilon: float) -> float | str:
    """An epsilon as a dimension of an estimate, which must be finite or a word."""
    return epsilon if np.isfinite(epsilon) else "none"


def value_scores(trial: OfferTrial, others: OfferTrial) -> Array:
    """(n, n_offers) doubly robust score of each offer for each user, whose mean is the offer's value.

    Assumes: offers dealt with equal chances; expected outcomes are learned from `others`, without noise: the
    evaluator sees the trial.
    """
    counts = table(others, Budget(np.inf), np.random.default_rng(0)).counts
    assert counts is not None
    expected = shrunk(counts)[trial.segment]
    dealt = trial.offer[:, None] == np.arange(trial.n_offers)
    return expected + dealt * trial.n_offers * (trial.outcome[:, None] - expected)


def gain_over_single(
    trial: OfferTrial, method: str, budget: Budget, seeds: Sequence[np.random.SeedSequence]
) -> Interval:
    """Value of a policy less that of the best single offer, both learned at one budget from other users.

    Users are cut in two; what is learned on one half is valued on the other, and a user is in one table only.
    Each of the `seeds` cuts anew and draws other noise; the same seeds cut alike for every method and budget.
    """
    n = len(trial.outcome)
    difference = np.zeros((len(seeds), n))
    for run, child in enumerate(seeds):
        rng = np.random.default_rng(child)
        fold = rng.permutation(n) % 2 == 0
        halves = [(rows, trial.part(rows)) for rows in (np.flatnonzero(fold), np.flatnonzero(~fold))]
        for (held, here), (_, others) in (halves, halves[::-1]):
            scores = value_scores(here, others)
            personal = OFFERS[method].run(others, budget, rng).rates.argmax(axis=1)[here.segment]
            one = int(single(others, budget, rng).rates[0].argmax())
            difference[run, held] = scores[np.arange(len(scores)), personal] - scores[:, one]
    mean = difference.mean(axis=0)
    return over_runs_and_users(difference.mean(axis=1), mean - mean.mean(), np.arange(n))


def informed_advantage(budget: Budget, rng: np.random.Generator) -> Interval:
    """Advantage of who knows all rows of the table but a user's, in whose cell only that user can differ."""
    member = rng.permutation(N_TARGETS) % 2 == 0
    there = np.flatnonzero(member)
    lone = OfferTrial(there, np.zeros_like(there), np.ones(len(there)), N_TARGETS, 1)
    counts = table(lone, budget, rng).counts
    assert counts is not None
    return advantage_of(counts[member, 0, 1], counts[~member, 0, 1], rng)


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


def memory_of(trial: OfferTrial, fresh: OfferTrial, rng: np.random.Generator) -> Interval:
    """The attack on a release in which each user's segment is nearly the user's own."""
    n_cells = CELLS_A_USER * len(trial.outcome)
    own = [
        OfferTrial(
            rng.integers(n_cells, size=len(one.outcome)), one.offer, one.outcome, n_cells, one.n_offers
        )
        for one in (trial, fresh)
    ]
    counts = table(own[0], Budget(np.inf), rng).counts
    assert counts is not None
    return release_advantage(own[0], own[1], Released(shrunk(counts, weight=1.0)), rng)


@dataclass(frozen=True, slots=True)
class _Task:
    """One draw of a control world."""

    settings: OfferSettings
    n_users: int
    seeds: np.random.SeedSequence


def _control(task: _Task) -> dict[str, Interval]:
    """Gain by way to choose and advantage of one draw, at the world's own epsilon."""
    rng, cuts = np.random.default_rng(task.seeds), task.seeds.spawn(N_RELEASES)
    trial, budget = simulate_offers(task.settings, task.n_users, rng), Budget(task.settings.epsilon)
    gains = {f"gain_{name}": gain_over_single(trial, name, budget, cuts) for name in CONTROLLED}
    return gains | {"advantage_informed": informed_advantage(budget, rng)}


def study_offer_controls(
    judged: float, n_users: int, n_draws: int, seeds: np.random.SeedSequence
) -> Findings:
    """Gain and attack in worlds where both are known, draw by draw, under the names of the `judged` epsilon.

    In `offers_differ` there is a gain at an epsilon that gives little away, so both bars must be cleared; in
    `offers_alike` there is no gain, and the epsilon gives away a little more than the bar allows, so neither
    may be. In the other two worlds one of both is so: each bar must answer to its own cause alone. The attack
    is the one of the trial: half of those attacked are in the table.
    """
    found = Findings()
    for (world, made), own in zip(OFFER_WORLDS.items(), seeds.spawn(len(OFFER_WORLDS)), strict=True):
        tasks = {
            str(draw): _Task(made.settings, n_users, child) for draw, child in enumerate(own.spawn(n_draws))
        }
        drawn = list(run_keyed(_control, tasks, f"offers, {world}").values())
        for measure in drawn[0]:
            unit = UNIT_GAIN if measure.startswith("gain") else UNIT_ADVANTAGE
            name, ends = f"offer_{measure}_{name_of(judged)}", [one[measure] for one in drawn]
            found.estimates.append(_many(name, unit, world, ends, made.settings.epsilon))
    return found


def _many(name: str, unit: str, world: str, drawn: Sequence[Interval], epsilon: float) -> Estimate:
    """The mean over draws, with the interval of each."""
    mean = mean_over_seeds([one.value for one in drawn])
    return Estimate(
        name, mean.value, mean.low, mean.high, unit, drawn[0].n, len(drawn), how=mean.how, world=world,
        per_seed=mean.per_seed, at={"epsilon": place_of(epsilon)},
        draws=tuple((one.low, one.high) for one in drawn),
    )  # fmt: skip


def study_offers(
    trial: OfferTrial, budgets: Sequence[Budget], n_releases: int, seeds: np.random.SeedSequence
) -> Findings:
    """Gain of personal offers on a real trial, and attacks on the very same kind of release, by epsilon."""
    found, rows = Findings(), []
    rng, cuts = np.random.default_rng(seeds), seeds.spawn(n_releases)
    fold = rng.permutation(len(trial.outcome)) % 2 == 0
    for budget in budgets:
        ceiling = {name: _ceiling(budget, pure=name == "table") for name in OFFERS}
        for method in OFFERS:
            gain = gain_over_single(trial, method, budget, cuts)
            released = OFFERS[method].run(trial.part(fold), budget, rng)
            attack = release_advantage(trial.part(fold), trial.part(~fold), released, rng)
            rows += [_row("gain", method, budget, gain, np.nan)]
            rows += [_row("advantage, release alone", method, budget, attack, ceiling[method])]
            found.estimates += [
                _named(f"gain_{method}", UNIT_GAIN, gain, method, budget),
                _named(f"advantage_release_{method}", UNIT_ADVANTAGE, attack, method, budget),
            ]
        informed = informed_advantage(budget, rng)
        rows.append(_row("advantage, all others known", "table", budget, informed, ceiling["table"]))
        found.estimates.append(_named("advantage_informed", UNIT_ADVANTAGE, informed, "table", budget))
    memory = memory_of(trial.part(fold), trial.part(~fold), rng)
    found.estimates.append(memory.estimate("offer_advantage_memorised", UNIT_ADVANTAGE, method="memorised"))
    found.series["offers"] = pd.DataFrame(rows)
    return found


def _named(name: str, unit: str, found: Interval, method: str, budget: Budget) -> Estimate:
    guarantee = budget.guarantee("user", pure=method == "table").text
    key = f"offer_{name}_{name_of(budget.epsilon)}"
    return found.estimate(
        key, unit, OBSERVED, method=method, epsilon=place_of(budget.epsilon), guarantee=guarantee
    )


def _ceiling(budget: Budget, *, pure: bool) -> float:
    """The most that any attack can gain at this budget; 1 without noise."""
    return advantage_limit(budget.epsilon, 0.0 if pure else DELTA) if budget.private else 1.0


def _row(measure: str, method: str, budget: Budget, found: Interval, ceiling: float) -> dict[str, object]:
    ends = {"value": found.value, "low": found.low, "high": found.high, "ceiling": ceiling}
    return {"measure": measure, "method": method, "epsilon": budget.epsilon} | ends


def study_offer_price(
    epsilons: Sequence[float], n_users: Sequence[int], n_draws: int, rng: np.random.Generator
) -> Findings:
    """Share of the best possible gain that a noisy table keeps, by epsilon and users, where offers differ."""
    chances = OFFER_WORLDS["offers_differ"].settings.chances()
    most = chances.max(axis=1).mean() - chances.mean(axis=0).max()
    rows = []
    for n in n_users:
        for epsilon in epsilons:
            kept = []
            for _ in range(n_draws):
                trial = simulate_offers(OFFER_WORLDS["offers_differ"].settings, n, rng)
                chosen = table(trial, Budget(epsilon), rng).rates.argmax(axis=1)
                value = chances[np.arange(len(chosen)), chosen].mean()
                kept.append((value - chances.mean(axis=0).max()) / most)
            mean = mean_over_seeds(kept)
            limit = advantage_limit(epsilon, 0.0)
            rows.append({"users": n, "epsilon": epsilon, "kept": mean.value, "low": mean.low,
                         "high": mean.high, "ceiling": limit})  # fmt: skip
    return Findings(series={"offer_price": pd.DataFrame(rows)})
