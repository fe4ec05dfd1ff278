"""Intervals for estimates: thin wrappers of arch, statsmodels and scipy, without own resampling machinery."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dti_core.lab.record import OBSERVED, Estimate

Array = NDArray[np.float64]
Method = Literal["percentile", "basic", "bc", "bca"]
Scheme = Literal["stationary", "circular"]
#: Cosines behind a long-run variance: few, for volatility that clusters, and enough for a t near the normal.
COSINES = 16


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its bounds at `level`; `how` says in words what made the bounds."""

    value: float
    low: float
    high: float
    std_error: float
    n: int
    how: str
    level: float = 0.95
    n_seeds: int = 1
    per_seed: tuple[float, ...] = ()

    def estimate(self, name: str, unit: str, world: str = OBSERVED, **at: str | float) -> Estimate:
        """This interval under a name and a unit, as a Result stores it; `at` gives its dimensions."""
        return Estimate(name=name, unit=unit, world=world, at=at, **dataclasses.asdict(self))


def optimal_block(series: ArrayLike, scheme: Scheme = "stationary") -> int:
    """Block length in observations that suits the most dependent column; at least 1.

    Source: Politis and White (2004), corrected by Patton, Politis and White (2009), as in arch.

    Parameters
    ----------
    series : (n,) or (n, n_columns).
    """
    from arch.bootstrap import optimal_block_length

    with np.errstate(invalid="ignore", divide="ignore"):
        lengths = optimal_block_length(_finite(series))[scheme].to_numpy()
    return max(1, math.ceil(np.max(lengths, initial=1.0, where=np.isfinite(lengths))))


def joint_block_bootstrap(
    statistic: Callable[..., Any],
    *series: ArrayLike,
    rng: np.random.Generator,
    n_resamples: int = 2000,
    block: int | None = None,
    scheme: Scheme = "stationary",
    method: Method = "percentile",
    level: float = 0.95,
) -> tuple[Interval, ...]:
    """Intervals of several statistics from the same resampled days, so that they compare pair by pair.

    Parameters
    ----------
    statistic : takes one resample of each series and returns (n_statistics,) numbers.
    series : each (n,) or (n, n_columns); rows are one time and are resampled together.
    block : mean (stationary) or fixed (circular) block length in rows; None takes `optimal_block`.
    method : "bca" leaves out each row once and is slow for long series.

    Assumes: stationary series whose dependence fades within a few blocks.

    Raises
    ------
    ValueError for series of unequal length, fewer than 3 rows, or values that are not finite; also when
    a resample has no finite statistic, such as a mean over a regime of which no day was drawn.
    """
    from arch.bootstrap import CircularBlockBootstrap, StationaryBootstrap

    arrays = [_finite(one) for one in series]
    if len({len(array) for array in arrays}) != 1:
        raise ValueError(f"series must share their rows, got lengths {[len(array) for array in arrays]}")
    length = block or max(optimal_block(array, scheme) for array in arrays)
    maker = StationaryBootstrap if scheme == "stationary" else CircularBlockBootstrap
    bootstrap = maker(length, *arrays, seed=rng)
    drawn: list[Array] = []

    def judged(*rows: Array) -> Array:
        drawn.append(np.atleast_1d(np.asarray(statistic(*rows), dtype=float)))
        if not np.isfinite(drawn[-1]).all():
            raise ValueError(f"the statistic of a resample is not finite: {drawn[-1]}")
        return drawn[-1]

    low, high = bootstrap.conf_int(judged, reps=n_resamples, method=method, size=level)
    values, spread = drawn[0], np.std(drawn[1 : n_resamples + 1], axis=0, ddof=1)
    how = f"{scheme} block bootstrap, {method}, blocks of {length}, {n_resamples} resamples"
    return tuple(
        Interval(float(v), float(lo), float(hi), float(se), len(arrays[0]), how, level)
        for v, lo, hi, se in zip(values, low, high, spread, strict=True)
    )


def block_bootstrap(
    statistic: Callable[..., float], *series: ArrayLike, rng: np.random.Generator, **options: Any
) -> Interval:
    """Interval of one statistic of time series; options as in `joint_block_bootstrap`."""
    (interval,) = joint_block_bootstrap(statistic, *series, rng=rng, **options)
    return interval


