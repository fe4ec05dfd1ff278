"""Weights that make users who agreed to be measured stand for all users.

Assumes: given the covariates, agreeing says nothing more of outcomes. What moves consent and conversion and
is not among the covariates stays as bias. The weights' coefficients are taken as public and not charged.
"""

import math

import numpy as np

from dti_core.studies.private_lift.model.cells import Array, Flags

#: Largest weight, the mean being one; it is what one user may add to a sum, and so scales the noise.
LARGEST = 5.0
#: Steps after which weights are taken as they are, and gaps of means from which they balance.
MOST_STEPS, BALANCED = 60, 1e-8
Weights = tuple[Array, float]


def balancing_weights(covariates: Array, consents: Flags) -> Weights:
    """Weights of those who agreed whose covariates and squares then have the means of all users.

    Source: Hainmueller (2012), entropy balancing. Needs of those who refused only the means.

    Parameters
    ----------
    covariates : (n, d). consents : (n,).

    Returns
    -------
    weights (number who agreed,), of mean one before they are cut, and the largest that a user may have.
    """
    moments = np.vstack([covariates.T, covariates.T**2])
    gaps = moments[:, consents] - moments.mean(axis=1, keepdims=True)
    slopes = step = np.zeros(len(gaps))
    least, share = math.inf, np.zeros(gaps.shape[1])
    for _ in range(MOST_STEPS):  # Newton's, of the convex dual; a step that goes too far is halved
        level = (slopes + step) @ gaps
        tilted = np.exp(level - level.max())
        if (dual := level.max() + math.log(tilted.sum())) > least + BALANCED**2:
            step = step / 2
            continue
        slopes, least, share = slopes + step, dual, tilted / tilted.sum()
        mean, leaning = gaps @ share, gaps * share
        if np.abs(mean).max() < BALANCED:
            break
        step = -np.linalg.lstsq(leaning @ gaps.T - np.outer(mean, mean), mean, rcond=None)[0]
    return np.minimum(share * len(share), LARGEST), LARGEST


def equal_weights(covariates: Array, consents: Flags) -> Weights:
    """Ones for all who agreed."""
    return np.ones(int(consents.sum())), 1.0
