"""Time to repair: who works off what when, and the share that is still open by Kaplan and Meier."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dti_core.lab.intervals import Interval

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Worked:
    """month : (F, N) at whose end each finding was closed, -1 while open. backlog : (F, T) open then."""

    month: Ints
    backlog: Ints


def work_off(arrived: Array, score: Array, lot: Array, capacity: float, n_months: int) -> Worked:
    """F teams that close, at each month's end, a share of what is open, the highest scores first.

    How many are closed follows from how many are open alone, so the backlog is the same for every order.

    Parameters
    ----------
    arrived : (F, N) time of arrival in months from the start, negative before it. score : (F, N).
    lot : (F, N) decides among equal scores, the lowest first.
    capacity : share of open findings that a month's work closes, rounded to whole findings.
    """
    month = np.full(arrived.shape, -1, dtype=np.int64)
    backlog = np.empty((len(arrived), n_months), dtype=np.int64)
    ranked = np.lexsort((lot, -score), axis=1)
    team = np.arange(len(arrived))[:, None]
    for now in range(n_months):
        waiting = (arrived < now + 1) & (month < 0)
        n_closed = np.rint(capacity * waiting.sum(axis=1)).astype(np.int64)
        in_order = waiting[team, ranked]
        chosen = in_order & (np.cumsum(in_order, axis=1) <= n_closed[:, None])
        row, at = np.nonzero(chosen)
        month[row, ranked[row, at]] = now
        backlog[:, now] = waiting.sum(axis=1) - n_closed
    return Worked(month, backlog)


def open_share(times: Array, closed: Flags, weights: Array) -> tuple[Array, Array]:
    """Kaplan-Meier: distinct times (k,), and the share (R, k) still open just after each, by row of weights.

    With weights of one it is `statsmodels.duration.survfunc.SurvfuncRight`, without its times of no closing.
    Source: Kaplan and Meier (1958).

    Parameters
    ----------
    times : (n,) until closed, or until last seen. weights : (R, n), how often each finding counts.
    """
    ends, place = np.unique(times, return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(len(ends)))
    gone = np.add.reduceat(weights[:, order], starts, axis=1)
    shut = np.add.reduceat((weights * closed)[:, order], starts, axis=1)
    at_risk = weights.sum(axis=1, keepdims=True) - np.cumsum(gone, axis=1) + gone
    left: Array = np.cumprod(1.0 - shut / np.maximum(at_risk, 1e-300), axis=1)
    return ends, left


def median_time(ends: Array, still_open: Array, longest: float) -> Array:
    """(R,) first time at which half is closed; `longest` where it never is."""
    half = still_open <= 0.5 + 1e-12
    first = np.where(half.any(axis=1), ends[np.argmax(half, axis=1)], longest)
    return np.minimum(first, longest)


def restricted_mean(ends: Array, still_open: Array, horizon: float) -> Array:
    """(R,) mean of the time to repair, of which no more than `horizon` counts: the area under the curve."""
    edges = np.r_[0.0, np.minimum(ends, horizon), horizon]
    level = np.hstack([np.ones((len(still_open), 1)), still_open])
    area: Array = level @ np.diff(edges)
    return area


def team_mean(sums: Array, counts: Array, level: float = 0.95) -> Interval:
    """Mean over findings of teams that are independent while their findings are not, with Student's t.

    Source: Cochran (1977), ratio estimator of clusters.

    Parameters
    ----------
    sums, counts : (F,) by team, at least two with findings.
    """
    from scipy import stats

    n, mean = int((counts > 0).sum()), float(sums.sum() / counts.sum())
    error = float(np.sqrt(n / (n - 1) * np.sum((sums - mean * counts) ** 2)) / counts.sum())
    margin = float(stats.t.ppf((1 + level) / 2, n - 1)) * error
    how = f"ratio over {n} teams, Student t"
    return Interval(mean, mean - margin, mean + margin, error, int(counts.sum()), how, level)


def logrank(times: Array, closed: Flags, group: Ints) -> float:
    """p-value of equal times to repair in all groups."""
    from statsmodels.duration.survfunc import survdiff

    return float(survdiff(times, closed.astype(int), group)[1])
