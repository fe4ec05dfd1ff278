"""What lift among users who agreed says of all users, as fewer agree, with and without weights."""

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pandas as pd

from dti_core.bridges.privacy import discrete_laplace
from dti_core.lab.intervals import mean_over_seeds
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import OBSERVED
from dti_core.studies.private_lift.measures.findings import Findings
from dti_core.studies.private_lift.methods.weighting import WEIGHTINGS
from dti_core.studies.private_lift.model.cells import Array, Counts, Flags, bits
from dti_core.studies.private_lift.worlds import WORLDS
from dti_core.studies.private_lift.worlds.market import consent_chance, truth
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


@dataclass(frozen=True, slots=True)
class Task:
    """Campaigns of one world whose users agree in turn at each level of consent."""

    world: str
    n_users: int
    n_campaigns: int
    seed: np.random.SeedSequence


@dataclass(frozen=True, slots=True)
class Report:
    """Histogram of weighted users by eligible coalition and conversion, sums of their squared weights by
    conversion, both noisy, and the variance of the noise of a bucket of the histogram."""

    counts: Array
    squares: Array
    noise_variance: float


def weighted_report(
    codes: Counts, converted: Flags, weights: Array, largest: float, epsilon: float, rng: np.random.Generator
) -> Report:
    """What aggregators release of users who agreed, whose weights are at most `largest`.

    Parameters
    ----------
    codes : (n,) eligible coalition. epsilon : a user who agreed (add or remove one), delta 0, pure.
    """
    whole = np.rint(weights / STEP)
    counts = np.bincount(codes * 2 + converted, whole, minlength=64).reshape(-1, 2)
    squares = np.bincount(converted, (whole * STEP) ** 2, minlength=2)
    if not np.isfinite(epsilon):
        return Report(counts * STEP, squares, 0.0)
    scale = largest / STEP / (COUNTS_PART * epsilon)
    squares = squares + rng.laplace(0, largest**2 / ((1 - COUNTS_PART) * epsilon), 2)
    variance = STEP**2 / (2 * np.sinh(0.5 / scale) ** 2)
    return Report((counts + discrete_laplace(scale, counts.shape, rng)) * STEP, squares, float(variance))


def weighted_itt(report: Report, holdout: float) -> tuple[Array, Array, Array]:
    """ITT of each channel, its standard error, and the rate of those held out, (C,) each.

    Assumes: each channel holds out users at random, so that a side has its share of the squared weights.
    """
    n_coalitions = len(report.counts)
    inside = bits(n_coalitions.bit_length() - 1).T.astype(float)
    on, off = inside @ report.counts, (1 - inside) @ report.counts
    rates = [side[:, 1] / side.sum(axis=1) for side in (on, off)]
    rate, total = report.counts[:, 1].sum() / report.counts.sum(), report.counts.sum()
    weighed = np.array([rate**2, (1 - rate) ** 2]) @ report.squares
    noise = n_coalitions / 2 * report.noise_variance * (rate**2 + (1 - rate) ** 2)
    variance = sum((part * weighed + noise) / (part * total) ** 2 for part in (holdout, 1 - holdout))
    error = np.sqrt(max(0.0, float(variance)))
    return rates[0] - rates[1], np.full(len(inside), error), rates[1]


def measure_campaigns(task: Task) -> Array:
    """(n_campaigns, consents, weightings, epsilons, 3, C): ITT, standard error, rate of those held out."""
    market, rng = WORLDS[task.world].settings, np.random.default_rng(task.seed)
    found = []
    for _ in range(task.n_campaigns):
        users = simulate_users(market, task.n_users, rng)
        codes = coalition(users.assigned)
        for level in CONSENTS:
            agreeing = replace(market, consent=level, consent_tilt=TILT)
            consents = rng.random(len(users)) < consent_chance(agreeing, users.activity)
            for method in WEIGHTINGS.values():
                weights, largest = method.run(users.covariates, consents)
                for epsilon in EPSILONS:
                    report = weighted_report(
                        codes[consents], users.converted[consents], weights, largest, epsilon, rng
                    )
                    found.append(weighted_itt(report, market.holdout))
    shape = (task.n_campaigns, len(CONSENTS), len(WEIGHTINGS), len(EPSILONS), 3, -1)
    return np.array(found).reshape(shape)


def study_consent(seeds: np.random.SeedSequence, *, n_users: int, n_campaigns: int) -> Findings:
    """Bias, error and coverage of the ITT in all users, and bias of relative lift, as consent falls."""
    found, rows, n_parts = Findings(), [], min(10, n_campaigns)
    keys = list(product(CONSENT_WORLDS, range(n_parts)))
    tasks = {
        (world, part): Task(world, n_users, n_campaigns // n_parts, seed)
        for (world, part), seed in zip(keys, seeds.spawn(len(keys)), strict=True)
    }
    parts = run_keyed(measure_campaigns, tasks, "consent")
    for world in CONSENT_WORLDS:
        drawn = np.concatenate([parts[world, part] for part in range(n_parts)])
        places = product(enumerate(CONSENTS), enumerate(WEIGHTINGS), enumerate(EPSILONS))
        for (i, level), (j, method), (k, epsilon) in places:
            at: dict[str, str | float] = {"consent": level, "weights": method, "epsilon": epsilon}
            rows.append({"world": world, **at, **_keep(found, world, drawn[:, i, j, k], at)})
    found.series["consent"] = pd.DataFrame(rows)
    return found


def _keep(found: Findings, world: str, drawn: Array, at: dict[str, str | float]) -> dict[str, float]:
    """Row of the table, and estimates at the levels of consent that are told; channels are averaged."""
    whole, (itt, error, held) = truth(WORLDS[world].settings), np.moveaxis(drawn, 1, 0)
    moves = whole.itt > 0
    mean = whole.itt[moves].mean()
    measured = {
        "bias": mean_over_seeds(itt[:, moves].mean(axis=1) / mean - 1),
        "coverage": mean_over_seeds((np.abs(itt - whole.itt) <= 1.96 * error).mean(axis=1)),
    }
    shown = OBSERVED if world == CONSENT_WORLDS[0] else world
    end = f"{at['weights']}_c{100 * float(at['consent']):.0f}_eps{at['epsilon']:g}".replace(".", "p")
    if at["consent"] in TOLD:
        units = {"bias": "share of the true ITT", "coverage": "share of intervals"}
        for name, one in measured.items():
            found.estimates.append(one.estimate(f"consent_{name}_{end}", units[name], shown, **at))
    lifts = itt[:, moves].mean(axis=0) / held[:, moves].mean(axis=0) / whole.lift[moves] - 1
    return {
        **{name: one.value for name, one in measured.items()},
        "bias_low": measured["bias"].low, "bias_high": measured["bias"].high,
        "rmse": float(np.sqrt(np.square(itt - whole.itt).mean())), "bias_lift": float(lifts.mean()),
    }  # fmt: skip
