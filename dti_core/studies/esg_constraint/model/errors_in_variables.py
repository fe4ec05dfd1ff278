"""A regressor measured with error whose variance is known, such as a score with a standard deviation."""

import numpy as np

from dti_core.studies.esg_constraint.model.arrays import Array, Mask, inverse_of_gram
from dti_core.studies.esg_constraint.model.effects import TWO_WAY, Effect, absorb, stack
from dti_core.studies.esg_constraint.model.fit import Fit, cross, where_identified


def errors_in_variables(
    y: Array, x: Array, error_variance: Array, observed: Mask, effects: tuple[Effect, ...] = TWO_WAY
) -> Fit:
    """Least squares with effects absorbed, freed of the attenuation that error in x[..., 0] brings.

    The expected square of the error that is left after firm means is taken off the regressors' cross product;
    the share that year effects take is of order one over the number of firms and is left in. Errors are
    clustered by firm.

    Source: Fuller (1987), section 2.2.
    Assumes: errors of known variance, independent of the truth, of each other and of the outcome's error. A
    posterior mean is no such regressor: it is already shrunk, and least squares on it is not attenuated.

    Parameters
    ----------
    y : (n_draws, n_firms, n_years). x : (n_draws, n_firms, n_years, k). error_variance : like y.
    effects : firm and year effects, or those of the year alone.

    Raises
    ------
    ValueError if the error is as large as what effects leave of the regressor.
    """
    known = observed & np.isfinite(error_variance) & np.isfinite(y) & np.isfinite(x).all(axis=3)
    sample = absorb(stack(y, x, known), effects)
    outcome, design = sample.values[:, :, :1], sample.values[:, :, 1:]
    years = np.maximum(known.sum(axis=2, keepdims=True), 1)
    left = 1 - 1 / years if "firm" in effects else np.ones(years.shape)
    noise = np.where(known, error_variance * left, 0.0).sum(axis=2)
    gram = cross(design, design)
    reliability = 1 - noise.sum(axis=1) / gram[:, 0, 0]
    gram[:, 0, 0] -= noise.sum(axis=1)
    if (np.linalg.eigvalsh(gram)[:, 0] <= 0).any():
        raise ValueError("the error is as large as what effects leave of the regressor")
    bread, _, identified = inverse_of_gram(gram)
    coef = (bread @ cross(design, outcome))[..., 0]
    residual = outcome[:, :, 0] - np.einsum("dtkn,dk->dtn", design, coef)
    scores = np.einsum("dtkn,dtn->dkn", design, residual)
    scores[:, 0] += noise * coef[:, :1]
    n_firms = known.any(axis=2).sum(axis=1)
    covariance = bread @ (scores @ scores.swapaxes(1, 2)) @ bread
    covariance *= (n_firms / np.maximum(n_firms - 1, 1))[:, None, None]
    coef, std_error = where_identified(identified, coef, covariance)
    how = "errors in variables of known variance, firm errors"
    dof = np.maximum(n_firms - 1, 1).astype(float)
    return Fit(coef, std_error, covariance, sample.n_obs, dof, how, {"reliability": reliability})
