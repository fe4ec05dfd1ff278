"""Which estimators can be trusted? Each on many panels of worlds whose truth is known."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from dti_core.lab import intervals
from dti_core.lab.config import Config
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import Estimate
from dti_core.studies.esg_constraint.methods import AVERAGE, DECIDING, GATES, METHODS, Estimator, fit_draws
from dti_core.studies.esg_constraint.model.arrays import Array, Mask
from dti_core.studies.esg_constraint.model.effects import within_sd
from dti_core.studies.esg_constraint.model.fit import Fit, join
from dti_core.studies.esg_constraint.model.panel import Panel
from dti_core.studies.esg_constraint.model.sensitivity import leads_and_lags
from dti_core.studies.esg_constraint.worlds import WORLDS, without_effect
from dti_core.studies.esg_constraint.worlds.raters import truth
from dti_core.studies.esg_constraint.worlds.simulate import Batch, batches

DRAWS_PER_TASK = 6
#: Coverage that a 95 % interval may have and still be called right, and where the interval of the coverage
#: must lie to tell; bias in sd of the estimates that is small beside what a single panel leaves open.
GOOD_COVERAGE, TELLS_COVERAGE, GOOD_BIAS = (0.93, 0.97), (0.92, 0.98), 0.1
#: Where a method is not offered it has nothing to keep: this many draws, or this share if that is more.
UNOFFERED_DRAWS, UNOFFERED_SHARE = 100, 0.2
#: Worlds with an effect that have a twin without, for their rate of false findings. In the others nothing
#: else than the effect could make one, so that `no_effect` speaks for them.
NULL_TWIN, TWINS = " without effect", ("selection",)
#: Level of tests; below TINY a spread is none.
SIZE, TINY = 0.05, 1e-12
#: Unit of the effect that decides the claim.
STANDARD = "sd of rating a sd of constraint"


@dataclass(frozen=True, slots=True)
class Draws:
    """What one world's panels give; a draw that could not be estimated is NaN.

    effects : method -> (n_draws, 3) coefficient and ends of its interval; fewer draws where not offered.
    standard, average : (n_draws, 3) the deciding effect and that of all firms, standardised. passed :
    (n_draws,) whether the deciding estimator's own tests let it speak. lead_p : (n_draws, 2) p-values of next
    year's constraint, and of it together with this year's, beside last year's.
    """

    effects: dict[str, Array]
    standard: Array
    average: Array
    passed: Mask
    lead_p: Array


def simulate_worlds(config: Config) -> dict[str, Draws]:
    """Estimates in all worlds of `WORLDS` and in the twins of `TWINS`."""
    worlds = {name: (name, world.settings) for name, world in WORLDS.items()}
    worlds |= {
        name + NULL_TWIN: (name, without_effect(WORLDS[name].settings)) for name in TWINS if name in WORLDS
    }
    everything = max(UNOFFERED_DRAWS, UNOFFERED_SHARE * config.n_draws)
    tasks = {
        (name, start): (batch, methods_in(world) if start >= everything else tuple(METHODS))
        for name, (world, settings) in worlds.items()
        for start, batch in batches(
            settings, config.seeds("coverage", name), config.n_draws, DRAWS_PER_TASK
        ).items()
    }
    done = run_keyed(estimate_draws, tasks, "simulated panels")
    return {name: joined([part for (world, _), part in done.items() if world == name]) for name in worlds}


def methods_in(world: str) -> tuple[str, ...]:
    """Estimators that are offered in a world, the deciding one, and the same of all firms."""
    always = (DECIDING, AVERAGE)
    return tuple(name for name, one in METHODS.items() if name in always or one.offered_in(world))


def estimate_draws(task: tuple[Batch, tuple[str, ...]]) -> Draws:
    """The named estimators, both that decide among them, on the panels of one batch."""
    batch, names = task
    panel = batch.panel()
    fits = {name: fit_or_miss(METHODS[name], panel) for name in names}
    leads = leads_and_lags(panel.outcome, panel.treatment, panel.regressors()[..., 1:], panel.rated)
    return Draws(
        {name: _with_ends(fit) for name, fit in fits.items()},
        standardised(panel, fits[DECIDING]),
        standardised(panel, fits[AVERAGE]),
        passes(fits[DECIDING]),
        np.stack([leads.wald(slice(0, last))[1] for last in (1, 2)], axis=1),
    )


def passes(fit: Fit) -> Mask:
    """(n_draws,) whether no gate of `GATES` is failed; a draw without the tests fails."""
    kept = np.ones(len(fit.coef), dtype=bool)
    for name, (direction, than) in GATES.items():
        value = fit.diagnostics.get(name, np.full(len(kept), np.nan))
        kept &= value > than if direction == "greater" else value < than
    return kept


def fit_or_miss(method: Estimator, panel: Panel) -> Fit:
    """The fit of a stack; draws that cannot be estimated become NaN and leave the others alone."""
    try:
        return fit_draws(method, panel)
    except (ValueError, np.linalg.LinAlgError):
        if len(panel.outcome) == 1:
            nothing, never = np.full((1, 1), np.nan), np.full(1, np.inf)
            return Fit(nothing, nothing, nothing[None], np.zeros(1, dtype=np.int64), never, "none")
    alone = [fit_or_miss(method, panel.draws(slice(draw, draw + 1))) for draw in range(len(panel.outcome))]
    known = {name: np.full(np.shape(v), np.nan) for fit in alone for name, v in fit.diagnostics.items()}
    return join([
        Fit(f.coef[:, :1], f.std_error[:, :1], f.covariance[:, :1, :1], f.n_obs, f.dof, f.how,
            {**known, **f.diagnostics})
        for f in alone
    ])  # fmt: skip


def standardised(panel: Panel, fit: Fit) -> Array:
    """(n_draws, 3) coefficient and interval in sd of rating a sd of last year's constraint."""
    return _with_ends(fit) * standard_unit(panel)[:, None]


