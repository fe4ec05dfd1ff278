"""What one aggregator can tell of a user: a classifier's AUC between two inputs, beside weak masks.

A weak mask is drawn from 0 ... r - 1 and not from the whole field. Then the best AUC anybody can reach is
known, and the classifier must come near it: an AUC of one half by a classifier that finds nothing would say
nothing.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.bridges.fields import Field64, expand_elements
from dti_core.bridges.secure_sum import share_reports
from dti_core.lab.findings import Findings
from dti_core.lab.intervals import mean_over_seeds, share
from dti_core.lab.parallel import run_keyed

Array = NDArray[np.float64]
#: Cells of a report (channel coalitions by conversion), and the two between which a user's place is guessed.
N_BUCKETS, PLACES = 64, (3, 40)
#: Sizes of the weak masks' range, the strongest leak first.
WEAK_RANGES = (4, 16, 64)
#: Half the width of the band in which an AUC counts as a guess.
BAND = 0.02
Aggregator = Literal["seeds", "shares"]


@dataclass(frozen=True, slots=True)
class ViewTask:
    """Views of `n_views` users, half at each place; `weak_range` None takes the bridge's own masks."""

    aggregator: Aggregator
    weak_range: int | None
    n_views: int
    seed: np.random.SeedSequence


def study_views(seeds: np.random.SeedSequence, n_views: int, n_draws: int) -> Findings:
    """AUC of telling two inputs apart from one aggregator's view, `n_views` views a draw.

    The interval of a mean is over draws; `draws` holds that of each draw alone.
    """
    kinds: list[tuple[Aggregator, int | None]] = [("seeds", None), ("shares", None)]
    kinds += [("shares", size) for size in WEAK_RANGES]
    keys = [(aggregator, size or 0, draw) for aggregator, size in kinds for draw in range(n_draws)]
    tasks = {
        key: ViewTask(key[0], key[1] or None, n_views, seed)
        for key, seed in zip(keys, seeds.spawn(len(keys)), strict=True)
    }
    done = run_keyed(view_auc, tasks, "views of one aggregator")
    found, rows = Findings(), []
    for aggregator, size in kinds:
        values = np.array([done[aggregator, size or 0, draw] for draw in range(n_draws)])
        rows.append(_keep(found, aggregator, size, values, n_views))
    names = ["aggregator", "mask drawn from", "AUC", "low", "high", "best possible AUC", "views told apart"]
    found.series["one_view"] = pd.DataFrame(rows, columns=names)
    return found


def view_auc(task: ViewTask) -> float:
    """The AUC of a classifier that was trained on one half of the views, on the other half.

    Both ways round would not be two answers: a pattern that the halves share by chance counts in both.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(task.seed)
    place = rng.permutation(np.arange(task.n_views) % 2)
    features = _features(_views(place, task, rng))
    learn, judge = slice(task.n_views // 2), slice(task.n_views // 2, None)
    model = HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=8, min_samples_leaf=10, random_state=0)
    model.fit(features[learn], place[learn])
    return float(roc_auc_score(place[judge], model.predict_proba(features[judge])[:, 1]))


def best_auc(weak_range: int) -> float:
    """The AUC of the best classifier of views under masks of that range.

    A view gives its place away only where one of two shares takes a value that the other place cannot have:
    at each of the two buckets in one of `weak_range` cases.
    """
    return float(1 - (1 - 1 / weak_range) ** 4 / 2)


def auc_error(n_judged: int) -> float:
    """Standard error of an AUC over views of two kinds, as many of each, alike (Mann-Whitney)."""
    return float(np.sqrt((n_judged + 1) / 3) / n_judged)


def _views(place: NDArray[np.int64], task: ViewTask, rng: np.random.Generator) -> NDArray[np.uint64]:
    """What the aggregator holds of each user, as elements of the field at the two places, (n_views, 2)."""
    reports = np.zeros((task.n_views, N_BUCKETS), dtype=np.int64)
    reports[np.arange(task.n_views), np.array(PLACES)[place]] = 1
    if task.weak_range is not None:
        return Field64.encode(reports - rng.integers(task.weak_range, size=reports.shape))[:, PLACES]
    sent = share_reports(reports, rng.bytes)
    held = sent.shares if task.aggregator == "shares" else expand_elements(sent.seeds, N_BUCKETS)
    return held[:, PLACES]


def _features(views: NDArray[np.uint64]) -> Array:
    """Size and lowest byte of the elements at the two places, and of their sum and difference."""
    first, second = views.T
    words = np.column_stack([views, Field64.add(first, second), Field64.subtract(first, second)])
    return np.column_stack([Field64.decode(words).astype(np.float64), words & np.uint64(255)])


def _keep(
    found: Findings, aggregator: Aggregator, size: int | None, values: Array, n_views: int
) -> tuple[str, str, float, float, float, float, float]:
    """One row; the estimate of the mean AUC, and how often a draw alone tells the views apart."""
    drawn = "the whole field" if size is None else f"0 to {size - 1}"
    name = f"view_auc_{aggregator}" + ("" if size is None else f"_weak{size}")
    mean, margin = mean_over_seeds(values), 1.96 * auc_error(n_views // 2)
    told = share(int((values > 0.5 + margin).sum()), len(values))
    best = 0.5 if size is None else best_auc(size)
    auc = mean.estimate(name, "AUC, half is a guess", aggregator=aggregator, mask=drawn)
    found.estimates += [
        replace(auc, draws=tuple((float(one) - margin, float(one) + margin) for one in values)),
        told.estimate(f"{name}_told_apart", "share of draws", aggregator=aggregator, mask=drawn),
    ]
    return aggregator, drawn, mean.value, mean.low, mean.high, best, told.value
