"""What a cell yields: three gains of the part, in the observed world and in drawn control worlds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from dti_core.lab.intervals import Interval
from dti_core.lab.record import Estimate
from dti_core.studies.spillover.model.losses import NAIVE, PLACEBO, WITH, WITHOUT, Losses

#: At least as many cells as carry something from one field to real data of another: `strict` holds for all.
MOST_CELLS = 20
#: The naive loss itself, in % of it: no part could gain more.
ALL = 100.0


@dataclass(frozen=True, slots=True)
class Gains:
    """Gains of the part in one world, in % of the naive loss.

    added : over the same method without it. carried : over the part with its learning destroyed, at equal
    data and steps. worth : over the best rival of the target field, the method without it among them. own :
    of the target's own method, with the part or without, the better, over the naive answer. losses : each
    arm's mean loss in % of the naive one. strict : the lesser of carried and worth at a level that holds for
    MOST_CELLS cells at once. works : whether the field's own method does what it is there for.
    """

    added: Interval
    carried: Interval
    worth: Interval
    own: Interval
    strict: Interval
    rival: str
    losses: Mapping[str, float]
    works: bool

    @property
    def lesser(self) -> Interval:
        """The lesser of `carried` and `worth`: a part helps a field only if both are above 0."""
        return self.told(least(self.carried, self.worth))

    @property
    def learned(self) -> Interval:
        """The lesser of `added` and `carried`: feedback helps only if it beats none and a false one."""
        return self.told(least(self.added, self.carried))

    def told(self, one: Interval) -> Interval:
        """A deciding gain, open upwards to all that could be gained where the target's own method fails.

        Such a cell says that its method does not fit the field, not that nothing could be carried there.
        """
        return (
            one if self.works else replace(one, high=max(one.high, ALL), how=f"{one.how}, own method fails")
        )


def least(*many: Interval) -> Interval:
    """What is at least so large in all of several intervals: the lesser value and the lesser ends.

    Source: Berger (1982), intersection-union, which needs no correction for looking at several.
    """
    value, low, high = (min(getattr(one, end) for one in many) for end in ("value", "low", "high"))
    shortest = min(many, key=lambda one: one.low)
    return replace(
        shortest, value=value, low=low, high=high, how=f"lesser ends of {len(many)}, {shortest.how}"
    )


def gains(losses: Losses, level: float = 0.95) -> Gains:
    """The gains between the arms of one world, the best rival chosen on the rows themselves.

    The own method works if it beats the naive answer at all.
    """
    rival, naive = losses.best_rival, losses.mean(NAIVE)
    strict = 1 - (1 - level) / MOST_CELLS
    own = losses.gain(NAIVE, min((WITH, WITHOUT), key=losses.mean), level)
    return Gains(
        losses.gain(WITHOUT, level=level), losses.gain(PLACEBO, level=level), losses.gain(rival, level=level),
        own, least(losses.gain(PLACEBO, level=strict), losses.gain(rival, level=strict)), rival,
        {name: 100.0 * losses.mean(name) / naive for name in losses.arms}, own.value > 0,
    )  # fmt: skip


def null_gains(losses: Losses) -> Gains:
    """The gains in a world without transfer, where nothing but the placebo stands against the part.

    It closes what a failing method would leave open: in such a world there is nothing to be carried.
    """
    return replace(gains(losses.unopposed()), works=True)


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


def all_gains(many: Iterable[Losses]) -> tuple[Gains, ...]:
    """The gains of each of several draws."""
    return tuple(map(gains, many))


def all_null_gains(many: Iterable[Losses]) -> tuple[Gains, ...]:
    """The gains of each of several draws without transfer."""
    return tuple(map(null_gains, many))
