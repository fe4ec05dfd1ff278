"""Reading what is frozen: the estimates and series of a chapter, and surfaces over a grid of sizes.

A surface gives at a point of its grid the recorded numbers themselves, between two points what lies between
them, in the logarithm where an axis or the answer is one, and beyond its ends nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import pandas as pd

from dti_core.lab.errors import ConfigError, RunError
from dti_core.lab.frozen import frozen_result, record_digest, record_file
from dti_core.lab.record import Estimate, Result

#: Value and ends of its interval; NaN for ends that the record does not give.
Three = tuple[float, float, float]
#: Recorded numbers by point of a grid.
Table = Mapping[tuple[float, ...], Three]


@dataclass(frozen=True, slots=True)
class Axis:
    """One direction of a grid: what it counts, its recorded points in rising order, and its scale."""

    name: str
    points: tuple[float, ...]
    log: bool = True

    def between(self, value: float) -> tuple[int, float]:
        """The point at or before `value`, and the share of the way to the next one; 0 at a point."""
        inside(self.name, value, self.points[0], self.points[-1], "Ask for one within.")
        at = max(k for k, point in enumerate(self.points) if point <= value)
        if self.points[at] == value:
            return at, 0.0
        ends = self.points[at], self.points[at + 1]
        low, here, high = (math.log(one) if self.log else one for one in (ends[0], value, ends[1]))
        return at, (here - low) / (high - low)


@dataclass(frozen=True, slots=True)
class Surface:
    """Recorded numbers over a grid. table : by grid point. log : whether the answer is read in logarithms."""

    axes: tuple[Axis, ...]
    table: Table
    log: bool = False

    def at(self, *where: float) -> Three:
        """The three numbers at a place. ConfigError outside the grid, or where it has a hole."""
        places = [axis.between(value) for axis, value in zip(self.axes, where, strict=True)]
        return self._read((), places)

    def on_grid(self, *where: float) -> bool:
        """Whether the record itself has this place."""
        return tuple(where) in self.table

    def _read(self, done: tuple[float, ...], places: Sequence[tuple[int, float]]) -> Three:
        if not places:
            if done not in self.table:
                here = ", ".join(f"{axis.name} {at:g}" for axis, at in zip(self.axes, done, strict=True))
                raise ConfigError(f"the record holds nothing at {here}. Ask for another size.")
            return self.table[done]
        (at, share), *rest = places
        points = self.axes[len(done)].points
        first = self._read((*done, points[at]), rest)
        if not share:
            return first
        second = self._read((*done, points[at + 1]), rest)
        value, low, high = (mixed(*ends, share, self.log) for ends in zip(first, second, strict=True))
        return value, low, high

    @property
    def how(self) -> str:
        """How it is read between points, in words."""
        scale = " and ".join(f"log {axis.name}" if axis.log else axis.name for axis in self.axes)
        return f"straight between recorded points in {scale}" + (
            ", the answer in logarithms" if self.log else ""
        )


def mixed(first: float, second: float, share: float, log: bool) -> float:
    """What lies `share` of the way between two numbers, in logarithms where that is asked for."""
    if log and first > 0 and second > 0:
        return float(first * (second / first) ** share)
    return first + share * (second - first)


def surface(names: Sequence[str], rows: Table, *, log: bool = False,
            logs: Sequence[bool] = ()) -> Surface:  # fmt: skip
    """The surface of these rows, by grid point. RunError if there is none; all axes in logs unless said."""
    if not rows:
        raise RunError(f"no recorded numbers over {', '.join(names)}: is the chapter of this version?")
    points = [tuple(sorted(set(column))) for column in zip(*rows, strict=True)]
    scales = logs or [True] * len(names)
    return Surface(tuple(map(Axis, names, points, scales)), rows, log)


def inside(name: str, value: float, low: float, high: float, advice: str) -> None:
    """ConfigError, with the range and what to do, for a value outside it."""
    if not low <= value <= high:
        raise ConfigError(
            f"{name} {value:g} lies outside what the record holds, {low:g} to {high:g}. {advice}"
        )


def frozen(slug: str) -> Result:
    """The frozen result of a study, read once. RunError if there is none or it lacks a series."""
    return _frozen(slug, str(record_file(slug)), record_digest(slug))


@lru_cache(maxsize=16)
def _frozen(slug: str, place: str, digest: str) -> Result:
    return frozen_result(slug)


def estimate(slug: str, key: str) -> Estimate:
    """A number of a frozen record. RunError if it has none of that key."""
    try:
        return frozen(slug)[key]
    except KeyError:
        raise RunError(f"{slug}: the frozen record has no number {key}.") from None


def estimates(slug: str, world: str = "observed", **at: str | float) -> list[Estimate]:
    """Numbers of a frozen record with these dimensions, in their order."""
    return frozen(slug).where(world, **at)


def series(slug: str, name: str) -> pd.DataFrame:
    """A frozen table. RunError if there is none of that name."""
    try:
        return frozen(slug).series[name]
    except KeyError:
        raise RunError(f"{slug}: the frozen chapter has no series {name}.") from None


def three(one: Estimate) -> Three:
    """Value and interval of an estimate."""
    return one.value, one.low, one.high
