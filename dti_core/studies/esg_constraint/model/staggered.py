"""A policy that reaches firms in different years: effects by cohort and year, and what unequal trends leave.

On one panel. The Monte Carlo uses `shock.event_study`, which takes the shares of cohorts as given.
"""

from dataclasses import dataclass

import numpy as np

from dti_core.studies.esg_constraint.model.arrays import Array, Integers, Mask
from dti_core.studies.esg_constraint.model.fit import Fit
from dti_core.studies.esg_constraint.model.shock import Comparison

#: Relative violations among which the breakdown value is sought.
GRID = np.arange(0.0, 5.005, 0.01)
#: Multipliers held in memory at once.
SIGNS_AT_ONCE = 10_000_000


@dataclass(frozen=True, slots=True)
class GroupTime:
    """Mean effect on each cohort in each year, a cell each.

    cohort, year : (n_cells,) indices of the shock's year and of the outcome's. effect : (n_cells,).
    influence : (n_firms, n_cells), sums of products are covariances. members : (n_firms, n_cells) 1 for the
    reached firms of the cell.
    """

    cohort: Integers
    year: Integers
    effect: Array
    influence: Array
    members: Array

    @property
    def since(self) -> Integers:
        """(n_cells,) years since the shock."""
        return self.year - self.cohort

    @property
    def fit(self) -> Fit:
        """The cells as coefficients of one draw, errors clustered by firm, normal distribution."""
        return _as_fit(self.effect, self.influence)


def group_time_effects(
    y: Array, observed: Mask, cohort: Integers, comparison: Comparison = "never"
) -> GroupTime:
    """Change of each cohort since the year before its shock, less that of firms not reached.

    The base year is the last one before the shock for earlier years too, so that leads add up to a trend.
    Source: Callaway and Sant'Anna (2021), without covariates.
    Assumes: without the shock both had changed alike; nobody acts on it early; firms are independent.

    Parameters
    ----------
    y, observed : (n_firms, n_years). cohort : (n_firms,) index of the shock's year, -1 for never; firms
        reached in the first year or before have no base and are left out.

    Raises
    ------
    ValueError if no firm is reached within the panel, or none is left to compare with.
    """
    values = np.where(observed, y, np.nan)
    cells: list[tuple[int, int, float, Array, Array]] = []
    for start in np.unique(cohort[(cohort > 0) & (cohort < y.shape[1])]).tolist():
        for year in range(y.shape[1]):
            change = values[:, year] - values[:, start - 1]
            later = (cohort > max(start, year)) if comparison == "not_yet" else np.zeros_like(cohort, bool)
            reached, others = ((cohort == start), (cohort == -1) | later)
            reached, others = reached & np.isfinite(change), others & np.isfinite(change)
            if year == start - 1 or not reached.any() or not others.any():
                continue
            pull, means = np.zeros(len(y)), []
            for members, sign in ((reached, 1), (others, -1)):
                mean = change[members].mean()
                pull[members] = sign * (change[members] - mean) / members.sum()
                means.append(mean)
            cells.append((start, year, means[0] - means[1], pull, reached.astype(float)))
    if not cells:
        raise ValueError("no firm with outcomes before and after its shock, or none to compare it with")
    starts, years, effects, pulls, members_of = zip(*cells, strict=True)
    return GroupTime(
        np.array(starts), np.array(years), np.array(effects), np.stack(pulls, axis=1),
        np.stack(members_of, axis=1),
    )  # fmt: skip


def aggregated(found: GroupTime, groups: list[Mask]) -> tuple[Fit, Array]:
    """Means over groups of cells, each cell weighed by its reached firms; and influences (n_firms, n_groups).

    Errors count that the sizes of cohorts are drawn too. Source: Callaway and Sant'Anna (2021).

    Parameters
    ----------
    groups : masks (n_cells,), none empty, such as all cells of one year since the shock.
    """
    effects, pulls = [], []
    for cells in groups:
        members, effect = found.members[:, cells], found.effect[cells]
        size = members.sum()
        mean = float((members.sum(axis=0) * effect).sum() / size)
        drawn = (found.influence[:, cells] * members.sum(axis=0) + members * (effect - mean)).sum(axis=1)
        effects.append(mean)
        pulls.append(drawn / size)
    influence = np.stack(pulls, axis=1)
    return _as_fit(np.array(effects), influence), influence


