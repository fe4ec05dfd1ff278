"""Assumptions of study closed_loop: where drawn sizes lie, what moves together, and ranges over draws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dti_core.lab.intervals import Interval
from dti_core.studies.closed_loop.measures.spans import both, of_world, span
from dti_core.studies.closed_loop.model.draws import LEAST, PRIORS, draw_places, papers_of, sizes_at
from tests.closed_loop_small import ranges

ENDS = st.one_of(st.just(0.0), st.floats(1e-6, 50), st.floats(-50, -1e-6))
RANGES = st.tuples(ENDS, ENDS).map(lambda pair: (min(pair), max(pair)))
PLACES = np.array([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0])[:, None]
ONE_SIDED = [(0.2, 0.8), (-0.8, -0.2), (0.0, 0.5), (-0.5, 0.0), (0.3, 0.3), (0.0, 0.0), (-0.7, -0.7)]


@given(st.lists(RANGES, min_size=1, max_size=4), st.integers(0, 2**31))
def test_sizes_lie_in_their_ranges(pairs, seed):
    loop = ranges(pairs)
    places = np.vstack(
        [draw_places(loop, 50, np.random.default_rng(seed)), np.zeros(len(pairs)), np.ones(len(pairs))]
    )
    for prior in PRIORS:
        found = sizes_at(loop, places, prior)
        assert found.shape == (52, len(pairs))
        slack = 1e-12 * np.maximum(np.abs(loop.low), np.abs(loop.high))
        assert (found >= loop.low - slack).all()
        assert (found <= loop.high + slack).all()


@given(st.lists(RANGES, min_size=1, max_size=4))
def test_a_place_of_one_is_the_end_that_is_farther_from_nought(pairs):
    loop = ranges(pairs)
    wanted = [low if high <= 0 and -low > high else high for low, high in pairs]
    for prior in PRIORS:
        assert sizes_at(loop, np.ones((1, len(pairs))), prior)[0] == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize(("low", "high"), [*ONE_SIDED, (-0.4, 1.2), (-2.0, 0.5)])
def test_uniform_quantiles_are_exact(low, high):
    found = np.sort(sizes_at(ranges([(low, high)]), PLACES, "uniform")[:, 0])
    assert found == pytest.approx(np.sort(low + (high - low) * PLACES[:, 0]), abs=1e-15)


@pytest.mark.parametrize(("low", "high"), ONE_SIDED)
def test_log_uniform_quantiles_are_exact_on_one_side(low, high):
    """near ** (1 - q) * far ** q; a range that reaches 0 ends at a hundredth of its far end."""
    near, far = sorted((abs(low), abs(high)))
    near = max(near, LEAST * far)
    sign = -1 if low < 0 else 1
    wanted = [sign * near ** (1 - q) * far**q if far else 0.0 for q in PLACES[:, 0]]
    assert sizes_at(ranges([(low, high)]), PLACES, "log-uniform")[:, 0] == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (-1.0, 3.0), (-0.06, 0.02)])
def test_signs_are_as_likely_as_their_part_of_the_range_is_long(low, high):
    loop, n = ranges([(low, high)]), 4000
    places = ((np.arange(n) + 0.5) / n)[:, None]
    for prior in PRIORS:
        found = sizes_at(loop, places, prior)[:, 0]
        assert (found < 0).mean() == pytest.approx(-low / (high - low), abs=1 / n)
        assert (np.diff(found) > 0).all()
    found = sizes_at(loop, places, "log-uniform")[:, 0]
    for side, end in ((found < 0, -low), (found > 0, high)):
        sizes = np.sort(np.abs(found[side]))
        assert sizes[0] == pytest.approx(LEAST * end, rel=0.01)
        assert sizes[len(sizes) // 2] == pytest.approx(end * LEAST**0.5, rel=0.01)
        assert sizes[-1] == pytest.approx(end, rel=0.01)


def test_arrows_of_one_paper_are_large_together():
    """Ranks of magnitudes are those of the paper's place, whatever the sign, under either prior."""
    loop = ranges(
        [(0.1, 0.9), (-0.06, -0.01), (0.0, 5.0), (-3.0, 0.0), (0.2, 0.4)], dict.fromkeys(range(4), "popp")
    )
    assert papers_of(loop) == ["popp", "a4>b4"]
    places = draw_places(loop, 200, np.random.default_rng(2))
    order = np.argsort(places[:, 0])
    for prior in PRIORS:
        sizes = np.abs(sizes_at(loop, places, prior))
        assert (np.diff(sizes[order, :4], axis=0) > 0).all()
        assert abs(np.corrcoef(sizes[:, 0], sizes[:, 4])[0, 1]) < 0.2


def test_another_papers_place_moves_no_arrow_of_this_one():
    loop = ranges([(0.1, 0.9), (-1.0, 1.0), (-0.3, 0.0), (0.0, 2.0)], {0: "one", 3: "one"})
    places = draw_places(loop, 20, np.random.default_rng(2))
    for column in range(places.shape[1]):
        changed = places.copy()
        changed[:, column] = 1 - changed[:, column]
        for prior in PRIORS:
            moved = (sizes_at(loop, changed, prior) != sizes_at(loop, places, prior)).any(axis=0)
            assert moved.tolist() == [paper == papers_of(loop)[column] for paper in loop.papers]


def test_a_span_is_the_median_and_the_middle_of_the_draws():
    """0 to 400: quantiles .025, .5 and .975 are places 10, 200 and 390."""
    found = span(np.random.default_rng(1).permutation(401), "draws")
    assert (found.low, found.value, found.high) == pytest.approx((10.0, 200.0, 390.0))
    assert found.n == 401
    assert found.how == "middle 95 % of 401 draws"
    assert found.std_error == pytest.approx(190 / 1.959963984540054)


@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(0, 3), st.floats(0, 3), st.floats(-4, 4))
def test_what_holds_under_both_holds_under_each(one, other, wide, narrow, bar):
    """Supported (low above the bar) just if it is under each prior; refuted (high below it) likewise."""
    grid = np.linspace(-1, 1, 41)
    draws = {"a": one + wide * grid, "b": other + narrow * grid}
    found, each = both(draws), [span(values) for values in draws.values()]
    assert (found.low > bar) == all(part.low > bar for part in each)
    assert (found.high < bar) == all(part.high < bar for part in each)
    assert found.value == pytest.approx(np.mean([part.value for part in each]))
    assert found.n == 82
    assert both({"a": draws["a"]}).low == each[0].low


def test_a_world_keeps_the_range_of_each_of_its_draws():
    drawn = [Interval(float(k), k - 1.0, k + 2.0, 1.0, 5, "by hand") for k in range(41)]
    found = of_world("name", "unit", "null", drawn, group="small")
    assert (found.low, found.value, found.high) == pytest.approx((1.0, 20.0, 39.0))
    assert found.draws == tuple((k - 1.0, k + 2.0) for k in range(41))
    assert (found.world, found.key, found.n, found.at) == ("null", "name@null", 41, {"group": "small"})
