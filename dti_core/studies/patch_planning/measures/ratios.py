"""Ratios of sums over the same estates, with intervals over estates, and over seeds of training too.

Sums are compared, never single estates: with heavy tails one exploit decides an estate, and the ratio of one
estate may be anything.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from dti_core.lab.intervals import Interval
from dti_core.lab.record import OBSERVED, Estimate
from dti_core.studies.patch_planning.model.estates import Array, Ints


def gain(nets: Array, rivals: Array, rng: np.random.Generator, n_resamples: int) -> Interval:
    """How much more `nets` sum up to than `rivals`, as a share of these.

    Parameters
    ----------
    nets, rivals : (N,) dollars on the same estates, which are resampled in pairs. A planner that was trained
    has (R, N), a row a seed: seeds are resampled too, and their interquartile mean is taken.

    Raises
    ------
    ValueError if the rivals sum up to nothing, so that there is no share.
    """
    if not rivals.sum() > 0:
        raise ValueError(f"the rivals earn {rivals.sum():,.0f} dollars in all, of which nothing is a share")
    table = np.atleast_2d(nets)
    n_seeds, places = len(table), np.arange(table.shape[1])

    def statistic(seeds: Ints, at: Ints) -> Array:
        times = np.bincount(at.ravel(), minlength=len(places))
        each = table @ times / (rivals @ times) - 1
        return np.atleast_1d(middle_mean(each[seeds.ravel()]))

    from arch.bootstrap import IndependentSamplesBootstrap

    bootstrap = IndependentSamplesBootstrap(np.arange(n_seeds), places, seed=rng)
    low, high = bootstrap.conf_int(statistic, reps=n_resamples, method="percentile", size=0.95).ravel()
    each = table.sum(axis=1) / rivals.sum() - 1
    spread = float(np.ravel(bootstrap.cov(statistic, reps=min(200, n_resamples)))[0] ** 0.5)
    how = f"bootstrap of {len(places)} estates" + f" and {n_seeds} seeds of training" * (n_seeds > 1)
    return Interval(
        float(middle_mean(each)), float(low), float(high), spread, len(places),
        f"{how}, {n_resamples} resamples",
        n_seeds=n_seeds, per_seed=tuple(map(float, each)) if n_seeds > 1 else (),
    )  # fmt: skip


def raised(part: Interval) -> Interval:
    """The ratio itself where `gain` is what is above one."""
    return replace(
        part, value=1 + part.value, low=1 + part.low, high=1 + part.high,
        per_seed=tuple(1 + one for one in part.per_seed),
    )  # fmt: skip


def mean(table: Array, rng: np.random.Generator, n_resamples: int) -> Interval:
    """Mean of (N,) or, of planners that were trained, (R, N) numbers, resampled as by `gain`."""
    return raised(gain(table, np.ones(np.shape(table)[-1]), rng, n_resamples))


def resampled_gains(nets: Array, rivals: Array, rng: np.random.Generator, n_resamples: int) -> Array:
    """(n_resamples,) gains, as `gain` tells them, over resampled estates."""
    from arch.bootstrap import IIDBootstrap

    bootstrap = IIDBootstrap(nets, rivals, seed=rng)
    found: Array = bootstrap.apply(lambda one, other: one.sum() / other.sum() - 1, n_resamples).ravel()
    return found


def spread_over(
    name: str, values: Array, unit: str, at: Mapping[str, str | float], world: str = OBSERVED, *, of: str
) -> Estimate:  # fmt: skip
    """The median of what draws `of` assumptions gave, and the range that holds 95 % of them."""
    low, middle, high = np.quantile(values, (0.025, 0.5, 0.975))
    how = f"95 % of {len(values)} {of}"
    return Estimate(name, middle, low, high, unit, len(values), how=how, world=world, at=at)


def middle_mean(values: Array) -> float:
    """The interquartile mean: of the middle half of the values, which one lucky or stuck seed cannot move.

    Source: Agarwal et al. (2021).
    """
    cut = len(values) // 4
    return float(np.sort(values)[cut : len(values) - cut].mean())
