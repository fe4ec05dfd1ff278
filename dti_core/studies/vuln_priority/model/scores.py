"""How well chances sort and tell the truth: average precision, area under the ROC, Brier, calibration.

Every score takes weights (n_draws, n), so that a bootstrap of clusters costs one sort.
"""

from collections.abc import Sequence

import numpy as np

from dti_core.studies.vuln_priority.model.evidence import Flags, Floats, Ints

#: Bins of equal numbers of cases in the calibration error.
BINS = 10
#: A recall that is met but for rounding is met.
ROUNDING = 1e-12


def cluster_weights(clusters: Sequence[Ints], n_draws: int, rng: np.random.Generator) -> Floats:
    """(1 + n_draws, n) how often each case is drawn when whole clusters are; the first row is all ones.

    Of crossed clusters each is drawn by itself and a case's numbers are multiplied, which is rather too wide
    than too narrow. Source: Owen (2007), the pigeonhole bootstrap.

    Parameters
    ----------
    clusters : each (n,).
    """
    weights = np.ones((1 + n_draws, len(clusters[0])))
    for cluster in clusters:
        names, at = np.unique(cluster, return_inverse=True)
        drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=n_draws)
        weights[1:] *= drawn[:, at]
    return weights


def average_precision(chances: Floats, real: Flags, weights: Floats) -> Floats:
    """(n_draws,) sum over thresholds of the rise in recall times precision; ties share a threshold."""
    hits, all_ = _by_threshold(chances, real, weights)
    precision = np.divide(hits, all_, out=np.zeros_like(hits), where=all_ > 0)
    rises = np.diff(hits, axis=1, prepend=0.0)
    total = hits[:, -1]
    return np.divide((rises * precision).sum(axis=1), total, out=np.full(len(total), np.nan), where=total > 0)


def area(chances: Floats, real: Flags, weights: Floats) -> Floats:
    """(n_draws,) chance that a real case stands above one that is not, half for ties."""
    hits, all_ = _by_threshold(chances, real, weights)
    false = all_ - hits
    rises = np.diff(false, axis=1, prepend=0.0)
    before = np.hstack([np.zeros((len(hits), 1)), hits[:, :-1]])
    under = (rises * (before + hits) / 2).sum(axis=1)
    total = hits[:, -1] * false[:, -1]
    return np.divide(under, total, out=np.full(len(total), np.nan), where=total > 0)


def brier(chances: Floats, real: Flags, weights: Floats) -> Floats:
    """(n_draws,) mean squared distance of chances from what is real."""
    return np.asarray((weights * (chances - real) ** 2).sum(axis=1) / weights.sum(axis=1))


def calibration_error(chances: Floats, real: Flags, weights: Floats) -> Floats:
    """(n_draws,) mean distance, over bins of equal numbers, of mean chance and share that is real."""
    order = np.argsort(chances, kind="stable")
    bins = np.empty(len(order), dtype=int)
    bins[order] = np.arange(len(order)) * BINS // len(order)
    into = np.eye(BINS)[bins]
    gaps = (weights * (chances - real)) @ into
    return np.asarray(np.abs(gaps).sum(axis=1) / weights.sum(axis=1))


def false_share_at(chances: Floats, real: Flags, weights: Floats, recall: Floats) -> Floats:
    """(n_draws,) share of safe cases reported where a recall of (n_draws,) is first met; ties are split."""
    hits, all_ = _by_threshold(chances, real, weights)
    false, found = all_ - hits, []
    for one, other, wanted in zip(hits, false, recall, strict=True):
        if not (one[-1] > 0 and other[-1] > 0):
            found.append(np.nan)
            continue
        x, y = np.r_[0.0, one / one[-1]], np.r_[0.0, other / other[-1]]
        at = min(int(np.searchsorted(x, wanted - ROUNDING)), len(x) - 1)
        part = (wanted - x[at - 1]) / (x[at] - x[at - 1]) if at else 0.0
        found.append(float(y[at - 1] + min(1.0, part) * (y[at] - y[at - 1])) if at else 0.0)
    return np.asarray(found)


def _by_threshold(chances: Floats, real: Flags, weights: Floats) -> tuple[Floats, Floats]:
    """(n_draws, n_thresholds) weight of real cases, and of all, at or above each threshold from the top."""
    order = np.argsort(-chances, kind="stable")
    ordered = chances[order]
    ends = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    weighted = weights[:, order]
    return np.cumsum(weighted * real[order], axis=1)[:, ends], np.cumsum(weighted, axis=1)[:, ends]
