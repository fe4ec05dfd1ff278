"""What portfolio people expect: covariances, caps by sector, costs in the objective, any regressor."""

import pickle
import typing
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from skfolio import RiskMeasure, moments
from skfolio.optimization import HierarchicalRiskParity, MeanRisk, ObjectiveFunction
from skfolio.prior import EmpiricalPrior
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import LinearRegression, Ridge

from dti_core.bridges.forecaster import LstmSettings, walk_forward_folds
from dti_core.lab.config import load_experiment
from dti_core.lab.errors import DataError
from dti_core.studies.lstm_portfolio.data import Market, Parameters, load
from dti_core.studies.lstm_portfolio.data.parameters import Covariance
from dti_core.studies.lstm_portfolio.data.sectors import SP500_20, sectors_of
from dti_core.studies.lstm_portfolio.estimate import stages
from dti_core.studies.lstm_portfolio.estimate.samples import make_samples
from dti_core.studies.lstm_portfolio.methods.forecasters import Task, by_sklearn, ridge
from dti_core.studies.lstm_portfolio.methods.portfolios import (
    TRADERS,
    WeightTask,
    equal_weight,
    max_sharpe,
    max_sharpe_after_costs,
    min_variance,
    risk_parity,
    weigh,
    within_sectors,
)
from dti_core.studies.lstm_portfolio.model.backtest import hold
from dti_core.studies.lstm_portfolio.model.frontier import COVARIANCES
from dti_core.studies.lstm_portfolio.worlds import Signal, plant_signal

