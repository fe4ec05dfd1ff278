"""Gains between arms: the interval of a ratio clustered three ways, the lesser of two, what draws do."""

import numpy as np
import pytest
from scipy import stats

from dti_core.lab.intervals import Interval
from dti_core.studies.spillover.measures.sentences import (
    largest_of,
    privacy_over_others,
    share_of_pairs,
    smallest_of,
)
from dti_core.studies.spillover.methods import METHODS, Cell
from dti_core.studies.spillover.model.gains import MOST_CELLS, at_level, gains, least, null_gains
from dti_core.studies.spillover.model.losses import NAIVE, PLACEBO, WITH, WITHOUT, Losses


def _losses(rng, difference=0.0, seeds=12, units=30, periods=8):
    """Arms whose errors share luck by seed, by unit and by period."""
    right = 1.0 + rng.random((1, units, periods))
    luck = (
        0.2 * rng.normal(size=(seeds, 1, 1)) + 0.2 * rng.normal(size=(1, units, 1))
        + 0.2 * rng.normal(size=(1, 1, periods)) + 0.3 * rng.normal(size=(seeds, units, periods))
    )  # fmt: skip
    arms = {NAIVE: right + 1.0, WITH: right + np.zeros((seeds, 1, 1)), PLACEBO: right + difference + luck,
            WITHOUT: right + difference, "rival": right + difference}  # fmt: skip
    return Losses(arms, np.ones((units, periods)))


def test_a_gain_is_the_difference_of_mean_losses_over_the_naive_one():
    rows = np.array([[1.0, 3.0], [0.0, 2.0]])
    naive = np.array([[[4.0, 2.0], [np.nan, 1.0]]])
    arms = {NAIVE: naive, WITH: naive / 2, PLACEBO: naive, WITHOUT: naive, "rival": naive * 0.75}
    found = gains(Losses(arms, rows))
    assert found.carried.value == pytest.approx(50.0)
    assert found.worth.value == pytest.approx(25.0)
    assert found.losses[WITH] == pytest.approx(50.0)


@pytest.mark.parametrize("shared", ["seeds", "units", "periods"])
def test_one_way_luck_alone_gives_the_textbook_error(shared):
    """With luck in one way only, the error is that of a mean of as many independent numbers."""
    rng = np.random.default_rng(1)
    shape = {"seeds": (14, 1, 1), "units": (1, 14, 1), "periods": (1, 1, 14)}[shared]
    luck = rng.normal(size=shape)
    full = np.zeros(tuple(14 if n > 1 else 1 for n in shape)) + luck
    naive = np.ones((1, *full.shape[1:]))
    arms = {NAIVE: naive, WITH: naive + 0 * full, PLACEBO: naive + full, WITHOUT: naive, "rival": naive}
    one = Losses(arms, np.ones(full.shape[1:])).gain(PLACEBO)
    assert one.std_error == pytest.approx(100 * luck.std(ddof=1) / np.sqrt(14))


def test_intervals_cover_where_luck_is_shared_three_ways():
    rng = np.random.default_rng(2)
    inside = [one.low <= 0 <= one.high for one in (_losses(rng).gain(PLACEBO) for _ in range(400))]
    assert 0.93 <= np.mean(inside) <= 0.99


def test_the_interval_agrees_with_resampling_all_three_ways():
    """Owen (2007): the pigeonhole bootstrap errs on the wide side, by little where no cell rules."""
    rng = np.random.default_rng(3)
    losses = _losses(rng, 0.1, seeds=20, units=60, periods=20)
    drawn = []
    for _ in range(400):
        s, u, t = (rng.integers(n, size=n) for n in losses.arms[PLACEBO].shape)
        arms = {name: loss[s if len(loss) > 1 else [0]][:, u][:, :, t] for name, loss in losses.arms.items()}
        drawn.append(Losses(arms, losses.rows[u][:, t]).influence(PLACEBO, WITH)[0])
    assert losses.gain(PLACEBO).std_error == pytest.approx(np.std(drawn), rel=0.15)


