"""The study lstm_portfolio: published and hand-made answers, no look-ahead, worlds whose truth is known."""

import dataclasses
import math
from importlib.metadata import version

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dti_core.bridges.forecaster import future_returns, trailing_volatility
from dti_core.lab import intervals
from dti_core.lab.bars import judge_bar
from dti_core.lab.config import load_experiment
from dti_core.lab.data import packaged, simulated_card
from dti_core.lab.errors import DataError
from dti_core.lab.frozen import frozen_record
from dti_core.lab.register import load_register
from dti_core.studies.lstm_portfolio import figures
from dti_core.studies.lstm_portfolio.data import Market, load, validate_returns
from dti_core.studies.lstm_portfolio.estimate import estimate, stages
from dti_core.studies.lstm_portfolio.estimate.samples import make_samples, market_volatility
from dti_core.studies.lstm_portfolio.methods.portfolios import RULES, max_sharpe
from dti_core.studies.lstm_portfolio.model import forecasting, performance, regimes, skill
from dti_core.studies.lstm_portfolio.model.backtest import hold
from dti_core.studies.lstm_portfolio.model.walk import decision_days
from dti_core.studies.lstm_portfolio.worlds import Signal, plant_signal

SMALL = {
    "n_folds": 4, "refit_months": 12, "window_days": 30, "lookback_days": 120, "hidden": 8, "n_steps": 150,
    "n_seeds": 2, "control_folds": 4, "n_draws": 4,
    "n_market_draws": 1, "n_resamples": 200,
}  # fmt: skip


def small_config(**changes):
    return load_experiment("lstm_portfolio").resolve("quick", SMALL | changes)


def random_returns(rng, n_days=2200, n_assets=8):
    common, own = rng.normal(0.0004, 0.008, (n_days, 1)), rng.normal(0, 0.012, (n_days, n_assets))
    dates = pd.bdate_range("2000-01-03", periods=n_days)
    names = [f"A{k}" for k in range(n_assets)]
    return pd.DataFrame(common + own * np.linspace(0.8, 1.3, n_assets), index=dates, columns=names)


@pytest.fixture(scope="module")
def sp500():
    return load(load_experiment("lstm_portfolio").resolve("quick"))[0]


@pytest.fixture(scope="module")
def planted_result():
    """The whole study on a market with a strong planted signal; one price stands still for 90 days."""
    rng = np.random.default_rng(20)
    market = plant_signal(random_returns(rng), rng, Signal(monthly_rank_ic=0.5)).returns
    market.iloc[600:690, 0] = 0.0
    card = simulated_card(packaged("sp500_20").card("test"), "test", "a planted signal")
    return estimate(small_config(), Market(market, market.mean(axis=1).rename("index")), card)


# --- Answers from outside the code ---


def monthly_backtest(market, strategy, first_year, last_year):
    """Daily returns after 10 basis points, 504 days of history, from the last close before `first_year`."""
    returns, dates = market.returns.to_numpy(), market.returns.index
    days = decision_days(dates)
    chosen = [d for d in days if (dates[d].year, dates[d].month) >= (first_year - 1, 12)]
    chosen = np.array([d for d in chosen if (dates[d].year, dates[d].month) < (last_year, 12)])
    end = next((int(d) for d in days if d > chosen[-1]), len(dates) - 1)
    windows = [returns[d - 503 : d + 1] for d in chosen]
    if strategy == "historical_mean":
        weights = np.array([max_sharpe(window, window.mean(axis=0)) for window in windows])
    else:
        weights = np.array([RULES[strategy].run(window) for window in windows])
    return hold(weights, returns, chosen, 10.0, end).returns, slice(chosen[0] + 1, end + 1)


