"""Frontiers that have nothing to do with the three fields: how an error falls with the rows learned from."""

from collections.abc import Callable, Mapping

import numpy as np

from dti_core.studies.spillover.data.frontiers import Rows, load_checks, load_credit, load_diamonds
from dti_core.studies.spillover.model.frontiers import Array

#: Rows learned from, and rows judged.
N_ROWS, N_JUDGED = (50, 100, 200, 400, 800, 1600), 1000

Judge = Callable[[Array, Array, Array, Array], float]


def logistic(seen: Array, told: Array, asked: Array, true: Array) -> float:
    """Mean log loss of a logistic regression with its library's usual penalty."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    model = LogisticRegression(max_iter=1000).fit(seen, told)
    return float(log_loss(true, model.predict_proba(asked)[:, 1], labels=[0.0, 1.0]))


def linear(seen: Array, told: Array, asked: Array, true: Array) -> float:
    """Mean squared error of a linear regression with a small penalty."""
    from sklearn.linear_model import Ridge

    return float(np.mean((Ridge(1.0).fit(seen, told).predict(asked) - true) ** 2))


def nearest(seen: Array, told: Array, asked: Array, true: Array) -> float:
    """Mean squared error of the mean of the five nearest."""
    from sklearn.neighbors import KNeighborsRegressor

    return float(np.mean((KNeighborsRegressor(5).fit(seen, told).predict(asked) - true) ** 2))


OUTSIDE: Mapping[str, tuple[str, Callable[[], Rows], Judge]] = {
    "credit_error": ("Log loss on loans, by rows", load_credit, logistic),
    "check_error": ("Squared error on check times, by rows", load_checks, linear),
    "price_error": ("Squared error on prices of diamonds, by rows", load_diamonds, nearest),
}


def learning_errors(rows: Rows, judge: Judge, n_splits: int, rng: np.random.Generator) -> Array:
    """(n_splits, len(N_ROWS)) loss on rows that were not learned from; fewer rows are part of more."""
    found = np.empty((n_splits, len(N_ROWS)))
    for split in found:
        order = rng.permutation(len(rows.target))
        asked = order[-N_JUDGED:]
        for at, n in enumerate(N_ROWS):
            seen = order[:n]
            split[at] = judge(
                rows.features[seen], rows.target[seen], rows.features[asked], rows.target[asked]
            )
    return found