def influence_interval(value: float, influence: ArrayLike, level: float = 0.95) -> Interval:
    """Interval of a smooth statistic from its influence function, which may depend on its past for long.

    The long-run variance is the mean of the first `COSINES` squared cosine coefficients, whose number gives
    Student's t its degrees of freedom. Unlike blocks or lags, whose number follows from a guess at the
    dependence, it covers where volatility clusters for months.

    Source: Mueller (2007); Lazarus, Lewis, Stock and Watson (2018).

    Parameters
    ----------
    value : the statistic. influence : (n,), to first order what each observation adds to it, with mean 0.

    Assumes: dependence that fades within n / COSINES observations.
    """
    from scipy import fft, stats

    sample = _finite(influence)
    n, terms = len(sample), min(COSINES, len(sample) // 2)
    waves = fft.dct(sample, norm="ortho")[1 : terms + 1]
    error = math.sqrt(float(np.mean(waves**2)) / n)
    margin = float(stats.t.ppf((1 + level) / 2, terms)) * error
    how = f"influence function, {terms} cosines, Student t"
    return Interval(float(value), value - margin, value + margin, error, n, how, level)


def newey_west_mean(values: ArrayLike, lags: int | None = None, level: float = 0.95) -> Interval:
    """Mean of a dependent series with a Newey-West interval (Student t).

    The mean of a loss difference with this interval is the test of Diebold and Mariano (1995).

    Parameters
    ----------
    values : (n,); for h-step forecasts made each step give `lags` of at least h - 1.
    lags : None takes floor(4 (n / 100)^(2/9)), the rule of Newey and West (1994).
    """
    import statsmodels.api as sm

    sample = _finite(values)
    n_lags = math.floor(4 * (len(sample) / 100) ** (2 / 9)) if lags is None else lags
    fit = sm.OLS(sample, np.ones(len(sample))).fit(
        cov_type="HAC", cov_kwds={"maxlags": n_lags, "use_correction": True}, use_t=True
    )
    low, high = fit.conf_int(alpha=1 - level)[0]
    how = f"Newey-West, {n_lags} lags, Student t"
    return Interval(float(fit.params[0]), float(low), float(high), float(fit.bse[0]), len(sample), how, level)


def mean_over_seeds(values: Sequence[float] | Array, level: float = 0.95) -> Interval:
    """Mean over seeds with a Student t interval: what another draw of seeds would give.

    Parameters
    ----------
    values : (n_seeds,), at least two, in the order of the seeds.
    """
    from scipy import stats

    sample = _finite(values, at_least=2)
    mean, error = float(sample.mean()), float(stats.sem(sample))
    margin = float(stats.t.ppf((1 + level) / 2, len(sample) - 1)) * error
    how = f"Student t over {len(sample)} seeds"
    per_seed = tuple(map(float, sample))
    return Interval(mean, mean - margin, mean + margin, error, len(sample), how, level, len(sample), per_seed)


def paired_difference(
    first: Sequence[float] | Array, second: Sequence[float] | Array, level: float = 0.95
) -> Interval:
    """Mean of `first` less `second` over common seeds, given in the same order, with a Student t interval."""
    one, other = _finite(first, at_least=2), _finite(second, at_least=2)
    if one.shape != other.shape:
        raise ValueError(f"pairs need common seeds, got {len(one)} and {len(other)} values")
    return mean_over_seeds(one - other, level)


def share(successes: int, n: int, level: float = 0.95) -> Interval:
    """Share of `n` independent trials that succeeded, with a Wilson (1927) interval."""
    from statsmodels.stats.proportion import proportion_confint

    if not 0 <= successes <= n or n < 1:
        raise ValueError(f"{successes} of {n} is no share; need 0 <= successes <= n and n >= 1")
    low, high = proportion_confint(successes, n, alpha=1 - level, method="wilson")
    value = successes / n
    return Interval(value, float(low), float(high), math.sqrt(value * (1 - value) / n), n, "Wilson", level)


def _finite(values: ArrayLike, at_least: int = 3) -> Array:
    """`values` as floats, or ValueError for too few rows or anything that is not finite."""
    array = np.asarray(values, dtype=float)
    if array.ndim == 0 or len(array) < at_least:
        raise ValueError(f"an interval needs at least {at_least} rows, got {array.size}")
    if bad := int((~np.isfinite(array)).sum()):
        raise ValueError(f"{bad} of {array.size} values are not finite; drop or fill them first")
    return array
