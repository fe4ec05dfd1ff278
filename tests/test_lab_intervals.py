"""Intervals against scipy, statsmodels and hand answers, and their coverage where the truth is known."""

import time

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


def test_sharpe_difference_covers_the_true_difference() -> None:
    """Normal returns with correlation .6 and known Sharpe ratios 1.0 and 0.5 a year."""
    rng = np.random.default_rng(11)
    daily = np.array([1.0, 0.5]) / np.sqrt(252)
    root = np.linalg.cholesky([[1, 0.6], [0.6, 1]])
    found = []
    for _ in range(200):
        z = rng.standard_normal((750, 2)) @ root.T + daily
        found.append(intervals.sharpe_difference(z[:, 0], z[:, 1], rng, n_resamples=300))
    noise = 3 * np.sqrt(0.95 * 0.05 / 200)
    # Percentiles of 300 resamples cut the tails a little short: one point is allowed for it.
    assert 0.95 - 0.01 - noise <= coverage(found, 0.5) <= 0.95 + noise


def test_sharpe_difference_meets_its_definition_and_large_sample_error() -> None:
    """Variance for iid normal returns: Jobson and Korkie (1981), corrected by Memmel (2003)."""
    rng = np.random.default_rng(3)
    z = rng.standard_normal((6000, 2)) @ np.linalg.cholesky([[1, 0.5], [0.5, 1]]).T + [0.06, 0.03]
    first, second = z[:, 0] * 0.01, z[:, 1] * 0.02
    found = intervals.sharpe_difference(first, second, rng, block=1)
    one, other = first.mean() / first.std(), second.mean() / second.std()
    assert found.value == pytest.approx(np.sqrt(252) * (one - other))
    rho = np.corrcoef(first, second)[0, 1]
    variance = 2 - 2 * rho + 0.5 * (one**2 + other**2 - 2 * one * other * rho**2)
    assert found.std_error == pytest.approx(np.sqrt(252 * variance / 6000), rel=0.06)


def test_sharpe_difference_of_25_years_takes_about_a_second() -> None:
    rng = np.random.default_rng(5)
    first, second = rng.normal(0.0005, 0.01, (2, 6000))
    intervals.sharpe_difference(first[:50], second[:50], rng, n_resamples=5)
    before = time.process_time()
    intervals.sharpe_difference(first, second, rng)
    assert time.process_time() - before < 3


def test_a_series_against_itself_differs_by_exactly_nothing() -> None:
    returns = np.random.default_rng(2).normal(0, 0.01, 500)
    found = intervals.sharpe_difference(returns, returns, np.random.default_rng(2), n_resamples=50)
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
            lambda: intervals.sharpe_difference(np.ones(9), np.arange(9), np.random.default_rng(0)),
            "never moves",
        ),
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
