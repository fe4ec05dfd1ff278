"""Which estimators can be trusted? Each on many panels of worlds whose truth is known."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from dti_core.lab import intervals
from dti_core.lab.config import Config
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import Estimate
from dti_core.studies.esg_constraint.methods import DECIDING, METHODS, Estimator, fit_draws
from dti_core.studies.esg_constraint.model.arrays import Array, Mask
from dti_core.studies.esg_constraint.model.effects import within_sd
from dti_core.studies.esg_constraint.model.fit import Fit, join
from dti_core.studies.esg_constraint.model.panel import Panel
from dti_core.studies.esg_constraint.model.sensitivity import leads_and_lags
from dti_core.studies.esg_constraint.worlds import WORLDS, without_effect
from dti_core.studies.esg_constraint.worlds.raters import truth
from dti_core.studies.esg_constraint.worlds.simulate import Batch, batches

DRAWS_PER_TASK = 6
#: Coverage that a 95 % interval may have and still be called right.
GOOD_COVERAGE = (0.93, 0.97)
#: Worlds with an effect have a twin without, which gives their rate of false findings.
NULL_TWIN = " without effect"
#: Unit of the effect that decides the claim.
STANDARD = "sd of rating a sd of constraint"


@dataclass(frozen=True, slots=True)
class Draws:
    """What one world's panels give; a draw that could not be estimated is NaN.

    effects : method -> (n_draws, 3) coefficient and ends of its interval. standard : (n_draws, 3) the
    deciding effect, standardised. lead_p : (n_draws, 2) p-values of next year's constraint, and of it
    together with this year's, beside last year's.
    """

    effects: dict[str, Array]
    standard: Array
    lead_p: Array


def simulate_worlds(config: Config) -> dict[str, Draws]:
    """Estimates in all worlds of `WORLDS` and in the twins of those that have an effect."""
    worlds = {name: world.settings for name, world in WORLDS.items()}
    for name, settings in list(worlds.items()):
        if (twin := without_effect(settings)) not in worlds.values():
            worlds[name + NULL_TWIN] = twin
    tasks = {
        (world, start): batch
        for world, settings in worlds.items()
        for start, batch in batches(
            settings, config.seeds("coverage", world), config.n_draws, DRAWS_PER_TASK
        ).items()
    }
    done = run_keyed(estimate_draws, tasks, "simulated panels")
    return {name: _joined([part for (world, _), part in done.items() if world == name]) for name in worlds}


def estimate_draws(batch: Batch) -> Draws:
    """All registered estimators on the panels of one batch."""
    panel = batch.panel()
    fits = {name: fit_or_miss(method, panel) for name, method in METHODS.items()}
    leads = leads_and_lags(panel.outcome, panel.treatment, panel.regressors()[..., 1:], panel.rated)
    return Draws(
        {name: _with_ends(fit) for name, fit in fits.items()},
        standardised(panel, fits[DECIDING]),
        np.stack([leads.wald(slice(0, last))[1] for last in (1, 2)], axis=1),
    )


def fit_or_miss(method: Estimator, panel: Panel) -> Fit:
    """The fit of a stack; draws that cannot be estimated become NaN and leave the others alone."""
    try:
        return fit_draws(method, panel)
    except (ValueError, np.linalg.LinAlgError):
        if len(panel.outcome) == 1:
            nothing, never = np.full((1, 1), np.nan), np.full(1, np.inf)
            return Fit(nothing, nothing, nothing[None], np.zeros(1, dtype=np.int64), never, "none")
    alone = [fit_or_miss(method, panel.draws(slice(draw, draw + 1))) for draw in range(len(panel.outcome))]
    return join([
        Fit(f.coef[:, :1], f.std_error[:, :1], f.covariance[:, :1, :1], f.n_obs, f.dof, f.how) for f in alone
    ])  # fmt: skip


def standardised(panel: Panel, fit: Fit) -> Array:
    """(n_draws, 3) coefficient and interval in sd of rating a sd of last year's constraint.

    The rating's sd is over all rated firm-years; the constraint's is what firm and year effects leave,
    because that is all the variation which such an estimate has seen.
    """
    spread = np.nanstd(np.where(panel.rated, panel.outcome, np.nan), axis=(1, 2))
    return _with_ends(fit) * (within_sd(panel.regressors()[..., 0], panel.rated) / spread)[:, None]


def _with_ends(fit: Fit) -> Array:
    return np.stack([values[:, 0] for values in (fit.coef, *fit.interval())], axis=1)


def _joined(parts: Sequence[Draws]) -> Draws:
    effects = {name: np.concatenate([part.effects[name] for part in parts]) for name in parts[0].effects}
    standard, lead_p = (np.concatenate([getattr(p, name) for p in parts]) for name in ("standard", "lead_p"))
    return Draws(effects, standard, lead_p)


def study_coverage(worlds: Mapping[str, Draws]) -> list[Estimate]:
    """Bias, RMSE, coverage and false findings of each estimator in each world, and the worlds' controls."""
    found: list[Estimate] = []
    for world, made in WORLDS.items():
        draws, true = worlds[world], truth(made.settings).grades
        null = draws if true == 0 else worlds.get(world + NULL_TWIN, worlds["no_effect"])
        for name in METHODS:
            for measure, value, unit in _trust(draws.effects[name], null.effects[name], true):
                found.append(value.estimate(f"{measure}_{name}", unit, world, measure=measure, method=name))
        for measure, value, unit in _controls(draws):
            found.append(value.estimate(measure, unit, world, measure=measure, method=DECIDING))
    return found


