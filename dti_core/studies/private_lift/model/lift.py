"""Lift from counts of users by eligible coalition and conversion, noise in the counts included.

A randomised factorial holdout needs nothing else: what users saw does not enter. Counts may carry noise of
known variance that was added for privacy; the standard errors grow with it.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from dti_core.studies.private_lift.model.cells import Array, bits, shapley_weights

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


def lift_interval(contrast: Contrast, level: float = 0.95) -> tuple[Array, Array]:
    """Bounds of the lift as a share of the rate of those held out; infinite where that rate may be none.

    Source: Fieller (1954): all lifts that a test at this level does not reject. Where those are two rays, or
    all numbers, both ends are infinite: the counts do not bound the lift.
    """
    z2 = norm.ppf((1 + level) / 2) ** 2
    held2, on2 = contrast.held_error**2, contrast.std_error**2 - contrast.held_error**2
    square = contrast.held**2 - z2 * held2  # in 1 + lift
    cross, rest = (contrast.held + contrast.value) * contrast.held, (contrast.held + contrast.value) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        half = np.sqrt(np.maximum(cross**2 - square * (rest - z2 * on2), 0.0))
        low, high = (cross - half) / square - 1, (cross + half) / square - 1
    answered, bounded = np.isfinite(contrast.std_error), (square > 0) & (contrast.held > 0)
    low, high = np.where(bounded, low, -np.inf), np.where(bounded, high, np.inf)
    return np.where(answered, low, np.nan), np.where(answered, high, np.nan)


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
    inside = bits(counts.shape[-2].bit_length() - 1).astype(float)
    shown = 1 - holdout
    weights = inside - shown / holdout * (1 - inside)
    users = np.maximum(counts.sum(axis=(-2, -1)), 1.0)[..., None]
    rate = np.clip(counts[..., 1].sum(axis=-1, keepdims=True) / users, 0.0, 1.0)
    values = ((1 - rate) * counts[..., 1] - rate * counts[..., 0]) @ weights
    fitted = np.clip(rate + values / (users * shown) @ (inside - shown).T, 0.0, 1.0)
    share = np.where(inside == 1, shown, holdout).prod(axis=1)
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