@pytest.mark.parametrize(
    ("first_year", "last_year", "strategy", "published"),
    [
        (2010, 2022, "equal_weight", 0.93), (2010, 2022, "min_variance", 0.80),
        (2010, 2022, "historical_mean", 1.04), (2000, 2009, "equal_weight", 0.51),
        (2000, 2009, "min_variance", 0.49), (2000, 2009, "historical_mean", 0.43),
        (2020, 2022, "equal_weight", 0.87), (2020, 2022, "min_variance", 0.47),
        (2020, 2022, "historical_mean", 1.04),
    ],
)  # fmt: skip
def test_sharpe_ratios_meet_an_independent_backtest(sp500, first_year, last_year, strategy, published):
    """Annual Sharpe ratios found before by other code on the same prices (504 days, monthly, 10 bp)."""
    returns, _ = monthly_backtest(sp500, strategy, first_year, last_year)
    assert performance.sharpe(returns) == pytest.approx(published, abs=0.03)


@pytest.mark.parametrize(
    ("years", "published"), [((2010, 2022), 0.62), ((2000, 2009), -0.01), ((2020, 2022), 0.34)]
)
def test_the_index_meets_its_sharpe_ratio(sp500, years, published):
    _, held = monthly_backtest(sp500, "equal_weight", *years)
    assert performance.sharpe(sp500.index_returns.to_numpy()[held]) == pytest.approx(published, abs=0.03)


def test_survivors_beat_the_index_by_the_interval_found_before(sp500):
    """Equal weights less index 2010-22: 95 % block bootstrap [.13, .49] by other code."""
    returns, held = monthly_backtest(sp500, "equal_weight", 2010, 2022)
    index = sp500.index_returns.to_numpy()[held]
    rng, days = np.random.default_rng(1), np.column_stack([returns, index])
    blocks = intervals.block_bootstrap(
        lambda rows: performance.sharpe(rows[:, 0]) - performance.sharpe(rows[:, 1]),
        days, rng=rng, block=21, n_resamples=1000,
    )  # fmt: skip
    assert (blocks.low, blocks.high) == pytest.approx((0.13, 0.49), abs=0.06)
    lead = performance.sharpe_difference(returns, index)
    ours = intervals.influence_interval(lead.value, lead.influence)
    assert ours.value == pytest.approx(blocks.value)
    assert ours.std_error == pytest.approx(blocks.std_error, rel=0.4)


@pytest.mark.parametrize(
    ("n_trials", "skewness", "kurtosis", "published"), [(100, -3, 10, 0.9004), (46, -3, 10, 0.9505)]
)
def test_deflated_sharpe_meets_the_papers_example(n_trials, skewness, kurtosis, published):
    """Bailey and Lopez de Prado (2014): annual Sharpe 2.5 over 1250 days, variance of trials 1/2 a year."""
    threshold = performance.expected_best_sharpe(0.5 / 250, n_trials)
    found = performance.deflated_sharpe(2.5 / math.sqrt(250), threshold, 1250, skewness, kurtosis)
    assert found == pytest.approx(published, abs=5e-5)


def test_nyse_data_hold_the_wealth_known_from_the_literature():
    """Best of the 36 stocks of the old NYSE data: 54.14 times its start (Cover 1991, and others since)."""
    market, _ = load(small_config(universe="nyse_o"))
    assert (1 + market.returns).prod().max() == pytest.approx(54.14, abs=0.005)
    assert market.returns.shape == (5651, 36)
    assert not market.dated


@pytest.mark.parametrize(
    "name",
    ["sp500_20", "sp500_index", "nyse_o", "nyse_n", "tse", "djia", "vix", "sp500_ohlc", "french"],
)
def test_registered_files_are_as_registered(name):
    row = packaged(name)
    table = pd.read_csv(row.path())
    labelled = table.columns[0] in ("Date", "Unnamed: 0")
    assert (len(table), table.shape[1] - labelled) == (row.rows, row.columns)
    assert version(row.package) == row.version
    assert row.caveat
    assert row.badge


# --- Worked by hand ---


def test_drift_turnover_and_cost_by_hand():
    """Halves, the first asset gains 20 %: it drifts to .6/1.1; back to halves trades 2 x (.6/1.1 - .5)."""
    returns = np.array([[0.0, 0.0], [0.2, 0.0], [0.0, 0.0], [0.1, 0.1]])
    found = hold(np.full((2, 2), 0.5), returns, np.array([0, 2]), cost_bps=100.0)
    traded = 2 * (0.6 / 1.1 - 0.5)
    assert found.turnover == pytest.approx([1.0, traded])
    assert found.returns == pytest.approx([1.1 * 0.99 - 1, 0.0, 1.1 * (1 - 0.01 * traded) - 1])


