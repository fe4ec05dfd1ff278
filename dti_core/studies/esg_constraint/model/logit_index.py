"""A constraint index learned from who looks constrained, and scored on firms that it has not learned from."""

import numpy as np

from dti_core.studies.esg_constraint.model.arrays import Array

#: Folds of firms; a firm's index comes from a logit fitted on the other folds.
N_FOLDS = 5
#: Fewer labelled firm-years than this in the other folds leave a firm without an index.
MIN_LABELLED = 30


def fc_index(
    log_assets: Array, age: Array, dividends: Array, leverage: Array, tobin_q: Array, cash: Array, roa: Array
) -> Array:
    """Probability of being constrained, in [0, 1]; higher = more constrained.

    Step 1, each year: size, age and dividends over assets are standardised and averaged; the lowest third of
    firms is labelled constrained, the highest third unconstrained, the middle third is left out.
    Step 2: a logit of the label on size, leverage, dividends, Q, cash and ROA (the sources take working
    capital and EBIT over assets, for which cash and ROA stand in).
    Step 3: the fitted probability for all firm-years. Unlike the sources, each firm is scored by a logit that
    was fitted on other firms only (five folds of firms), so that no label enters its own index.
    Labels come from size and age, so the index inherits the overlap of SA with size.

    Source: Kuang, Shi and Yang (2010), after Hadlock and Pierce (2010).

    Parameters
    ----------
    All (..., n_firms, n_years), ratios to assets, log_assets in ln of millions, age in years; NaN = missing.
    """
    predictors = np.stack([log_assets, leverage, dividends, tobin_q, cash, roa])
    marks = np.stack([log_assets, age, dividends])
    index = np.empty_like(log_assets)
    for panel in np.ndindex(log_assets.shape[:-2]):
        index[panel] = score_panel(predictors[:, *panel], label_extremes(marks[:, *panel]))
    return index


def label_extremes(marks: Array) -> Array:
    """(n_firms, n_years) 1 = constrained (lowest third of its year), 0 = not (highest third), else NaN.

    Parameters
    ----------
    marks : (n_marks, n_firms, n_years), each falling with constraints.
    """
    count = (~np.isnan(marks)).sum(axis=1, keepdims=True)
    centred = marks - np.nansum(marks, axis=1, keepdims=True) / np.maximum(count, 1)
    spread = np.sqrt(np.nansum(centred**2, axis=1, keepdims=True) / np.maximum(count, 1))
    average = (centred / np.where(spread > 0, spread, 1.0)).mean(axis=0)
    labels = np.full(average.shape, np.nan)
    for year in range(average.shape[1]):
        column = average[:, year]
        if (seen := ~np.isnan(column)).sum() >= 3:
            low, high = np.quantile(column[seen], [1 / 3, 2 / 3])
            labels[seen & (column <= low), year] = 1.0
            labels[seen & (column >= high) & (column > low), year] = 0.0
    return labels


def score_panel(predictors: Array, labels: Array) -> Array:
    """(n_firms, n_years) probability of label 1, each fold of firms by a logit on the other folds.

    Parameters
    ----------
    predictors : (k, n_firms, n_years). labels : (n_firms, n_years), 1, 0 or NaN = not to learn from.
    """
    from sklearn.linear_model import LogisticRegression

    index = np.full(labels.shape, np.nan)
    known = ~np.isnan(predictors).any(axis=0)
    learn = known & ~np.isnan(labels)
    mean = predictors[:, known].mean(axis=1)[:, None, None] if known.any() else 0.0
    spread = predictors[:, known].std(axis=1)[:, None, None] if known.any() else 1.0
    scaled = (predictors - mean) / np.where(spread > 0, spread, 1.0)
    folds = np.arange(labels.shape[0]) % N_FOLDS
    for fold in range(N_FOLDS):
        rest = learn & (folds != fold)[:, None]
        apply = known & (folds == fold)[:, None]
        if rest.sum() < MIN_LABELLED or len(np.unique(labels[rest])) < 2 or not apply.any():
            continue
        model = LogisticRegression(C=10.0).fit(scaled[:, rest].T, labels[rest])
        index[apply] = model.predict_proba(scaled[:, apply].T)[:, 1]
    return index
