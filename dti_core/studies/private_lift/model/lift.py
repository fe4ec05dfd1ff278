"""Lift from counts of users by eligible coalition and conversion, noise in the counts included.

A randomised factorial holdout needs nothing else: what users saw does not enter. Counts may carry noise of
known variance that was added for privacy; the standard errors grow with it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from dti_core.studies.private_lift.model.cells import Array, bits, shapley_weights

#: Normal quantile of a two-sided interval of 95 %.
Z = 1.959964
#: Users below which a side of a comparison gives no answer: noise may have left fewer, or less than none.
LEAST_USERS = 30.0
#: Noise in the number of users of a side, as a share of it, above which there is no answer either: a ratio
#: of two noisy numbers is then neither near normal nor unbiased.
MOST_NOISE = 0.1


@dataclass(frozen=True, slots=True)
class Measured:
    """Estimates, standard errors (sampling and noise together) and ends of 95 %; NaN where no answer is."""

    value: Array
    std_error: Array
    low: Array
    high: Array

    def __getitem__(self, place: Any) -> "Measured":
        """These at a place of the arrays."""
        return Measured(self.value[place], self.std_error[place], self.low[place], self.high[place])


def normal(value: float | Array, std_error: float | Array) -> Measured:
    """Estimates whose errors are normal with a variance that does not depend on the truth."""
    value, std_error = np.asarray(value, dtype=float), np.asarray(std_error, dtype=float)
    return Measured(value, std_error, value - Z * std_error, value + Z * std_error)


def scored(
    value: Array, variance: Array, slope: Array, bend: float | Array = 0.0, skewness: float | Array = 0.0
) -> Measured:
    """Estimates from counts, whose variance moves with the truth: the ends are what a test does not reject.

    The test takes the variance at the number that is tested, d away from the estimate, which is `variance +
    slope d - bend d^2`, and quantiles that lean as the estimate does. One variance for all rejects too
    many on the side of the larger counts and too few on the other.
    Source: Wilson (1927) for a rate, Mee (1984) for a difference; the quantiles: Gart and Nam (1990), with
    the skewness at the estimate, not at the tested number, so that the ends have a closed form.
    """
    lean, ends = skewness * (Z**2 - 1) / 6, []
    for sign in (1, -1):
        far = (Z + sign * lean) ** 2
        middle, whole = far * slope / 2, 1 + far * bend
        ends.append(value + (middle - sign * np.sqrt(middle**2 + whole * far * variance)) / whole)
    return Measured(value, np.sqrt(variance), ends[0], ends[1])


def weighted_sum(parts: Measured, weights: Array) -> Measured:
    """Weighted sum of independent estimates over their last axis; each gives the side that it errs on.

    Source: Newcombe (1998) for the difference of two rates, Zou and Donner (2008) for sums.
    """
    value, up = parts.value @ weights, weights > 0
    below, above = parts.value - parts.low, parts.high - parts.value
    down, more = (
        np.sqrt(np.square(np.where(up == side, below, above)) @ weights**2) for side in (True, False)
    )
    return Measured(value, np.sqrt(parts.std_error**2 @ weights**2), value - down, value + more)


def ratio(top: Measured, bottom: Measured) -> Measured:
    """Ratio of independent estimates whose lower one should be positive; infinite ends where it may not be.

    The standard error is by the delta method.
    Source: Donner and Zou (2012); with ends of normal estimates those of Fieller (1954).
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        value = top.value / np.where(bottom.value != 0, bottom.value, np.nan)
        error = np.sqrt(top.std_error**2 + value**2 * bottom.std_error**2) / np.abs(bottom.value)
        low, high = (_end_of_ratio(top, bottom, sign) for sign in (-1, 1))
    bounded = np.isnan(bottom.low + top.value) | (bottom.low > 0)
    return Measured(value, error, np.where(bounded, low, -np.inf), np.where(bounded, high, np.inf))


def _end_of_ratio(top: Measured, bottom: Measured, sign: int) -> Array:
    """The r below (-1) or above (1) the ratio with (top - r bottom)^2 = far_top^2 + (r far_bottom)^2."""
    end = top.high if sign > 0 else top.low
    inner = sign * end < 0  # between 0 and the ratio, where a larger lower number is against it
    far = np.where(inner, bottom.high - bottom.value, bottom.value - bottom.low)
    square, cross, rest = bottom.value**2 - far**2, top.value * bottom.value, end * (2 * top.value - end)
    half = np.sqrt(np.maximum(cross**2 - square * rest, 0.0))
    return np.where(inner, rest / (cross - sign * half), (cross + sign * half) / square)


def rates(counts: Array, noise_variance: float | Array = 0.0, n_buckets: int = 1) -> Measured:
    """Rates of conversion where each count is a sum of `n_buckets` noisy buckets.

    Parameters
    ----------
    counts : (..., 2), users without and with a conversion. noise_variance : of a bucket's noise, one number
    or as `counts`.

    Returns
    -------
    (...) rates, NaN below LEAST_USERS users or above MOST_NOISE. To first order in the noise; the variance of
    a rate outside [0, 1], which noise may give, is taken at the nearer end.
    """
    users = counts.sum(axis=-1).astype(float)
    without, converted = np.moveaxis(n_buckets * np.broadcast_to(noise_variance, counts.shape), -1, 0)
    known = (users >= LEAST_USERS) & (np.sqrt(without + converted) <= MOST_NOISE * users)
    users = np.where(known, users, np.nan)
    rate = counts[..., 1] / users
    inside = np.clip(rate, 0.0, 1.0)
    sampling = inside * (1 - inside) / users
    noise = (inside**2 * without + (1 - inside) ** 2 * converted) / users**2
    return scored(rate, sampling + noise, (1 - 2 * inside) / users, 1 / users)


