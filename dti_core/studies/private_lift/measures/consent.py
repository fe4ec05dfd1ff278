"""What lift among users who agreed says of all users, as fewer agree, with and without weights."""

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pandas as pd

from dti_core.bridges.privacy import discrete_laplace
from dti_core.lab.intervals import mean_over_seeds, share
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import OBSERVED
from dti_core.studies.private_lift.measures.findings import Findings
from dti_core.studies.private_lift.methods.weighting import WEIGHTINGS
from dti_core.studies.private_lift.model.cells import Array, Counts, Flags
from dti_core.studies.private_lift.model.lift import intent_to_treat
from dti_core.studies.private_lift.worlds import WORLDS
from dti_core.studies.private_lift.worlds.market import (
    base_chance,
    consent_chance,
    effects,
    exposure_chance,
    truth,
)
from dti_core.studies.private_lift.worlds.settings import Market
from dti_core.studies.private_lift.worlds.users import coalition, simulate_users

CONSENTS = (1.0, 0.7, 0.4, 0.2, 0.1)
#: A user (add or remove one), delta 0, pure: nine tenths for the counts, the rest for their variance.
EPSILONS, COUNTS_PART = (0.5, 2.0, float("inf")), 0.9
#: Weights are reported as whole numbers of this part of one.
STEP = 1 / 16
#: Effects even, or tilted by activity; active users agree less often, by this slope of the log-odds.
CONSENT_WORLDS, TILT = ("campaign", "uneven"), -0.8
#: Consent at which estimates are kept one by one; the whole tables are series.
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
class Report:
    """Sums over users who agreed: weights by eligible coalition and conversion, and their squares by
    conversion; and the variance of the noise in each sum of weights."""

    counts: Array
    squares: Array
    noise_variance: float = 0.0


def weighted_report(codes: Counts, converted: Flags, weights: Array) -> Report:
    """The report without noise; weights are rounded to whole `STEP`s. codes : (n,) eligible coalition."""
    rounded = np.rint(weights / STEP) * STEP
    counts = np.bincount(codes * 2 + converted, rounded, minlength=64).reshape(-1, 2)
    return Report(counts, np.bincount(converted, rounded**2, minlength=2))


def released(report: Report, largest: float, epsilon: float, rng: np.random.Generator) -> Report:
    """The report with noise for users whose weights are at most `largest`.

    epsilon : a user who agreed (add or remove one), delta 0, pure; the parts are composed by addition.
    """
    if not np.isfinite(epsilon):
        return report
    scale = largest / STEP / (COUNTS_PART * epsilon)
    noise = discrete_laplace(scale, report.counts.shape, rng) * STEP
    squares = report.squares + rng.laplace(0, largest**2 / ((1 - COUNTS_PART) * epsilon), 2)
    return Report(report.counts + noise, squares, float(STEP**2 / (2 * np.sinh(0.5 / scale) ** 2)))


def weighted_itt(report: Report, holdout: float) -> tuple[Array, float]:
    """ITT of each channel, (C,), and its standard error, sampling and noise together.

    Assumes: each channel holds out users at random, so that a side has its share of the squared weights.
    """
    total = report.counts.sum()
    rate = report.counts[:, 1].sum() / total
    spread = np.array([rate**2, (1 - rate) ** 2])
    noise = len(report.counts) / 2 * report.noise_variance * spread.sum()
    sides = (
        (part * spread @ report.squares + noise) / (part * total) ** 2 for part in (holdout, 1 - holdout)
    )
    return intent_to_treat(report.counts).value, float(np.sqrt(max(0.0, sum(sides))))


def expected_effects(market: Market, activity: Array) -> tuple[Array, Array]:
    """(n, C) ITT of each channel on users of this activity, and their rate of converting if held out."""
    moved = exposure_chance(market, activity) * effects(market, activity)
    stays = 1 - (1 - market.holdout) * moved
    others = (1 - base_chance(market, activity))[:, None] * stays.prod(axis=1, keepdims=True) / stays
    return moved * others, 1 - others


