"""How a loss falls with what is paid to lower it: loss = a + b / cost^p, and how alike several p are.

At a price of one for cost and for loss beyond the floor a, the best balance puts p / (1 + p) of the sum into
cost: a share that needs no unit and can be compared between fields.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from dti_core.lab.intervals import Interval

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
#: Curvatures that are tried; one found at an end says no more than that it lies there or beyond.
CURVATURES = np.geomspace(0.05, 6.0, 240)


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of one frontier: cost (n,), above 0 or infinite, and loss (n,), of curves with codes group (n,).

    Curves share their curvature; each has its own floor and height.
    """

    cost: Array
    loss: Array
    group: Ints

    def take(self, rows: Ints) -> "Curve":
        """Some of the points."""
        return Curve(self.cost[rows], self.loss[rows], self.group[rows])


@dataclass(frozen=True, slots=True)
class Fit:
    """Curvature p of a frontier, whether it lies at an end of what was tried, and fitted losses (n,)."""

    curvature: float
    at_end: bool
    fitted: Array

    @property
    def share(self) -> float:
        """Share of the total that the best balance puts into cost."""
        return self.curvature / (1 + self.curvature)


def fit(curve: Curve) -> Fit:
    """Least squares in each curve's own mean loss, with floors and heights of at least 0.

    Raises ValueError unless some curve has three different costs.
    """
    codes, group = np.unique(curve.group, return_inverse=True)
    if max(len(np.unique(curve.cost[group == code])) for code in range(len(codes))) < 3:
        raise ValueError("a curvature needs a curve with three different costs at least")
    member = np.eye(len(codes))[group]
    size = member.sum(axis=0)
    scaled = curve.loss / (curve.loss @ member / size)[group]
    shapes = (curve.cost / np.exp(_mean_log(curve.cost)))[None] ** -CURVATURES[:, None]
    floor, height = _heights(shapes, scaled, member, size)
    fitted = floor[:, group] + height[:, group] * shapes
    errors = ((scaled - fitted) ** 2).sum(axis=1)
    best = int(errors.argmin())
    at_end = best in (0, len(CURVATURES) - 1)
    log = np.log(CURVATURES)
    bend = 0.0 if at_end else _vertex(log[best - 1 : best + 2], errors[best - 1 : best + 2])
    return Fit(
        float(CURVATURES[best] * np.exp(bend)), at_end, fitted[best] * (curve.loss @ member / size)[group]
    )


def _mean_log(cost: Array) -> float:
    return float(np.log(cost[np.isfinite(cost)]).mean())


def _heights(shapes: Array, loss: Array, member: Array, size: Array) -> tuple[Array, Array]:
    """(n_curvatures, n_curves) floors and heights of the least squares that are not below 0."""
    x, y = shapes @ member / size, loss @ member / size
    xx, xy = shapes**2 @ member / size, (shapes * loss) @ member / size
    spread = np.maximum(xx - x**2, 1e-12 * np.maximum(xx, 1e-300))
    height = np.maximum((xy - x * y) / spread, 0.0)
    floor = y - height * x
    alone = xy / np.maximum(xx, 1e-300)
    return np.maximum(floor, 0.0), np.where(floor < 0, alone, height)


def _vertex(at: Array, errors: Array) -> float:
    """By how much the lowest point of the parabola through three even points lies beside the middle one."""
    low, middle, high = errors
    curve = low - 2 * middle + high
    return 0.0 if curve <= 0 else float(0.5 * (low - high) / curve * (at[1] - at[0]))


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of frontiers, (n,), and those of as many redrawn ones, (n_redrawn, n); rows are independent."""

    names: tuple[str, ...]
    value: Array
    redrawn: Array

    def of(self, names: Sequence[str]) -> "Shares":
        """Some of them."""
        at = [self.names.index(name) for name in names]
        return Shares(tuple(names), self.value[at], self.redrawn[:, at])

    def moved(self, truth: Array, rng: np.random.Generator) -> "Shares":
        """What would be found of frontiers with these true shares, under the errors that are seen here."""
        errors = self.redrawn - self.value
        pick = rng.integers(len(errors), size=len(truth))
        found = truth + errors[pick, np.arange(len(truth))]
        return Shares(self.names, np.clip(found, 0, 1), np.clip(found + errors, 0, 1))


def spread(shares: Shares, level: float = 0.95) -> Interval:
    """Greatest difference between two shares.

    A pair's difference is taken to err by as much, to either side, as those of redrawn frontiers do. The
    upper end is the greatest of the pairs', which needs no correction to say that all are alike (Berger,
    1982); the lower end is the greatest of the pairs' at a level that holds for all at once.
    """
    pairs = list(combinations(range(len(shares.names)), 2))
    lows, highs = [0.0], [0.0]
    for one, other in pairs:
        gap = abs(shares.value[one] - shares.value[other])
        errors = shares.redrawn - shares.value
        off = np.abs(errors[:, one] - errors[:, other])
        highs.append(float(gap + np.quantile(off, level)))
        lows.append(float(gap - np.quantile(off, 1 - (1 - level) / len(pairs))))
    how = f"{len(pairs)} pairs of redrawn frontiers"
    low, high = max(lows), max(highs)
    return Interval(float(np.ptp(shares.value)), low, high, (high - low) / 4, len(shares.names), how, level)


def alike_minus_outside(inside: Shares, outside: Shares) -> Interval:
    """By how much the spread outside exceeds that inside, with the ends of both against each other."""
    ours, theirs = spread(inside), spread(outside)
    low, high = theirs.low - ours.high, theirs.high - ours.low
    return Interval(
        theirs.value - ours.value, low, high, (high - low) / 4, ours.n + theirs.n, "ends of both spreads"
    )


def turnover_risk(weights: Array, growth: Array, every: int, first: int) -> tuple[float, Array]:
    """Turnover a period, one way, and returns (n_periods,) of weights that are taken over now and then.

    Parameters
    ----------
    weights : (n_periods, n_assets) told at the start of each period. growth : (n_periods, n_assets) of a unit
    of each asset in it. every, first : periods between two changes, and the first of them.
    """
    held, traded, found = weights[0], 0.0, np.empty(len(weights))
    for period, (wanted, grown) in enumerate(zip(weights, growth, strict=True)):
        if period % every == first:
            traded += float(np.abs(wanted - held).sum()) / 2
            held = wanted
        worth = held * grown
        found[period] = worth.sum() - 1
        held = worth / worth.sum()
    return traded / len(weights), found


def subset_risk(covariance: Array, n_held: int) -> float:
    """Standard deviation of an even mix of `n_held` of the assets: mean variance over all ways to choose."""
    n = len(covariance)
    own = float(np.trace(covariance)) / n
    shared = (float(covariance.sum()) - n * own) / (n * (n - 1))
    return float(np.sqrt(own / n_held + shared * (1 - 1 / n_held)))


def table(fits: Mapping[str, Fit], curves: Mapping[str, Curve]) -> list[dict[str, object]]:
    """A row a point: frontier, curve, cost, loss and what was fitted."""
    return [
        {"frontier": name, "curve": int(group), "cost": cost, "loss": loss, "fitted": fitted}
        for name, one in curves.items()
        for group, cost, loss, fitted in zip(
            one.group, one.cost, one.loss, fits[name].fitted, strict=True
        )
    ]  # fmt: skip