def test_without_trading_nothing_is_paid_but_the_entry():
    returns = np.random.default_rng(0).normal(0, 0.01, (50, 1))
    found = hold(np.ones((2, 1)), returns, np.array([4, 20]), cost_bps=10.0)
    assert found.turnover == pytest.approx([1.0, 0.0])
    assert np.prod(1 + found.returns) == pytest.approx(np.prod(1 + returns[5:]) * 0.999)


def test_sharpe_and_drawdown_by_hand():
    returns = np.array([0.10, -0.50, 0.20, 0.0])
    assert performance.max_drawdown(returns) == pytest.approx(0.5)
    assert performance.max_drawdown(np.array([-0.1, 0.3])) == pytest.approx(0.1)
    assert performance.sharpe(np.array([0.01, 0.03])) == pytest.approx(2 * math.sqrt(252))
    with pytest.raises(ValueError, match="never move"):
        performance.sharpe(np.zeros(5))


def test_max_sharpe_of_two_assets_meets_the_formula():
    """Two assets: weights are proportional to the inverse covariance times expected returns."""
    rng = np.random.default_rng(3)
    window = rng.normal(0, [0.01, 0.02], (500, 2))
    mean = np.array([0.0004, 0.001])
    exact = np.linalg.solve(np.cov(window.T), mean)
    assert max_sharpe(window, mean) == pytest.approx(exact / exact.sum(), abs=1e-3)
    assert max_sharpe(window, 21 * mean) == pytest.approx(exact / exact.sum(), abs=1e-3)


def test_without_any_positive_forecast_variance_is_least():
    window = np.random.default_rng(4).normal(0, [0.01, 0.02, 0.03], (300, 3))
    least = RULES["min_variance"].run(window)
    assert max_sharpe(window, np.array([-0.1, -0.2, 0.0])) == pytest.approx(least)
    with pytest.raises(ValueError, match="finite forecasts"):
        max_sharpe(window, np.array([0.1, np.nan, 0.0]))


def test_months_end_where_dates_say_so():
    dates = pd.to_datetime(["2020-01-30", "2020-01-31", "2020-02-03", "2020-02-28", "2020-03-02"])
    assert decision_days(dates).tolist() == [1, 3]
    assert decision_days(pd.RangeIndex(64)).tolist() == [20, 41, 62]


def test_r2_and_rank_correlation_by_hand():
    target, forecast = np.array([[1.0, 3.0]]), np.array([[2.0, 2.0]])
    assert skill.r2_against(target, forecast, np.zeros((1, 2))).value == pytest.approx(1 - 2 / 10)
    rng = np.random.default_rng(5)
    first, second = rng.normal(size=(2, 4, 9))
    exact = [stats.spearmanr(a, b).statistic for a, b in zip(first, second, strict=True)]
    assert skill.rank_ic(first, second) == pytest.approx(exact)
    assert skill.rank_ic(first, np.ones_like(first)) == pytest.approx(np.zeros(4))


def test_constant_sharpe_null_by_hand():
    returns = np.random.default_rng(6).normal(0, 0.01, (80, 3))
    day, window, horizon = 60, 10, 5
    known = range(window - 1, day - horizon + 1)
    ratio = future_returns(returns, known, horizon) / trailing_volatility(returns, known, window, 0.003)
    expected = ratio.mean() * trailing_volatility(returns, [day], window, 0.003)
    found = forecasting.constant_sharpe(returns, np.array([day]), window, horizon)
    assert found == pytest.approx(expected)


def test_an_unchanged_price_looks_brilliant_on_a_random_walk():
    returns = np.random.default_rng(7).normal(0, 0.01, (6000, 10))
    level, change = skill.price_trap(returns)
    assert np.median(level) > 0.97
    assert abs(np.median(change)) < 0.005


def test_regimes_know_only_the_past():
    volatility = np.concatenate([np.linspace(0.1, 0.2, 300), [0.05, 0.5]])
    days = np.array([40, 299, 300, 301])
    named = regimes.regimes_before(volatility, days).tolist()
    assert named == [-1, 2, 0, 2]
    later = volatility.copy()
    later[300:] = 9.0
    assert regimes.regimes_before(later, days[:2]).tolist() == named[:2]
    assert regimes.trust(volatility, days)[-2:] == pytest.approx([1.0, np.median(volatility) / 0.5])