def test_an_interval_at_another_level_is_that_of_its_degrees_of_freedom():
    for n in (3, 7, 200):
        sample = np.random.default_rng(n).normal(size=n)
        error = stats.sem(sample)
        one, other = (
            Interval(
                sample.mean(), *stats.t.interval(level, n - 1, sample.mean(), error), error, n, "t", level
            )
            for level in (0.95, 0.995)
        )
        assert at_level(one, 0.995).high == pytest.approx(other.high, rel=1e-6)


def test_the_lesser_of_two_needs_both_and_looks_twice_before_it_rules_out():
    up, down = Interval(3.0, 1.0, 5.0, 1.0, 9, "t"), Interval(0.5, -1.0, 2.0, 0.7, 9, "t")
    found = least((up, down))
    assert (found.low, found.value) == (-1.0, 0.5)
    assert found.high == at_level(down, 0.975).high > 2.0
    assert least((up, up)).low == 1.0


def test_the_lesser_is_ruled_out_too_often_in_no_more_than_a_fortieth_of_draws():
    """Both gains lie at the bar: the harder case for an upper end, which looks at two."""
    rng, out = np.random.default_rng(12), 0
    for _ in range(4_000):
        pair = rng.normal(size=(2, 12))
        pair = [Interval(x.mean(), *stats.t.interval(0.95, 11, x.mean(), stats.sem(x)), stats.sem(x), 12, "t")
                for x in pair]  # fmt: skip
        out += least(pair).high < 0
    assert out / 4_000 <= 0.025 + 3 * np.sqrt(0.025 / 4_000)


def test_a_placebo_against_itself_helps_in_no_more_draws_than_it_may_and_a_planted_gain_in_most():
    rng = np.random.default_rng(4)
    pool = _losses(rng, 0.3, seeds=40)
    null = [null_gains(pool.without_effect(20, rng)).lesser.low > 0 for _ in range(200)]
    planted = [gains(pool.drawn(20, rng)).lesser.low > 0 for _ in range(100)]
    assert np.mean(null) <= 0.05
    assert np.mean(planted) >= 0.8


@pytest.mark.parametrize("sizes", [[10] * 8, [4, 8, 16, 32, 64, 8, 16, 32]])
def test_units_that_hang_together_count_as_their_clusters(sizes):
    """Luck by cluster alone: intervals cover as often as they say, also where clusters are unlike in size."""
    rng, inside = np.random.default_rng(6), []
    codes = np.repeat(np.arange(len(sizes)), sizes)
    naive = np.ones((1, len(codes), 1))
    for _ in range(400):
        luck = rng.normal(size=len(sizes))[codes][None, :, None]
        arms = {NAIVE: naive, WITH: naive, PLACEBO: naive + 0.2 * luck, WITHOUT: naive}
        one = Losses(arms, np.ones((len(codes), 1)), codes).gain(PLACEBO)
        inside.append(one.low <= 0 <= one.high)
    assert np.mean(inside) >= 0.92


def test_clusters_are_drawn_whole():
    rng, codes = np.random.default_rng(7), np.repeat([0, 1, 2], [2, 3, 4])
    naive = np.arange(9.0)[None, :, None] + 1
    losses = Losses(dict.fromkeys((NAIVE, WITH, PLACEBO, WITHOUT), naive), np.ones((9, 1)), codes)
    found = losses.resampled(rng)
    assert len(np.unique(found.clusters)) == 3
    for one in np.unique(found.clusters):
        drawn = found.arms[NAIVE][0, found.clusters == one, 0] - 1
        assert len(set(codes[drawn.astype(int)])) == 1
        assert len(drawn) == np.sum(codes == codes[int(drawn[0])])


def test_unopposed_the_placebo_alone_decides():
    """The hardest world without transfer: a bar that no rival guards is held by its interval alone."""
    rng = np.random.default_rng(8)
    pool = _losses(rng, 0.3, seeds=40)
    assert gains(pool.unopposed()).worth.low > 5
    found = [null_gains(pool.without_effect(20, rng)) for _ in range(300)]
    assert all(one.works for one in found)
    assert [one.lesser.low > 0 for one in found] == [one.carried.low > 0 for one in found]
    assert 0 < np.mean([one.carried.low > 0 or one.carried.high < 0 for one in found]) <= 0.08


