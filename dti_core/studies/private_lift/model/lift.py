"""Lift from counts of users by eligible coalition and conversion, noise in the counts included.

A randomised factorial holdout needs nothing else: what users saw does not enter. Counts may carry noise of
known variance that was added for privacy; the standard errors grow with it.
"""

from dataclasses import dataclass

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
class Contrast:
    """Estimates and standard errors, (..., C) each; NaN where the counts allow no answer.

    value : conversions a user. std_error : of it, sampling and noise together. held : rate of those held out.
    held_error : of that rate. The two rates are independent, so that cov(value, held) = -held_error^2.
    """

    value: Array
    std_error: Array
    held: Array
    held_error: Array


def rates(counts: Array, noise_variance: float | Array = 0.0, n_buckets: int = 1) -> tuple[Array, Array]:
    """Rate of conversion and its variance where each count is a sum of `n_buckets` noisy buckets.

    Parameters
    ----------
    counts : (..., 2), users without and with a conversion. noise_variance : of a bucket's noise, one number
    or as `counts`.

    Returns
    -------
    rates, variances : (...), NaN below LEAST_USERS users or above MOST_NOISE. To first order in the noise;
    the variance of a rate outside [0, 1], which noise may give, is taken at the nearer end.
    """
    users = counts.sum(axis=-1).astype(float)
    without, converted = np.moveaxis(n_buckets * np.broadcast_to(noise_variance, counts.shape), -1, 0)
    known = (users >= LEAST_USERS) & (np.sqrt(without + converted) <= MOST_NOISE * users)
    users = np.where(known, users, np.nan)
    rate = counts[..., 1] / users
    inside = np.clip(rate, 0.0, 1.0)
    sampling = inside * (1 - inside) / users
    noise = (inside**2 * without + (1 - inside) ** 2 * converted) / users**2
    return rate, sampling + noise


def intent_to_treat(counts: Array, noise_variance: float | Array = 0.0) -> Contrast:
    """Effect of being eligible for each channel, the others as they were randomised.

    Parameters
    ----------
    counts : (..., 2^C, 2), users by eligible coalition and conversion. noise_variance : of a bucket's noise,
    one number or as `counts`.
    """
    inside = bits(counts.shape[-2].bit_length() - 1).T.astype(float)
    noise = np.broadcast_to(noise_variance, counts.shape)
    (on, on_variance), (off, off_variance) = (
        rates(np.einsum("cs,...sy->...cy", side, counts), np.einsum("cs,...sy->...cy", side, noise))
        for side in (inside, 1 - inside)
    )
    return Contrast(on - off, np.sqrt(on_variance + off_variance), off, np.sqrt(off_variance))


def relative_lift(contrast: Contrast) -> tuple[Array, Array]:
    """Lift as a share of the rate of those held out, and its standard error by the delta method."""
    with np.errstate(divide="ignore", invalid="ignore"):
        held = np.where(contrast.held > 0, contrast.held, np.nan)
        lift = contrast.value / held
        on_variance = contrast.std_error**2 - contrast.held_error**2
        variance = (on_variance + (1 + lift) ** 2 * contrast.held_error**2) / held**2
    return lift, np.sqrt(variance)


def lift_interval(contrast: Contrast) -> tuple[Array, Array]:
    """Bounds at 95 % of the lift as a share of the rate of those held out; see `ratio_interval`."""
    on_error = np.sqrt(contrast.std_error**2 - contrast.held_error**2)
    low, high = ratio_interval(contrast.held + contrast.value, on_error, contrast.held, contrast.held_error)
    return low - 1, high - 1


