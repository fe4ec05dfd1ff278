"""Members who report to private sums: real ones, and simulated ones of whom the sums must tell something."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
#: Draws readings (n_readings, n_members, n_periods) of what members are seen to report.
Read = Callable[[int, np.random.Generator], Array]
#: Of the planted worlds, in units of a value's range: how far a group lies from the middle, the standard
#: deviations between members of a group, from period to period and of a reading, and how far all readings
#: of a group are wrong alike, so that no mean of them is right.
GROUPS_APART, MEMBERS_APART, PERIODS_APART, READING_ERROR, COMMON_ERROR = 0.2, 0.05, 0.05, 0.2, 0.25
#: Share of the periods after which groups part, so that a pilot tells nothing of them.
PARTING = 0.4
#: The log rate of all sources in the planted world: height and length, in months, of its waves.
WAVE, WAVE_MONTHS = 2.0, 12
#: Monthly rate of a source in the planted world: its median, and the standard deviation of its log.
RATE_MEDIAN, RATE_APART = 0.3, 0.3


@dataclass(frozen=True, slots=True)
class Members:
    """Members in groups, with a value a period that they may report.

    values : (n_members, n_periods) within the public `bounds`, NaN where absent. codes : (n_members,) groups.
    read : what a bank sees of a member itself.
    """

    values: Array
    codes: Codes
    bounds: tuple[float, float]
    read: Read

    @property
    def n_groups(self) -> int:
        """Groups, each of one member at least."""
        return int(self.codes.max()) + 1

    def dealt(self, rng: np.random.Generator) -> "Members":
        """The same members, put into groups of the same sizes by chance."""
        return replace(self, codes=rng.permutation(self.codes))


def read_with_error(values: Array, error: float, n_readings: int, rng: np.random.Generator) -> Array:
    """Readings of values with a normal error of this standard deviation."""
    return np.asarray(values + error * rng.standard_normal((n_readings, *values.shape)))


def planted_members(
    shape: tuple[int, ...], n_groups: int, bounds: tuple[float, float], rng: np.random.Generator
) -> Members:
    """Groups of equal size that lie apart, read by a bank that errs alike about a whole group.

    Groups are alike at first and part after a while, so that neither the bank's readings nor a pilot shows
    where a group lies; sums of true reports show it. shape : members, periods.
    """
    n_members, n_periods = shape
    codes = np.arange(n_members) % n_groups
    halves = np.where(np.arange(n_groups) % 2, 1.0, -1.0)[:, None]
    side, wrongly = (rng.permutation(halves) for _ in range(2))
    parted = np.arange(n_periods) >= round(PARTING * (n_periods - 1))
    own = MEMBERS_APART * rng.standard_normal((n_members, 1))
    own = own + PERIODS_APART * rng.standard_normal((n_members, n_periods))
    place = np.clip(0.5 + GROUPS_APART * (side * parted)[codes] + own, 0.0, 1.0)
    low, high = bounds
    values, wrong = (low + (high - low) * one for one in (place, place + COMMON_ERROR * wrongly[codes]))
    return Members(values, codes, bounds, partial(read_with_error, wrong, READING_ERROR * (high - low)))


def planted_months(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Active source-months of this shape, 0 or 1, whose rates rise and fall together."""
    n_sources, n_months = shape
    place = np.arange(n_months) + rng.uniform(0, WAVE_MONTHS)
    common = WAVE * np.sin(2 * np.pi * place / WAVE_MONTHS)
    own = np.log(RATE_MEDIAN) + RATE_APART * rng.standard_normal(n_sources)
    rate = np.exp(own[:, None] + common)
    return (rng.random(rate.shape) < -np.expm1(-rate)).astype(np.float64)