def _trust(effects: Array, null: Array, true: float) -> Iterator[tuple[str, intervals.Interval, str]]:
    """Measure, its value and unit, for one estimator in one world whose effect is `true`."""
    known = effects[np.isfinite(effects[:, 1])]
    if len(known) < 2:
        return
    error = known[:, 0] - true
    yield "bias", mean_over_draws(error), "grades"
    yield "rmse", _root_mean_square(error), "grades"
    yield "coverage", share_of((known[:, 1] <= true) & (known[:, 2] >= true)), "share of draws"
    yield "false_positive", share_of(_excludes_zero(null[np.isfinite(null[:, 1])])), "share of draws"


def _controls(draws: Draws) -> Iterator[tuple[str, intervals.Interval, str]]:
    """What the deciding estimator finds on average in a world, so that bias cannot hide behind noise."""
    known = draws.standard[np.isfinite(draws.standard).all(axis=1)]
    yield "rating_effect", mean_over_draws(known[:, 0]), STANDARD
    yield "rating_effect_found", share_of(_excludes_zero(known)), "share of draws"
    for name, p in zip(("leads_found", "present_found"), draws.lead_p.T, strict=True):
        yield name, share_of(p[np.isfinite(p)] < 0.05), "share of draws"


def _excludes_zero(effects: Array) -> Mask:
    return (effects[:, 1] > 0) | (effects[:, 2] < 0)


def share_of(hits: Mask) -> intervals.Interval:
    """Share of draws that hit, with a Wilson interval."""
    return intervals.share(int(hits.sum()), len(hits))


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


def coverage_table(estimates: Iterable[Estimate]) -> pd.DataFrame:
    """A row an estimator and world: bias, RMSE, coverage with its interval, false findings, and a verdict.

    `verdict` says "right" or "wrong" where the interval of the coverage lies within or outside GOOD_COVERAGE,
    else "open": more draws would tell.
    """
    cells = {(one.world, one.at.get("method"), one.at["measure"]): one for one in estimates}
    rows = []
    for world in WORLDS:
        for name, method in METHODS.items():
            if cover := cells.get((world, name, "coverage")):
                others = {what: cells[world, name, what].value for what in ("bias", "rmse", "false_positive")}
                rows.append({
                    "estimator": name, "title": method.title, "world": world,
                    "offered": method.offered_in(world), "coverage": cover.value, "coverage_low": cover.low,
                    "coverage_high": cover.high, "n": cover.n, "verdict": _verdict(cover), **others,
                })  # fmt: skip
    return pd.DataFrame(rows)


def _verdict(coverage: Estimate) -> str:
    low, high = GOOD_COVERAGE
    if coverage.high < low or coverage.low > high:
        return "wrong"
    return "right" if coverage.low >= low and coverage.high <= high else "open"