def test_shuffling_keeps_each_months_forecasts_and_no_more():
    table = np.random.default_rng(8).normal(size=(40, 12))
    mixed = forecasting.shuffle_across_assets(table, np.random.default_rng(9))
    assert np.sort(mixed, axis=1) == pytest.approx(np.sort(table, axis=1))
    assert abs(skill.rank_ic(table, mixed).mean()) < 0.15


# --- No look-ahead ---


def test_prices_after_a_day_change_no_weight_of_that_day():
    """For every strategy but two controls: foresight, and the mix that is told its average share."""
    config = small_config(n_folds=2, refit_months=6, n_seeds=1, n_steps=10)
    before = random_returns(np.random.default_rng(10), n_days=1000)
    after, cut = before.copy(), int(decision_days(before.index)[-5])
    after.iloc[cut + 1 :] = random_returns(np.random.default_rng(11), n_days=1000).iloc[cut + 1 :].to_numpy()
    found = []
    for table in (before, after):
        (sample, *_) = make_samples(config, Market(table))
        weights = stages.weigh_all([sample], stages.forecast_all([sample], config), config)["observed"]
        known = sample.walk.days <= cut
        found.append({name: rows[known] for (name, _), rows in weights.items()})
    assert {"lstm", "adaptive", "boosting", "ridge", "ar1", "historical_mean", "hrp"} <= set(found[0])
    changed = {name for name in found[0] if not np.allclose(found[0][name], found[1][name], atol=1e-9)}
    assert changed == {"foresight", "constant_mix"}


def test_tasks_carry_no_row_after_their_last_decision():
    table = random_returns(np.random.default_rng(12), n_days=1000)
    (sample, *_) = make_samples(small_config(n_folds=2, refit_months=6, validation_days=126), Market(table))
    for fold in sample.walk.folds:
        task = stages.weight_task(sample, fold, RULES["hrp"].run, None)
        first = fold.decisions[0] - 119
        assert np.array_equal(task.returns, table.to_numpy()[first : fold.decisions[-1] + 1])


# --- Worlds whose truth is known ---


def test_a_planted_signal_is_found(planted_result):
    forecasts_pay = ("sharpe_lstm_minus_shuffled", "sharpe_lstm_minus_constant_sharpe")
    for name in (*forecasts_pay, "r2_lstm_vs_constant_sharpe", "rank_ic_lstm"):
        assert planted_result[name].low > 0, name
    assert planted_result["sharpe_lstm_minus_equal_weight"].low > 0


def test_permuting_the_days_takes_the_support_away(planted_result):
    """Bar by bar, of those that are estimated in that world."""
    known = {estimate.key: estimate for estimate in planted_result}
    bars = {
        bar.estimate: judge_bar(bar, known[key]).verdict
        for claim in load_register().bound_to("lstm_portfolio").values()
        for test in claim.tests
        for bar in test.estimates
        if (key := f"{bar.estimate}@permuted_returns") in known
    }
    judged = {"return_at_equal_volatility_lstm_minus_equal_weight", "r2_lstm_vs_constant_sharpe"}
    assert judged <= set(bars)
    assert "supported" not in bars.values()


def test_foresight_beats_all_and_shuffling_destroys(planted_result):
    sharpe = {name: planted_result[f"sharpe_{name}"].value for name in ("foresight", "lstm", "shuffled")}
    assert sharpe["foresight"] > sharpe["lstm"] > sharpe["shuffled"]


def test_seeds_and_history_are_reported_apart(planted_result):
    main = planted_result["sharpe_lstm_minus_equal_weight"]
    assert main.n_seeds == len(main.per_seed) == 2
    spread = planted_result["sharpe_spread_of_seeds"]
    assert spread.value == pytest.approx(np.std(main.per_seed, ddof=1))


