"""Pay by games in the study of private lift: axioms, known games, floors, false names, reconciled views."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dti_core.bridges.privacy import randomised_response_rate
from dti_core.studies.private_lift.measures.payouts import CREATORS, study_payouts
from dti_core.studies.private_lift.measures.reconcile import study_reconcile
from dti_core.studies.private_lift.methods.payouts import RULES, last_chance
from dti_core.studies.private_lift.model.cells import bits
from dti_core.studies.private_lift.model.payouts import (
    floored,
    held_back,
    leave_one_out,
    misallocated,
    paid_shares,
    shapley,
    split_in_two,
)
from dti_core.studies.private_lift.model.reconcile import (
    event_view,
    reconcile,
    reconcile_positive,
    summary_view,
    tree,
)
from dti_core.studies.private_lift.worlds import CAMPAIGN
from dti_core.studies.private_lift.worlds.market import joint, truth

#: Two of three players, of whom the first must be one, win: the Shapley values are 2/3, 1/6, 1/6.
VETO = np.array([0, 0, 0, 1, 0, 1, 0, 1.0])
#: One glove on the left (first player), two on the right; a pair is worth 1.
ANY_OF_TWO = np.array([0, 1, 1, 1.0])
games = arrays(float, 16, elements=st.floats(-5, 5))


def test_shapley_values_of_known_games() -> None:
    """The glove game (Shapley 1953; any textbook): 2/3, 1/6, 1/6; either of two suffices: a half each."""
    assert shapley(VETO) == pytest.approx([2 / 3, 1 / 6, 1 / 6])
    assert shapley(ANY_OF_TWO) == pytest.approx([0.5, 0.5])


def test_an_airport_is_paid_for_as_littlechild_and_owen_say() -> None:
    """Runways of cost 1, 2 and 4: 1/3, 1/3 + 1/2 and 1/3 + 1/2 + 2 (Littlechild and Owen, 1973)."""
    needed = np.where(bits(3), [1.0, 2.0, 4.0], 0).max(axis=1)
    assert shapley(needed) == pytest.approx([1 / 3, 5 / 6, 17 / 6])


@settings(max_examples=40, deadline=None)
@given(games, games)
def test_shapley_values_are_efficient_and_add_up(one: np.ndarray, other: np.ndarray) -> None:
    assert shapley(one).sum() == pytest.approx(one[-1] - one[0], abs=1e-9)
    assert shapley(one + other) == pytest.approx(shapley(one) + shapley(other), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(games)
def test_equals_get_the_same_and_a_null_player_nothing(game: np.ndarray) -> None:
    """Player 0 and 1 made interchangeable; player 3 made to add nothing."""
    inside = bits(4)
    swapped = inside[:, [1, 0, 2, 3]] @ (1 << np.arange(4))
    without = inside * [1, 1, 1, 0] @ (1 << np.arange(4))
    made = ((game + game[swapped]) / 2)[without]
    values = shapley(made)
    assert values[0] == pytest.approx(values[1], abs=1e-9)
    assert values[3] == pytest.approx(0, abs=1e-9)


def test_leave_one_out_pays_substitutes_nothing_and_complements_twice() -> None:
    assert leave_one_out(ANY_OF_TWO) == pytest.approx([0, 0])
    assert leave_one_out(np.array([0, 0, 0, 1.0])).sum() == pytest.approx(2)


def test_shares_pay_no_debts() -> None:
    assert paid_shares(np.array([[3.0, -1.0, 1.0], [-1, -2, -3]])) == pytest.approx(
        np.array([[0.75, 0, 0.25], [1 / 3, 1 / 3, 1 / 3]])
    )
    assert misallocated(np.array([0.5, 0.5, 0]), np.array([0, 0.5, 0.5])) == pytest.approx(0.5)


def test_a_floor_is_paid_by_those_above_it_in_proportion() -> None:
    paid = floored(np.array([[0.6, 0.39, 0.01]]), np.array([False, False, True]), 0.1)
    assert paid == pytest.approx(np.array([[0.6 - 0.09 * 0.6 / 0.99, 0.39 - 0.09 * 0.39 / 0.99, 0.1]]))
    with pytest.raises(ValueError, match="exceed the pool"):
        floored(np.full((1, 3), 1 / 3), np.array([True, True, True]), 0.5)


def test_held_back_pay_is_the_lower_bound() -> None:
    assert held_back(np.array([1.0, 0.1]), np.array([0.1, 0.1])) == pytest.approx([1 - 0.16449, 0], abs=1e-4)


def test_false_names_gain_where_players_are_substitutes_and_nothing_where_they_only_add() -> None:
    """Either of two, one registers twice: three equal names, of which it has two: 2/3 instead of 1/2."""
    doubled = shapley(split_in_two(ANY_OF_TWO, 0))
    assert doubled == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    additive = bits(3) @ np.array([1.0, 2.0, 3.0])
    assert shapley(split_in_two(additive, 1)) == pytest.approx([1, 1, 3, 1])


def test_the_last_touch_is_somebody_s() -> None:
    chance = last_chance(CAMPAIGN)
    assert chance[1:].sum(axis=1) == pytest.approx(np.ones(31), abs=1e-4)
    assert (chance[~bits(5)] == 0).all()
    assert chance[31].argmax() == 4  # retargeting stands latest on the path


def test_rules_without_sampling_error_pay_what_they_say() -> None:
    """The channel that moves nobody gets nothing by the true game, and much by impressions."""
    counts = np.round(joint(CAMPAIGN) * 10**12).astype(np.int64)[None]
    pay = {
        name: paid_shares(rule.run(counts, CAMPAIGN, lambda seen: seen))[0] for name, rule in RULES.items()
    }
    assert pay["shapley"] == pytest.approx(truth(CAMPAIGN).shares, abs=1e-6)
    assert pay["leave_one_out"][-1] == pytest.approx(0, abs=1e-6)
    assert pay["impressions"][-1] > 0.15
    assert pay["last_touch"][-1] == pytest.approx(0.24, abs=0.005)
    assert pay["equal"] == pytest.approx(np.full(5, 0.2))


def test_payouts_are_studied_in_both_markets() -> None:
    found = {one.name: one for one in study_payouts(np.random.SeedSequence(1), 20_000, 30).estimates}
    assert found["false_name_gain_creators_shapley"].value > 0.02
    assert found["false_name_gain_creators_leave_one_out"].value == pytest.approx(-1)
    assert found["false_name_gain_channels_equal"].value == pytest.approx(2 / 6 / (1 / 5) - 1)
    assert (
        found["payout_wrong_channels_shapley_plain"].high
        < found["payout_wrong_channels_last_touch_plain"].low
    )
    assert found["overpaid_bounds_channels"].high < found["overpaid_estimates_channels"].low
    assert found["floor_largest_pays"].value > 0
    assert truth(CREATORS).shares.argmin() == 4


def test_a_tree_sums_its_leaves() -> None:
    design = tree(2, 3)
    assert design.shape == (8, 6)
    assert design @ np.arange(6.0) == pytest.approx([3, 12, 0, 1, 2, 3, 4, 5])


def test_reports_of_events_are_unbiased_with_the_stated_variance() -> None:
    counts = np.array([0, 5, 995])
    seen, variance = event_view(counts, 1.0, 20_000, np.random.default_rng(2))
    assert (np.abs(seen.mean(axis=0) - counts) < 4 * seen.std(axis=0) / np.sqrt(20_000)).all()
    assert seen[:, 0].var() == pytest.approx(variance, rel=0.05)


def test_rates_of_event_noise_are_the_published_ones() -> None:
    """Chrome's documentation: 0.24 % of clicks at epsilon 14 (k = 2925); views with k = 3: 2.49e-6."""
    assert randomised_response_rate(2925, 14) == pytest.approx(0.002426, abs=5e-7)
    assert randomised_response_rate(3, 14) == pytest.approx(2.49e-6, rel=2e-3)


