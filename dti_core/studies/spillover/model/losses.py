"""Losses of several arms on the same rows, and the gains between arms with their intervals.

An arm is a way to answer in the target field: `with` the part carried there, `without` it, with a `placebo`
whose learning was destroyed, `naive`, and any other name for a rival of the field.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from dti_core.lab.intervals import Interval

Array = NDArray[np.float64]
WITH, WITHOUT, PLACEBO, NAIVE = "with", "without", "placebo", "naive"
OURS = (WITH, WITHOUT, PLACEBO, NAIVE)


@dataclass(frozen=True, slots=True)
class Losses:
    """Mean losses of arms by seed of training, unit (series, firm, site) and period.

    arms : name -> (n_seeds, n_units, n_periods); an arm without training has one seed. Cells of no row are
        ignored. rows : (n_units, n_periods), rows behind each mean.
    """

    arms: Mapping[str, Array]
    rows: Array

    def __post_init__(self) -> None:
        if lacking := [name for name in OURS if name not in self.arms]:
            raise ValueError(f"losses lack the arms {', '.join(lacking)}")
        seen = self.rows > 0
        for name, loss in self.arms.items():
            if loss.ndim != 3 or loss.shape[1:] != self.rows.shape:
                raise ValueError(f"losses of {name} have shape {loss.shape}, rows {self.rows.shape}")
            if not np.isfinite(loss[:, seen]).all():
                raise ValueError(f"losses of {name} are not finite")
        if not seen.any():
            raise ValueError("no unit has a row")

    @property
    def rivals(self) -> tuple[str, ...]:
        """Arms of the target field."""
        return tuple(name for name in self.arms if name not in OURS)

    @property
    def best_rival(self) -> str:
        """The rival with the least loss on these very rows, which flatters it."""
        if not self.rivals:
            raise ValueError("losses without a rival of the target field")
        return min(self.rivals, key=self.mean)

    def mean(self, arm: str) -> float:
        """Mean loss over seeds and rows."""
        return float(np.sum(self._share * np.where(self.rows > 0, self.arms[arm].mean(axis=0), 0.0)))

    @property
    def _share(self) -> Array:
        share: Array = self.rows / self.rows.sum()
        return share

    def influence(self, over: str, under: str) -> tuple[float, Array]:
        """Loss of `over` less that of `under` in % of the naive loss, and what each cell adds to it.

        The second, (n_seeds, n_units, n_periods), sums to 0: to first order the error of a ratio of sums.
        """
        first, second, naive = (np.where(self.rows > 0, self.arms[one], 0.0) for one in (over, under, NAIVE))
        base = float(np.sum(self._share * naive.mean(axis=0)))
        if not base > 0:
            raise ValueError("the naive loss is not positive, so no gain can be told in its percent")
        difference = first - second
        value = float(np.sum(self._share * difference.mean(axis=0))) / base
        cells = 100.0 * self._share * (difference - value * naive) / base
        return 100.0 * value, cells / len(cells)

    def gain(self, over: str, under: str = WITH, level: float = 0.95) -> Interval:
        """By how much of the naive loss, in %, the loss of `under` lies below that of `over`.

        The interval takes seeds, units and periods as drawn, each on its own: the variance of sums clustered
        three ways, never below that of one way alone, with Student's t of the shortest way.

        Source: Cameron, Gelbach and Miller (2011), equation 2.5.

        Assumes: units are independent of each other but for what a period does to all, and likewise periods.
        """
        from scipy import stats

        value, cells = self.influence(over, under)
        ways = [axis for axis in range(3) if cells.shape[axis] > 1]
        if not ways:
            return Interval(value, value, value, 0.0, 1, "one row", level)
        variances = {
            chosen: _variance(cells, chosen) for chosen in _subsets(ways)
        }  # fmt: skip
        total = sum((-1) ** (len(chosen) + 1) * one for chosen, one in variances.items())
        error = math.sqrt(max(total, *(variances[(way,)] for way in ways)))
        shortest = min(_n_groups(self.rows, cells, way) for way in ways)
        margin = float(stats.t.ppf((1 + level) / 2, shortest - 1)) * error
        named = " x ".join(f"{cells.shape[way]} {('seeds', 'units', 'periods')[way]}" for way in ways)
        return Interval(
            value, value - margin, value + margin, error, cells.shape[1], f"clustered by {named}", level,
            cells.shape[0],
        )  # fmt: skip

    def drawn(self, n_seeds: int, rng: np.random.Generator) -> "Losses":
        """These losses with other units and `n_seeds` other networks, all drawn with replacement."""
        units = rng.integers(len(self.rows), size=len(self.rows))
        return Losses({name: _pick(loss, n_seeds, units, rng) for name, loss in self.arms.items()},
                      self.rows[units])  # fmt: skip

    def without_effect(self, n_seeds: int, rng: np.random.Generator) -> "Losses":
        """Losses in which the placebo stands for the part: two disjoint sets of its networks, other units.

        Raises ValueError for fewer than two networks.
        """
        if len(self.arms[PLACEBO]) < 2:
            raise ValueError("a placebo needs two networks at least to be set against itself")
        half = min(n_seeds, len(self.arms[PLACEBO]) // 2)
        order = rng.permutation(len(self.arms[PLACEBO]))
        placebo = self.arms[PLACEBO]
        sham = {**self.arms, WITH: placebo[order[:half]], PLACEBO: placebo[order[half : 2 * half]]}
        units = rng.integers(len(self.rows), size=len(self.rows))
        cut = {name: loss[: half if len(loss) > 1 else 1, units] for name, loss in sham.items()}
        return Losses(cut, self.rows[units])


def _pick(loss: Array, n_seeds: int, units: NDArray[np.int64], rng: np.random.Generator) -> Array:
    seeds = rng.integers(len(loss), size=n_seeds) if len(loss) > 1 else np.zeros(1, dtype=np.int64)
    return loss[seeds][:, units]


def _subsets(ways: Sequence[int]) -> Iterator[tuple[int, ...]]:
    for size in range(1, len(ways) + 1):
        yield from combinations(ways, size)


def _variance(cells: Array, chosen: tuple[int, ...]) -> float:
    """Variance of the sum of all cells, which are independent between groups of the `chosen` ways."""
    rest = tuple(axis for axis in range(3) if axis not in chosen)
    sums = cells.sum(axis=rest)
    n = sums.size
    return float(np.sum(sums**2)) * n / max(1, n - 1)


def _n_groups(rows: Array, cells: Array, way: int) -> int:
    """Seeds, or units or periods that have a row at all."""
    if way == 0:
        return len(cells)
    return max(2, int(np.any(rows > 0, axis=2 - way).sum()))
