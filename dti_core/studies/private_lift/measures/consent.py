"""What lift among users who agreed says of all users, as fewer agree, with and without weights."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pandas as pd

from dti_core.bridges.privacy import discrete_laplace
from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval, mean_over_seeds
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import OBSERVED
from dti_core.studies.private_lift.measures.coverage import LEAST_BIAS, VALID
from dti_core.studies.private_lift.methods.weighting import WEIGHTINGS
from dti_core.studies.private_lift.model.cells import Array, Counts
from dti_core.studies.private_lift.model.lift import intent_to_treat
from dti_core.studies.private_lift.worlds import MARKETS, market
from dti_core.studies.private_lift.worlds.settings import Market
from dti_core.studies.private_lift.worlds.users import (
    Chances,
    chances,
    coalition,
    read_activity,
    simulate_outcomes,
)

CONSENTS = (1.0, 0.7, 0.4, 0.2, 0.1)
#: A user (add or remove one), delta 0, pure: nine tenths for the counts, the rest for their variance.
EPSILONS, COUNTS_PART = (0.5, 2.0, float("inf")), 0.9
#: Weights are reported as whole numbers of this part of one.
STEP = 1 / 16
#: Effects even, or tilted by activity; active users agree less often, by this slope of the log-odds.
CONSENT_WORLDS, TILT = ("campaign", "uneven"), -0.8
#: Consent at which estimates are kept one by one; the whole table is a series.
TOLD = (0.4, 0.1)
_UNITS = {
    "bias": "share of the true ITT", "lift_bias": "share of the true lift", "rmse": "conversions a user",
    "coverage": "share of intervals",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Task:
    """Campaigns of one world whose users agree in turn at each level of consent."""

    world: str
    n_users: int
    n_campaigns: int
    seed: np.random.SeedSequence


@dataclass(frozen=True, slots=True)
class Sums:
    """What is released of users with weights, without or with noise.

    counts : (..., 2^C, 2) weights by eligible coalition and conversion, in whole `STEP`s. squares : (..., 2)
    of the weights by conversion. noise_variance : (...) in each of `counts`.
    """

    counts: Array
    squares: Array
    noise_variance: Array


def weighted_sums(place: Counts, n_coalitions: int, weights: Array) -> Sums:
    """Sums without noise of users at a `place` (n,), twice the eligible coalition and one if converted."""
    rounded = np.rint(weights / STEP) * STEP
    counts = np.bincount(place, rounded, minlength=2 * n_coalitions).reshape(-1, 2).astype(float)
    squares = np.bincount(place, rounded**2, minlength=2 * n_coalitions).reshape(-1, 2).sum(axis=0)
    return Sums(counts, squares, np.zeros(()))


def release(sums: Sums, largest: float, epsilon: float, rng: np.random.Generator) -> Sums:
    """The sums with noise under `epsilon`, of which no weight exceeds `largest`; its two parts add up."""
    if not np.isfinite(epsilon):
        return sums
    scale = largest / STEP / (COUNTS_PART * epsilon)
    counts = sums.counts + discrete_laplace(scale, sums.counts.shape, rng) * STEP
    squares = sums.squares + rng.laplace(0, largest**2 / ((1 - COUNTS_PART) * epsilon), 2)
    return Sums(counts, squares, np.asarray(STEP**2 / (2 * np.sinh(0.5 / scale) ** 2)))


def weighted_itt(releases: Sequence[Sums]) -> tuple[Array, Array]:
    """ITT of each channel and its standard error, (n_releases, C) each.

    Assumes: each channel holds out half of all users, so that both sides have equal squares. Where noise
    leaves too few users for an answer, it is no lift.
    """
    counts, squares, noise = (
        np.array([getattr(one, name) for one in releases]) for name in ("counts", "squares", "noise_variance")
    )
    total = counts.sum(axis=(1, 2))
    rate = counts[..., 1].sum(axis=1) / total
    spread = np.stack([rate**2, (1 - rate) ** 2], axis=-1)
    own = (spread * squares).sum(axis=-1) / 2 + counts.shape[1] / 2 * noise * spread.sum(axis=-1)
    itt = np.nan_to_num(intent_to_treat(counts).value)
    error = np.sqrt(np.maximum(0.0, 2 * own)) / (total / 2)
    return itt, np.broadcast_to(error[:, None], itt.shape)


def expected_effects(chance: Chances, holdout: float) -> Array:
    """(2, n, C) ITT of each channel on these users, and their rate of converting if held out."""
    moved = chance.reached * chance.moved
    stays = 1 - (1 - holdout) * moved
    others = (1 - chance.unmoved)[:, None] * stays.prod(axis=1, keepdims=True) / stays
    return np.stack([moved * others, 1 - others])


def measure_campaigns(task: Task) -> tuple[Array, Array]:
    """What the weights expect, and what is measured, in each campaign.

    Returns
    -------
    (n_campaigns, consents, weightings, 2, C), ITT and rate of those held out as the weighted users would have
    them on average; (n_campaigns, consents, weightings, epsilons, 2, C), ITT and standard error as measured.
    """
    rng = np.random.default_rng(task.seed)
    each = [_campaign(MARKETS[task.world].settings, task.n_users, rng) for _ in range(task.n_campaigns)]
    shape = task.n_campaigns, len(CONSENTS), len(WEIGHTINGS)
    expected, measured = (np.array(part) for part in zip(*each, strict=True))
    return expected.reshape(*shape, 2, -1), measured.reshape(*shape, len(EPSILONS), 2, -1)


def _campaign(here: Market, n_users: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """(consents x weightings, 2, C) expected, (consents x weightings x epsilons, 2, C) measured."""
    activity = rng.normal(size=n_users)
    chance = chances(here, activity)
    assigned, _, converted = simulate_outcomes(chance, here.holdout, rng)
    covariates, place = read_activity(activity, rng), coalition(assigned) * 2 + converted
    counted, releases = np.zeros((len(CONSENTS) * len(WEIGHTINGS), n_users)), []
    rows = iter(counted)
    for level in CONSENTS:
        agreeing = market.consent_chance(replace(here, consent=level, consent_tilt=TILT), activity)
        consents = rng.random(n_users) < agreeing
        for method in WEIGHTINGS.values():
            weights, largest = method.run(covariates, consents)
            next(rows)[consents] = weights
            sums = weighted_sums(place[consents], 2 ** assigned.shape[1], weights)
            releases += [release(sums, largest, epsilon, rng) for epsilon in EPSILONS]
    outcomes = expected_effects(chance, here.holdout)
    expected = (counted @ outcomes).swapaxes(0, 1) / counted.sum(axis=1)[:, None, None]
    return expected, np.stack(weighted_itt(releases), axis=1)


def study_consent(seeds: np.random.SeedSequence, *, n_users: int, n_campaigns: int) -> Findings:
    """Bias, error and coverage of the ITT in all users, and bias of relative lift, as consent falls.

    Bias is that of the users' expected outcomes under the weights: no noise of outcomes hides it, and noise
    for privacy adds none to it.
    """
    found, rows, n_parts = Findings(), [], min(10, n_campaigns)
    keys = list(product(CONSENT_WORLDS, range(n_parts)))
    tasks = {
        (world, part): Task(world, n_users, n_campaigns // n_parts, seed)
        for (world, part), seed in zip(keys, seeds.spawn(len(keys)), strict=True)
    }
    parts = run_keyed(measure_campaigns, tasks, "consent")
    for world in CONSENT_WORLDS:
        expected, measured = (np.concatenate([parts[world, k][n] for k in range(n_parts)]) for n in (0, 1))
        places = product(enumerate(CONSENTS), enumerate(WEIGHTINGS), enumerate(EPSILONS))
        for (i, level), (j, method), (k, epsilon) in places:
            told = "none" if np.isinf(epsilon) else epsilon
            place: dict[str, str | float] = {"consent": level, "weights": method, "epsilon": told}
            seen = _seen(world, expected[:, i, j], measured[:, i, j, k])
            ends = {f"{n}_{e}": getattr(one, e) for n, one in seen.items() for e in ("value", "low", "high")}
            rows.append({"world": world, **place, "epsilon": epsilon} | ends)
            off = _bias_in_errors(world, expected[:, i, j], measured[:, i, j, k])
            covered = seen["coverage"]
            if not (VALID[0] <= covered.value <= VALID[1] and off < LEAST_BIAS):
                offer = f"intervals at {level:.0%} consent, {method}, epsilon {told}, {world}"
                kept = f"{covered.value:.1%} [{covered.low:.1%}, {covered.high:.1%}] hold the truth"
                found.missed.append((offer, f"{kept}, bias up to {off:.2f} sd"))
            if level in TOLD:
                budget = "no_noise" if np.isinf(epsilon) else f"eps{epsilon:g}".replace(".", "_")
                end = f"{method}_c{100 * level:.0f}_{budget}"
                shown = OBSERVED if world == CONSENT_WORLDS[0] else world
                found.estimates += [
                    one.estimate(f"consent_{name}_{end}", _UNITS[name], shown, **place)
                    for name, one in seen.items()
                    if np.isinf(epsilon) or not name.endswith("bias")
                ]
    found.series["consent"] = pd.DataFrame(rows)
    return found


def _bias_in_errors(world: str, expected: Array, measured: Array) -> float:
    """The largest bias of a channel's ITT, in standard deviations of what is measured."""
    gap = expected[:, 0].mean(axis=0) - market.truth(MARKETS[world].settings).itt
    return float((np.abs(gap) / measured[:, 0].std(axis=0)).max())


def _seen(world: str, expected: Array, measured: Array) -> dict[str, Interval]:
    """What campaigns at one place say; biases are averaged over the channels that move anybody."""
    whole = market.truth(MARKETS[world].settings)
    moves, (itt, held), (estimate, error) = (
        whole.itt > 0,
        np.moveaxis(expected, 1, 0),
        np.moveaxis(measured, 1, 0),
    )
    lift = itt[:, moves] / held[:, moves] / whole.lift[moves] - 1
    missed = estimate - whole.itt
    return {
        "bias": mean_over_seeds((itt[:, moves] / whole.itt[moves] - 1).mean(axis=1)),
        "lift_bias": mean_over_seeds(lift.mean(axis=1)),
        "rmse": mean_over_seeds(np.sqrt(np.square(missed).mean(axis=1))),
        "coverage": mean_over_seeds((np.abs(missed) <= 1.96 * error).mean(axis=1)),
    }