def test_the_method_without_the_part_is_a_rival_too():
    naive = np.ones((1, 4, 3))
    arms = {NAIVE: naive, WITH: 0.8 * naive, PLACEBO: naive, WITHOUT: 0.7 * naive, "dull": naive}
    found = gains(Losses(arms, np.ones((4, 3))))
    assert found.rival == WITHOUT
    assert found.worth.value == pytest.approx(-10.0)
    assert found.own.value == pytest.approx(30.0)


def test_the_best_rival_is_chosen_on_the_rows_themselves():
    naive = np.ones((1, 4, 3))
    arms = {NAIVE: naive, WITH: naive, PLACEBO: naive, WITHOUT: naive, "bad": 2 * naive, "good": 0.5 * naive}
    found = gains(Losses(arms, np.ones((4, 3))))
    assert found.rival == "good"
    assert found.worth.value == pytest.approx(-50.0)


@pytest.mark.parametrize(("arms", "message"), [
    ({WITH: np.ones((1, 2, 2))}, "lack the arms without, placebo, naive"),
    ({name: np.ones((1, 2, 3)) for name in (WITH, WITHOUT, PLACEBO, NAIVE)}, "have shape"),
    ({name: np.full((1, 2, 2), np.nan) for name in (WITH, WITHOUT, PLACEBO, NAIVE)}, "not finite"),
])  # fmt: skip
def test_losses_that_cannot_be_compared_are_refused(arms, message):
    with pytest.raises(ValueError, match=message):
        Losses(arms, np.ones((2, 2)))


def _cell(bridge, source, target):
    return Cell("a cell", lambda _: None, bridge=bridge, source=source, target=target)


def test_the_largest_gain_is_found_at_a_stricter_level_than_it_is_ruled_out():
    rng = np.random.default_rng(9)
    many = [gains(_losses(rng, shift)) for shift in (0.02, 0.04, 0.06)]
    found = largest_of(many)
    assert found.value == max(one.lesser.value for one in many)
    assert found.high == max(one.lesser.high for one in many)
    assert found.low == max(one.lesser_for(MOST_CELLS).low for one in many)
    assert found.low < max(one.lesser.low for one in many)
    least_of = smallest_of(many)
    assert least_of.low == min(one.lesser.low for one in many)
    assert (
        min(one.lesser.high for one in many)
        < least_of.high
        < min(one.lesser_for(MOST_CELLS).high for one in many)
    )


@pytest.mark.parametrize(("shift", "low", "high"), [(0.8, 1.0, 1.0), (-0.8, 0.0, 0.0)])
def test_pairs_of_fields_are_counted_once_each_and_can_all_fail(shift, low, high):
    rng = np.random.default_rng(10)
    fields = ("commerce", "finance", "security")
    found = {
        f"{a}{b}{k}": (_cell("forecaster", a, b), gains(_losses(rng, shift)))
        for a in fields for b in fields if a != b for k in range(2)
    }  # fmt: skip
    one = share_of_pairs(found)
    assert (one.low, one.high, one.n) == (low, high, 6)


def test_privacy_is_set_against_other_bridges_field_by_field():
    """Equal gains leave it open, a far better one is found, and without a rival there is no answer."""
    rng = np.random.default_rng(11)
    mine = {"p": (_cell("secure_sum", "commerce", "finance"), gains(_losses(rng, 0.8)))}
    equal = {**mine, "o": (_cell("pooling", "commerce", "finance"), gains(_losses(rng, 0.8)))}
    worse = {**mine, "o": (_cell("pooling", "commerce", "finance"), gains(_losses(rng, 0.0)))}
    assert privacy_over_others(equal).low < 0 < privacy_over_others(equal).high
    assert privacy_over_others(worse).low > 0
    assert privacy_over_others(mine) is None


def test_what_holds_for_many_cells_holds_for_as_many_as_there_are():
    many = [one for one in METHODS.values() if one.crosses and one.grade == "observed"]
    assert 15 < len(many) <= MOST_CELLS