def ratio_interval(
    top: float | Array, top_error: float | Array, bottom: float | Array, bottom_error: float | Array
) -> tuple[Array, Array]:
    """Bounds at 95 % of a ratio of independent normal numbers whose lower one should be positive.

    Source: Fieller (1954): all ratios that a test does not reject. Where those are two rays, or all numbers,
    both ends are infinite: the ratio is not bounded. NaN where a number is.
    """
    square = bottom**2 - (Z * np.asarray(bottom_error)) ** 2
    cross, rest = top * np.asarray(bottom), top**2 - (Z * np.asarray(top_error)) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        half = np.sqrt(np.maximum(cross**2 - square * rest, 0.0))
        low, high = (cross - half) / square, (cross + half) / square
    bounded = np.isnan(cross + rest + square) | ((square > 0) & (np.asarray(bottom) > 0))
    return np.where(bounded, low, -np.inf), np.where(bounded, high, np.inf)


def design(n_channels: int, holdout: float) -> tuple[Array, Array]:
    """What a conversion of each eligible coalition counts for each channel, (2^C, C), and shares of users.

    Those held out stand in for those eligible, of whom there are more: their weight is negative.
    """
    inside, shown = bits(n_channels), 1 - holdout
    share = np.where(inside, shown, holdout).prod(axis=1)
    return np.where(inside, 1.0, -shown / holdout), share


def incremental(counts: Array, noise_variance: float | Array, holdout: float) -> tuple[Array, Array]:
    """Conversions that each channel caused among users eligible for it, and their covariance.

    Rests on the chance of holdout, which the design fixes, instead of noisy numbers of users: linear in the
    noisy counts but for the mean rate p, which only makes it steadier, so that it stays unbiased and nearly
    normal however large the noise.

    Parameters
    ----------
    counts : (..., 2^C, 2), users by eligible coalition and conversion. noise_variance : of a bucket's noise,
    one number or as `counts`.

    Returns
    -------
    values, covariance : (..., C) and (..., C, C).
    """
    n_channels, shown = counts.shape[-2].bit_length() - 1, 1 - holdout
    inside, (weights, share) = bits(n_channels), design(n_channels, holdout)
    users = np.maximum(counts.sum(axis=(-2, -1)), 1.0)[..., None]
    rate = np.clip(counts[..., 1].sum(axis=-1, keepdims=True) / users, 0.0, 1.0)
    values = ((1 - rate) * counts[..., 1] - rate * counts[..., 0]) @ weights
    fitted = np.clip(rate + values / (users * shown) @ (inside - shown).T, 0.0, 1.0)
    sampling = users * share * (fitted * (1 - rate) ** 2 + (1 - fitted) * rate**2)
    noise = np.broadcast_to(noise_variance, counts.shape)
    spread = sampling + (1 - rate) ** 2 * noise[..., 1] + rate**2 * noise[..., 0]
    return values, np.einsum("sc,...s,sd->...cd", weights, spread, weights)


def summed(values: Array, covariance: Array) -> tuple[Array, Array]:
    """Sum over channels and its standard error, (...)."""
    return values.sum(axis=-1), np.sqrt(covariance.sum(axis=(-2, -1)))


def factorial_shapley(counts: Array, noise_variance: float | Array = 0.0) -> tuple[Array, Array]:
    """Shapley values of eligibility, (..., C), and their covariance, (..., C, C).

    They are linear in the rates of the coalitions, so that noise of mean zero leaves them unbiased, but for
    the division by noisy numbers of users.
    """
    weights = shapley_weights(counts.shape[-2].bit_length() - 1)
    rate, variance = rates(counts, noise_variance)
    return rate @ weights.T, np.einsum("cs,...s,ds->...cd", weights, variance, weights)


def shares(values: Array, covariance: Array) -> tuple[Array, Array]:
    """Shares of the sum, (..., C), and their standard errors by the delta method."""
    total = values.sum(axis=-1, keepdims=True)
    part = values / total
    slope = (np.eye(values.shape[-1]) - part[..., :, None]) / total[..., None]
    variance = np.einsum("...cd,...de,...ce->...c", slope, covariance, slope)
    return part, np.sqrt(variance)
