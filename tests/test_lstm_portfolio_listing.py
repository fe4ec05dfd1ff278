"""Shares that come, pause and go: read, held, learned from and judged without looking ahead."""

import numpy as np
import pandas as pd
import pytest

from dti_core.lab.config import load_experiment
from dti_core.studies.lstm_portfolio.data import Market, load
from dti_core.studies.lstm_portfolio.data.listing import MAX_HALT_DAYS, Status, deaths, returns_of_lives
from dti_core.studies.lstm_portfolio.estimate import estimate, make_backtest, stages
from dti_core.studies.lstm_portfolio.estimate.samples import Sample, make_samples
from dti_core.studies.lstm_portfolio.measures.survivorship import (
    Deaths,
    bias_estimates,
    equal_weights_of,
    membership_estimates,
)
from dti_core.studies.lstm_portfolio.methods.portfolios import capped
from dti_core.studies.lstm_portfolio.model import skill
from dti_core.studies.lstm_portfolio.model.backtest import hold
from dti_core.studies.lstm_portfolio.model.walk import decision_days
from tests.shared_data import bring

SIZES = {
    "n_folds": 2, "refit_months": 6, "window_days": 20, "lookback_days": 60, "validation_days": 63,
    "n_seeds": 1, "control_seeds": 1, "n_steps": 3, "hidden": 4, "control_folds": 1, "n_resamples": 100,
    "n_draws": 2, "n_market_draws": 1,
}  # fmt: skip


def config(**changes):
    return load_experiment("lstm_portfolio").resolve("quick", SIZES | changes)


