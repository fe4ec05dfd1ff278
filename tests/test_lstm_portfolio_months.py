"""Months without survivorship bias: answers found by other code, lengths in months, excess returns."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from dti_core.lab.config import load_experiment
from dti_core.studies.lstm_portfolio import figures
from dti_core.studies.lstm_portfolio.data import MONTHLY, load, load_months
from dti_core.studies.lstm_portfolio.estimate import estimate, make_backtest, samples, stages
from dti_core.studies.lstm_portfolio.estimate.samples import make_samples
from dti_core.studies.lstm_portfolio.measures import drawn
from dti_core.studies.lstm_portfolio.measures.months import alpha_a_year, month_estimates, named_for
from dti_core.studies.lstm_portfolio.measures.report import Report
from dti_core.studies.lstm_portfolio.methods.forecasters import METHODS
from dti_core.studies.lstm_portfolio.methods.portfolios import equal_weight, min_variance
from dti_core.studies.lstm_portfolio.methods.volatility import VOLATILITY
from dti_core.studies.lstm_portfolio.model.backtest import hold

TINY = {
    "n_folds": 2, "n_seeds": 1, "control_seeds": 1, "n_steps": 3, "hidden": 4, "control_folds": 1,
    "n_resamples": 100,
}  # fmt: skip


#: Methods that are quick.
QUICK = {"lstm", "ridge", "constant_sharpe", "shuffled", "foresight", "constant", "har_signs"}


def config(**changes):
    return load_experiment("lstm_portfolio").resolve("quick", TINY | changes)


def monthly_sharpe(returns: np.ndarray) -> float:
    return float(returns.mean() / returns.std(ddof=1))


@pytest.mark.parametrize(
    ("universe", "equal", "least"),
    [
        ("industries_12", 0.1368, 0.1605),
        ("size_value_9", 0.1342, 0.1459),
        ("size_momentum_9", 0.1204, 0.1334),
    ],
)
def test_sharpe_ratios_of_months_meet_other_code(universe, equal, least):
    """Excess returns, 120 months, first decision before 1959-01, least variance re-optimised each year."""
    market = load_months(universe)
    excess = market.excess.to_numpy()
    assert str(market.returns.index[120])[:7] == "1959-01"
    yearly = {day: min_variance(excess[day - 119 : day + 1]) for day in range(119, 818, 12)}
    held = np.repeat(list(yearly.values()), 12, axis=0)[:699]
    for weights, known in ((np.full_like(held, 1 / held.shape[1]), equal), (held, least)):
        days = np.arange(119, 818)
        total = hold(weights, market.returns.to_numpy(), days, 0.0).returns
        ours = monthly_sharpe(total - market.risk_free.to_numpy()[120:])
        assert ours == pytest.approx(known, abs=2e-4)


def test_the_market_of_months_meets_other_code():
    market = load_months("industries_12")
    excess = (market.index_returns - market.risk_free).to_numpy()[120:]
    assert monthly_sharpe(excess) == pytest.approx(0.1187, abs=1e-4)
    assert (12 * excess.mean(), np.sqrt(12) * excess.std()) == pytest.approx((0.0623, 0.1515), abs=1e-4)


@pytest.fixture(scope="module")
def months():
    """The tiny samples of months, with what one of them earned."""
    asked = config(universe="industries_12")
    samples = [one for one in make_samples(asked, load(asked)[0]) if one.universe]
    chosen = next(one for one in samples if one.key == "size_value_9 observed")
    forecasts = stages.forecast_all([chosen], asked)
    weights = stages.weigh_all([chosen], forecasts, asked)
    backtest = make_backtest(chosen, forecasts[chosen.key], weights[chosen.key], asked)
    return samples, chosen, backtest, asked


def test_every_length_of_months_is_in_months(months):
    samples, chosen, backtest, _ = months
    assert {one.universe for one in samples if one.observed} == set(MONTHLY)
    assert {one.world for one in samples if one.universe == "industries_12"} > {"observed", "planted_signal"}
    for one in samples:
        assert (one.network.window_days, one.network.horizon_days, one.lookback_days) == (12, 1, 120)
        assert (np.diff(one.walk.days) == 1).all()
    assert (len(chosen.walk.days), len(chosen.walk.folds)) == (96, 2)
    assert backtest.periods_per_year == 12.0
    assert len(backtest.returns("lstm")) == 96
    assert backtest.target.shape == (96, 9)


def test_a_backtest_of_months_is_less_the_riskless_rate(months):
    _, chosen, backtest, _ = months
    excess = chosen.market.excess.to_numpy()[chosen.walk.held]
    cost = backtest.holdings["equal_weight"].turnover * 10e-4
    net = (1 + chosen.market.returns.to_numpy()[chosen.walk.held].mean(axis=1)) * (1 - cost)
    assert backtest.returns("equal_weight") == pytest.approx(net - 1 - chosen.riskless[chosen.walk.held])
    assert np.abs(backtest.returns("equal_weight") - excess.mean(axis=1)).max() < 1.5e-3
    index = load_months("industries_12").index_returns - load_months("industries_12").risk_free
    assert backtest.index_returns == pytest.approx(index.to_numpy()[chosen.walk.held])


def test_table_and_alphas_of_months_are_named_for_their_universe(months):
    _, chosen, backtest, asked = months
    factors = chosen.market.factors.iloc[chosen.walk.held]
    found = [named_for("size_value_9", one) for one in month_estimates(backtest, factors, Report(asked, 1))]
    by_name = {one.name: one for one in found}
    assert {"monthly_sharpe_hrp_size_value_9", "alpha_ridge_size_value_9"} <= set(by_name)
    assert all(one.at["universe"] == "size_value_9" for one in found)
    assert not any("foresight" in name for name in by_name)
    lead = by_name["monthly_sharpe_min_variance_minus_equal_weight_size_value_9"]
    levels = [
        by_name[f"monthly_sharpe_{name}_size_value_9"].value for name in ("min_variance", "equal_weight")
    ]
    assert lead.value == pytest.approx(levels[0] - levels[1], rel=2e-3)


def test_alphas_equal_least_squares_with_newey_west_errors():
    market = load_months("size_momentum_9")
    returns = market.excess.to_numpy() @ equal_weight(market.returns.to_numpy())
    found = alpha_a_year(returns, market.factors)
    fit = sm.OLS(returns, sm.add_constant(market.factors.to_numpy())).fit(
        cov_type="HAC", cov_kwds={"maxlags": 6, "use_correction": True}
    )
    assert found.value == pytest.approx(12 * fit.params[0], rel=1e-9)
    assert found.std_error == pytest.approx(12 * fit.bse[0], rel=0.15)


def test_prices_after_a_month_change_no_weight_of_that_month():
    asked = config(n_folds=6)
    before = load_months("industries_12")
    after = load_months("industries_12")
    rng = np.random.default_rng(3)
    after.returns.iloc[600:] = rng.normal(0.01, 0.05, after.returns.iloc[600:].shape)
    after.risk_free.iloc[600:] = 0.02
    found = []
    for market in (before, after):
        sample = make_samples(asked, market)[0]
        weights = stages.weigh_all([sample], stages.forecast_all([sample], asked), asked)[sample.key]
        found.append({name: rows[sample.walk.days < 600] for (name, _), rows in weights.items()})
    moved = {name for name in found[0] if np.abs(found[0][name] - found[1][name]).max() > 0.0}
    assert moved == {"foresight", "constant_mix"}  # controls that are told of later months
    assert isinstance(before.returns.index, pd.DatetimeIndex)


def test_a_run_whose_own_universe_is_of_months(monkeypatch):
    """All its lengths are months, and what it says of equal weights is what the sample of months says."""
    monkeypatch.setenv("DTI_CORES", "1")  # other processes have all methods
    monkeypatch.setattr(samples, "MONTHLY", {"industries_12": MONTHLY["industries_12"]})
    for registry in (METHODS, VOLATILITY):
        for name in registry.keys() - QUICK:
            monkeypatch.delitem(registry, name)
    asked = config(universe="industries_12", n_folds=1, refit_months=24, n_draws=2, n_market_draws=1)
    result = estimate(asked, *load(asked))
    seen = {one.name: one for one in result.estimates if one.world == "observed"}
    yearly, monthly = seen["sharpe_equal_weight"], seen["monthly_sharpe_equal_weight_industries_12"]
    assert yearly.value == pytest.approx(np.sqrt(12) * monthly.value)
    turnover = seen["turnover_equal_weight"], seen["turnover_equal_weight_industries_12"]
    assert turnover[0].value == pytest.approx(12 * turnover[1].value)
    told = result.series["samples"].loc["asked for"]
    assert (told["rows are"], told["window"], told["horizon"], told["less"]) == ("months", 12, 1, "bills")
    assert (yearly.n, len(result.series["returns"])) == (48, 48)
    growth = (1 + result.series["returns"][["lstm", "riskless"]].sum(axis=1)).prod()
    assert result.series["wealth"]["lstm"].iloc[-1] == pytest.approx(growth, rel=1e-4)
    for name in (*drawn.DRAWN, "break_even_against_constant_sharpe_10bp"):
        assert name in seen or "calm" in name, name  # too few calm months in four years
    assert figures.plot_accuracy(result).data
    assert figures.plot_leads(result).data