def measure_campaigns(task: Task) -> tuple[Array, Array]:
    """What the weights expect, and what is measured, in each campaign.

    Returns
    -------
    (n_campaigns, consents, weightings, 2, C), ITT and rate of those held out as the weighted users would have
    them on average; (n_campaigns, consents, weightings, epsilons, 2, C), ITT and standard error as measured.
    """
    market, rng = WORLDS[task.world].settings, np.random.default_rng(task.seed)
    expected, measured = [], []
    for _ in range(task.n_campaigns):
        users = simulate_users(market, task.n_users, rng)
        codes, outcomes = coalition(users.assigned), np.array(expected_effects(market, users.activity))
        for level in CONSENTS:
            agreeing = replace(market, consent=level, consent_tilt=TILT)
            consents = rng.random(len(users)) < consent_chance(agreeing, users.activity)
            for method in WEIGHTINGS.values():
                weights, largest = method.run(users.covariates, consents)
                expected.append(np.average(outcomes[:, consents], axis=1, weights=weights))
                report = weighted_report(codes[consents], users.converted[consents], weights)
                for epsilon in EPSILONS:
                    itt, error = weighted_itt(released(report, largest, epsilon, rng), market.holdout)
                    measured.append([itt, np.full(len(itt), error)])
    shape = task.n_campaigns, len(CONSENTS), len(WEIGHTINGS)
    return np.array(expected).reshape(*shape, 2, -1), np.array(measured).reshape(*shape, len(EPSILONS), 2, -1)


def study_consent(seeds: np.random.SeedSequence, *, n_users: int, n_campaigns: int) -> Findings:
    """Bias, error and coverage of the ITT in all users, and bias of relative lift, as consent falls.

    Bias is that of the users' expected outcomes under the weights: no noise of outcomes hides it, and noise
    for privacy adds none to it.
    """
    found, n_parts = Findings(), min(10, n_campaigns)
    keys = list(product(CONSENT_WORLDS, range(n_parts)))
    tasks = {
        (world, part): Task(world, n_users, n_campaigns // n_parts, seed)
        for (world, part), seed in zip(keys, seeds.spawn(len(keys)), strict=True)
    }
    parts, biases, errors = run_keyed(measure_campaigns, tasks, "consent"), [], []
    for world in CONSENT_WORLDS:
        expected, measured = (np.concatenate([parts[world, k][n] for k in range(n_parts)]) for n in (0, 1))
        for (i, level), (j, method) in product(enumerate(CONSENTS), enumerate(WEIGHTINGS)):
            at: dict[str, str | float] = {"consent": level, "weights": method}
            biases.append(_keep(found, world, at, _bias(world, expected[:, i, j])))
            for k, epsilon in enumerate(EPSILONS):
                here = at | {"epsilon": epsilon}
                errors.append(_keep(found, world, here, _error(world, measured[:, i, j, k])))
    found.series |= {"consent_bias": pd.DataFrame(biases), "consent_error": pd.DataFrame(errors)}
    return found


def _bias(world: str, expected: Array) -> dict[str, Array]:
    """Bias in each campaign, averaged over the channels that move anybody."""
    whole = truth(WORLDS[world].settings)
    moves, (itt, held) = whole.itt > 0, np.moveaxis(expected, 1, 0)
    lift = itt[:, moves] / held[:, moves] / whole.lift[moves] - 1
    return {"bias": (itt[:, moves] / whole.itt[moves] - 1).mean(axis=1), "lift_bias": lift.mean(axis=1)}


def _error(world: str, measured: Array) -> dict[str, Array]:
    """Root mean squared error over channels, (n_campaigns,), and which intervals cover, (n_campaigns, C)."""
    (itt, error), true = np.moveaxis(measured, 1, 0), truth(WORLDS[world].settings).itt
    missed = itt - true
    return {"rmse": np.sqrt(np.square(missed).mean(axis=1)), "coverage": np.abs(missed) <= 1.96 * error}


def _keep(
    found: Findings, world: str, at: dict[str, str | float], by_campaign: dict[str, Array]
) -> dict[str, str | float]:
    """Row of a table, and estimates at the levels of consent that are told."""
    shown = OBSERVED if world == CONSENT_WORLDS[0] else world
    end = f"{at['weights']}_c{100 * float(at['consent']):.0f}"
    end += f"_eps{at['epsilon']:g}".replace(".", "p") if "epsilon" in at else ""
    row: dict[str, str | float] = {"world": world, **at}
    for name, values in by_campaign.items():
        covers = values.dtype == bool
        mean = share(int(values.sum()), values.size) if covers else mean_over_seeds(values)
        row |= {name: mean.value, f"{name}_low": mean.low, f"{name}_high": mean.high}
        if at["consent"] in TOLD:
            found.estimates.append(mean.estimate(f"consent_{name}_{end}", _UNITS[name], shown, **at))
    return row
