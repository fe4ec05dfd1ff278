"""Least squares after fixed effects are taken out, for a few regressors of one unbalanced panel."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


def within_residuals(columns: Array, observed: Flags) -> Array:
    """Columns after firm and year effects, exactly, by Frisch, Waugh and Lovell.

    Parameters
    ----------
    columns : (n_columns, n_firms, n_years), finite where `observed` (n_firms, n_years).

    Returns
    -------
    (n_columns, n_observed) residuals, firm by firm.
    """
    firm, year = np.nonzero(observed)
    values = columns[:, observed]
    years = (year[:, None] == np.unique(year)[None, 1:]).astype(np.float64)
    values, years = (_demean(v, firm) for v in (values.T, years))
    gram = years.T @ years
    fitted = years @ np.linalg.lstsq(gram, years.T @ values, rcond=None)[0]
    return np.ascontiguousarray((values - fitted).T)


def within_slopes(outcome: Array, regressors: Array, observed: Flags) -> Array:
    """(n_regressors,) two-way fixed-effects slopes of one panel.

    Parameters
    ----------
    outcome : (n_firms, n_years). regressors : (n_regressors, n_firms, n_years).
    """
    residuals = within_residuals(np.concatenate([outcome[None], regressors]), observed)
    return np.asarray(np.linalg.lstsq(residuals[1:].T, residuals[0], rcond=None)[0], dtype=np.float64)


def slopes(outcome: Array, regressors: Array, groups: NDArray[np.int64]) -> Array:
    """(n_regressors,) least-squares slopes with an effect for each group.

    Parameters
    ----------
    outcome, groups : (n,). regressors : (n_regressors, n).
    """
    _, codes = np.unique(groups, return_inverse=True)
    inside = _demean(np.vstack([outcome, regressors]).T, codes)
    return np.asarray(np.linalg.lstsq(inside[:, 1:], inside[:, 0], rcond=None)[0], dtype=np.float64)


def r_squared(outcome: Array, regressors: Array) -> float:
    """Share of the squares of `outcome` (n,) that `regressors` (k, n) reproduce; all of mean zero."""
    fitted = regressors.T @ np.linalg.lstsq(regressors.T, outcome, rcond=None)[0]
    total = float(outcome @ outcome)
    return 1.0 - float(((outcome - fitted) ** 2).sum()) / total if total > 0 else float("nan")


def _demean(values: Array, codes: NDArray[np.int64]) -> Array:
    """Rows (n, k) less the mean of their group."""
    counts = np.bincount(codes)
    means = np.stack([np.bincount(codes, weights=column) for column in values.T], axis=1)
    return values - (means / np.maximum(counts, 1)[:, None])[codes]
