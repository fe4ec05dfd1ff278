"""Private sums of commerce in finance: firms' capital and social ratings, drawn to their group's mean."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from dti_core.lab.record import Estimate
from dti_core.studies.spillover.data.firms import load_firms
from dti_core.studies.spillover.data.ratings import HIGH, LOW, load_ratings
from dti_core.studies.spillover.methods.draws import (
    DRAW_SEEDS,
    by_bootstrap,
    draws_of,
    gains_row,
    named,
    promised,
)
from dti_core.studies.spillover.methods.task import Task
from dti_core.studies.spillover.model.gains import Gains, Outcome, gains, null_gains
from dti_core.studies.spillover.model.losses import NAIVE, PLACEBO, WITH, WITHOUT, Losses
from dti_core.studies.spillover.model.sums import (
    Release,
    Sums,
    check_sums,
    group_means,
    of_members,
    raw_means,
    release_sums,
    shrunk,
    steps_of,
)
from dti_core.studies.spillover.worlds.sums import Members, planted_members, read_with_error

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
EPSILONS, MAIN_EPSILON = (0.5, 1.0, 2.0, 8.0), 1.0
GLOBAL, LAST = "global mean", "last value"
#: Rivals that need no sums: exact group means of the pilot, which lies open, and those of a bank that
#: averages the readings that it holds. Outside the contest: fresh private means as they come.
STALE, READINGS, RAW = "published once", "all readings", "raw means"
#: Public bounds of capital over sales: a twentieth to five; assumed error of what a bank sees of its log.
RATIO_BOUNDS, OWN_ERROR = (float(np.log(0.05)), float(np.log(5.0))), 0.3
#: Items of a report that a bank reads, of 96; with all of them it would know the rating.
N_ITEMS = 10
#: Share of the periods, from the first on, that are a pilot: it tells one weight an arm and one overall mean.
LEARNING = 0.4
Forecasts = Mapping[str, Array]


def learning_periods(n_periods: int) -> NDArray[np.bool_]:
    """The first periods (n_periods,) of those that a forecast can be made in."""
    return np.arange(n_periods) < max(1, round(LEARNING * n_periods))


def firms_members(error: float = OWN_ERROR) -> Members:
    """Log capital over sales of firms by sector, seen with an error."""
    firms = load_firms()
    values = np.clip(firms.grid(np.log(firms.capital / firms.sales)), *RATIO_BOUNDS)
    return Members(values, firms.sector_of, RATIO_BOUNDS, partial(read_with_error, values, error))


def ratings_members(n_items: int = N_ITEMS, group: str = "country") -> Members:
    """Social ratings of firms by country (or industry), of which a bank reads a few items itself."""
    ratings = load_ratings()
    codes = ratings.country if group == "country" else ratings.industry
    return Members(ratings.scores, codes, (LOW, HIGH), partial(ratings.read, n_items))


def centre_of(own: Array, learning: NDArray[np.bool_]) -> Array:
    """Mean (n_seeds, 1, 1) of all readings of the pilot."""
    return np.asarray(np.nanmean(own[:, :, learning], axis=(1, 2), keepdims=True))


def forecasts_of(members: Members, release: Release, n_seeds: int, rng: np.random.Generator) -> Forecasts:
    """Forecasts (n_seeds, n_members, n_periods - 1) of the next value by every arm, weights learnt for each.

    Every arm has a member's last reading and its mean so far, and a centre that it draws both to: means of
    groups from private sums, or of all members together, or without any sum. The rivals are what can be made
    without sums of what the bank holds.
    """
    own, bounds = members.read(n_seeds, rng)[:, :, :-1], members.bounds
    target, steps = members.values[:, 1:], steps_of(members.values, bounds)[:, :-1]
    learning, codes, exact = learning_periods(target.shape[1]), members.codes[None], Release(float("inf"))
    centre = centre_of(own, learning)
    shuffled = np.stack([rng.permutation(members.codes) for _ in range(n_seeds)])
    groups = {WITH: members.codes[None], PLACEBO: shuffled, GLOBAL: np.zeros_like(members.codes)[None]}
    centres = {WITHOUT: centre}
    for arm, dealt in groups.items():
        sums = release_sums(steps, dealt, int(dealt.max()) + 1, release, n_seeds, rng)
        centres[arm] = of_members(group_means(sums, bounds, centre), dealt)
        if arm == WITH:
            centres[RAW] = of_members(raw_means(sums, bounds), dealt)
    whole = release_sums(steps_of(own, bounds), codes, members.n_groups, exact, n_seeds, rng)
    pilot = release_sums(steps[:, learning], codes, members.n_groups, exact, 1, rng)
    once = Sums(pilot.up.sum(2, keepdims=True), pilot.down.sum(2, keepdims=True), 0.0)
    for arm, one in {READINGS: whole, STALE: once}.items():
        centres[arm] = of_members(raw_means(one, bounds), codes)
    found = {arm: shrunk(own, one, target, learning) for arm, one in centres.items()}
    return {**found, LAST: np.clip(own, *bounds), NAIVE: own}


def losses_of(forecasts: Forecasts, target: Array, clusters: Codes, *, pooled: bool) -> Losses:
    """Squared errors in the periods after learning, of one mean a member if `pooled`, clustered by group."""
    testing = ~learning_periods(target.shape[1])
    rows = np.isfinite(target).astype(np.float64)
    for one in forecasts.values():
        rows *= np.isfinite(one).all(axis=0)
    rows = rows[:, testing]
    errors = {
        arm: np.where(rows > 0, (one - target)[:, :, testing] ** 2, 0.0) for arm, one in forecasts.items()
    }
    if pooled:
        total = rows.sum(axis=1, keepdims=True)
        errors = {arm: one.sum(2, keepdims=True) / np.maximum(total, 1.0) for arm, one in errors.items()}
        rows = total
    return Losses(errors, rows, clusters)


def losses_in(
    members: Members, epsilon: float, n_seeds: int, rng: np.random.Generator, *, pooled: bool
) -> Losses:
    """Losses of the arms of the contest when sums are released with this epsilon a firm and year."""
    return contest(all_losses(members, epsilon, n_seeds, rng, pooled=pooled))


def all_losses(
    members: Members, epsilon: float, n_seeds: int, rng: np.random.Generator, *, pooled: bool
) -> Losses:
    """The same, with raw means, which no one would use, among the arms."""
    forecasts = forecasts_of(members, Release(epsilon), n_seeds, rng)
    return losses_of(forecasts, members.values[:, 1:], members.codes, pooled=pooled)


def contest(losses: Losses) -> Losses:
    """The arms that the part is set against."""
    return replace(losses, arms={arm: one for arm, one in losses.arms.items() if arm != RAW})


def null_draw(members: Members, pooled: bool, rng: np.random.Generator) -> Gains:
    """Members whose groups are chance, as those of the placebo are."""
    dealt = losses_in(members.dealt(rng), MAIN_EPSILON, DRAW_SEEDS, rng, pooled=pooled)
    return null_gains(dealt.resampled(rng))


def planted_draw(members: Members, pooled: bool, rng: np.random.Generator) -> Gains:
    """As many simulated members, whose groups lie apart."""
    shape = members.values.shape
    drawn = planted_members(shape, min(members.n_groups, 18), members.bounds, rng)
    return gains(losses_in(drawn, MAIN_EPSILON, DRAW_SEEDS, rng, pooled=pooled))


def _finance_cell(
    task: Task, cell: str, members: Members, variants: Mapping[str, Members], *, pooled: bool
) -> Outcome:
    n_seeds = task.effort.n_instances
    check_sums(steps_of(members.values, members.bounds), members.codes, members.n_groups)
    every = {
        epsilon: all_losses(members, epsilon, n_seeds, task.stream(cell, f"{epsilon}"), pooled=pooled)
        for epsilon in EPSILONS
    }
    by_epsilon = {epsilon: gains(contest(losses)) for epsilon, losses in every.items()}
    fewer = max(2, n_seeds // 4)
    other = {
        name: gains(losses_in(one, MAIN_EPSILON, fewer, task.stream(cell, name), pooled=pooled))
        for name, one in variants.items()
    }
    draws = draws_of(task, cell, {
        "null": partial(null_draw, members, pooled), "planted": partial(planted_draw, members, pooled),
    })  # fmt: skip
    outcome = Outcome(by_epsilon[MAIN_EPSILON], draws["null"], draws["planted"])
    series = {
        f"{cell}_by_epsilon": pd.DataFrame(
            [
                gains_row(one, epsilon=at) | promised(Release(at), members.values.shape[1])
                for at, one in by_epsilon.items()
            ]
        ),
        f"{cell}_variants": pd.DataFrame([gains_row(one, variant=at) for at, one in other.items()]),
    }
    return replace(outcome, estimates=between_arms(cell, every), series=series)


def between_arms(cell: str, every: Mapping[float, Losses]) -> tuple[Estimate, ...]:
    """What drawing in gives over raw means, and private means over each way to do without, by epsilon."""
    found = []
    for epsilon, losses in every.items():
        pairs = [(RAW, WITH), (STALE, WITH), (READINGS, WITH), (WITHOUT, WITH), (GLOBAL, WITH), (GLOBAL, RAW)]
        for over, under in pairs:
            name = named(cell, over, "less", under, "eps", epsilon)
            one = losses.gain(over, under)
            found.append(one.estimate(name, "% of the naive error", over=over, under=under, epsilon=epsilon))
    return tuple(found)


def run_firms(task: Task) -> Outcome:
    """Next year's log capital over sales of US firms, from sector means by private sums.

    Squared errors by firm and year; epsilon a firm and year, add or remove one, delta 0, pure accounting.
    """
    members, exact = firms_members(), firms_members(0.0)
    variants = {f"own error {error:g}": firms_members(error) for error in (0.15, 0.6)}
    return _finance_cell(task, "sums_firms", members, {"own value exact": exact, **variants}, pooled=False)


def run_ratings(task: Task) -> Outcome:
    """Next year's social rating of African firms, from country means by private sums (C26).

    Two test years are too few to be a sample: errors are means a firm, and firms of a country hang together.
    """
    members = ratings_members()
    variants = {f"{n} items read": ratings_members(n) for n in (3, 30, 96)}
    variants["groups by industry"] = ratings_members(group="industry")
    outcome = _finance_cell(task, "sums_ratings", members, variants, pooled=True)
    ranks = rank_estimates(members, task)
    return replace(outcome, estimates=(*outcome.estimates, *ranks))


def rank_estimates(members: Members, task: Task) -> tuple[Estimate, ...]:
    """Rank correlation with next year's true order and share in the wrong third, by arm and between arms."""
    rng = task.stream("sums_ratings", "ranks")
    n_seeds = min(task.effort.n_instances, 40)
    target = members.values[:, 1:]
    forecasts = forecasts_of(members, Release(MAIN_EPSILON), n_seeds, rng)
    testing = np.flatnonzero(~learning_periods(target.shape[1]))
    arms = (WITH, WITHOUT, PLACEBO, GLOBAL, READINGS, LAST)

    def both(seed: int, firms: Codes) -> Array:
        found = [[_order(forecasts[arm][seed, firms, t], target[firms, t]) for t in testing] for arm in arms]
        return np.asarray(np.mean(found, axis=1).T)

    units = {"sums_ratings_rank": "Spearman's rho", "sums_ratings_wrong_third": "share of firms"}
    n_resamples = max(20, task.effort.n_draws)
    return by_bootstrap(both, units, arms, n_seeds, members.codes, n_resamples, rng)


def _order(forecast: Array, target: Array) -> tuple[float, float]:
    seen = np.isfinite(forecast) & np.isfinite(target)
    first, second = stats.rankdata(forecast[seen]), stats.rankdata(target[seen])
    thirds = [np.minimum(2, np.floor(3 * (one - 0.5) / len(one))) for one in (first, second)]
    return float(np.corrcoef(first, second)[0, 1]), float(np.mean(thirds[0] != thirds[1]))
