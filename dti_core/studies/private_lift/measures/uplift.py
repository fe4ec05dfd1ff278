"""Whom does it move? Error against the true effect of each user, and what a ranking would gain."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval, mean_over_seeds
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import OBSERVED, Estimate
from dti_core.studies.private_lift.methods.uplift import UPLIFT, Trial, fit_arms
from dti_core.studies.private_lift.model.uplift import (
    areas,
    bootstrap_areas,
    individual_effect,
    places,
    ranks,
    robust_scores,
    targeting_curve,
)
from dti_core.studies.private_lift.worlds.settings import Market
from dti_core.studies.private_lift.worlds.users import simulate_users

Array = NDArray[np.float64]
N_FOLDS = 3
#: Learner of the placebo, and of the smallest effect that the control worlds find.
PLACEBO = "t"
UNIT = "outcomes a user"


def simulated_trial(market: Market, n: int, channel: int, rng: np.random.Generator) -> Trial:
    """Users randomised to be eligible for one channel, while the others are randomised too."""
    users = simulate_users(market, n, rng)
    side = np.column_stack([users.region, users.size]).astype(float)
    return Trial(
        np.column_stack([users.covariates, side]), users.assigned[:, channel].astype(float),
        users.converted.astype(float), 1 - market.holdout, individual_effect(market, users.activity, channel),
    )  # fmt: skip


def out_of_fold(trial: Trial, names: tuple[str, ...], rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Doubly robust scores (n,); effects and ranks (m, n) by each learner; all from users of other folds.

    Users are ranked within their fold: where the others were moved much, those of the fold were moved little,
    so that ranks over folds would hold a bias.
    """
    fold = rng.permutation(len(trial.outcome)) % N_FOLDS
    scores, shape = np.empty(len(fold)), (len(names), len(fold))
    expected, ranked = np.empty(shape), np.empty(shape)
    for held in range(N_FOLDS):
        rest, here = trial.part(fold != held), trial.part(fold == held)
        arms = fit_arms(rest)
        means = arms.on(here.features), arms.off(here.features)
        scores[fold == held] = robust_scores(here.outcome, here.treated, trial.chance, *means)
        for row, name in enumerate(names):
            expected[row, fold == held] = effect = UPLIFT[name].run(rest, arms, here.features, rng)
            ranked[row, fold == held] = ranks(effect)
    return scores, expected, ranked


def study_uplift_trial(
    name: str, trial: Trial, n_resamples: int, n_placebos: int, seeds: np.random.SeedSequence,
) -> Findings:  # fmt: skip
    """Qini and area under the uplift curve of every learner on a real trial, and on it with shuffled arms."""
    main, again = (np.random.default_rng(child) for child in seeds.spawn(2))
    scores, _, ranked = out_of_fold(trial, tuple(UPLIFT), main)
    found, place = Findings(), places(ranked)
    values, draws = areas(scores, place), bootstrap_areas(scores, place, n_resamples, main)
    for row, learner in enumerate(UPLIFT):
        for column, measure in enumerate(("auuc", "qini")):
            one = percentile(values[row, column], draws[:, row, column], len(scores))
            key = f"uplift_{measure}_{learner}_{name}"
            found.estimates.append(one.estimate(key, UNIT, method=learner, trial=name))
    found.series[f"uplift_curve_{name}"] = curves(scores, ranked)
    if n_placebos:
        found.estimates.append(_placebo(name, trial, n_resamples, n_placebos, again))
    return found


def _placebo(
    name: str, trial: Trial, n_resamples: int, n_placebos: int, rng: np.random.Generator
) -> Estimate:
    """Qini where arms are dealt anew among the same users, so that nobody is moved."""
    ends, values = [], []
    for _ in range(n_placebos):
        shuffled = Trial(trial.features, rng.permutation(trial.treated), trial.outcome, trial.chance)
        scores, _, ranked = out_of_fold(shuffled, (PLACEBO,), rng)
        place = places(ranked)
        drawn = bootstrap_areas(scores, place, n_resamples, rng)[:, 0, 1]
        values.append(areas(scores, place)[0, 1])
        ends.append((float(np.quantile(drawn, 0.025)), float(np.quantile(drawn, 0.975))))
    world, where = "shuffled_arms", {"method": PLACEBO, "trial": name}
    mean = mean_over_seeds(values)
    return Estimate(
        f"uplift_qini_{PLACEBO}_{name}", mean.value, mean.low, mean.high, UNIT, len(trial.outcome),
        n_placebos, how=mean.how, world=world, at=where, per_seed=mean.per_seed, draws=tuple(ends),
    )  # fmt: skip


def percentile(value: float, draws: Array, n: int) -> Interval:
    """A value with the percentile interval of its bootstrap."""
    low, high = np.quantile(draws, [0.025, 0.975])
    how = f"users out of fold, percentile bootstrap, {len(draws)} resamples"
    return Interval(value, min(low, value), max(high, value), float(draws.std(ddof=1)), n, how)


def curves(scores: Array, ranked: Array) -> pd.DataFrame:
    """Share treated and outcomes gained, a column a learner."""
    lines = {name: targeting_curve(scores, row) for name, row in zip(UPLIFT, ranked, strict=True)}
    return pd.DataFrame({"share": lines["t"][:, 0]} | {name: line[:, 1] for name, line in lines.items()})


def _simulated(task: tuple[Market, int, int, np.random.SeedSequence]) -> Array:
    """(m, 3) error, Qini and share of the best possible Qini of each learner in one draw."""
    market, n, channel, seeds = task
    rng = np.random.default_rng(seeds)
    trial = simulated_trial(market, n, channel, rng)
    assert trial.truth is not None
    _, expected, ranked = out_of_fold(trial, tuple(UPLIFT), rng)
    error = np.sqrt(((expected - trial.truth) ** 2).mean(axis=1))
    place = places(np.vstack([ranked, trial.truth]))
    areas_found = areas(trial.truth, place)
    return np.column_stack([error, areas_found[:-1], np.full(len(error), areas_found[-1, 1])])


def study_uplift_simulated(
    markets: Mapping[str, Market], n_users: int, n_draws: int, channel: int, seeds: np.random.SeedSequence
) -> Findings:
    """Error, area and Qini against the true effects of users, a mean over draws of each market."""
    tasks = {
        (world, str(draw)): (market, n_users, channel, child)
        for (world, market), own in zip(markets.items(), seeds.spawn(len(markets)), strict=True)
        for draw, child in enumerate(own.spawn(n_draws))
    }
    done = run_keyed(_simulated, tasks, "uplift")
    found = Findings()
    for world in markets:
        drawn = np.array([done[world, str(draw)] for draw in range(n_draws)])
        for row, learner in enumerate(UPLIFT):
            for column, (measure, unit) in enumerate(
                {"rmse": "conversions a user", "auuc": UNIT, "qini": UNIT}.items()
            ):
                one = mean_over_seeds(drawn[:, row, column])
                key = f"uplift_{measure}_{learner}_{world}"
                found.estimates.append(one.estimate(key, unit, OBSERVED, method=learner, market=world))
        best = mean_over_seeds(drawn[:, 0, 3])
        found.estimates.append(best.estimate(f"uplift_qini_best_{world}", UNIT, method="best", market=world))
    return found
