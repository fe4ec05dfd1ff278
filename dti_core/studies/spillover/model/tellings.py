"""When each cell of pooled counts tells, and by which priors a unit is told alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dti_core.bridges.pooling import lone_rates
from dti_core.studies.spillover.model.losses import Array, Losses
from dti_core.studies.spillover.model.units import Counts, Rule, by_bridge, count_losses, weighted

#: Trials told of a unit above which it weighs no more: fewer are mostly chance, and the largest would be all.
FULL_WEIGHT = 100.0
#: Quarters of a year told at each telling of fixes.
TOLD_QUARTERS = 2


@dataclass(frozen=True, slots=True)
class Setting:
    """How a cell tells: its lone priors, and when."""

    lone: Mapping[str, Rule]
    split: Callable[[Counts], Sequence[Counts]]

    def losses(self, counts: Counts, rng: np.random.Generator, n_shuffles: int = 1) -> Losses:
        """Losses of all arms, their rows being trials."""
        return count_losses(self.split(counts), self.lone, rng, n_shuffles)

    def weighted(self, losses: Losses, most: float = FULL_WEIGHT) -> Losses:
        """These losses, units weighing by their trials up to `most`."""
        return weighted(losses, tuple(self.lone), most)

    def size(self, counts: Counts) -> Array:
        """Trials (n_units,) of the past at the last telling."""
        return self.split(counts)[-1].size


def half_years(counts: Counts) -> list[Counts]:
    """The units every half-year, with the next one to be told."""
    last = counts.hits.shape[1] - TOLD_QUARTERS
    return [counts.before(at, TOLD_QUARTERS) for at in range(counts.n_train, last + 1, TOLD_QUARTERS)]


def _once_a_year(counts: Counts) -> Array:
    """A guess of once in 52 weeks that weighs as much as a year of the unit's own weeks."""
    return lone_rates(*counts.past, mean=1 / 52, strength=52.0)


def _last_half_year(counts: Counts) -> Array:
    """The same guess beside the last half-year alone."""
    recent = slice(max(0, counts.n_train - TOLD_QUARTERS), counts.n_train)
    hits, trials = (one[:, recent].sum(axis=1) for one in (counts.hits, counts.trials))
    return lone_rates(hits, trials, mean=1 / 52, strength=52.0)


def _whole(counts: Counts) -> list[Counts]:
    return [counts]


_BOTH: Mapping[str, Rule] = {name: by_bridge(name) for name in ("jeffreys", "add_one")}
_KINDS: Mapping[str, Rule] = {**_BOTH, **{name: by_bridge(name) for name in ("own_level", "own_categories")}}
_WEEKS: Mapping[str, Rule] = {**_BOTH, "once_a_year": _once_a_year, "last_half_year": _last_half_year}
#: By cell.
SETTINGS: Mapping[str, Setting] = {
    "pooling_stores": Setting(_KINDS, _whole),
    "pooling_sites": Setting(_KINDS, _whole),
    "pooling_fixes": Setting(_WEEKS, half_years),
}
