"""Whom it moves, from a table of groups: by hand, against scores of users, with noise, without an effect."""

import numpy as np
import pytest

from dti_core.bridges.privacy import discrete_laplace
from dti_core.studies.private_lift.data.targeting import load_politicians
from dti_core.studies.private_lift.measures.groups import MEASURES, halves, measure_groups, ranked_gain
from dti_core.studies.private_lift.measures.reports import Plan, Report, noise_variance
from dti_core.studies.private_lift.methods.uplift import Trial
from dti_core.studies.private_lift.model.uplift import areas, places

Z = 1.959964
#: Of three groups: share of users, chance of the outcome, and the effect of being treated.
SIZES, BASE, EFFECT = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.1]), np.array([0.0, 0.15, 0.4])
TRUE = {"auuc": 0.2 * 0.9 * 0.4 + 0.3 * 0.65 * 0.15, "qini": 0.2 * 0.4 * 0.4 + 0.3 * 0.15 * 0.15}


def trial_of_groups(n: int, effect: np.ndarray, rng: np.random.Generator) -> Trial:
    group, treated = rng.choice(3, n, p=SIZES), (rng.random(n) < 0.5).astype(float)
    outcome = (rng.random(n) < BASE[group] + treated * effect[group]).astype(float)
    return Trial(group[:, None].astype(float), treated, outcome, 0.5, group=group)


def exact_cells(n: int) -> np.ndarray:
    """(1, 2, 3, 2, 2) expected counts of n users a half."""
    users = n * SIZES[:, None] / 2
    won = users * np.column_stack([BASE, BASE + EFFECT])
    half = np.stack([users - won, won], axis=-1)
    return np.stack([half, half])[None]


@pytest.mark.parametrize("measure", MEASURES)
def test_gain_of_a_ranking_by_hand(measure):
    """The best group's middle is at .1 of the users, the next at .35, the last is moved by nothing."""
    assert ranked_gain(MEASURES[measure], exact_cells(10_000), 0.0).value == pytest.approx(TRUE[measure])


@pytest.mark.parametrize(("column", "measure"), enumerate(MEASURES))
def test_gain_is_the_area_of_users_ranked_by_the_other_half(column, measure):
    cells = halves(trial_of_groups(20_000, EFFECT, np.random.default_rng(1)), np.random.default_rng(2))
    effect = np.diff(cells[..., 1] / cells.sum(axis=-1), axis=-1)[..., 0]
    by_users = []
    for half in (0, 1):
        group = np.repeat(np.arange(3), cells[half].sum(axis=(1, 2)))
        by_users.append(areas(effect[half][group], places(effect[1 - half][group][None]))[0, column])
    assert ranked_gain(MEASURES[measure], cells[None], 0.0).value == pytest.approx(np.mean(by_users))


def test_every_user_is_in_one_cell_and_a_trial_without_groups_is_refused():
    trial = trial_of_groups(5_000, EFFECT, np.random.default_rng(3))
    cells = halves(trial, np.random.default_rng(4))
    assert cells.sum() == 5_000
    assert (cells.sum(axis=(0, 2, 3)) == np.bincount(trial.group)).all()
    assert cells[:, :, 1, 1].sum() == (trial.treated * trial.outcome).sum()
    assert (trial.part(np.arange(10)).group == trial.group[:10]).all()
    with pytest.raises(ValueError, match="groups that were fixed"):
        halves(Trial(trial.features, trial.treated, trial.outcome, 0.5), np.random.default_rng(4))


@pytest.mark.parametrize("measure", MEASURES)
def test_intervals_hold_the_gain_with_noise_and_not_if_noise_is_left_out(measure):
    rng, scale, held, without, values = np.random.default_rng(5), 10.0, [], [], []
    for _ in range(400):
        cells = halves(trial_of_groups(6_000, EFFECT, rng), rng)[None]
        noisy = cells + discrete_laplace(scale, cells.shape, rng)
        one = ranked_gain(MEASURES[measure], noisy, noise_variance(scale))
        silent = ranked_gain(MEASURES[measure], noisy, 0.0)
        held.append(abs(one.value[0] - TRUE[measure]) <= Z * one.std_error[0])
        without.append(abs(silent.value[0] - TRUE[measure]) <= Z * silent.std_error[0])
        values.append(one.value[0])
    assert np.mean(held) >= 0.93
    assert np.mean(without) < np.mean(held) - 0.02
    assert np.mean(values) == pytest.approx(TRUE[measure], abs=4 * np.std(values) / 20)


def test_where_nobody_is_moved_no_ranking_seems_to_gain():
    """The halves keep the luck of a ranking out of its own value; a ranking valued on itself would gain."""
    rng, values, false, flattered = np.random.default_rng(6), [], 0, []
    for _ in range(400):
        cells = halves(trial_of_groups(4_000, np.zeros(3), rng), rng)[None]
        noisy = cells + discrete_laplace(1.0, cells.shape, rng)
        one = ranked_gain(MEASURES["qini"], noisy, noise_variance(1.0))
        values.append(one.value[0])
        false += one.value[0] - Z * one.std_error[0] > 0
        same = np.repeat(noisy[:, :1], 2, axis=1)
        flattered.append(ranked_gain(MEASURES["qini"], same, noise_variance(1.0)).value[0])
    error = np.std(values) / 20
    assert abs(np.mean(values)) < 4 * error
    assert false / 400 <= 0.05
    assert np.mean(flattered) > 4 * error


def test_groups_too_small_for_the_noise_are_left_out_and_none_left_is_no_answer():
    cells = exact_cells(4_000)
    cells[:, :, 0] = 5.0
    some = ranked_gain(MEASURES["auuc"], cells, noise_variance(2.0))
    size = SIZES[1:] / SIZES[1:].sum()
    middle = np.array([size[1] + size[0] / 2, size[1] / 2])
    assert some.value == pytest.approx((size * (1 - middle)) @ EFFECT[1:])
    assert np.isnan(ranked_gain(MEASURES["auuc"], cells / 1_000, noise_variance(2.0)).value).all()


def test_a_real_trial_is_ranked_with_and_without_privacy_and_says_what_is_promised():
    report = Report(Plan(np.random.SeedSequence(7), 40))
    measure_groups(report, "politicians", "Replies", "legislator", load_politicians())
    rows = report.gathered("uplift").series["uplift"].set_index(["quantity", "epsilon"])
    mean = report.found.estimates[0].value * 2 - 2 * rows.loc[("qini", np.inf), "value"]
    assert mean == pytest.approx(-0.266, abs=0.01)  # auuc less qini is half the mean effect
    for quantity in MEASURES:
        width = rows["high"] - rows["low"]
        assert width[quantity, 0.5] > width[quantity, 1.0] > width[quantity, np.inf]
        promise = rows.loc[(quantity, 1.0), "guarantee"]
        assert all(word in promise for word in ("delta 0 a legislator", "add or remove one", "pure epsilon"))
