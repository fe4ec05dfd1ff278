"""Means of groups from private sums, and forecasts that lean on them.

A member (a firm, a source) reports once a period. A report is a value within public bounds, in whole steps
from the lower one, and the steps left to the upper one. Both go to the bucket pair of its group, so that
every report has the same L1 norm and one noise serves for the sum and for the count.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dti_core.bridges.privacy import Guarantee, discrete_laplace, sensitivity
from dti_core.bridges.secure_sum import secure_histogram

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
Mask = NDArray[np.bool_]
#: Whole steps from the lower bound of a value to the upper one.
STEPS = 256
#: Aggregators, each of which adds noise of its own, so that the promise holds against the other.
N_AGGREGATORS = 2
#: Least reports that a noisy count is taken for.
LEAST_COUNT = 1.0


@dataclass(frozen=True, slots=True)
class Release:
    """How sums of reports are released.

    epsilon : a member and period; infinite for exact sums. steps : L1 norm of a report. unit : of privacy.

    Assumes: one report a member and period, within the bounds; periods add up (basic composition), so that a
    member who reports for k periods has k times epsilon.
    """

    epsilon: float
    steps: int = STEPS
    unit: str = "firm and year"

    @property
    def guarantee(self) -> Guarantee:
        """What a release promises for one period."""
        return Guarantee(self.unit, "add or remove one", self.epsilon, 0.0, "pure")

    @property
    def scale(self) -> float:
        """Of each aggregator's discrete Laplace noise, in steps."""
        return sensitivity("l1", self.guarantee.adjacency, float(self.steps)) / self.epsilon

    @property
    def variance(self) -> float:
        """Of all noise on one sum, in steps squared."""
        if math.isinf(self.epsilon):
            return 0.0
        stay = math.exp(-1 / self.scale)
        return N_AGGREGATORS * 2 * stay / (1 - stay) ** 2

    def noise(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Noise of both aggregators together, whole steps; zeros for an infinite epsilon."""
        if math.isinf(self.epsilon):
            return np.zeros(shape)
        draws = [discrete_laplace(self.scale, shape, rng) for _ in range(N_AGGREGATORS)]
        return np.sum(draws, axis=0, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Sums:
    """Released sums (n_seeds, n_groups, n_periods), in steps: from the lower bound, and to the upper one.

    variance : of the noise on each.
    """

    up: Array
    down: Array
    variance: float

    def __add__(self, other: "Sums") -> "Sums":
        """Sums over the members of both."""
        return Sums(self.up + other.up, self.down + other.down, self.variance + other.variance)

    def weighed(self, weight: float) -> "Sums":
        """These sums at a weight, as if of fewer members."""
        return Sums(weight * self.up, weight * self.down, weight**2 * self.variance)


def steps_of(values: Array, bounds: tuple[float, float]) -> Array:
    """Values clipped to public bounds, as whole steps from the lower one; NaN stays."""
    low, high = bounds
    return np.round(STEPS * (np.clip(values, low, high) - low) / (high - low))


def reports_of(steps: Array, codes: Codes, n_groups: int) -> NDArray[np.int64]:
    """Reports (n, 2 n_groups) of n members in one period, as the aggregators of commerce take them."""
    reports = np.zeros((len(steps), 2 * n_groups), dtype=np.int64)
    member = np.arange(len(steps))
    reports[member, codes], reports[member, n_groups + codes] = steps, STEPS - steps
    return reports


def group_totals(values: Array, codes: Codes, n_groups: int) -> Array:
    """Plain sums (n_seeds, n_groups, n_periods) of values; a NaN reports nothing.

    Parameters
    ----------
    values : (n_members, n_periods) or (n_seeds, n_members, n_periods). codes : (n_seeds, n_members); one
        row is taken for all seeds.
    """
    n_seeds = max(len(codes), len(values) if values.ndim == 3 else 1)
    n_members, n_periods = values.shape[-2:]
    filled = np.broadcast_to(np.nan_to_num(values), (n_seeds, n_members, n_periods))
    places = (codes + n_groups * np.arange(n_seeds)[:, None]).ravel()
    totals = np.empty((n_seeds, n_groups, n_periods))
    for period in range(n_periods):
        flat = np.bincount(places, filled[:, :, period].ravel(), minlength=n_seeds * n_groups)
        totals[:, :, period] = flat.reshape(n_seeds, n_groups)
    return totals


def release_sums(
    steps: Array, codes: Codes, n_groups: int, release: Release, n_seeds: int, rng: np.random.Generator
) -> Sums:
    """`n_seeds` releases of the sums of all groups; shapes as for `group_totals`, which the two aggregators
    give without noise.
    """
    up = group_totals(steps, codes, n_groups)
    down = group_totals(release.steps - steps, codes, n_groups)
    shape = (n_seeds, *up.shape[1:])
    return Sums(up + release.noise(shape, rng), down + release.noise(shape, rng), release.variance)


def check_sums(steps: Array, codes: Codes, n_groups: int) -> None:
    """Run the two aggregators of commerce on all reports and hold their sums against the plain ones.

    Releases are then drawn as plain sums and noise, thousands of them, which is what the aggregators give.

    Parameters
    ----------
    steps : (n_members, n_periods), NaN where absent. codes : (n_members,).

    Raises
    ------
    ArithmeticError if they differ.
    """
    plain = [group_totals(one, codes[None], n_groups)[0] for one in (steps, STEPS - steps)]
    for period, column in enumerate(steps.T):
        seen = np.isfinite(column)
        told = secure_histogram(reports_of(column[seen], codes[seen], n_groups))
        if not np.array_equal(told, np.concatenate([one[:, period] for one in plain])):
            raise ArithmeticError(f"the aggregators' sums of period {period} are not the plain sums")


def raw_means(sums: Sums, bounds: tuple[float, float]) -> Array:
    """Means (n_seeds, n_groups, n_periods): each sum over its count, however much of both is noise."""
    low, high = bounds
    counts = np.maximum(sums.up + sums.down, STEPS * LEAST_COUNT)
    return low + (high - low) * np.clip(sums.up / counts, 0.0, 1.0)


def group_means(sums: Sums, bounds: tuple[float, float], centre: Array) -> Array:
    """Means (n_seeds, n_groups, n_periods), drawn to a centre as far as noise may have made them.

    How far groups really lie from the centre is told by the sums up to each period.

    Source: empirical Bayes by moments, Morris (1983), for sums whose noise has a known variance.

    Parameters
    ----------
    centre : (n_seeds, 1, 1), what is known of all members without these sums.

    Assumes: noise alone, not the choice of members, keeps the mean of a group from its worth as a forecast.
    """
    low, high = bounds
    middle = np.clip((centre - low) / (high - low), 0.0, 1.0)
    counts = np.maximum((sums.up + sums.down) / STEPS, LEAST_COUNT)
    apart = ((1 - middle) * sums.up - middle * sums.down) / STEPS
    noise = sums.variance * ((1 - middle) ** 2 + middle**2) / STEPS**2
    squares = np.cumsum(np.sum(counts**2, axis=1, keepdims=True), axis=2)
    between = np.cumsum(np.sum(apart**2 - noise, axis=1, keepdims=True), axis=2) / squares
    signal = counts**2 * np.maximum(0.0, between)
    kept = signal / np.maximum(signal + noise, 1e-12)
    return low + (high - low) * np.clip(middle + kept * apart / counts, 0.0, 1.0)


def of_members(means: Array, codes: Codes) -> Array:
    """Means (n_seeds, n_members, n_periods) of each member's group."""
    rows = np.broadcast_to(codes, (len(means), codes.shape[1]))
    return np.take_along_axis(means, rows[:, :, None], axis=1)


def shrunk(own: Array, centre: Array, target: Array, learning: Mask) -> Array:
    """Forecasts that draw a member's last reading and its mean so far towards a centre.

    They are centre + a (last - centre) + b (mean - centre), with the two weights a seed that suit the
    learning periods best: a member's own history stands in every arm.

    Parameters
    ----------
    own, centre : (n_seeds, n_members, n_periods), broadcast; NaN where absent. target : (n_members,
        n_periods) of a period later. learning : (n_periods,).
    """
    last, wanted = own - centre, target - centre
    mean = mean_so_far(own) - centre
    both = learning & np.isfinite(last) & np.isfinite(wanted)
    seen, history, told = (
        np.where(both, one, 0.0).reshape(len(both), -1) for one in np.broadcast_arrays(last, mean, wanted)
    )
    columns = np.stack([seen, history], axis=1)
    gram = columns @ columns.swapaxes(1, 2)
    spread = np.trace(gram, axis1=1, axis2=2)[:, None, None] + 1e-12
    a, b = np.moveaxis(
        np.linalg.solve(gram + 1e-6 * spread * np.eye(2), columns @ told[:, :, None])[..., 0], 1, 0
    )
    return np.asarray(centre + a[:, None, None] * last + b[:, None, None] * mean)


def mean_so_far(values: Array) -> Array:
    """Mean (..., n_periods) of all values up to each period, those that are absent left out."""
    seen = np.isfinite(values)
    total, n = np.cumsum(np.where(seen, values, 0.0), axis=-1), np.cumsum(seen, axis=-1)
    return np.where(n > 0, total / np.maximum(n, 1), np.nan)


def least_squares(columns: Sequence[Array], target: Array, learning: Mask) -> Array:
    """Forecasts (n_seeds, n_members, n_periods), linear in the columns, learnt in the learning periods.

    Parameters
    ----------
    columns : each broadcasts to the forecasts; finite. target : (n_members, n_periods).
    """
    shape = np.broadcast_shapes(*(one.shape for one in columns), (1, *target.shape))
    table = np.stack([np.broadcast_to(one, shape) for one in columns], axis=-1)
    seen = table[:, :, learning].reshape(shape[0], -1, len(columns))
    wanted = target[:, learning].ravel()
    turned = np.swapaxes(seen, 1, 2)
    gram = turned @ seen + 1e-9 * len(wanted) * np.eye(len(columns))
    weights = np.linalg.solve(gram, turned @ wanted[:, None])
    fitted = table.reshape(shape[0], -1, len(columns)) @ weights
    return np.asarray(fitted.reshape(shape))
