"""What a cell yields: three gains of the part, in the observed world and in drawn control worlds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import pandas as pd
from scipy import stats
from scipy.optimize import brentq

from dti_core.lab.intervals import Interval
from dti_core.lab.record import Estimate
from dti_core.studies.spillover.model.losses import NAIVE, PLACEBO, WITH, WITHOUT, Losses

#: At least as many cells as carry something from one field to real data of another.
MOST_CELLS = 20
#: The naive loss itself, in % of it: no part could gain more.
ALL = 100.0


@dataclass(frozen=True, slots=True)
class Gains:
    """Gains of the part in one world, in % of the naive loss.

    added : over the same method without it. carried : over the part with its learning destroyed, at equal
    data and steps. worth : over the best rival of the target field, the method without it among them. own :
    of the target's own method, with the part or without, the better, over the naive answer. losses : each
    arm's mean loss in % of the naive one. works : whether the field's own method does what it is there for.
    """

    added: Interval
    carried: Interval
    worth: Interval
    own: Interval
    rival: str
    losses: Mapping[str, float]
    works: bool

    @property
    def lesser(self) -> Interval:
        """The lesser of `carried` and `worth`: a part helps a field only if both are above 0."""
        return self.lesser_for(1)

    def lesser_for(self, n_cells: int) -> Interval:
        """The same with ends that hold for so many cells at once."""
        return self.told(least((self.carried, self.worth), n_cells))

    @property
    def learned(self) -> Interval:
        """The lesser of `added` and `carried`: feedback helps only if it beats none and a false one."""
        return self.told(least((self.added, self.carried)))

    def told(self, one: Interval) -> Interval:
        """A deciding gain, open upwards to all that could be gained where the target's own method fails.

        Such a cell says that its method does not fit the field, not that nothing could be carried there.
        """
        return (
            one if self.works else replace(one, high=max(one.high, ALL), how=f"{one.how}, own method fails")
        )


def least(many: Sequence[Interval], n_cells: int = 1) -> Interval:
    """What is at least so large in all of several intervals: the lesser value and the lesser ends.

    The lower end needs no correction for looking at several, as all must be found above it. The upper end is
    that of whichever is found first to lie below it, and so at a level for as many looks. Both hold for
    `n_cells` cells at once.

    Source: Berger (1982), intersection-union, for the lower end; Bonferroni for all else.
    """
    level = many[0].level
    low = min(at_level(one, 1 - (1 - level) / n_cells).low for one in many)
    high = min(at_level(one, 1 - (1 - level) / n_cells / len(many)).high for one in many)
    shortest = min(many, key=lambda one: one.low)
    return replace(
        shortest, value=min(one.value for one in many), low=low, high=high,
        how=f"lesser ends of {len(many)}, {shortest.how}",
    )  # fmt: skip


def at_level(one: Interval, level: float) -> Interval:
    """A symmetric interval of Student's t at another level, its degrees of freedom told by how wide it is."""
    if one.std_error == 0 or level == one.level:
        return one
    factor = (one.high - one.value) / one.std_error
    margin = float(stats.t.ppf((1 + level) / 2, _degrees(round(factor, 9), one.level))) * one.std_error
    return replace(one, low=one.value - margin, high=one.value + margin, level=level)


@cache
def _degrees(factor: float, level: float) -> float:
    """Degrees of freedom at which Student's t has this quantile; a million stands for more."""
    return float(brentq(lambda n: stats.t.ppf((1 + level) / 2, n) - factor, 0.5, 1e6, xtol=1e-9)
                 if factor > stats.t.ppf((1 + level) / 2, 1e6) else 1e6)  # fmt: skip


def gains(losses: Losses, level: float = 0.95, *, gated: bool = True) -> Gains:
    """The gains between the arms of one world, the best rival chosen on the rows themselves.

    The own method works if it beats the naive answer at all; where that is no question, `gated` is false.
    """
    rival, naive = losses.best_rival, losses.mean(NAIVE)
    own = losses.gain(NAIVE, min((WITH, WITHOUT), key=losses.mean), level)
    return Gains(
        losses.gain(WITHOUT, level=level), losses.gain(PLACEBO, level=level), losses.gain(rival, level=level),
        own, rival, {name: 100.0 * losses.mean(name) / naive for name in losses.arms},
        own.value > 0 or not gated,
    )  # fmt: skip


def null_gains(losses: Losses) -> Gains:
    """The gains in a world without transfer, where nothing but the placebo stands against the part.

    It closes what a failing method would leave open: in such a world there is nothing to be carried.
    """
    return gains(losses.unopposed(), gated=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that a cell found.

    observed : its gains. null, planted : those of each draw of the world without transfer and of the one in
    which it was planted. estimates, series : whatever else its question asks for, names starting with the
    cell's.
    """

    observed: Gains
    null: tuple[Gains, ...]
    planted: tuple[Gains, ...]
    estimates: tuple[Estimate, ...] = ()
    series: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def opened(found: Outcome) -> Outcome:
    """The same, open upwards: a cell that misses what is planted in it cannot say that there is nothing."""
    return replace(found, observed=replace(found.observed, works=False))


def all_gains(many: Iterable[Losses]) -> tuple[Gains, ...]:
    """The gains of each of several draws."""
    return tuple(map(gains, many))


def all_null_gains(many: Iterable[Losses]) -> tuple[Gains, ...]:
    """The gains of each of several draws without transfer."""
    return tuple(map(null_gains, many))
