"""Whom it moves, told from one table of groups: what ranking by it gains, without noise and with it."""

from functools import partial

import numpy as np

from dti_core.studies.private_lift.measures.reports import Question, Report
from dti_core.studies.private_lift.methods.uplift import Trial
from dti_core.studies.private_lift.model.cells import Array, Counts
from dti_core.studies.private_lift.model.lift import Measured, normal, rates

#: Measures of a ranking -> share of a group's effect that counts, less its middle place in the ranking.
MEASURES = {"auuc": 1.0, "qini": 0.5}
UNIT = "outcomes a user"


def measure_groups(report: Report, name: str, title: str, person: str, trial: Trial) -> None:
    """Area under the uplift curve and Qini of a ranking by groups; each a release of its own."""
    cells = halves(trial, report.plan.stream(name, "halves"))
    for measure, most in MEASURES.items():
        asked = Question(f"uplift_groups_{name}", measure, title, UNIT, person, int(cells.sum()), scale=1.0)
        report.counts(asked, cells, partial(ranked_gain, most))


def halves(trial: Trial, rng: np.random.Generator) -> Counts:
    """(2, G, 2, 2) users by half, group, arm and outcome; each user is in one cell.

    Raises
    ------
    ValueError for a trial without groups.
    """
    if trial.group is None:
        raise ValueError("this measure needs groups that were fixed before any outcome was seen")
    half, n_groups = rng.permutation(len(trial.outcome)) % 2, int(trial.group.max()) + 1
    cell = ((half * n_groups + trial.group) * 2 + (trial.treated > 0)) * 2 + (trial.outcome > 0)
    return np.bincount(cell, minlength=8 * n_groups).reshape(2, n_groups, 2, 2)


def ranked_gain(most: float, cells: Counts, variance: float) -> Measured:
    """What a ranking learned on one half gains on the other, (n_draws,), a mean over both ways.

    Parameters
    ----------
    most : of `MEASURES`. cells : (n_draws, 2, G, 2, 2) of `halves`. variance : of the noise in each count.

    The two ways share their tables; the mean of their errors bounds the error of their mean whatever that
    does. Groups with too few users on a side, noise considered, are left out. The noise in the sizes of
    groups is left out of the errors: it is small beside that in their effects, by LEAST_USERS.
    """
    effect, of_effect, users = _effects(cells.astype(float), variance)
    known = np.broadcast_to(np.isfinite(effect).all(axis=1, keepdims=True), effect.shape)
    effect, of_effect, users = (np.where(known, one, 0.0) for one in (effect, of_effect, users))
    order = np.argsort(np.where(known, -effect, np.inf), axis=-1, kind="stable")[:, ::-1]  # of the other half
    size = users / np.maximum(users.sum(axis=-1, keepdims=True), 1.0)
    ranked = np.take_along_axis(size, order, axis=-1)
    middle = np.empty_like(size)
    np.put_along_axis(middle, order, np.cumsum(ranked, axis=-1) - ranked / 2, axis=-1)
    weight = size * (most - middle)
    error = np.sqrt((weight**2 * of_effect).sum(axis=-1))
    value = np.where(size.sum(axis=(1, 2)) == 0, np.nan, (weight * effect).sum(axis=-1).mean(axis=-1))
    return normal(value, error.mean(axis=-1))


def _effects(cells: Array, variance: float) -> tuple[Array, Array, Array]:
    """Effect, its variance and users of each group, from (..., G, 2, 2)."""
    rate = rates(cells, variance)
    effect = rate.value[..., 1] - rate.value[..., 0]
    return effect, (rate.std_error**2).sum(axis=-1), np.maximum(cells.sum(axis=(-2, -1)), 0.0)
