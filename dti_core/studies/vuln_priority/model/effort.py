"""What a score is worth: area under the curve by DeLong, and what is covered by how much effort."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from dti_core.lab.intervals import Interval

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Area:
    """Areas under the curves (k,) of scores of the same records, and their covariance (k, k).

    n_exploited, n_others : records behind them.
    """

    values: Array
    covariance: Array
    n_exploited: int
    n_others: int

    def interval(self, which: int = 0) -> Interval:
        """One area with its bounds, cut at 0 and 1."""
        error = float(np.sqrt(self.covariance[which, which]))
        return self._bounded(float(self.values[which]), error, 0.0)

    def difference(self, first: int, second: int) -> Interval:
        """One area less another of the same records."""
        spread = np.zeros(len(self.values))
        spread[first] += 1
        spread[second] -= 1
        error = float(np.sqrt(spread @ self.covariance @ spread))
        return self._bounded(float(self.values[first] - self.values[second]), error, -1.0)

    def _bounded(self, value: float, error: float, least: float) -> Interval:
        margin = error * _student(min(self.n_exploited, self.n_others) - 1)
        low, high = max(least, value - margin), min(1.0, value + margin)
        n = self.n_exploited + self.n_others
        return Interval(value, low, high, error, n, f"DeLong, Student t, {self.n_exploited} exploited", LEVEL)


def areas(scores: Array, exploited: Flags) -> Area:
    """Area under the curve of each score, (k, n) or (n,); ties count half.

    Source: DeLong, DeLong and Clarke-Pearson (1988), by ranks as in Sun and Xu (2014).

    Raises
    ------
    ValueError with fewer than two records of either kind.
    """
    table = np.atleast_2d(scores)
    n, m = int((~exploited).sum()), int(exploited.sum())
    if min(n, m) < 2:
        raise ValueError(f"{m} exploited and {n} other records give no area; need two of each")
    together = _ranks(table)
    above = (together[:, exploited] - _ranks(table[:, exploited])) / n
    below = 1 - (together[:, ~exploited] - _ranks(table[:, ~exploited])) / m
    covariance = np.atleast_2d(np.cov(above)) / m + np.atleast_2d(np.cov(below)) / n
    return Area(above.mean(axis=1), covariance, m, n)


def gap(first: Area, second: Area, which: int = 0) -> Interval:
    """Area of a score in one set of records less that in another.

    Assumes: exploited records of the two sets are apart. Others may be shared: their part in the error is
    counted twice, which makes the interval wider.
    """
    one, other = first.interval(which), second.interval(which)
    error = float(np.hypot(one.std_error, other.std_error))
    margin = error * _student(min(first.n_exploited, second.n_exploited) - 1)
    value = one.value - other.value
    how = f"DeLong, Student t, {first.n_exploited} and {second.n_exploited} exploited"
    low, high = max(-1.0, value - margin), min(1.0, value + margin)
    return Interval(value, low, high, error, one.n, how, LEVEL)


def reached(score: Array, effort: float) -> Array:
    """Chance (n,) of each record to be among the first `effort` share by its score; equal scores share.

    Sums to effort * n.
    """
    _, at, count = np.unique(-score, return_inverse=True, return_counts=True)
    before = np.cumsum(count) - count
    chance: Array = np.clip((effort * len(score) - before) / count, 0.0, 1.0)
    return chance[at]


def curve(score: Array, exploited: Flags, efforts: Array) -> tuple[Array, Array]:
    """Coverage and efficiency (g,) at each effort > 0.

    Coverage is the share of the exploited that is reached, efficiency that of the reached that is exploited.

    Between two scores both follow a straight line, as of records that are drawn among equals.
    """
    _, at, count = np.unique(-score, return_inverse=True, return_counts=True)
    hits = np.bincount(at, exploited, minlength=len(count))
    x = np.append(0.0, np.cumsum(count)) / len(score)
    coverage = np.interp(efforts, x, np.append(0.0, np.cumsum(hits)) / exploited.sum())
    return coverage, coverage * exploited.sum() / (efforts * len(score))


def coverage_interval(chance: Array) -> Interval:
    """Share of exploited records that are reached, from the chance (m,) of each, with Wilson's interval.

    Where equals share a place it is as wide as if every record were reached or not: too wide rather than
    too narrow. The order's threshold is taken as known, for it rests on all records.
    """
    from statsmodels.stats.proportion import proportion_confint

    value, m = float(chance.mean()), len(chance)
    low, high = proportion_confint(value * m, m, alpha=1 - LEVEL, method="wilson")
    error = float(np.sqrt(value * (1 - value) / m))
    return Interval(value, min(value, float(low)), max(value, float(high)), error, m, "Wilson", LEVEL)


def resample(m: int, rng: np.random.Generator, n_resamples: int) -> Array:
    """How often each of m exploited records is drawn, (n_resamples, m); comparisons share the draws."""
    return rng.multinomial(m, np.full(m, 1 / m), size=n_resamples).astype(np.float64)


def coverage_ratio(chance: Array, rival: Array, weights: Array) -> Interval | None:
    """How many times as many exploited records are reached as by a rival; both (m,) chances.

    None if the rival reaches none in one of 40 resamples or more: no ratio is known then.
    """
    theirs = weights @ rival
    if np.mean(theirs <= 0) >= (1 - LEVEL) / 2 or rival.sum() <= 0:
        return None
    drawn = (weights @ chance)[theirs > 0] / theirs[theirs > 0]
    return _of_resamples(float(chance.sum() / rival.sum()), drawn, len(chance))


def coverage_difference(chance: Array, rival: Array, weights: Array) -> Interval:
    """Which share of the exploited is reached beyond what a rival reaches; both (m,) chances."""
    more = chance - rival
    return _of_resamples(float(more.mean()), weights @ more / len(more), len(more))


def _of_resamples(value: float, drawn: Array, m: int) -> Interval:
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    error = float(high - low) / 2 / NormalDist().inv_cdf((1 + LEVEL) / 2)
    how = f"bootstrap of {m} exploited records, {len(drawn)} resamples"
    return Interval(value, min(value, float(low)), max(value, float(high)), error, m, how, LEVEL)


def _ranks(table: Array) -> Array:
    from scipy.stats import rankdata

    ranks: Array = rankdata(table, axis=1)
    return ranks


def _student(freedom: int) -> float:
    from scipy import stats

    return float(stats.t.ppf((1 + LEVEL) / 2, max(1, freedom)))
