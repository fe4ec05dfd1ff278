"""Every estimator on many panels of worlds whose truth is known: bias, RMSE, coverage, false findings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.lab import intervals
from dti_core.lab.parallel import run_parallel
from dti_core.lab.record import Estimate
from dti_core.studies.esg_constraint.model.effects import absorb, stack
from dti_core.studies.esg_constraint.model.fit import Fit, join
from dti_core.studies.esg_constraint.model.panel import Panel, panel_of_draws
from dti_core.studies.esg_constraint.model.registry import ESTIMATORS, EstimatorSpec
from dti_core.studies.esg_constraint.model.regression import TWO_WAY
from dti_core.studies.esg_constraint.model.sensitivity import leads_and_lags
from dti_core.studies.esg_constraint.model.world import WORLDS, WorldSettings, simulate_batch, truth

Array = NDArray[np.float64]

DRAWS_PER_TASK = 6
#: The estimator behind `rating_effect`: of those that need a rating and a measure of constraint only, the one
#: that is offered against reverse effects.
JUDGE = "difference_gmm"
#: Coverage that a 95 % interval may have and still be called right.
GOOD_COVERAGE = (0.93, 0.97)


@dataclass(frozen=True, slots=True)
class Task:
    """Some draws of one world; `world` ends in NULL_TWIN where the world's effect is set to 0."""

    world: str
    settings: WorldSettings
    generators: tuple[np.random.Generator, ...]


@dataclass(frozen=True, slots=True)
class Draws:
    """Estimates of one world: (n_draws, n_estimators) each, NaN where a draw could not be estimated.

    standard : (n_draws, 3) `rating_effect` with its ends. lead_p : (n_draws, 2) p-values of next year's
    constraint, and of it together with this year's, beside last year's.
    """

    coef: Array
    low: Array
    high: Array
    standard: Array
    lead_p: Array


#: Worlds with an effect have a twin without, which gives their rate of false findings.
NULL_TWIN = " without effect"


def simulate_worlds(n_draws: int, seeds: np.random.SeedSequence) -> dict[str, Draws]:
    """Estimates in all worlds of `WORLDS` and in the twins of those that have an effect."""
    worlds = dict(WORLDS)
    worlds |= {
        name + NULL_TWIN: replace(settings, effect=0.0)
        for name, settings in WORLDS.items()
        if settings.effect and replace(settings, effect=0.0) not in worlds.values()
    }
    tasks: list[Task] = []
    for (world, settings), child in zip(worlds.items(), seeds.spawn(len(worlds)), strict=True):
        generators = np.random.default_rng(child).spawn(n_draws)
        for start in range(0, n_draws, DRAWS_PER_TASK):
            tasks.append(Task(world, settings, tuple(generators[start : start + DRAWS_PER_TASK])))
    done = run_parallel(estimate_draws, tasks, "simulated panels")
    return {
        world: _joined([part for task, part in zip(tasks, done, strict=True) if task.world == world])
        for world in worlds
    }


def estimate_draws(task: Task) -> Draws:
    """All registered estimators on the draws of one task."""
    panel = panel_of_draws(simulate_batch(task.settings, list(task.generators)))
    fits = [run_or_miss(spec, panel) for spec in ESTIMATORS.values()]
    ends = [fit.interval() for fit in fits]
    judged = fits[list(ESTIMATORS).index(JUDGE)]
    leads = leads_and_lags(panel.outcome, panel.treatment, panel.regressors()[..., 1:], panel.rated)
    return Draws(
        np.stack([fit.coef[:, 0] for fit in fits], axis=1),
        np.stack([low[:, 0] for low, _ in ends], axis=1),
        np.stack([high[:, 0] for _, high in ends], axis=1),
        standardised(panel, judged),
        np.stack([leads.wald(slice(0, last))[1] for last in (1, 2)], axis=1),
    )


def run_or_miss(spec: EstimatorSpec, panel: Panel) -> Fit:
    """The fit of a stack; draws that cannot be estimated become NaN and leave the others alone."""
    try:
        return spec.run(panel)
    except (ValueError, np.linalg.LinAlgError):
        if len(panel.outcome) == 1:
            nothing = np.full((1, 1), np.nan)
            return Fit(
                nothing, nothing, nothing[None], np.zeros(1, dtype=np.int64), np.full(1, np.inf), "none"
            )
    parts = [run_or_miss(spec, panel.draws(slice(draw, draw + 1))) for draw in range(len(panel.outcome))]
    return join([
        Fit(f.coef[:, :1], f.std_error[:, :1], f.covariance[:, :1, :1], f.n_obs, f.dof, f.how) for f in parts
    ])  # fmt: skip