def standard_unit(panel: Panel) -> Array:
    """(n_draws,) what makes a standardised effect of one in grades a unit of constraint.

    The rating's sd is over all rated firm-years; the constraint's is what firm and year effects leave,
    because that is all the variation which such an estimate has seen.
    """
    spread = np.nanstd(np.where(panel.rated, panel.outcome, np.nan), axis=(1, 2))
    return np.asarray(within_sd(panel.regressors()[..., 0], panel.rated) / spread)


def _with_ends(fit: Fit) -> Array:
    return np.stack([values[:, 0] for values in (fit.coef, *fit.interval())], axis=1)


def joined(parts: Sequence[Draws]) -> Draws:
    """The draws of all parts, in order."""
    effects = {
        name: np.concatenate([part.effects[name] for part in parts if name in part.effects])
        for name in parts[0].effects
    }
    rest = [
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("standard", "average", "passed", "lead_p")
    ]
    return Draws(effects, *rest)


def study_coverage(worlds: Mapping[str, Draws]) -> list[Estimate]:
    """Bias, RMSE, coverage and false findings of each estimator in each world, and the worlds' controls."""
    found: list[Estimate] = []
    for world, made in WORLDS.items():
        draws, true = worlds[world], truth(made.settings).grades
        null = draws if true == 0 else worlds.get(world + NULL_TWIN)
        for name in METHODS:
            without = None if null is None else null.effects[name]
            for measure, value, unit in _trust(draws.effects[name], without, true):
                found.append(value.estimate(f"{measure}_{name}", unit, world, measure=measure, method=name))
        found += controls_of(draws, world)
    return found


def _trust(effects: Array, null: Array | None, true: float) -> Iterator[tuple[str, intervals.Interval, str]]:
    """Measure, its value and unit, for one estimator in one world whose effect is `true`."""
    known = effects[np.isfinite(effects[:, 1])]
    if len(known) < 2:
        return
    error = known[:, 0] - true
    yield "bias", mean_over_draws(error), "grades"
    yield "bias_in_sd", mean_over_draws(error / max(float(error.std(ddof=1)), TINY)), "sd of the estimates"
    yield "rmse", _root_mean_square(error), "grades"
    yield "coverage", share_of((known[:, 1] <= true) & (known[:, 2] >= true)), "share of draws"
    if null is not None:
        yield "false_positive", share_of(_excludes_zero(null[np.isfinite(null[:, 1])])), "share of draws"


