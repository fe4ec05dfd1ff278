"""Inference where clusters are few: wild cluster bootstrap, and stepdown corrections for many tests.

Own code: the packages that offer a wild cluster bootstrap for Python need numba and are not kept for this
NumPy.
"""

import numpy as np

from dti_core.studies.esg_constraint.model.arrays import Array, Integers, Mask, inverse_of_rank
from dti_core.studies.esg_constraint.model.effects import absorb, stack
from dti_core.studies.esg_constraint.model.regression import year_dummies

#: Below this many clusters Rademacher weights give too few distinct samples, and Webb's six points are drawn.
FEW_CLUSTERS = 12


def wild_cluster_p_value(
    y: Array, x: Array, observed: Mask, industry: Integers, rng: np.random.Generator, column: int = 0,
    n_resamples: int = 999,
) -> float:  # fmt: skip
    """p-value of "x[column] has no effect" with two-way effects and few clusters of firms, null imposed.

    Resamples cost a product of cluster sums, not a regression: firm effects vanish within clusters, and year
    dummies stay explicit regressors.

    Source: Cameron, Gelbach and Miller (2008); Webb (2023) for six-point weights; Roodman et al. (2019).

    Parameters
    ----------
    y, observed : (1, n_firms, n_years). x : (1, n_firms, n_years, k). industry : (1, n_firms) cluster of
    each firm.
    """
    design = np.concatenate([x, year_dummies(observed)], axis=3)
    sample = absorb(stack(y, design, observed), ("firm",))
    labels, codes = np.unique(industry[0], return_inverse=True)
    member = (codes[:, None] == np.arange(len(labels))).astype(float)
    outcome, columns = sample.values[0, :, 0], sample.values[0, :, 1:]
    grams = np.einsum("tkn,tln,ng->gkl", columns, columns, member, optimize=True)
    total = grams.sum(axis=0)
    bread = inverse_of_rank(total)[0]
    others = np.delete(np.arange(total.shape[0]), column)
    null_bread = inverse_of_rank(total[np.ix_(others, others)])[0]
    moments = np.einsum("tkn,tn,ng->gk", columns, outcome, member, optimize=True)
    null = np.zeros(total.shape[0])
    null[others] = null_bread @ moments.sum(axis=0)[others]
    residual = moments - grams @ null
    draws = _weights(len(labels), n_resamples, rng)
    statistics = [_t(grams, bread, residual * v[:, None], column) for v in (np.ones(len(labels)), *draws)]
    return float(np.mean(np.abs(statistics[1:]) >= abs(statistics[0]) * (1 - 1e-12)))


def _weights(n_clusters: int, n_resamples: int, rng: np.random.Generator) -> Array:
    points = np.array([-1.0, 1.0])
    if n_clusters < FEW_CLUSTERS:
        points = np.sqrt([0.5, 1.0, 1.5])
        points = np.concatenate([-points, points])
    return rng.choice(points, size=(n_resamples, n_clusters))


def _t(grams: Array, bread: Array, moments: Array, column: int) -> float:
    """t statistic from cluster sums of regressors times outcome, the null's fit taken off."""
    coef = bread @ moments.sum(axis=0)
    scores = (moments - grams @ coef) @ bread[column]
    return float(coef[column] / np.sqrt(np.maximum((scores**2).sum(), 1e-300)))


def romano_wolf(statistics: Array, null_statistics: Array) -> Array:
    """(n_tests,) p-values that hold the chance of any false finding, from joint resamples under the null.

    Source: Romano and Wolf (2005), stepdown; (1 + count) / (1 + resamples).

    Parameters
    ----------
    statistics : (n_tests,) t statistics. null_statistics : (n_resamples, n_tests), drawn jointly, centred
    at 0.
    """
    order = np.argsort(-np.abs(statistics))
    largest = np.maximum.accumulate(np.abs(null_statistics)[:, order[::-1]], axis=1)[:, ::-1]
    exceed = (largest >= np.abs(statistics)[order]).sum(axis=0)
    p = np.maximum.accumulate((1 + exceed) / (1 + len(null_statistics)))
    found = np.empty_like(p)
    found[order] = p
    return found


def holm(p_values: Array) -> Array:
    """(n_tests,) p-values corrected by Holm (1979), by statsmodels."""
    from statsmodels.stats.multitest import multipletests

    return np.asarray(multipletests(p_values, method="holm")[1])
