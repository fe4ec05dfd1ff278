"""How well a chance of conversion ranks and how well it is calibrated, each with its influence function."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit, logit

from dti_core.lab.intervals import Interval

Array = NDArray[np.float64]
#: Chances are kept this far from 0 and 1, so that one bold mistake does not make the loss infinite.
FLOOR = 1e-4


def auc(outcome: Array, chance: Array) -> tuple[float, Array]:
    """Area under the ROC curve and its influence, ties counted half.

    Source: DeLong, DeLong, Clarke-Pearson (1988).

    Parameters
    ----------
    outcome : (n,), 0 or 1, both present. chance : (n,).

    Returns
    -------
    the area, and (n,) with mean 0: to first order what each observation adds to it, times n.
    """
    hit = outcome > 0
    n_hit, n_miss = int(hit.sum()), int((~hit).sum())
    rank, influence = stats.rankdata(chance), np.empty(len(chance))
    below = (rank[hit] - stats.rankdata(chance[hit])) / n_miss
    above = 1 - (rank[~hit] - stats.rankdata(chance[~hit])) / n_hit
    area = float(below.mean())
    influence[hit] = (below - area) * len(chance) / n_hit
    influence[~hit] = (above - area) * len(chance) / n_miss
    return area, influence


def log_loss(outcome: Array, chance: Array) -> tuple[float, Array]:
    """Mean negative log-likelihood, in nats an event, and its influence; arrays as in `auc`."""
    kept = np.clip(chance, FLOOR, 1 - FLOOR)
    loss = -np.where(outcome > 0, np.log(kept), np.log1p(-kept))
    return float(loss.mean()), loss - loss.mean()


def miscalibration(outcome: Array, chance: Array) -> tuple[float, Array]:
    """Calibration in the large: mean outcome less mean chance, and its influence; arrays as in `auc`."""
    gap = outcome - chance
    return float(gap.mean()), gap - gap.mean()


def calibration_slope(outcome: Array, chance: Array) -> tuple[float, Array]:
    """Slope of the outcome's log-odds on the chance's, 1 if calibrated, and its influence; as in `auc`.

    Source: Cox (1958).

    Raises
    ------
    ValueError where all chances are the same, so that there is no slope.
    """
    x = logit(np.clip(chance, FLOOR, 1 - FLOOR))
    if np.ptp(x) < 1e-9:
        raise ValueError("all chances are the same: no calibration slope")
    design = np.column_stack([np.ones_like(x), x])
    beta = np.array([0.0, 1.0])
    for _ in range(25):
        mean = expit(design @ beta)
        bread = np.linalg.pinv((design * (mean * (1 - mean))[:, None]).T @ design)
        step = bread @ (design.T @ (outcome - mean))
        beta = beta + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-8:
            break
    scores = design * (outcome - expit(design @ beta))[:, None]
    return float(beta[1]), len(x) * (scores @ bread[1])


SCORES: dict[str, tuple[Callable[[Array, Array], tuple[float, Array]], str]] = {
    "auc": (auc, "area under the ROC curve"),
    "log_loss": (log_loss, "nats an event"),
    "miscalibration": (miscalibration, "bookings an event, observed less predicted"),
    "calibration_slope": (calibration_slope, "slope of log-odds"),
}


def over_runs_and_users(values: Array, influence: Array, users: NDArray[np.int64]) -> Interval:
    """Mean over training runs with an interval for both: other runs, and other users in the test.

    Variances of the two add; Student t with the degrees of freedom of Satterthwaite (1946).

    Parameters
    ----------
    values : (n_runs,), at least two. influence : (n,), mean over the runs. users : (n,) codes from 0; the
    events of a user stay together.
    """
    by_user = np.bincount(users, weights=influence)
    n_users = int(np.count_nonzero(np.bincount(users)))
    parts = np.array(
        [by_user @ by_user / len(influence) ** 2 * n_users / (n_users - 1), values.var(ddof=1) / len(values)]
    )
    total = float(parts.sum())
    freedom = total**2 / float(parts**2 @ (1 / np.array([n_users - 1, len(values) - 1]))) if total else 1.0
    mean, error = float(values.mean()), total**0.5
    margin = float(stats.t.ppf(0.975, freedom)) * error
    how = f"users as clusters plus {len(values)} training runs, Student t"
    runs = tuple(map(float, values))
    return Interval(mean, mean - margin, mean + margin, error, n_users, how, 0.95, len(values), runs)
