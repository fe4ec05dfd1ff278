"""Long-only portfolios of least risk for what they promise, solved exactly."""

import numpy as np
from scipy.optimize import nnls

from dti_core.studies.lstm_portfolio.model import Array

#: Share of the mean variance that is added to each variance, so that more assets than days have an answer.
RIDGE = 1e-8


def best_ratio(window: Array, promised: Array) -> Array:
    """(n_assets,) weights w >= 0 of sum 1 that maximise promised'w / sqrt(w'Sw), S the sample covariance.

    Up to scale they minimise y'Sy / 2 - promised'y over y >= 0: least squares without negative coefficients,
    which is solved exactly and a hundred times faster than by a general solver. Where everything promises the
    same, variance is least.

    Source: Lawson and Hanson (1974), chapter 23, for the solver.

    Parameters
    ----------
    window : (n_days, n_assets) simple returns, no NaN. promised : (n_assets,) at least one above 0.
    """
    return best_ratio_of(risk_root(window), promised)


def risk_root(window: Array) -> Array:
    """(n_assets, n_assets) lower root of the sample covariance of (n_days, n_assets) returns."""
    centred = window - window.mean(axis=0)
    covariance = centred.T @ centred / (len(window) - 1)
    covariance[np.diag_indices_from(covariance)] += RIDGE * covariance.trace() / len(covariance)
    return np.linalg.cholesky(covariance)


def best_ratio_of(root: Array, promised: Array) -> Array:
    """The same weights from the root of a covariance; of (n_forecasts, n_assets), a row a forecast."""
    best = promised.max(axis=-1, keepdims=True)
    if not np.isfinite(promised).all() or best.min() <= 0:
        raise ValueError(f"needs {len(root)} finite numbers, one above 0, got {promised}")
    scaled = np.atleast_2d(np.linalg.solve(root, (promised / best).T).T)
    weights = np.array([nnls(root.T, row, maxiter=20 * len(root))[0] for row in scaled])
    return np.asarray(weights / weights.sum(axis=1, keepdims=True)).reshape(promised.shape)