def standardised(panel: Panel, fit: Fit) -> Array:
    """(n_draws, 3) coefficient and interval in sd of rating a sd of last year's constraint.

    The rating's sd is over all rated firm-years; the constraint's is what firm and year effects leave,
    because that is all the variation which such an estimate has seen.
    """
    lagged = panel.regressors()[..., 0]
    sample = absorb(stack(lagged, np.zeros((*lagged.shape, 0)), panel.rated), TWO_WAY)
    squares = (sample.values[:, :, 0] ** 2).sum(axis=(1, 2))
    within = np.sqrt(squares / (sample.n_obs - sample.n_absorbed))
    spread = np.nanstd(np.where(panel.rated, panel.outcome, np.nan), axis=(1, 2))
    low, high = fit.interval()
    rows = np.stack([fit.coef[:, 0], low[:, 0], high[:, 0]], axis=1)
    return np.asarray(rows * (within / spread)[:, None])


def _joined(parts: Sequence[Draws]) -> Draws:
    names = ("coef", "low", "high", "standard", "lead_p")
    return Draws(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def judge_worlds(worlds: Mapping[str, Draws]) -> list[Estimate]:
    """Bias, RMSE, coverage and false findings of each estimator in each world, and the worlds' controls."""
    found: list[Estimate] = []
    for world in WORLDS:
        for column, name in enumerate(ESTIMATORS):
            found += _judge_estimator(name, world, worlds, column)
        found += _controls(world, worlds[world])
    return found


def _judge_estimator(name: str, world: str, worlds: Mapping[str, Draws], column: int) -> Iterator[Estimate]:
    draws, true = worlds[world], truth(WORLDS[world]).grades
    known = np.isfinite(draws.low[:, column])
    error = draws.coef[known, column] - true
    if len(error) < 2:
        return
    yield mean_over_draws(error).estimate(f"bias_{name}", "grades", world)
    yield _root_mean_square(error).estimate(f"rmse_{name}", "grades", world)
    inside = (draws.low[known, column] <= true) & (draws.high[known, column] >= true)
    yield intervals.share(int(inside.sum()), len(inside)).estimate(
        f"coverage_{name}", "share of draws", world
    )
    null = worlds[world] if true == 0 else worlds.get(world + NULL_TWIN, worlds["no_effect"])
    ends = null.low[:, column], null.high[:, column]
    false = (ends[0] > 0) | (ends[1] < 0)
    n = int(np.isfinite(ends[0]).sum())
    yield intervals.share(int(false.sum()), n).estimate(f"false_positive_{name}", "share of draws", world)


def _controls(world: str, draws: Draws) -> Iterator[Estimate]:
    """What the judge of the claim finds on average in a world, so that bias cannot hide behind noise."""
    known = draws.standard[np.isfinite(draws.standard).all(axis=1)]
    yield mean_over_draws(known[:, 0]).estimate("rating_effect", "sd of rating a sd of constraint", world)
    alone = (known[:, 1] > 0) | (known[:, 2] < 0)
    yield intervals.share(int(alone.sum()), len(alone)).estimate(
        "rating_effect_found", "share of draws", world
    )
    for column, name in enumerate(("leads_found", "present_found")):
        p = draws.lead_p[:, column]
        hits = p[np.isfinite(p)] < 0.05
        yield intervals.share(int(hits.sum()), len(hits)).estimate(name, "share of draws", world)


def mean_over_draws(values: Array) -> intervals.Interval:
    """Mean of (n_draws,) independent values with a Student t interval; the values themselves are not kept."""
    found = intervals.mean_over_seeds(values)
    return replace(found, how=f"Student t over {found.n} draws", n_seeds=1, per_seed=())


def _root_mean_square(error: Array) -> intervals.Interval:
    """Root mean square with the interval of the mean square, Student t over draws."""
    mean = mean_over_draws(error**2)
    value, low, high = (float(np.sqrt(max(v, 0.0))) for v in (mean.value, mean.low, mean.high))
    how = f"{mean.how}, of the squared error"
    return intervals.Interval(value, low, high, mean.std_error / (2 * value), mean.n, how)


def coverage_table(estimates: Sequence[Estimate]) -> pd.DataFrame:
    """A row an estimator and world: bias, RMSE, coverage with its interval, false findings, and a verdict.

    `verdict` says "right" or "wrong" where the interval of the coverage lies within or outside GOOD_COVERAGE,
    else "open": more draws would tell.
    """
    by_key = {estimate.key: estimate for estimate in estimates}
    rows = []
    for world in WORLDS:
        for name, spec in ESTIMATORS.items():
            if f"coverage_{name}@{world}" not in by_key:
                continue
            bias, rmse, cover, false = (
                by_key[f"{what}_{name}@{world}"] for what in ("bias", "rmse", "coverage", "false_positive")
            )
            rows.append({
                "estimator": name, "title": spec.title, "world": world, "offered": spec.offered_in(world),
                "bias": bias.value, "rmse": rmse.value, "coverage": cover.value, "coverage_low": cover.low,
                "coverage_high": cover.high, "false_positive": false.value, "n": cover.n,
                "verdict": _verdict(cover),
            })  # fmt: skip
    return pd.DataFrame(rows)


def _verdict(coverage: Estimate) -> str:
    low, high = GOOD_COVERAGE
    if coverage.high < low or coverage.low > high:
        return "wrong"
    return "right" if coverage.low >= low and coverage.high <= high else "open"
