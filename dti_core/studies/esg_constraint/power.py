"""How many firms and years it takes to see an effect of a given size, ratings being this persistent."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dti_core.lab import intervals
from dti_core.lab.parallel import run_parallel
from dti_core.lab.record import Estimate
from dti_core.studies.esg_constraint.model.panel import Panel, panel_of_draws
from dti_core.studies.esg_constraint.model.registry import ESTIMATORS
from dti_core.studies.esg_constraint.model.world import (
    PUBLISHED_REVERSE,
    WORLDS,
    WorldSettings,
    simulate_batch,
    truth,
)
from dti_core.studies.esg_constraint.montecarlo import Draws, run_or_miss

Array = NDArray[np.float64]

FIRMS = (124, 248, 496, 992, 1984)
YEARS = (3, 5, 9)
#: The estimator that everybody uses, and the one that survives reverse effects (it needs five years).
SHOWN: Mapping[str, tuple[int, ...]] = {"two_way": YEARS, "difference_gmm": YEARS[1:]}
WANTED_POWER = 0.80
FIRM_DRAWS_PER_TASK = 3000


@dataclass(frozen=True, slots=True)
class Task:
    """Draws of the world `effect` with another number of firms."""

    settings: WorldSettings
    generators: tuple[np.random.Generator, ...]


def power_curve(n_draws: int, seeds: np.random.SeedSequence) -> list[Estimate]:
    """Share of panels in which the planted effect is found, by firms, years with ratings and estimator."""
    tasks = []
    for n_firms, child in zip(FIRMS, seeds.spawn(len(FIRMS)), strict=True):
        settings = replace(WORLDS["effect"], n_firms=n_firms)
        generators = np.random.default_rng(child).spawn(n_draws)
        size = max(1, FIRM_DRAWS_PER_TASK // n_firms)
        tasks += [Task(settings, tuple(generators[k : k + size])) for k in range(0, n_draws, size)]
    done = run_parallel(find, tasks, "power")
    found = []
    for n_firms in FIRMS:
        parts = [part for task, part in zip(tasks, done, strict=True) if task.settings.n_firms == n_firms]
        for cell in parts[0]:
            hits = np.concatenate([part[cell] for part in parts])
            name = f"power_{cell[0]}_{n_firms}_firms_{cell[1]}_years"
            found.append(intervals.share(int(hits.sum()), len(hits)).estimate(name, "share of draws"))
    return found


def find(task: Task) -> dict[tuple[str, int], NDArray[np.bool_]]:
    """(estimator, years) -> (n_draws,) whether the interval lies on the true side of 0."""
    panel = panel_of_draws(simulate_batch(task.settings, list(task.generators)))
    found = {}
    for name, lengths in SHOWN.items():
        for n_years in lengths:
            fit = run_or_miss(ESTIMATORS[name], _last_years(panel, n_years))
            found[name, n_years] = fit.interval()[1][:, 0] < 0
    return found


def firms_needed(draws: Draws) -> list[Estimate]:
    """Firms, rated over nine years, for 80 % power at 5 %, from the spread in the world `effect`.

    Of the planted effect, and of one as large as the links that are published (in the other direction).
    Errors fall with the root of the number of firms; the interval is that of the standard deviation of normal
    estimates.
    """
    from scipy import stats

    settings = WORLDS["effect"]
    reach = float(stats.norm.ppf(0.975) + stats.norm.ppf(WANTED_POWER))
    sizes = {"": settings.effect, "_published_size": PUBLISHED_REVERSE}
    found = []
    for name in (*SHOWN, "policy_iv"):
        coef = draws.coef[:, list(ESTIMATORS).index(name)]
        coef = coef[np.isfinite(coef)]
        dof = len(coef) - 1
        for suffix, size in sizes.items():
            true = truth(replace(settings, effect=size)).grades
            needed = settings.n_firms * (reach * float(coef.std(ddof=1)) / abs(true)) ** 2
            low, high = (needed * dof / float(stats.chi2.ppf(q, dof)) for q in (0.975, 0.025))
            found.append(
                Estimate(f"firms_needed_{name}{suffix}", math.ceil(needed), min(low, math.ceil(needed)),
                         math.ceil(high), "firms", len(coef), how="chi-square of the variance over draws")
            )  # fmt: skip
    return found


def cells(estimates: Sequence[Estimate]) -> dict[tuple[str, int], list[tuple[int, Estimate]]]:
    """Power estimates as curves: (estimator, years) -> [(firms, estimate), ...]."""
    curves: dict[tuple[str, int], list[tuple[int, Estimate]]] = {}
    for one in estimates:
        if one.name.startswith("power_"):
            stem, n_firms, _, n_years, _ = one.name.removeprefix("power_").rsplit("_", 4)
            curves.setdefault((stem, int(n_years)), []).append((int(n_firms), one))
    return curves


def _last_years(panel: Panel, n_years: int) -> Panel:
    """The same panel, rated in its last years only."""
    rated = np.arange(panel.outcome.shape[2]) >= panel.outcome.shape[2] - n_years
    return replace(panel, outcome=np.where(rated, panel.outcome, np.nan))