def controls_of(draws: Draws, world: str) -> Iterator[Estimate]:
    """What the deciding estimator finds in a world: on average, and draw by draw as the claim is judged."""
    at: dict[str, str | float] = {"method": DECIDING}
    for name, effects in (("rating_effect", draws.standard), ("rating_effect_all_firms", draws.average)):
        known = effects[np.isfinite(effects).all(axis=1)]
        if len(known) > 1:
            by_draw = answers(effects, draws.passed) if name == "rating_effect" else ()
            mean = mean_over_draws(known[:, 0]).estimate(name, STANDARD, world, measure=name, **at)
            yield replace(mean, draws=by_draw)
    shares = {
        "rating_effect_found": draws.passed & (draws.standard[:, 2] < 0),
        "rating_gates_passed": draws.passed,
        **dict(zip(("leads_found", "present_found"), (draws.lead_p < SIZE).T, strict=True)),
    }
    for name, hits in shares.items():
        yield share_of(hits).estimate(name, "share of draws", world, measure=name, **at)


def answers(effects: Array, passed: Mask) -> tuple[tuple[float, float] | None, ...]:
    """The interval of each draw, to four digits; None where a gate failed or nothing was estimated."""
    speak = passed & np.isfinite(effects).all(axis=1)
    ends = effects[:, 1:].round(4).tolist()
    return tuple((low, high) if spoken else None for (low, high), spoken in zip(ends, speak, strict=True))


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


def share_of_worlds(table: pd.DataFrame) -> Estimate:
    """Share of the worlds in which the deciding estimator is right or conservative: what C16b assumes."""
    words = table.loc[table["estimator"] == DECIDING, "verdict"]
    right = words.isin(["kept", "conservative"]).to_numpy()
    return Estimate(
        "share_of_worlds", float(right.mean()), float(right.mean()), float(right.mean()), "share of worlds",
        len(right), how="count", at={"measure": "share_of_worlds", "method": DECIDING},
    )  # fmt: skip


def coverage_table(estimates: Iterable[Estimate]) -> pd.DataFrame:
    """A row an estimator and world: bias, RMSE, coverage with its interval, false findings, and a verdict.

    `verdict` : see `_verdict`; for a method that is offered in the world it says what became of the offer.
    """
    cells = {(one.world, one.at.get("method"), one.at["measure"]): one for one in estimates}
    rows = []
    for world in WORLDS:
        for name, method in METHODS.items():
            if cover := cells.get((world, name, "coverage")):
                others = {what: cells[world, name, what].value for what in ("bias", "bias_in_sd", "rmse")}
                false = cells.get((world, name, "false_positive"))
                rows.append({
                    "estimator": name, "title": method.title, "world": world,
                    "offered": method.offered_in(world), "coverage": cover.value, "coverage_low": cover.low,
                    "coverage_high": cover.high, "n": cover.n,
                    "verdict": _verdict(cover, cells[world, name, "bias_in_sd"]), **others,
                    "false_positive": false.value if false else np.nan,
                })  # fmt: skip
    return pd.DataFrame(rows)


def _verdict(coverage: Estimate, bias: Estimate) -> str:
    """Whether 95 % intervals are right.

    "kept" : coverage lies in GOOD_COVERAGE, its interval in TELLS_COVERAGE, and the bias within GOOD_BIAS sd.
    "conservative" : coverage lies above GOOD_COVERAGE, so that true effects are missed more often than need
    be, with such a bias. "broken" : the interval of coverage lies below, or that of the bias outside of its
    bounds. "open" : more draws would tell.
    """
    (low, high), (least, most) = GOOD_COVERAGE, TELLS_COVERAGE
    if coverage.high < low or bias.low > GOOD_BIAS or bias.high < -GOOD_BIAS:
        return "broken"
    right = low <= coverage.value <= high and least <= coverage.low and coverage.high <= most
    small = abs(bias.value) < GOOD_BIAS
    if small and coverage.value > high:
        return "conservative"
    return "kept" if right and small else "open"