def by_years_since(found: GroupTime, least: int, most: int) -> tuple[list[int], Fit, Array]:
    """Years since the shock that some cohort shows, their effects, and the influence of each firm."""
    since = [k for k in range(least, most + 1) if (found.since == k).any()]
    return since, *aggregated(found, [found.since == k for k in since])


def joint_quantile(
    influence: Array, rng: np.random.Generator, n_resamples: int, level: float = 0.95
) -> float:
    """Errors by which to widen every interval so that all hold together: the multiplier bootstrap.

    Source: Callaway and Sant'Anna (2021), with Rademacher multipliers of firms.

    Parameters
    ----------
    influence : (n_firms, k).
    """
    unit, signs = influence / np.sqrt((influence**2).sum(axis=0)), np.array([-1.0, 1.0])
    largest = [
        np.abs(rng.choice(signs, size=(len(part), len(unit))) @ unit).max(axis=1)
        for part in np.array_split(np.arange(n_resamples), 1 + n_resamples * len(unit) // SIGNS_AT_ONCE)
    ]
    return float(np.quantile(np.concatenate(largest), level))


def honest_interval(
    study: Fit, since: list[int], years: list[int], relative: float, level: float = 0.95
) -> tuple[float, float]:
    """Interval of the mean effect over `years` that unequal trends cannot break, up to a stated size.

    From one year to the next the trends of reached and other firms may part by `relative` times the largest
    such step among the years before the shock. For each of those steps the bound is linear in the
    coefficients and has an interval of its own; the union of these holds the truth at least as often as
    `level`, because it contains the interval of the largest step. It is wider than the conditional sets of
    the source.

    Source: Rambachan and Roth (2023), bounds on relative magnitudes.

    Parameters
    ----------
    study : fit of one draw, a coefficient for each of `since`; -1 is the base and not among them.
    years : those of `since` that are averaged, all at least 0. relative : 0 is parallel trends.

    Raises
    ------
    ValueError with fewer than one step before the shock.
    """
    from scipy import stats

    place = {k: column for column, k in enumerate(since)}
    target = np.zeros(len(since))
    target[[place[k] for k in years]] = 1 / len(years)
    reach = relative * float(np.mean([k + 1 for k in years]))
    quantile = float(stats.norm.ppf((1 + level) / 2))
    ends = []
    for step in _steps(place):
        for sign in (-1.0, 1.0):
            direction = target + sign * reach * step
            middle = float(direction @ study.coef[0])
            margin = quantile * float(np.sqrt(direction @ study.covariance[0] @ direction))
            ends += [middle - margin, middle + margin]
    return min(ends), max(ends)


def _steps(place: dict[int, int]) -> list[Array]:
    """Contrasts of neighbouring years before the shock, the base year being 0."""
    steps = []
    for k in range(min(place), -1):
        if k in place and (k + 1 == -1 or k + 1 in place):
            step = np.zeros(len(place))
            step[place[k]] = -1.0
            if k + 1 != -1:
                step[place[k + 1]] = 1.0
            steps.append(step)
    if not steps:
        raise ValueError("no two neighbouring years before the shock")
    return steps


def breakdown(study: Fit, since: list[int], years: list[int]) -> float:
    """Largest relative violation of `GRID` up to which the honest interval excludes 0; NaN if none does."""
    clear = [low > 0 or high < 0 for low, high in (honest_interval(study, since, years, m) for m in GRID)]
    if not clear[0]:
        return float("nan")
    return float(GRID[len(clear) - 1 if all(clear) else clear.index(False) - 1])


def _as_fit(effect: Array, influence: Array) -> Fit:
    covariance = influence.T @ influence
    n = np.array([int((influence != 0).any(axis=1).sum())])
    how = "influence functions by firm"
    return Fit(effect[None], np.sqrt(np.diag(covariance))[None], covariance[None], n, np.array([np.inf]), how)