def full_prices(n_days: int = 900, n_assets: int = 9, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    steps = rng.normal(0.0004, 0.008, (n_days, 1)) + rng.normal(0, 0.012, (n_days, n_assets))
    dates = pd.bdate_range("2018-01-01", periods=n_days, name="Date")
    return pd.DataFrame(50 * np.exp(steps.cumsum(axis=0)), dates, [f"S{k}" for k in range(n_assets)])


def lively_prices() -> pd.DataFrame:
    """Listed late, dead early, dead late, halted, with zeros, too young, and come back, a share each."""
    prices = full_prices()
    prices.iloc[:500, 0] = np.nan
    prices.iloc[300:, 1] = np.nan
    prices.iloc[800:, 2] = np.nan
    prices.iloc[700:712, 3] = np.nan
    prices.iloc[650:655, 4] = 0.0
    prices.iloc[:870, 5] = np.nan
    prices.iloc[400:500, 6] = np.nan
    return prices


def market_of(prices: pd.DataFrame, delisting_return: float = -0.3) -> Market:
    returns, status = returns_of_lives(prices.replace(0.0, np.nan), delisting_return)
    return Market(returns, status=status)


def test_lives_by_hand() -> None:
    n = MAX_HALT_DAYS + 6
    prices = pd.DataFrame({
        "dies": [1.0, 2.0, *[np.nan] * (n - 2)],
        "late": [np.nan, 4.0, 5.0, *[5.0] * (n - 3)],
        "halted": [1.0, 1.0, np.nan, np.nan, 3.0, *[3.0] * (n - 5)],
        "last days": [*[1.0] * (n - 5), *[np.nan] * 5],
        "last days late": [*[1.0] * (n - 4), *[np.nan] * 4],
    })  # fmt: skip
    returns, status = returns_of_lives(prices, -0.3)
    assert returns["dies"].dropna().tolist() == [1.0, *[0.0] * (MAX_HALT_DAYS - 1), -0.3]
    assert status["dies"].tolist() == [
        Status.TRADED,
        *[Status.HALTED] * (MAX_HALT_DAYS - 1),
        *[Status.OUT] * 5,
    ]
    assert returns["late"].tolist()[:3] == pytest.approx([np.nan, 0.25, 0.0], nan_ok=True)
    assert returns["halted"].tolist()[:4] == [0.0, 0.0, 0.0, 2.0]
    assert status["halted"].tolist()[:4] == [Status.TRADED, Status.HALTED, Status.HALTED, Status.TRADED]
    assert returns["last days"].iloc[-1] == -0.3
    assert returns["last days late"].iloc[-1] == 0.0
    assert deaths(returns, status).to_dict() == {"dies": MAX_HALT_DAYS + 1 - 1, "last days": n - 2}


def test_no_row_is_told_by_a_later_price() -> None:
    """The table cut after any row reads as before, its last row apart, which no decision follows."""
    prices = lively_prices().replace(0.0, np.nan)
    returns, status = returns_of_lives(prices, -0.3)
    for cut in (310, 320, 321, 322, 705, 712, 830):
        early, known = returns_of_lives(prices.iloc[: cut + 1], -0.3)
        pd.testing.assert_frame_equal(early.iloc[:-1], returns.iloc[: cut - 1])
        pd.testing.assert_frame_equal(known.iloc[:-1], status.iloc[: cut - 1])


def test_a_halted_share_is_kept_and_a_dead_one_becomes_cash() -> None:
    """Halves; the second is halted at the second decision and dead, at -50 %, before the third."""
    returns = np.array([[0.0, 0.0], [0.2, 0.0], [0.0, -0.5], [0.1, np.nan], [0.1, np.nan]])
    states = np.array([[2, 2], [2, 1], [2, 0], [2, 0], [2, 0]], dtype=np.int8)
    weights = np.array([[0.5, 0.5], [1.0, 0.0], [1.0, 0.0]])
    found = hold(weights, returns, np.array([0, 1, 2]), cost_bps=0.0, states=states)
    kept = 0.5 / 1.1
    assert found.returns == pytest.approx([0.1, -0.5 * kept, 0.1, 0.1])
    assert found.turnover[1] == pytest.approx(0.0)
    assert found.turnover[2] == pytest.approx(1 - (1 - kept) / (1 - 0.5 * kept))


def test_weights_are_cut_at_a_cap() -> None:
    assert capped(np.array([0.7, 0.2, 0.1, 0.0]), 0.4) == pytest.approx([0.4, 0.4, 0.2, 0.0])
    assert capped(np.array([1.0, 0.0, 0.0, 0.0]), 0.4) == pytest.approx([0.4, 0.2, 0.2, 0.2])
    assert capped(np.array([0.7, 0.3]), 0.4) == pytest.approx([0.5, 0.5])
    assert capped(np.array([0.3, 0.7]), 1.0).tolist() == [0.3, 0.7]


def test_only_the_living_with_enough_history_are_held() -> None:
    sample = make_samples(config(), market_of(lively_prices()))[0]
    held = pd.DataFrame(sample.eligible, sample.walk.days, sample.market.returns.columns)
    assert not held[["S1", "S5"]].any().any()
    assert held["S2"].loc[:799].all()
    assert not held["S2"].loc[800:].any()
    assert held["S7"].all()
    first = held["S0"].idxmax()
    assert first >= 500 + 60 - 1


def _weights(market: Market) -> tuple[Sample, dict[str, np.ndarray]]:
    sample = make_samples(config(), market)[0]
    found = stages.weigh_all([sample], stages.forecast_all([sample], config()), config())[sample.key]
    return sample, {name: rows for (name, _), rows in found.items()}


def test_later_prices_and_deaths_change_no_weight() -> None:
    """Everything behind a day in the middle of a halt is replaced: prices, deaths, listings."""
    before, cut = lively_prices(), 700 + 8
    after = before.copy()
    after.iloc[cut + 1 :] = full_prices(seed=5).iloc[cut + 1 :].to_numpy()
    after.iloc[cut + 1 :, [3, 7]] = np.nan
    (sample, first), (_, second) = _weights(market_of(before)), _weights(market_of(after))
    known = sample.walk.days <= cut - 1
    assert known.sum() >= 3
    moved = {name for name in first if np.abs(first[name][known] - second[name][known]).max() > 0.0}
    assert moved <= {"foresight", "constant_mix"}  # controls that are told of later months
    later = {name for name in first if np.abs(first[name][~known] - second[name][~known]).max() > 0.0}
    assert {"lstm", "equal_weight", "hrp", "min_variance"} <= later


def test_a_death_costs_who_holds_the_share() -> None:
    """The share dies on the 21st day without a price, which lies behind the last but third decision."""
    lost = []
    for last_return in (0.0, -0.5):
        market = market_of(lively_prices(), last_return)
        sample, weights = _weights(market)
        cells = {(name, None): rows for name, rows in weights.items()}
        forecasts = stages.forecast_all([sample], config())[sample.key]
        lost.append(make_backtest(sample, forecasts, cells, config()).returns("equal_weight"))
    gap = lost[1] - lost[0]
    day = 800 - 1 + MAX_HALT_DAYS - 1 - sample.walk.held.start
    assert gap[day] == pytest.approx(-0.5 / 6, abs=0.02)
    assert np.abs(gap[:day]).max() == 0.0


def test_own_prices_with_gaps_run_unedited(tmp_path, monkeypatch) -> None:
    """From a file with heads, tails, zeros, halts and a return to the end, with each flaw told."""
    monkeypatch.setattr("dti_core.studies.lstm_portfolio.estimate.samples.MONTHLY", {})  # has no gaps
    file = tmp_path / "lively.csv"
    lively_prices().to_csv(file)
    asked = config(universe="yours", data_path=str(file))
    market, card = load(asked)
    assert "3 end (S1, S6, S2) with a last return of -30%" in card.caveat
    result = estimate(asked, market, card)
    told = dict(result.series["left_out"].itertuples(index=False))
    assert {"holding S1", "holding S5", "volatility of S0"} <= set(told)
    for name in ("sharpe_lstm_minus_equal_weight", "rank_ic_lstm", "r2_ridge_vs_zero", "qlike_har"):
        assert np.isfinite(result[name].value)
    assert np.isfinite(result["sharpe_lstm_minus_shuffled@permuted_returns"].value)


def test_ranks_and_errors_leave_out_what_was_not_held() -> None:
    rng = np.random.default_rng(1)
    target, forecast = rng.normal(size=(2, 30, 8))
    holed = target.copy()
    holed[:, :3] = np.nan
    assert skill.rank_ic(holed, forecast) == pytest.approx(skill.rank_ic(target[:, 3:], forecast[:, 3:]))
    assert skill.squared_error(holed, forecast) == pytest.approx(
        skill.squared_error(target[:, 3:], forecast[:, 3:])
    )


def test_a_harmless_death_hides_nothing_and_a_loss_does() -> None:
    """Deaths at random that cost nothing: no bias. At -30 % each: as much as they cost a year."""
    returns = np.random.default_rng(2).normal(0.0004, 0.01, (252 * 8, 20))
    days = np.arange(251, len(returns) - 1, 21)
    found = {}
    for last_return in (0.0, -0.3):
        how = Deaths(0.04, last_return, losers_only=False)
        drawn = bias_estimates(returns, days, how, 0.0, 252.0, np.random.default_rng(3))
        found[last_return] = {one.at["measure"]: one for one in drawn}["survivorship_return"]
    harmless, costly = found[0.0], found[-0.3]
    assert abs(harmless.value) < 3 * harmless.std_error / np.sqrt(harmless.n) + 0.001
    assert costly.value - harmless.value == pytest.approx(0.3 * 0.04, abs=0.005)


def test_equal_weights_without_deaths_are_equal_weights() -> None:
    returns = np.random.default_rng(4).normal(0.0004, 0.01, (300, 5))
    days = decision_days(pd.RangeIndex(300))
    alive = np.full(5, 300)
    found = equal_weights_of(returns, days, alive, -0.3, 10.0)
    assert found == pytest.approx(hold(np.full((len(days), 5), 0.2), returns, days, 10.0).returns)


def test_members_that_stayed_are_counted(monkeypatch, tmp_path) -> None:
    """32, 39 and 52 % of the members of 1996, 2000 and 2008 never left until December 2022."""
    found = [*membership_estimates(bring("sp500_membership", monkeypatch, tmp_path).table())]
    stayed = [one.value for one in found if one.name.endswith("never_left_until_2022")]
    there = [one.value for one in found if one.name.endswith("_in_2022")]
    assert stayed == pytest.approx([0.32, 0.39, 0.52], abs=0.005)
    assert all(one > other for one, other in zip(there, stayed, strict=True))
    assert all(one.low < one.value < one.high for one in found)


def test_who_came_back_is_a_member_but_left() -> None:
    """A never left, B is back, C left for good, D came later: of A, B, C one stayed, two are there."""
    rows = [
        ("A", "1990", ""),
        ("B", "1990", "2000"),
        ("B", "2010", ""),
        ("C", "1990", "2000"),
        ("D", "2012", ""),
    ]
    spells = pd.DataFrame(rows, columns=["ticker", "start_date", "end_date"])
    found = {one.name: one for one in membership_estimates(spells.replace("", None))}
    assert found["members_of_1996_never_left_until_2022"].value == pytest.approx(1 / 3)
    assert found["members_of_1996_in_2022"].value == pytest.approx(2 / 3)