def test_reconciling_is_least_squares() -> None:
    """Two equally noisy sightings of one leaf are averaged; a noiseless total fixes the sum."""
    design = np.array([[1.0, 0], [1, 0], [0, 1], [1, 1]])
    seen, variance = np.array([[4.0, 6.0, 1.0, 10.0]]), np.array([1.0, 1.0, 1.0, 1e-9])
    leaves, spread = reconcile(design, seen, variance)
    assert leaves.sum() == pytest.approx(10)
    assert leaves[0] == pytest.approx([5 + 4 / 3, 1 + 8 / 3])
    assert spread == pytest.approx([1 / 3, 1 / 3], abs=1e-6)


def test_no_leaf_is_below_zero_and_small_leaves_grow_by_it() -> None:
    design, leaves = tree(3, 4), np.array([0, 0, 1, 30, 0, 2, 5, 60, 1, 0, 0, 200])
    totals, variance = summary_view(design.astype(int) @ leaves, 1.0, 2, 800, np.random.default_rng(3))
    spread = np.full(len(design), variance)
    plain, covariance = reconcile(design, totals, spread)
    positive = reconcile_positive(design, totals, spread)
    small = leaves <= 1
    assert positive.min() >= 0
    assert (covariance < variance).all()
    assert abs((plain - leaves)[:, small].mean()) < 4 * (plain - leaves)[:, small].mean(
        axis=1
    ).std() / np.sqrt(800)
    assert (positive - leaves)[:, small].mean() > 0.5


def test_reconciling_gains_but_one_histogram_at_the_same_epsilon_gains_more() -> None:
    found = {one.name: one for one in study_reconcile(np.random.SeedSequence(1), 60).estimates}
    assert found["reconcile_gain_eps4_1"].low > 0
    assert found["reconcile_over_one_eps4_1"].low > 1
    assert found["event_noise_rate_clicks"].value == pytest.approx(0.002426, abs=5e-7)
