"""Control worlds: permuting destroys the order of time only; a planted signal is as strong as stated."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from dti_core.lab.errors import DataError
from dti_core.studies.lstm_portfolio.worlds import (
    WORLDS,
    Dealt,
    Signal,
    VarianceLaw,
    WorldSettings,
    make_world,
    plant_signal,
    signal_share,
)

PERMUTED = WORLDS["permuted_returns"].settings
PLANTED = WorldSettings(signal=Signal(0.2))


def simulated_returns(n_days: int, n_assets: int, seed: int = 11) -> pd.DataFrame:
    """Clustered, fat-tailed, correlated returns with a drift: a market factor whose volatility wanders."""
    rng = np.random.default_rng(seed)
    log_volatility = np.zeros(n_days)
    for day in range(1, n_days):
        log_volatility[day] = 0.97 * log_volatility[day - 1] + 0.15 * rng.standard_normal()
    market = rng.standard_normal(n_days) * np.exp(log_volatility)
    own = rng.standard_normal((n_days, n_assets)) * np.linspace(1.0, 2.0, n_assets)
    names = [f"A{i}" for i in range(n_assets)]
    days = pd.bdate_range("1950-01-02", periods=n_days)
    return pd.DataFrame(0.0003 + 0.008 * (market[:, None] + own), index=days, columns=names)


def autocorrelation(values: np.ndarray, lag: int) -> float:
    return float(np.corrcoef(values[lag:], values[:-lag])[0, 1])


def mean_rank_ic(forecast: np.ndarray, outcome: np.ndarray) -> tuple[float, float]:
    """Mean over dates of the rank correlation across assets, and its standard error."""
    ranks = (stats.rankdata(table, axis=1) for table in (forecast, outcome))
    centred = [rank - rank.mean(axis=1, keepdims=True) for rank in ranks]
    covariance = (centred[0] * centred[1]).sum(axis=1)
    by_date = covariance / np.sqrt((centred[0] ** 2).sum(axis=1) * (centred[1] ** 2).sum(axis=1))
    return float(np.mean(by_date)), float(stats.sem(by_date))


def monthly(world_returns: pd.DataFrame, horizon: int = 21) -> tuple[np.ndarray, np.ndarray]:
    """Days without overlap, and the sum of returns over the horizon after each."""
    total = np.vstack([np.zeros(world_returns.shape[1]), world_returns.to_numpy().cumsum(axis=0)])
    days = np.arange(250, len(world_returns) - horizon - 1, horizon)
    return days, total[days + horizon + 1] - total[days + 1]


def test_the_observed_world_is_the_data() -> None:
    returns = simulated_returns(50, 3)
    pd.testing.assert_frame_equal(
        make_world(returns, WORLDS["observed"].settings, np.random.default_rng(0)), returns
    )


@settings(max_examples=20, deadline=None)
@given(n_days=st.integers(2, 60), n_assets=st.integers(1, 6), seed=st.integers(0, 10_000))
def test_permuting_keeps_whole_days_and_labels(n_days: int, n_assets: int, seed: int) -> None:
    returns = simulated_returns(n_days, n_assets)
    world = make_world(returns, PERMUTED, np.random.default_rng(seed))
    assert world.index.equals(returns.index)
    assert world.columns.equals(returns.columns)
    by_first = [table.to_numpy()[np.argsort(table.to_numpy()[:, 0])] for table in (world, returns)]
    np.testing.assert_array_equal(*by_first)


def test_permuting_destroys_clustering() -> None:
    returns = simulated_returns(6000, 3)
    world = make_world(returns, PERMUTED, np.random.default_rng(5))
    band = 4 / np.sqrt(len(returns))
    assert autocorrelation(returns.iloc[:, 0].to_numpy() ** 2, 1) > 2 * band
    for lag in (1, 2, 5, 21):
        for values in (world.iloc[:, 0].to_numpy(), world.iloc[:, 0].to_numpy() ** 2):
            assert abs(autocorrelation(values, lag)) < band


@pytest.mark.parametrize("half_life_days", [10.0, 21.0, 60.0])
@pytest.mark.parametrize("monthly_rank_ic", [0.1, 0.3])
def test_the_oracle_reaches_the_stated_rank_correlation(
    monthly_rank_ic: float, half_life_days: float
) -> None:
    """A twentieth less is allowed for, as the common movement counts in ranks and is not in the formula."""
    signal = Signal(monthly_rank_ic, half_life_days)
    world = plant_signal(simulated_returns(40_000, 20), np.random.default_rng(1), signal)
    days, outcome = monthly(world.returns)
    reached, error = mean_rank_ic(world.expected.to_numpy()[days], outcome)
    assert 0.95 * monthly_rank_ic - 3 * error < reached < monthly_rank_ic + 3 * error


def test_the_expected_return_is_unbiased() -> None:
    """Regressing outcomes, less the common movement, on the oracle gives a slope of 1."""
    world = plant_signal(simulated_returns(40_000, 20), np.random.default_rng(2), Signal(0.3))
    days, outcome = monthly(world.returns)
    forecast = world.expected.to_numpy()[days]
    relative = outcome - outcome.mean(axis=1, keepdims=True)
    fit = stats.linregress(forecast.ravel(), relative.ravel())
    assert abs(fit.slope - 1.0) < 4 * fit.stderr


def test_past_returns_reveal_the_signal_and_permuting_hides_it() -> None:
    """A plain 21-day momentum forecast finds most of it: so can a network that sees 60 days."""
    rng = np.random.default_rng(3)
    planted = make_world(simulated_returns(20_000, 20), PLANTED, rng)
    for world, low, high in (
        (planted, 0.1, 0.22),
        (make_world(planted, PERMUTED, rng), -0.03, 0.03),
    ):
        total = np.vstack([np.zeros(20), world.to_numpy().cumsum(axis=0)])
        days, outcome = monthly(world)
        reached, _ = mean_rank_ic(total[days + 1] - total[days - 20], outcome)
        assert low < reached < high


def test_a_planted_signal_hardly_moves_spread_and_correlation() -> None:
    returns = simulated_returns(20_000, 8)
    world = make_world(returns, PLANTED, np.random.default_rng(4))
    np.testing.assert_allclose(world.std(), returns.std(), rtol=0.05)
    np.testing.assert_allclose(world.corr(), returns.corr(), atol=0.05)


def test_a_day_gets_what_was_expected_the_day_before() -> None:
    """What is added to a drawn day is what was expected on the day before, and nothing else."""
    returns = simulated_returns(400, 5)
    world = plant_signal(returns, np.random.default_rng(6), Signal())
    expected, planted = world.expected.to_numpy(), world.returns.to_numpy()
    drawn = returns.to_numpy()[np.random.default_rng(6).integers(400, size=400)]
    remaining = (1 - Signal().decay ** 21) / (1 - Signal().decay)
    np.testing.assert_allclose(planted[1:] - drawn[1:], expected[:-1] / remaining, atol=1e-12)


def test_a_stronger_signal_needs_a_larger_share() -> None:
    shares = [signal_share(Signal(ic)) for ic in (0.01, 0.1, 0.2, 0.4)]
    assert shares == sorted(shares)
    assert shares[0] > 0


def test_what_cannot_be_planted_is_refused() -> None:
    still = simulated_returns(100, 3).assign(A1=0.0)
    with pytest.raises(DataError, match="each must move"):
        make_world(still, PLANTED, np.random.default_rng(0))
    with pytest.raises(ValueError, match="monthly_rank_ic is 0"):
        Signal(monthly_rank_ic=0.0)


def test_each_kind_of_world_has_one_without_and_one_with_the_effect() -> None:
    for kind in (WorldSettings, Dealt, VarianceLaw):
        roles = {world.role for world in WORLDS.values() if isinstance(world.settings, kind)}
        assert {"negative", "positive"} <= roles
