"""Worlds x methods -> measures -> Result: the same in the observed market and in control worlds."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from dti_core.lab.config import Config
from dti_core.lab.data import DataCard, published
from dti_core.lab.kept import keep
from dti_core.lab.record import Estimate, Result
from dti_core.studies.lstm_portfolio.data import Market
from dti_core.studies.lstm_portfolio.estimate import stages
from dti_core.studies.lstm_portfolio.estimate.dose import respond
from dti_core.studies.lstm_portfolio.estimate.draws import dealt_estimates, volatility_draws
from dti_core.studies.lstm_portfolio.estimate.samples import (
    JUDGED_MONTHS,
    Sample,
    left_out_rows,
    left_out_table,
    make_samples,
    market_volatility,
    sample_table,
)
from dti_core.studies.lstm_portfolio.measures.adapting import adapting_estimates
from dti_core.studies.lstm_portfolio.measures.coverage import coverage_estimates
from dti_core.studies.lstm_portfolio.measures.dose import dose_estimates, least_share
from dti_core.studies.lstm_portfolio.measures.equal_risk import compared_equal_risk, judged_equal_risk
from dti_core.studies.lstm_portfolio.measures.months import month_estimates, named_for
from dti_core.studies.lstm_portfolio.measures.performance import compared_performance, judged_performance
from dti_core.studies.lstm_portfolio.measures.regimes import regime_estimates
from dti_core.studies.lstm_portfolio.measures.report import Report
from dti_core.studies.lstm_portfolio.measures.skill import compared_skill, judged_skill, trap_estimates
from dti_core.studies.lstm_portfolio.measures.survivorship import (
    Deaths,
    bias_estimates,
    membership_estimates,
)
from dti_core.studies.lstm_portfolio.measures.trials import deflated_estimate, seed_estimates
from dti_core.studies.lstm_portfolio.measures.volatility import volatility_estimates
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE, NULLS
from dti_core.studies.lstm_portfolio.methods.portfolios import BENCHMARK
from dti_core.studies.lstm_portfolio.methods.volatility import VOLATILITY_FLOOR
from dti_core.studies.lstm_portfolio.model import Array, forecasting, regimes
from dti_core.studies.lstm_portfolio.model.backtest import Backtest, hold
from dti_core.studies.lstm_portfolio.model.variance import realised_variance

#: Days between the points of a wealth path that a figure draws.
PATH_STRIDE_DAYS = 10
#: Measures by which claims are judged, in every world, and what the observed world shows besides.
JUDGED = (judged_performance, judged_equal_risk, judged_skill, regime_estimates, adapting_estimates)
COMPARED = (compared_performance, compared_equal_risk, compared_skill, seed_estimates, deflated_estimate)


@keep
def estimate(config: Config, market: Market, card: DataCard) -> Result:
    """Walk forward through the market that was asked for and through those of months; return all estimates.

    Source of the question: Li and Liu (2023), study [6] of the review.

    Raises
    ------
    DataError if the table is too short for the folds asked for.
    """
    samples = make_samples(config, market)
    forecasts = stages.forecast_all(samples, config)
    weights = stages.weigh_all(samples, forecasts, config)
    variances = stages.forecast_variances(
        [one for one in samples if one.observed and not one.universe], config
    )
    estimates, left = _survivors(samples[0], config)
    series = {"samples": sample_table(samples), "left_out": pd.concat([left, left_out_table(samples[0])])}
    for sample in samples:
        backtest = make_backtest(sample, forecasts[sample.key], weights[sample.key], config)
        report = Report(config, sample.network.n_seeds, sample.world)
        if sample.observed:
            series |= portfolio_files(sample, backtest, forecasts[sample.key], weights[sample.key])
        found = _judged(sample, backtest, forecasts[sample.key], weights[sample.key], report)
        if sample.universe:
            found += _of_months(sample, backtest, report)
            estimates += [named_for(sample.universe, one) for one in found]
            continue
        estimates += found
        if sample.observed:
            estimates += [one for measure in COMPARED for one in measure(backtest, report)]
            volatility, losses = compare_volatility(sample, variances[sample.key], report)
            estimates += [*volatility, *volatility_draws(volatility, config)]
            estimates += trap_estimates(sample.steady.to_numpy(), report)
            estimates += coverage_estimates(len(backtest.regime), len(sample.walk.days), report)
            series |= {"wealth": _wealth(sample, backtest), "volatility_loss": losses}
    estimates += least_share(estimates)
    return Result(config, card, tuple(estimates), series)


def _survivors(sample: Sample, config: Config) -> tuple[list[Estimate], pd.DataFrame]:
    """What survivors hide: deaths planted in the packaged prices of days, and members that left an index."""
    estimates: list[Estimate] = []
    if sample.market.status is None and not sample.market.monthly:
        facts = sample.returns, sample.walk.days, Deaths(), config.cost_bps, sample.market.periods_per_year
        estimates += bias_estimates(*facts, config.stream("survivorship"))
    members = published("sp500_membership")
    if members.find():
        return [*estimates, *membership_estimates(members.table())], left_out_rows({})
    why = f"its file is not on this machine: run `dti data get {members.name}`"
    return estimates, left_out_rows({"how many members stay in the S&P 500": why})


def _judged(
    sample: Sample, backtest: Backtest, forecasts: Mapping[str, Array],
    weights: Mapping[stages.Strategy, Array], report: Report,
) -> list[Estimate]:  # fmt: skip
    """What claims are judged by in one world, and with the observed one the worlds drawn many times."""
    if sample.universe not in ("", JUDGED_MONTHS):
        return []
    found = [one for measure in JUDGED for one in measure(backtest, report)]
    if sample.observed:
        dose = dose_estimates(respond(sample, forecasts, weights, report.config), report)
        found += [*dealt_estimates(sample, backtest, weights, found, report.config), *dose]
    return found


def _of_months(sample: Sample, backtest: Backtest, report: Report) -> list[Estimate]:
    """The table of an observed universe of months."""
    if not sample.observed or sample.market.factors is None:
        return []
    labels = sample.market.returns.index[sample.walk.held]
    return list(month_estimates(backtest, sample.market.factors.loc[labels], report))


def make_backtest(
    sample: Sample, forecasts: Mapping[str, Array], weights: Mapping[stages.Strategy, Array], config: Config
) -> Backtest:
    """All that the estimates of one world are made from: what weights earned, what forecasts said."""
    walk, market, held = sample.walk, sample.market, sample.walk.held
    total, riskless = market.returns.to_numpy(dtype=float), sample.riskless[held]
    holdings = {
        strategy: hold(rows, total, walk.days, config.cost_bps, walk.end, market.states)
        for strategy, rows in weights.items()
    }
    holdings = {name: replace(one, returns=one.returns - riskless) for name, one in holdings.items()}
    horizon = sample.network.horizon_days
    over = walk.days + horizon < len(total)
    target = np.where(sample.eligible, forecasting.targets(sample.log_returns, walk.days, horizon), np.nan)
    level = market_volatility(market, config.regime_by if sample.observed else "realised")
    index = market.index_returns
    return Backtest(
        holdings={name: holding for (name, network), holding in holdings.items() if network is None},
        networks=np.array([one.returns for (_, network), one in holdings.items() if network is not None]),
        target=target[over],
        forecasts={name: forecasts[name][:, over] for name in sample.methods},
        nulls={name: forecasts[name][0, over] for name in NULLS},
        regime=regimes.days_by_regime(regimes.regimes_before(level, walk.days), walk.days, walk.end),
        index_returns=None if index is None else index.to_numpy(dtype=float)[held] - riskless,
        periods_per_year=market.periods_per_year,
        riskless=riskless,
    )


def portfolio_files(
    sample: Sample,
    backtest: Backtest,
    forecasts: Mapping[str, Array],
    weights: Mapping[stages.Strategy, Array],
) -> dict[str, pd.DataFrame]:
    """Returns of every strategy, and weights and forecasts at each decision, for whoever goes on with them.

    Returns are less the riskless rate, which stands beside them. Forecasts of the favourite (log returns over
    the horizon, mean of its networks), weights of it and of rules that choose; one file each, in singles.
    """
    labels, shares = sample.market.returns.index, sample.market.returns.columns
    days, ending = labels[sample.walk.days], f"_{sample.universe}" if sample.universe else ""
    daily = {name: holding.returns for name, holding in backtest.holdings.items()}
    if backtest.index_returns is not None:
        daily["index"] = backtest.index_returns
    daily["riskless"] = np.broadcast_to(backtest.riskless, len(backtest.regime))
    told = np.where(sample.eligible, forecasts[FAVOURITE].mean(axis=0), np.nan)
    files = {
        "returns": pd.DataFrame(daily, labels[sample.walk.held]),
        f"forecasts_{FAVOURITE}": pd.DataFrame(told, days, shares),
    }
    for name in (FAVOURITE, *sample.rules, *sample.traders):
        if name != BENCHMARK:
            files[f"weights_{name}"] = pd.DataFrame(weights[name, None], days, shares)
    files = {f"{name}{ending}": table.astype(np.float32) for name, table in files.items()}
    return files if sample.universe else files | _traded(sample, backtest, weights)


def _traded(
    sample: Sample, backtest: Backtest, weights: Mapping[stages.Strategy, Array]
) -> dict[str, pd.DataFrame]:
    """Turnover and effective number of holdings at each decision, a column a strategy; sectors of shares."""
    days = sample.market.returns.index[sample.walk.days]
    turnover = {name: holding.turnover for name, holding in backtest.holdings.items()}
    spread = {name: 1 / (weights[name, None] ** 2).sum(axis=1) for name in turnover}
    sectors = pd.Series(dict(sample.market.sectors or {}), dtype=str).rename_axis("ticker")
    return {
        "turnover": pd.DataFrame(turnover, days).astype(np.float32),
        "effective_holdings": pd.DataFrame(spread, days).astype(np.float32),
        "sectors": sectors.to_frame("sector"),
    }


def compare_volatility(
    sample: Sample, variances: Mapping[str, Array], report: Report
) -> tuple[list[Estimate], pd.DataFrame]:
    """Estimates of the volatility models of one world, and their losses at each decision."""
    days = np.array([day for fold in stages.judged_folds(sample) for day in fold.decisions], dtype=np.int64)
    horizon, n_assets = sample.network.horizon_days, sample.steady.shape[1]
    realised = realised_variance(stages.all_series(sample), days, horizon, VOLATILITY_FLOOR)
    estimates, losses = volatility_estimates(realised, variances, days, n_assets, report)
    return estimates, losses.set_axis(sample.market.returns.index[days])


def _wealth(sample: Sample, backtest: Backtest) -> pd.DataFrame:
    """Growth of one unit a strategy, riskless rate included; thinned, but the first and last day are kept."""
    daily = {name: holding.returns for name, holding in backtest.holdings.items()}
    if backtest.index_returns is not None:
        daily["index"] = backtest.index_returns
    labels = sample.market.returns.index[sample.walk.held]
    paths = (1 + pd.DataFrame(daily, index=labels).add(backtest.riskless, axis=0)).cumprod()
    kept = np.union1d(np.arange(0, len(paths), PATH_STRIDE_DAYS), [len(paths) - 1])
    return paths.iloc[kept]
