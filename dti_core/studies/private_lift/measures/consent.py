"""What lift among users who agreed says of all users, as fewer agree, with and without weights."""

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pandas as pd

from dti_core.bridges.privacy import discrete_laplace
from dti_core.lab.intervals import Interval, mean_over_seeds
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import OBSERVED
from dti_core.studies.private_lift.measures.coverage import VALID
from dti_core.studies.private_lift.measures.findings import Findings
from dti_core.studies.private_lift.methods.weighting import WEIGHTINGS
from dti_core.studies.private_lift.model.cells import Array, Counts, Flags
from dti_core.studies.private_lift.model.lift import intent_to_treat
from dti_core.studies.private_lift.worlds import MARKETS, market
from dti_core.studies.private_lift.worlds.settings import Market
from dti_core.studies.private_lift.worlds.users import coalition, simulate_users

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


def weighted_itt(
    codes: Counts, converted: Flags, weights: Array, largest: float, epsilon: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    """ITT of each channel from noisy sums of weights, and its standard error, (C,) each.

    Released are the weights by eligible coalition and conversion, rounded to whole `STEP`s, and their squares
    by conversion. Assumes: each channel holds out half of all users, so that both sides have equal squares.
    Where noise leaves too few users for an answer, it is no lift.

    Parameters
    ----------
    codes : (n,) eligible coalition. largest : no weight exceeds it. epsilon : a user who agreed (add or
    remove one), delta 0, pure; its two parts add up.
    """
    rounded = np.rint(weights / STEP) * STEP
    counts = np.bincount(codes * 2 + converted, rounded, minlength=64).reshape(-1, 2).astype(float)
    squares, noise_variance = np.bincount(converted, rounded**2, minlength=2).astype(float), 0.0
    if np.isfinite(epsilon):
        scale = largest / STEP / (COUNTS_PART * epsilon)
        counts += discrete_laplace(scale, counts.shape, rng) * STEP
        squares += rng.laplace(0, largest**2 / ((1 - COUNTS_PART) * epsilon), 2)
        noise_variance = STEP**2 / (2 * np.sinh(0.5 / scale) ** 2)
    total, rate = counts.sum(), counts[:, 1].sum() / counts.sum()
    spread = np.array([rate**2, (1 - rate) ** 2])
    variance = 2 * (spread @ squares / 2 + len(counts) / 2 * noise_variance * spread.sum()) / (total / 2) ** 2
    itt = np.nan_to_num(intent_to_treat(counts).value)
    return itt, np.full(len(itt), np.sqrt(max(0.0, variance)))


def expected_effects(here: Market, activity: Array) -> tuple[Array, Array]:
    """(n, C) ITT of each channel on users of this activity, and their rate of converting if held out."""
    moved = market.exposure_chance(here, activity) * market.effects(here, activity)
    stays = 1 - (1 - here.holdout) * moved
    others = (1 - market.base_chance(here, activity))[:, None] * stays.prod(axis=1, keepdims=True) / stays
    return moved * others, 1 - others


def measure_campaigns(task: Task) -> tuple[Array, Array]:
    """What the weights expect, and what is measured, in each campaign.

    Returns
    -------
    (n_campaigns, consents, weightings, 2, C), ITT and rate of those held out as the weighted users would have
    them on average; (n_campaigns, consents, weightings, epsilons, 2, C), ITT and standard error as measured.
    """
    here, rng = MARKETS[task.world].settings, np.random.default_rng(task.seed)
    expected, measured = [], []
    for _ in range(task.n_campaigns):
        users = simulate_users(here, task.n_users, rng)
        codes, outcomes = coalition(users.assigned), np.array(expected_effects(here, users.activity))
        for level in CONSENTS:
            chance = market.consent_chance(replace(here, consent=level, consent_tilt=TILT), users.activity)
            consents = rng.random(len(users)) < chance
            for method in WEIGHTINGS.values():
                weights, largest = method.run(users.covariates, consents)
                expected.append(np.average(outcomes[:, consents], axis=1, weights=weights))
                for epsilon in EPSILONS:
                    agreed = codes[consents], users.converted[consents]
                    measured.append(weighted_itt(*agreed, weights, largest, epsilon, rng))
    shape = task.n_campaigns, len(CONSENTS), len(WEIGHTINGS)
    return np.array(expected).reshape(*shape, 2, -1), np.array(measured).reshape(*shape, len(EPSILONS), 2, -1)


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
            if (covered := seen["coverage"]).high < VALID[0]:
                offer = f"intervals at {level:.0%} consent, {method}, epsilon {told}, {world}"
                found.missed.append(
                    (offer, f"{covered.value:.1%} hold the truth, {covered.high:.1%} at most")
                )
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
