"""Weights that make users who agreed to be measured stand for all users.

Assumes: given the covariates, agreeing says nothing more of outcomes. What moves consent and conversion and
is not among the covariates stays as bias. The weights' coefficients are taken as public and not charged.
"""

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

from dti_core.studies.private_lift.model.cells import Array, Flags

#: Largest weight, the mean being one; it is what one user may add to a sum, and so scales the noise.
LARGEST = 5.0
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
    moments = np.hstack([covariates, covariates**2])
    gaps = moments[consents] - moments.mean(axis=0)

    def dual(slopes: Array) -> tuple[float, Array]:
        level = gaps @ slopes
        total = logsumexp(level)
        return float(total), np.exp(level - total) @ gaps

    slopes = minimize(dual, np.zeros(gaps.shape[1]), jac=True, method="BFGS").x
    weights = np.exp(gaps @ slopes - (gaps @ slopes).max())
    return np.minimum(weights / weights.mean(), LARGEST), LARGEST


def equal_weights(covariates: Array, consents: Flags) -> Weights:
    """Ones for all who agreed."""
    return np.ones(int(consents.sum())), 1.0
