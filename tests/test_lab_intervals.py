"""Intervals against scipy, statsmodels and hand answers, and their coverage where the truth is known."""

import numpy as np
import pytest
from scipy import stats
from scipy.signal import lfilter

from dti_core.lab import intervals
from dti_core.lab.record import Estimate


def autoregressive(rng: np.random.Generator, n_series: int, n: int, phi: float = 0.5) -> np.ndarray:
    """(n_series, n) AR(1) series of mean 0, after a burn-in."""
    return lfilter([1.0], [1.0, -phi], rng.standard_normal((n_series, n + 100)), axis=1)[:, 100:]


@pytest.fixture(scope="module")
def dependent() -> np.ndarray:
    return autoregressive(np.random.default_rng(20231201), 300, 400)


def coverage(found: list[intervals.Interval], truth: float = 0.0) -> float:
    return float(np.mean([one.low <= truth <= one.high for one in found]))


#: Three binomial standard errors of a coverage of .95 over 300 series.
NOISE = 3 * np.sqrt(0.95 * 0.05 / 300)
#: What HAC and block methods are known to lose at 400 observations and phi = .5 (Kiefer and Vogelsang 2005).
SHORTFALL = 0.03


def test_newey_west_covers_a_dependent_mean(dependent: np.ndarray) -> None:
    found = coverage([intervals.newey_west_mean(one, lags=12) for one in dependent])
    assert 0.95 - SHORTFALL - NOISE <= found <= 0.95 + NOISE


def test_blocks_cover_a_dependent_mean_and_single_days_do_not(dependent: np.ndarray) -> None:
    def cover(block: int | None) -> float:
        rng = np.random.default_rng(7)
        draw = [
            intervals.block_bootstrap(np.mean, one, rng=rng, block=block, n_resamples=200)
            for one in dependent
        ]
        return coverage(draw)

    assert 0.95 - SHORTFALL - NOISE <= cover(None) <= 0.95 + NOISE
    # The true variance of the mean is 3 times the naive one: 2 Phi(1.96 / sqrt 3) - 1 = .742.
    assert cover(1) == pytest.approx(0.742, abs=3 * np.sqrt(0.742 * 0.258 / 300) + 0.01)


def test_an_influence_function_covers_a_mean_that_depends_on_its_past_for_long() -> None:
    """AR(1) with phi .95 over 2000 observations: lags by the rule of thumb cover about .81 of them."""
    series = autoregressive(np.random.default_rng(3), 300, 2000, 0.95)
    found = coverage([intervals.influence_interval(one.mean(), one - one.mean()) for one in series])
    assert 0.95 - NOISE <= found <= 0.95 + NOISE
    assert coverage([intervals.newey_west_mean(one) for one in series]) < 0.95 - NOISE


def test_cosines_by_hand() -> None:
    """The squared coefficients on sqrt(2 / n) cos(pi j (t + 1/2) / n), two of them for four observations."""
    x = np.array([1.0, -2.0, 3.0, -2.0])
    waves = [np.sqrt(2 / 4) * np.cos(np.pi * j * (np.arange(4) + 0.5) / 4) for j in (1, 2)]
    error = np.sqrt(np.mean([(wave @ x) ** 2 for wave in waves]) / 4)
    found = intervals.influence_interval(7.0, x)
    assert found.std_error == pytest.approx(error)
    assert found.high - 7 == pytest.approx(stats.t.ppf(0.975, 2) * error)
    assert found.how == "influence function, 2 cosines, Student t"


def test_what_nothing_moves_has_no_width() -> None:
    found = intervals.influence_interval(0.0, np.zeros(500))
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_same_generator_same_interval_and_common_days() -> None:
    x = np.random.default_rng(4).normal(size=(300, 2))

    def both(rows: np.ndarray) -> tuple[float, float, float]:
        first, second = rows.mean(axis=0)
        return first, second, first - second

    one = intervals.joint_block_bootstrap(both, x, rng=np.random.default_rng(9), n_resamples=99)
    again = intervals.joint_block_bootstrap(both, x, rng=np.random.default_rng(9), n_resamples=99)
    assert one == again
    assert one[2].value == pytest.approx(one[0].value - one[1].value)
    assert one[2].std_error < one[0].std_error + one[1].std_error


