"""Losses of several arms on the same rows, and the gains between arms with their intervals.

An arm is a way to answer in the target field: `with` the part carried there, `without` it, with a `placebo`
whose learning was destroyed, `naive`, and any other name for a rival of the field.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from dti_core.lab.intervals import Interval

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
WITH, WITHOUT, PLACEBO, NAIVE = "with", "without", "placebo", "naive"
OURS = (WITH, WITHOUT, PLACEBO, NAIVE)
#: By how much of the naive loss all arms but the placebo trail it in a world without transfer.
MARGIN = 0.1


@dataclass(frozen=True, slots=True)
class Losses:
    """Mean losses of arms by seed of training, unit (series, firm, site) and period.

    arms : name -> (n_seeds, n_units, n_periods); an arm without training has one seed. Cells of no row are
        ignored. rows : (n_units, n_periods), rows behind each mean. clusters : (n_units,) codes of units that
        hang together, such as firms of a country, taken as drawn together; None takes each unit as drawn.
    """

    arms: Mapping[str, Array]
    rows: Array
    clusters: Codes | None = None

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
        """What the part must beat beside its placebo: the method without it, and arms of the target field."""
        return tuple(name for name in self.arms if name not in (WITH, PLACEBO, NAIVE))

    @property
    def best_rival(self) -> str:
        """The rival with the least loss on these very rows, which flatters it."""
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

        The interval takes seeds, units (or their clusters) and periods as drawn, each on its own: the
        variance of sums clustered three ways, never below that of one way alone, with Student's t of the way
        that has the fewest groups, counted as if they weighed alike.

        Source: Cameron, Gelbach and Miller (2011), equation 2.5; groups by Kish (1965).

        Assumes: units are independent of each other but for what a period does to all, and likewise periods;
        between clusters if they have any.
        """
        from scipy import stats

        value, cells = self.influence(over, under)
        cells, rows = self._clustered(cells), self._clustered(self.rows[None])[0]
        ways = [axis for axis in range(3) if cells.shape[axis] > 1]
        if not ways:
            return Interval(value, value, value, 0.0, 1, "one row", level)
        weights = np.broadcast_to(rows / rows.sum() / len(cells), cells.shape)
        variances = {chosen: _variance(cells, weights, chosen) for chosen in _subsets(ways)}
        total = sum((-1) ** (len(chosen) + 1) * one for chosen, one in variances.items())
        error = math.sqrt(max(total, *(variances[(way,)] for way in ways)))
        shortest = min(_n_groups(weights, way) for way in ways)
        margin = float(stats.t.ppf((1 + level) / 2, max(1.0, shortest - 1))) * error
        unit = "units" if self.clusters is None else "clusters of units"
        named = " x ".join(f"{cells.shape[way]} {('seeds', unit, 'periods')[way]}" for way in ways)
        return Interval(
            value, value - margin, value + margin, error, cells.shape[1], f"clustered by {named}", level,
            cells.shape[0],
        )  # fmt: skip

    def _clustered(self, cells: Array) -> Array:
        """Sums (n_seeds, n_clusters, n_periods) of cells (n_seeds, n_units, n_periods) by cluster."""
        if self.clusters is None:
            return cells
        codes, place = np.unique(self.clusters, return_inverse=True)
        inside = np.eye(len(codes))[place]
        return np.einsum("sup,uc->scp", cells, inside)

    def of_units(self, units: Codes) -> "Losses":
        """The losses of some units."""
        arms = {name: loss[:, units] for name, loss in self.arms.items()}
        return Losses(arms, self.rows[units], None if self.clusters is None else self.clusters[units])

    def resampled(self, rng: np.random.Generator) -> "Losses":
        """Losses of other units, or of other clusters of them, drawn with replacement."""
        if self.clusters is None:
            return self.of_units(rng.integers(len(self.rows), size=len(self.rows)))
        codes = np.unique(self.clusters)
        members = [np.flatnonzero(self.clusters == code) for code in rng.choice(codes, len(codes))]
        found = self.of_units(np.concatenate(members))
        return replace(found, clusters=np.repeat(np.arange(len(members)), [len(one) for one in members]))

    def drawn(self, n_seeds: int, rng: np.random.Generator) -> "Losses":
        """These losses with other units and `n_seeds` other networks, all drawn with replacement."""
        other = self.resampled(rng)
        return replace(other, arms={name: _pick(loss, n_seeds, rng) for name, loss in other.arms.items()})

    def unopposed(self) -> "Losses":
        """The same where the placebo alone stands against the part, all other arms being worse by `MARGIN`.

        Of all worlds without transfer that in which a part is found soonest: with a second hurdle that it
        could not clear either, a bar would be held by that one and not by its interval.

        Source: Berger (1982), the least favourable case of an intersection-union test.
        """
        placebo = self.arms[PLACEBO].mean(axis=0, keepdims=True)
        worse = placebo + MARGIN * self.arms[NAIVE].mean(axis=0, keepdims=True)
        return replace(self, arms={**self.arms, **dict.fromkeys(self.rivals, worse)})

    def without_effect(self, n_seeds: int, rng: np.random.Generator) -> "Losses":
        """Losses in which the part gains nothing over its placebo; other networks, units and periods.

        What it gained is given back in proportion to the naive loss. What it owes to a network, a unit or a
        period stays, so that the interval meets all that the observed one must hold.
        """
        value = self.influence(PLACEBO, WITH)[0] / 100
        none = {**self.arms, WITH: self.arms[WITH] + value * self.arms[NAIVE].mean(axis=0, keepdims=True)}
        other = replace(self, arms=none).drawn(n_seeds, rng)
        periods = rng.integers(self.rows.shape[1], size=self.rows.shape[1])
        arms = {name: loss[:, :, periods] for name, loss in other.arms.items()}
        return replace(other, arms=arms, rows=other.rows[:, periods])


def _pick(loss: Array, n_seeds: int, rng: np.random.Generator) -> Array:
    return loss[rng.integers(len(loss), size=n_seeds)] if len(loss) > 1 else loss


def _subsets(ways: Sequence[int]) -> Iterator[tuple[int, ...]]:
    for size in range(1, len(ways) + 1):
        yield from combinations(ways, size)


def _variance(cells: Array, weights: Array, chosen: tuple[int, ...]) -> float:
    """Variance of the sum of all cells, which are independent between groups of the `chosen` ways.

    The factor makes up for the mean that was taken off, for groups of unlike weight but like variance; of n
    groups that weigh alike it is n / (n - 1).
    """
    rest = tuple(axis for axis in range(3) if axis not in chosen)
    sums, share = cells.sum(axis=rest), weights.sum(axis=rest)
    left = 1 - 2 * float(np.sum(share**3) / np.sum(share**2)) + float(np.sum(share**2))
    return float(np.sum(sums**2)) / max(left, 1e-3)


def _n_groups(weights: Array, way: int) -> float:
    """How many groups of equal weight these are worth."""
    share = weights.sum(axis=tuple(axis for axis in range(3) if axis != way))
    return float(1 / np.sum(share**2))
