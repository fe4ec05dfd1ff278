"""Long-only portfolios of least risk for what they promise, solved exactly."""

from typing import Any

import numpy as np
from scipy.optimize import nnls

from dti_core.studies.lstm_portfolio.data.parameters import Covariance
from dti_core.studies.lstm_portfolio.model import Array

#: Share of the mean variance that is added to each variance, so that more assets than days have an answer.
RIDGE = 1e-8
#: What the parameter `covariance` may be: the class of skfolio.moments that estimates it.
COVARIANCES: dict[Covariance, str] = {
    "sample": "EmpiricalCovariance", "ledoit_wolf": "LedoitWolf", "oas": "OAS",
    "gerber": "GerberCovariance", "denoised": "DenoiseCovariance",
}  # fmt: skip


def best_ratio(window: Array, promised: Array, covariance: Covariance = "sample") -> Array:
    """(n_assets,) weights w >= 0 of sum 1 that maximise promised'w / sqrt(w'Sw), S the covariance.

    Up to scale they minimise y'Sy / 2 - promised'y over y >= 0: least squares without negative coefficients,
    which is solved exactly and a hundred times faster than by a general solver. Where everything promises the
    same, variance is least.

    Source: Lawson and Hanson (1974), chapter 23, for the solver.

    Parameters
    ----------
    window : (n_days, n_assets) simple returns, no NaN. promised : (n_assets,) at least one above 0.
    """
    return best_ratio_of(risk_root(window, covariance), promised)


def risk_root(window: Array, covariance: Covariance = "sample") -> Array:
    """(n_assets, n_assets) lower root of the covariance of (n_days, n_assets) returns."""
    if covariance == "sample":
        centred = window - window.mean(axis=0)
        found = centred.T @ centred / (len(window) - 1)
    else:
        found = np.array(covariance_estimator(covariance).fit(window).covariance_, dtype=float)
    found[np.diag_indices_from(found)] += RIDGE * found.trace() / len(found)
    return np.linalg.cholesky(found)


def covariance_estimator(covariance: Covariance) -> Any:
    """A new estimator of skfolio, with its own defaults."""
    from skfolio import moments

    return getattr(moments, COVARIANCES[covariance])()


def best_ratio_of(root: Array, promised: Array) -> Array:
    """The same weights from the root of a covariance; of (n_forecasts, n_assets), a row a forecast."""
    best = promised.max(axis=-1, keepdims=True)
    if not np.isfinite(promised).all() or best.min() <= 0:
        raise ValueError(f"needs {len(root)} finite numbers, one above 0, got {promised}")
    scaled = np.atleast_2d(np.linalg.solve(root, (promised / best).T).T)
    weights = np.array([nnls(root.T, row, maxiter=20 * len(root))[0] for row in scaled])
    return np.asarray(weights / weights.sum(axis=1, keepdims=True)).reshape(promised.shape)