def test_block_length_grows_with_dependence() -> None:
    """Politis and White: blocks of an AR(1) with phi .8 are far longer than those of noise."""
    rng = np.random.default_rng(1)
    noise, dependent = autoregressive(rng, 1, 2000, 0.0)[0], autoregressive(rng, 1, 2000, 0.8)[0]
    assert intervals.optimal_block(noise) <= 5 < 15 <= intervals.optimal_block(dependent)
    assert intervals.optimal_block(np.ones(50)) == 1
    assert "blocks of 15" in intervals.block_bootstrap(np.mean, noise, rng=rng, block=15, n_resamples=9).how


def test_bca_and_circular_blocks_are_at_hand() -> None:
    rng = np.random.default_rng(6)
    skewed = rng.exponential(size=60)
    found = intervals.block_bootstrap(
        np.mean, skewed, rng=rng, scheme="circular", method="bca", block=2, n_resamples=500
    )
    assert found.low < skewed.mean() < found.high
    assert found.how == "circular block bootstrap, bca, blocks of 2, 500 resamples"
    assert found.std_error == pytest.approx(stats.sem(skewed), rel=0.25)


def test_newey_west_by_hand() -> None:
    """One lag has Bartlett weight 1/2, so the variance is (g0 + g1) / n, times n / (n - 1)."""
    x = np.array([1.0, 3.0, 2.0, 5.0, 4.0])
    e = x - 3
    found = intervals.newey_west_mean(x, lags=1)
    by_hand = np.sqrt((e @ e + e[1:] @ e[:-1]) / 5**2 * 5 / 4)
    assert found.value == pytest.approx(3)
    assert found.std_error == pytest.approx(by_hand)
    assert found.high - 3 == pytest.approx(stats.t.ppf(0.975, 4) * by_hand)


def test_seeds_meet_scipy() -> None:
    values = [0.9, 1.1, 1.4, 0.6]
    found = intervals.mean_over_seeds(values)
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert (found.n_seeds, found.per_seed) == (4, tuple(values))


def test_pairs_meet_scipy() -> None:
    first, second = np.random.default_rng(8).normal(size=(2, 10))
    found = intervals.paired_difference(first, second, level=0.9)
    low, high = stats.ttest_rel(first, second).confidence_interval(0.9)
    assert (found.low, found.high, found.level) == (pytest.approx(low), pytest.approx(high), 0.9)


def test_share_meets_scipy() -> None:
    found = intervals.share(3, 40)
    known = stats.binomtest(3, 40).proportion_ci(method="wilson")
    assert (found.low, found.high) == (pytest.approx(known.low), pytest.approx(known.high))
    none = intervals.share(0, 10)
    assert none.low == pytest.approx(0, abs=1e-12)
    assert none.high > 0.2


def test_becomes_an_estimate() -> None:
    made = intervals.mean_over_seeds([1.0, 2.0]).estimate("gain", "share", world="planted")
    assert isinstance(made, Estimate)
    assert (made.key, made.unit, made.n_seeds, made.per_seed) == ("gain@planted", "share", 2, (1.0, 2.0))
    assert made.std_error == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: intervals.mean_over_seeds([1.0]), "at least 2"),
        (lambda: intervals.paired_difference([1, 2, 3], [1, 2]), "common seeds"),
        (lambda: intervals.newey_west_mean([1.0, np.nan, 2.0]), "1 of 3 values are not finite"),
        (lambda: intervals.share(5, 4), "5 of 4"),
        (
            lambda: intervals.block_bootstrap(
                lambda x: float("nan"), [1, 2, 3], rng=np.random.default_rng(0), block=1
            ),
            "not finite",
        ),
        (
            lambda: intervals.block_bootstrap(
                lambda x, y: 0.0, [1, 2, 3], [1, 2, 3, 4], rng=np.random.default_rng(0)
            ),
            r"lengths \[3, 4\]",
        ),
    ],
)
def test_refuses(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
