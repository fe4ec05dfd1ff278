"""Lift from counts of users by eligible coalition and conversion, noise in the counts included.

A randomised factorial holdout needs nothing else: what users saw does not enter. Counts may carry noise of
known variance that was added for privacy; the standard errors grow with it.
"""

from dataclasses import dataclass

import numpy as np

from dti_core.studies.private_lift.model.cells import Array, bits, shapley_weights

#: Users below which a side of a comparison gives no answer: noise may have left fewer, or less than none.
LEAST_USERS = 30.0


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


def rates(counts: Array, noise_variance: float = 0.0, n_buckets: int = 1) -> tuple[Array, Array]:
    """Rate of conversion and its variance where each count is a sum of `n_buckets` noisy buckets.

    Parameters
    ----------
    counts : (..., 2), users without and with a conversion. noise_variance : of a bucket's noise.

    Returns
    -------
    rates, variances : (...), NaN below LEAST_USERS users. To first order in the noise; the variance of a rate
    outside [0, 1], which noise may give, is taken at the nearer end.
    """
    users = counts.sum(axis=-1).astype(float)
    users = np.where(users >= LEAST_USERS, users, np.nan)
    rate = counts[..., 1] / users
    inside = np.clip(rate, 0.0, 1.0)
    sampling = inside * (1 - inside) / users
    noise = n_buckets * noise_variance * (inside**2 + (1 - inside) ** 2) / users**2
    return rate, sampling + noise


def intent_to_treat(counts: Array, noise_variance: float = 0.0) -> Contrast:
    """Effect of being eligible for each channel, the others as they were randomised.

    Parameters
    ----------
    counts : (..., 2^C, 2), users by eligible coalition and conversion.
    """
    n_channels = counts.shape[-2].bit_length() - 1
    inside = bits(n_channels).T.astype(float)
    on, on_variance = rates(
        np.einsum("cs,...sy->...cy", inside, counts), noise_variance, counts.shape[-2] // 2
    )
    off, off_variance = rates(
        np.einsum("cs,...sy->...cy", 1 - inside, counts), noise_variance, counts.shape[-2] // 2
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


def factorial_shapley(counts: Array, noise_variance: float = 0.0) -> tuple[Array, Array]:
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