def test_every_bar_finds_its_estimate_in_its_control_worlds():
    """In the frozen full run: short runs may hold no calm month to judge."""
    keys = {estimate.key for estimate in frozen_record("lstm_portfolio").estimates}
    for claim in load_register().bound_to("lstm_portfolio").values():
        for test in claim.tests:
            names = {bar.estimate for bar in test.estimates}
            assert names | {f"{name}@{world}" for name in names for world in test.worlds} <= keys


# --- Data and figures ---


def test_days_are_less_what_bills_earned_by_another_package(sp500):
    """The days of a month compound to the month's rate; behind the last known month its rate is held."""
    months = (1 + sp500.risk_free).groupby(sp500.risk_free.index.to_period("M")).prod() - 1
    known = packaged("french").table(index_col=0, parse_dates=True)["RF"]
    known.index = known.index.to_period("M")
    both = months.index.intersection(known.index)
    assert len(both) == 327
    assert np.abs(months[both] - known[both]).max() < 1e-9
    assert months["2018-12":].to_numpy() == pytest.approx(np.full(49, 0.0018))
    excess = sp500.excess.iloc[:, 0] + sp500.risk_free
    assert excess.to_numpy() == pytest.approx(sp500.returns.iloc[:, 0].to_numpy())
    assert "2018-11" in sp500.risk_free.name


def test_own_prices_are_read_as_returns(tmp_path):
    returns = random_returns(np.random.default_rng(14), n_days=1500)
    prices = 100 * (1 + returns).cumprod()
    prices.rename_axis("date").to_csv(tmp_path / "mine.csv")
    market, card = load(small_config(universe="yours", data_path=str(tmp_path / "mine.csv")))
    assert market.returns.to_numpy() == pytest.approx(returns.to_numpy()[1:])
    assert market.dated
    assert "mine.csv" in card.badge


def test_own_prices_need_a_path_and_enough_days(tmp_path):
    with pytest.raises(DataError, match="needs data_path"):
        load(small_config(universe="yours"))
    with pytest.raises(DataError, match="507 days of returns are too few"):
        load(small_config(universe="djia"))


def test_too_few_decisions_are_refused(sp500):
    with pytest.raises(DataError, match="3 decisions; an interval needs at least 6"):
        make_samples(small_config(n_folds=1, refit_months=3), sp500)


def test_unfit_returns_are_refused():
    table = random_returns(np.random.default_rng(15), n_days=20)
    assert validate_returns(table) is not None
    for bad in (np.nan, -1.0, np.inf):
        broken = table.copy()
        broken.iloc[3, 2] = bad
        with pytest.raises(DataError, match="A2"):
            validate_returns(broken)
    with pytest.raises(DataError):
        validate_returns(table[::-1])


def test_vix_regimes_need_its_years(sp500):
    with pytest.raises(DataError, match="2014-2018"):
        market_volatility(Market(sp500.returns), "vix")
    assert np.nanmax(market_volatility(sp500, "vix")) > 30


@pytest.mark.parametrize(
    "plot",
    [name for name in figures.__all__ if name.startswith("plot_") and name != "plot_costs"],
    ids=lambda name: name.removeprefix("plot_"),
)
def test_figures_say_what_they_show(planted_result, plot):
    figure = getattr(figures, plot)(planted_result)
    meta = figure.layout.meta
    assert any(digit in meta["alt"] for digit in "0123456789")
    assert ("Simulated data" if plot != "plot_months" else "Kenneth French") in meta["caption"]
    assert figure.layout.title.text
    colours = {trace.line.color if trace.mode == "lines" else trace.marker.color for trace in figure.data}
    assert len(colours) <= 6
    assert len(figure.layout.yaxis.ticktext or ()) <= 12
    if plot != "plot_wealth":
        assert "interval" in meta["caption"].lower()


def test_the_axis_of_wealth_is_not_crowded(planted_result):
    for highest, shown in ((3.0, None), (40.0, (1, 2, 5, 10, 20)), (5000.0, (1, 10, 100, 1000))):
        wealth = pd.DataFrame({name: np.linspace(1.0, highest, 9) for name in ("lstm", *RULES)})
        result = dataclasses.replace(planted_result, series={"wealth": wealth})
        assert figures.plot_wealth(result).layout.yaxis.tickvals == shown