def sides(counts: Array, noise_variance: float | Array = 0.0) -> Measured:
    """(..., C, 2) rates of users held out of each channel and of those eligible, who are other users.

    Parameters
    ----------
    counts : (..., 2^C, 2), users by eligible coalition and conversion. noise_variance : of a bucket's noise,
    one number or as `counts`.
    """
    inside = bits(counts.shape[-2].bit_length() - 1).T.astype(float)
    noise, both = np.broadcast_to(noise_variance, counts.shape), np.stack([1 - inside, inside], axis=1)
    return rates(np.einsum("cks,...sy->...cky", both, counts), np.einsum("cks,...sy->...cky", both, noise))


def intent_to_treat(counts: Array, noise_variance: float | Array = 0.0) -> Measured:
    """(..., C) effect of being eligible for each channel, the others as they were randomised; see `sides`."""
    return weighted_sum(sides(counts, noise_variance), np.array([-1.0, 1.0]))


def relative_lift(pair: Measured) -> Measured:
    """Lift as a share of the rate of those held out, from (..., 2) rates of theirs and of those eligible."""
    over = ratio(pair[..., 1], pair[..., 0])
    return Measured(
        np.where(pair.value[..., 0] > 0, over.value - 1, np.nan), over.std_error, over.low - 1, over.high - 1
    )


def design(n_channels: int, holdout: float) -> tuple[Array, Array]:
    """What a conversion of each eligible coalition counts for each channel, (2^C, C), and shares of users.

    Those held out stand in for those eligible, of whom there are more: their weight is negative.
    """
    inside, shown = bits(n_channels), 1 - holdout
    share = np.where(inside, shown, holdout).prod(axis=1)
    return np.where(inside, 1.0, -shown / holdout), share


@dataclass(frozen=True, slots=True)
class Moments:
    """What `scored` needs: see there."""

    value: Array
    variance: Array
    slope: Array
    skewness: Array

    def measured(self) -> Measured:
        """The estimates with their ends."""
        return scored(self.value, self.variance, self.slope, skewness=self.skewness)


def incremental(counts: Array, noise_variance: float | Array, holdout: float) -> Measured:
    """Conversions that each channel caused among users eligible for it and, last, that all caused together.

    See `caused` for the parameters and what it rests on, `scored` for the ends.
    """
    return caused(counts, noise_variance, holdout).measured()


def caused(counts: Array, noise_variance: float | Array, holdout: float) -> Moments:
    """Moments of the conversions that each channel caused and, last, that all caused together.

    Rests on the chance of holdout, which the design fixes, instead of noisy numbers of users: linear in the
    noisy counts but for the mean rate p, which only makes it steadier, so that it stays unbiased and nearly
    normal however large the noise. One conversion caused more, by whichever channel, is `holdout` more of
    those eligible and as many fewer of those held out, whose weights differ unless half are held out: so
    the variance moves with the number, by the same slope for each channel and for their sum.

    Parameters
    ----------
    counts : (..., 2^C, 2), users by eligible coalition and conversion. noise_variance : of a bucket's noise,
    one number or as `counts`.

    Returns
    -------
    (..., C + 1), but slope (..., 1).
    """
    n_channels, shown = counts.shape[-2].bit_length() - 1, 1 - holdout
    inside, (weights, share) = bits(n_channels), design(n_channels, holdout)
    users = np.maximum(counts.sum(axis=(-2, -1)), 1.0)[..., None]
    rate = np.clip(counts[..., 1].sum(axis=-1, keepdims=True) / users, 0.0, 1.0)
    parts = (1 - rate) * counts[..., 1] - rate * counts[..., 0]
    fitted = rate + parts @ weights / (users * shown) @ (inside - shown).T
    bought = users * share * np.clip(fitted, 0.0, 1.0)
    left = users * share - bought
    noise = np.broadcast_to(noise_variance, counts.shape)
    spread = (1 - rate) ** 2 * (bought + noise[..., 1]) + rate**2 * (left + noise[..., 0])
    cube = (1 - rate) ** 3 * bought - rate**3 * left
    weights = np.column_stack([weights, weights.sum(axis=1)])
    variance = spread @ weights**2
    skewness = cube @ weights**3 / np.where(variance > 0, variance, np.inf) ** 1.5
    return Moments(parts @ weights, variance, (1 - 2 * rate) * (holdout - shown) / holdout, skewness)


def factorial_shapley(counts: Array, noise_variance: float | Array = 0.0) -> tuple[Array, Array]:
    """Shapley values of eligibility, (..., C), and their covariance, (..., C, C).

    They are linear in the rates of the coalitions, so that noise of mean zero leaves them unbiased, but for
    the division by noisy numbers of users.
    """
    weights, rate = shapley_weights(counts.shape[-2].bit_length() - 1), rates(counts, noise_variance)
    return rate.value @ weights.T, np.einsum("cs,...s,ds->...cd", weights, rate.std_error**2, weights)


def shares(values: Array, covariance: Array) -> tuple[Array, Array]:
    """Shares of the sum, (..., C), and their standard errors by the delta method."""
    total = values.sum(axis=-1, keepdims=True)
    part = values / total
    slope = (np.eye(values.shape[-1]) - part[..., :, None]) / total[..., None]
    variance = np.einsum("...cd,...de,...ce->...c", slope, covariance, slope)
    return part, np.sqrt(variance)