TIGHT = {"solver_params": {"tol_gap_abs": 1e-12, "tol_gap_rel": 1e-12, "tol_feas": 1e-12}}
SMALL = {
    "n_folds": 2, "refit_months": 6, "window_days": 20, "lookback_days": 120, "validation_days": 63,
    "hidden": 4, "n_steps": 4, "n_seeds": 1, "control_folds": 1,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DTI_CORES", "1")


def returns_of(n_days: int = 900, n_assets: int = 6, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    own, common = rng.normal(0.0004, 0.012, (n_days, n_assets)), rng.normal(0, 0.008, (n_days, 1))
    dates = pd.bdate_range("2012-01-02", periods=n_days)
    return pd.DataFrame(own * np.linspace(0.6, 1.6, n_assets) + common, dates, list("ABCDEFGHIJ"[:n_assets]))


def config(**changes: object):
    return load_experiment("lstm_portfolio").resolve("quick", SMALL | changes)


# --- Covariances ---


def test_the_registry_of_covariances_is_what_the_parameter_allows() -> None:
    asked = load_experiment("lstm_portfolio").parameters["covariance"]
    assert tuple(COVARIANCES) == typing.get_args(Covariance) == tuple(asked.allowed)
    assert asked.default == "sample"
    assert typing.get_type_hints(Parameters)["covariance"] == Covariance


@pytest.mark.parametrize("name", COVARIANCES)
def test_weights_of_each_covariance_are_those_of_skfolio(name: Covariance) -> None:
    window = returns_of(150, 8).to_numpy()
    prior = EmpiricalPrior(covariance_estimator=getattr(moments, COVARIANCES[name])())
    least = MeanRisk(prior_estimator=prior, **TIGHT).fit(window).weights_
    assert min_variance(window, name) == pytest.approx(least, abs=1e-4)
    parity = HierarchicalRiskParity(prior_estimator=prior).fit(window).weights_
    assert risk_parity(window, name) == pytest.approx(parity, abs=1e-12)
    promised = np.random.default_rng(1).normal(0.002, 0.003, 8)
    best = MeanRisk(
        objective_function=ObjectiveFunction.MAXIMIZE_RATIO, risk_measure=RiskMeasure.STANDARD_DEVIATION,
        prior_estimator=prior, overwrite_expected_return=lambda weights: promised @ weights, **TIGHT,
    ).fit(window).weights_  # fmt: skip
    assert max_sharpe(window, promised, name) == pytest.approx(best, abs=1e-3)
    assert (name == "sample") == np.array_equal(min_variance(window, name), min_variance(window))


def test_the_default_of_risk_parity_is_that_of_skfolio() -> None:
    window = returns_of(150).to_numpy()
    assert np.array_equal(risk_parity(window), HierarchicalRiskParity().fit(window).weights_)


# --- Costs in the objective ---


def forecasts_and_returns() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Monthly forecasts that mostly change their mind, for the days of a year and a half."""
    returns = returns_of(520).to_numpy()
    days = np.arange(150, 500, 21)
    told = np.random.default_rng(4).normal(0.004, 0.01, (len(days), returns.shape[1]))
    return returns, days, told


def traded(cost: float, rule=max_sharpe_after_costs) -> tuple[np.ndarray, float]:
    returns, days, told = forecasts_and_returns()
    task = WeightTask(
        rule, returns, days, 120, np.ones(told.shape, dtype=bool), told,
        cost=None if rule is max_sharpe else cost,
    )  # fmt: skip
    weights = weigh(task)
    return weights, float(hold(weights, returns, days, 0.0).turnover[1:].mean())


def test_who_heeds_costs_trades_less_the_dearer_trading_is_and_the_same_where_it_is_free() -> None:
    plain, turnover = traded(0.0, max_sharpe)
    free, same = traded(0.0)
    assert free == pytest.approx(plain, abs=1e-4)
    turnovers = [same, *(traded(cost)[1] for cost in (0.001, 0.005, 0.02))]
    assert turnovers[0] == pytest.approx(turnover, rel=1e-4)
    assert all(less < more for more, less in pairwise(turnovers))
    assert turnovers[-1] < 0.2 * turnover


def test_no_portfolio_nearby_is_better_after_costs() -> None:
    """The known answer of the optimum: every step towards another portfolio lowers the ratio."""
    window, rng = returns_of(150).to_numpy(), np.random.default_rng(6)
    promised, before, cost = rng.normal(0.004, 0.01, 6), rng.dirichlet(np.ones(6)), 0.003
    covariance = np.cov(window.T)

    def ratio(weights: np.ndarray) -> float:
        gain = promised @ weights - cost * np.abs(weights - before).sum()
        return float(gain / np.sqrt(weights @ covariance @ weights))

    best = max_sharpe_after_costs(window, promised, before, cost)
    assert best.sum() == pytest.approx(1)
    assert ratio(best) > ratio(max_sharpe(window, promised))
    for other in rng.dirichlet(np.ones(6), 200):
        assert ratio(0.99 * best + 0.01 * other) <= ratio(best) + 1e-6


def test_where_costs_eat_every_gain_nothing_is_traded_and_the_first_portfolio_is_the_plain_one() -> None:
    window, before = returns_of(150).to_numpy(), np.array([0.5, 0.3, 0.2, 0, 0, 0])
    promised = np.array([-0.01, -0.01, -0.01, 0.001, 0.0, 0.0])
    assert max_sharpe_after_costs(window, promised, before, 0.2) == pytest.approx(before)
    first = max_sharpe_after_costs(window, promised, np.zeros(6), 0.2)
    assert first == pytest.approx(max_sharpe(window, promised))
    falling = max_sharpe_after_costs(window, -np.ones(6), before, 0.001)
    assert falling == pytest.approx(min_variance(window))


def test_the_trader_of_a_walk_starts_each_decision_from_what_it_holds_over_folds_too() -> None:
    asked = config(cost_bps=30.0)
    sample = next(one for one in make_samples(asked, Market(returns_of())) if one.key == "observed")
    forecasts = stages.forecast_all([sample], asked)
    weights = stages.weigh_all([sample], forecasts, asked)[sample.key]
    (name,) = TRADERS
    rule, expected = stages.strategies_of(sample, forecasts[sample.key])[name, None]
    walk = sample.walk
    alone = WeightTask(
        rule, sample.returns[: walk.days[-1] + 1], walk.days, 120, sample.eligible, expected, cost=0.003
    )
    assert weights[name, None] == pytest.approx(weigh(alone), abs=1e-9)
    turnover = {
        one: hold(weights[one, None], sample.returns, walk.days, 0.0).turnover for one in ("lstm", name)
    }
    assert turnover[name][1:].sum() < turnover["lstm"][1:].sum()
    assert weights[name, None][0] == pytest.approx(weights["lstm", None][0])


# --- Sectors ---


def test_a_cap_on_sectors_holds_for_every_rule_and_leaves_what_keeps_it() -> None:
    window, names = returns_of(200).to_numpy(), ["x", "x", "x", "y", "y", "z; drop <= 1"]
    promised = np.array([0.02, 0.01, 0.001, 0.001, 0.001, 0.001])
    told = {equal_weight: [], min_variance: [], risk_parity: [], max_sharpe: [promised]}
    for rule, more in told.items():
        plain = rule(window, *more)
        found = within_sectors(window, plain, names, 0.4, 0.3)
        sums = [found[[one == name for one in names]].sum() for name in dict.fromkeys(names)]
        assert max(sums) <= 0.4 + 1e-6
        assert found.sum() == pytest.approx(1)
        assert found.min() >= 0
        if max(plain[:3].sum(), plain[3:5].sum(), plain[5]) > 0.4:
            assert found.max() <= 0.3 + 1e-6
        assert within_sectors(window, plain, names, 1.0, 1.0) is plain


def test_of_all_portfolios_under_the_caps_the_closest_to_the_rule_is_held() -> None:
    window, names = returns_of(200).to_numpy(), ["x", "x", "x", "y", "y", "y"]
    plain = max_sharpe(window, np.array([0.02, 0.02, 0.001, 0.001, 0.001, 0.001]))
    found, covariance = within_sectors(window, plain, names, 0.6, 1.0), np.cov(window.T)

    def apart(weights: np.ndarray) -> float:
        return float((weights - plain) @ covariance @ (weights - plain))

    for other in np.random.default_rng(2).dirichlet(np.ones(6), 300):
        if max(other[:3].sum(), other[3:].sum()) <= 0.6:
            assert apart(0.98 * found + 0.02 * other) >= apart(found) - 1e-12


def test_caps_that_leave_wealth_without_a_place_are_refused() -> None:
    window = returns_of(200).to_numpy()
    with pytest.raises(DataError, match=r"of 2 sectors.*max_sector_weight=0.3.*60%"):
        within_sectors(window, equal_weight(window), list("xxxyyy"), 0.3, 1.0)
    with pytest.raises(DataError, match=r"max_sector_weight=0\.3 needs sectors, which djia has not"):
        load(load_experiment("lstm_portfolio").resolve("quick", {
            "universe": "djia", "max_sector_weight": 0.3, "n_folds": 2, "refit_months": 3,
            "lookback_days": 126, "validation_days": 63,
        }))  # fmt: skip


def test_a_cap_reaches_all_strategies_of_observed_and_made_worlds() -> None:
    sectors = dict(zip("ABCDEF", ["x", "x", "x", "y", "y", "z"], strict=True))
    asked = config(max_sector_weight=0.4)
    samples = [one for one in make_samples(asked, Market(returns_of(), sectors=sectors)) if not one.universe]
    forecasts = stages.forecast_all(samples, asked)
    for sample in samples:
        for table in stages.weigh_all([sample], forecasts, asked)[sample.key].values():
            for sector in "xyz":
                held = [sectors[one] == sector for one in "ABCDEF"]
                assert table[:, held].sum(axis=1).max() <= 0.4 + 1e-6


def test_each_packaged_stock_has_one_of_the_eleven_sectors() -> None:
    market, _ = load(load_experiment("lstm_portfolio").resolve("quick"))
    assert set(SP500_20) == set(market.returns)
    assert set(SP500_20.values()) < {
        "Communication Services", "Consumer Discretionary", "Consumer Staples", "Energy", "Financials",
        "Health Care", "Industrials", "Information Technology", "Materials", "Real Estate", "Utilities",
    }  # fmt: skip


def test_own_sectors_are_read_from_a_folder_and_missing_ones_are_named(tmp_path) -> None:
    prices = 50 * (1 + returns_of(900)).cumprod()
    prices.rename_axis("Date").to_csv(tmp_path / "prices.csv")
    told = pd.DataFrame({"Ticker ": list("ABCDEFZ"), "Sector": ["x", "x", " y", "y", "z", "z", "z"]})
    told.to_csv(tmp_path / "sectors.csv", index=False)
    asked = config(universe="yours", data_path=str(tmp_path), max_sector_weight=0.5)
    market, card = load(asked)
    assert market.sectors == dict(zip("ABCDEF", "xxyyzz", strict=True))
    assert market.returns.shape == (899, 6)
    assert (card.origin, card.rows, card.columns) == ("yours", 900, 7)
    told.iloc[1:].to_csv(tmp_path / "sectors.csv", index=False)
    with pytest.raises(DataError, match="no sector for A"):
        load(asked)
    with pytest.raises(DataError, match="needs sectors, which yours has not"):
        load(asked.replace(data_path=str(tmp_path / "prices.csv")))
    (tmp_path / "more.csv").write_text("Date,A\n2020-01-01,1\n")
    with pytest.raises(DataError, match="3 tables"):
        load(asked)


def test_a_ticker_that_is_written_otherwise_or_stands_twice_is_named() -> None:
    table = pd.DataFrame({"ticker": ["BRK.B", "AAPL", "MSFT"], "sector": ["Financials", "IT", ""]})
    with pytest.raises(DataError, match=r"BRK-B \(is it BRK.B\?\), MSFT"):
        sectors_of(table, ["AAPL", "BRK-B", "MSFT"])
    twice = pd.DataFrame({"ticker": ["A", "A", "B", "B"], "sector": ["x", "y", "x", "x"]})
    with pytest.raises(DataError, match="A stand in two sectors"):
        sectors_of(twice, ["A", "B"])


# --- Any regressor of scikit-learn ---


def task_of(returns: pd.DataFrame, seed: int = 0, until: int | None = None) -> Task:
    days = np.arange(1500, 2100, 21)
    (fold,) = walk_forward_folds(
        days.tolist(), refit_every=len(days), horizon_days=21, window_days=40, validation_days=252
    )
    logs = np.log1p(returns.to_numpy())[: until or days[-1] + 1]
    return Task(logs, fold, 120, LstmSettings(window_days=40, horizon_days=21), np.random.SeedSequence(seed))


def test_a_planted_linear_signal_is_found_and_none_is_found_where_there_is_none() -> None:
    plain, forecaster = returns_of(2130, 8), by_sklearn(Ridge(1e3))
    correlations = {}
    for name, signal in (("planted", Signal(monthly_rank_ic=0.5)), ("none", None)):
        rng = np.random.default_rng(7)
        market = plain if signal is None else plant_signal(plain, rng, signal).returns
        task = task_of(market)
        logs = np.log1p(market.to_numpy())
        came = np.array([logs[day + 1 : day + 22].sum(axis=0) for day in task.days])
        said = forecaster(task)
        assert said.shape == came.shape
        correlations[name] = np.mean([np.corrcoef(*pair)[0, 1] for pair in zip(said, came, strict=True)])
    assert correlations["planted"] > 0.25
    assert abs(correlations["none"]) < 0.2


def test_nothing_that_comes_later_moves_a_forecast() -> None:
    """Returns behind each decision are replaced; forecasts up to it stay as they are, to the last digit."""
    market, forecaster = returns_of(2130, 5), by_sklearn(LinearRegression())
    task = task_of(market)
    before = forecaster(task)
    for k in (0, 7, len(task.days) - 1):
        later = market.copy()
        later.iloc[task.days[k] + 1 :] = np.random.default_rng(k).normal(
            0, 0.05, later.iloc[task.days[k] + 1 :].shape
        )
        assert np.array_equal(forecaster(task_of(later))[: k + 1], before[: k + 1])


def test_a_regressor_with_chance_has_the_random_numbers_of_its_task_and_travels_to_workers() -> None:
    market = returns_of(2130, 5)
    forecaster = pickle.loads(pickle.dumps(by_sklearn(ExtraTreesRegressor(3, max_depth=3))))
    first, again, other = (forecaster(task_of(market, seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_of_several_candidates_the_validation_slice_chooses_one_as_ridge_does() -> None:
    task = task_of(returns_of(2130, 5))
    alone = [by_sklearn(Ridge(penalty))(task) for penalty in (1e2, 1e3, 1e4, 1e5, 1e6)]
    assert any(np.array_equal(ridge(task), one) for one in alone)
