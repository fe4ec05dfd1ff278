"""Effects of an assignment and of what was taken up, from counts, sums and sums of squares by group."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dti_core.studies.private_lift.model.cells import Array, Counts
from dti_core.studies.private_lift.model.lift import LEAST_USERS


@dataclass(frozen=True, slots=True)
class Sums:
    """What a report on a bounded outcome holds, (n_draws, G) each, of outcomes less `middle` in steps.

    counts, sums, squares : whole numbers; squares as floats, as they pass 2^63.
    sensitivities : the most that a unit adds to each, in steps.
    """

    counts: Counts
    sums: Counts
    squares: Array
    middle: float
    step: float
    sensitivities: tuple[float, float, float]


def sums_of(
    group: NDArray[np.int64], value: Array, low: float, high: float, step: float, n_groups: int
) -> Sums:
    """The report without noise, as one draw; values must lie within `low` to `high`."""
    middle = low if low == 0 else (low + high) / 2
    steps = np.rint((value - middle) / step).astype(np.int64)
    most = float(np.rint((high - middle) / step))
    sums = np.zeros((1, n_groups), dtype=np.int64)
    np.add.at(sums[0], group, steps)
    squares = np.zeros((1, n_groups))
    np.add.at(squares[0], group, steps.astype(float) ** 2)
    return Sums(
        np.bincount(group, minlength=n_groups)[None], sums, squares, middle, step, (1.0, most, most**2)
    )


def wald(
    report: Sums, treated: NDArray[np.bool_], took: NDArray[np.bool_], count_variance: float = 0.0,
    sum_variance: float = 0.0, *, per_taker: bool = False,
) -> tuple[Array, Array]:  # fmt: skip
    """Effect and its standard error, (n_draws,) each, noise of the given variances included.

    NaN where a side has fewer than LEAST_USERS units, or nobody took the treatment.

    The effect of the assignment on the mean; `per_taker` divides it by the share who took the treatment,
    which is the effect on them if the assignment moves nobody else. Errors by the delta method.

    Source: Wald (1940); Imbens and Angrist (1994).

    Parameters
    ----------
    treated, took : (G,) whether a group was assigned to the treatment, and took it.
    """
    users = (report.counts @ side.astype(float) for side in (treated, ~treated))
    n1, n0 = (np.where(one >= LEAST_USERS, one, np.nan) for one in users)
    s1, s0 = (report.sums @ side.astype(float) for side in (treated, ~treated))
    q1, q0 = (report.squares @ side.astype(float) for side in (treated, ~treated))
    takers, of_takers = (counted @ took.astype(float) for counted in (report.counts, report.sums))
    mean1, mean0, uptake = s1 / n1, s0 / n0, np.where(takers > 0, takers, np.nan) / n1
    effect = (mean1 - mean0) / uptake if per_taker else mean1 - mean0
    per = effect if per_taker else np.zeros_like(effect)
    left = mean1 - per * uptake
    squares1 = q1 - 2 * per * of_takers + per**2 * takers
    spread1, spread0 = np.maximum(squares1 / n1 - left**2, 0), np.maximum(q0 / n0 - mean0**2, 0)
    own = count_variance * ((treated & ~took).sum() * left**2 + took.sum() * (left + per) ** 2)
    noise1 = (treated.sum() * sum_variance + own) / n1**2
    noise0 = (~treated).sum() * (sum_variance + count_variance * mean0**2) / n0**2
    error = np.sqrt(spread1 / n1 + spread0 / n0 + noise1 + noise0) / (uptake if per_taker else 1.0)
    return effect * report.step, error * report.step
