"""Worlds x methods -> measures -> Result: the same in the observed market and in control worlds."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dti_core.lab.config import Config
from dti_core.lab.data import DataCard
from dti_core.lab.kept import keep
from dti_core.lab.record import Estimate, Result
from dti_core.studies.lstm_portfolio.data import Market
from dti_core.studies.lstm_portfolio.estimate import stages
from dti_core.studies.lstm_portfolio.estimate.draws import dealt_estimates, volatility_draws
from dti_core.studies.lstm_portfolio.estimate.samples import Sample, make_samples, market_volatility
from dti_core.studies.lstm_portfolio.measures.adapting import adapting_estimates
from dti_core.studies.lstm_portfolio.measures.performance import compared_performance, judged_performance
from dti_core.studies.lstm_portfolio.measures.regimes import regime_estimates
from dti_core.studies.lstm_portfolio.measures.resampling import Resampling
from dti_core.studies.lstm_portfolio.measures.skill import compared_skill, judged_skill, trap_estimates
from dti_core.studies.lstm_portfolio.measures.trials import deflated_estimate, seed_estimates
from dti_core.studies.lstm_portfolio.measures.volatility import volatility_estimates
from dti_core.studies.lstm_portfolio.methods.forecasters import NULLS
from dti_core.studies.lstm_portfolio.methods.volatility import VOLATILITY_FLOOR
from dti_core.studies.lstm_portfolio.model import Array, forecasting, regimes
from dti_core.studies.lstm_portfolio.model.backtest import Backtest, hold
from dti_core.studies.lstm_portfolio.model.variance import realised_variance

#: Days between the points of a wealth path that a figure draws.
PATH_STRIDE_DAYS = 5
#: Measures by which claims are judged, in every world, and what the observed world shows besides.
JUDGED = (judged_performance, judged_skill, regime_estimates, adapting_estimates)
COMPARED = (compared_performance, compared_skill, seed_estimates, deflated_estimate)


@keep
def estimate(config: Config, market: Market, card: DataCard) -> Result:
    """Walk forward through the observed market and the control worlds; return all estimates.

    Source of the question: Li and Liu (2023), study [6] of the review.

    Raises
    ------
    DataError if the table is too short for the folds asked for.
    """
    samples = make_samples(config, market)
    forecasts = stages.forecast_all(samples, config)
    weights = stages.weigh_all(samples, forecasts, config)
    variances = stages.forecast_variances([sample for sample in samples if sample.observed], config)
    estimates: list[Estimate] = []
    series: dict[str, pd.DataFrame] = {}
    for sample in samples:
        backtest = make_backtest(sample, forecasts[sample.world], weights[sample.world], config)
        resampling = Resampling(config, sample.network.n_seeds, sample.world)
        measures = JUDGED + COMPARED if sample.observed else JUDGED
        found = [one for measure in measures for one in measure(backtest, resampling)]
        estimates += found
        if sample.observed:
            estimates += dealt_estimates(sample, backtest, weights[sample.world], found, config)
            volatility, losses = compare_volatility(sample, variances[sample.world], resampling)
            estimates += [*volatility, *volatility_draws(volatility, config)]
            estimates += trap_estimates(sample.returns, resampling)
            series |= {"wealth": _wealth(sample, backtest), "volatility_loss": losses}
    return Result(config, card, tuple(estimates), series)


def make_backtest(
    sample: Sample, forecasts: Mapping[str, Array], weights: Mapping[stages.Strategy, Array], config: Config
) -> Backtest:
    """All that the estimates of one world are made from: what weights earned, what forecasts said."""
    walk, market = sample.walk, sample.market
    holdings = {
        strategy: hold(rows, sample.returns, walk.days, config.cost_bps, walk.end)
        for strategy, rows in weights.items()
    }
    target = forecasting.targets(sample.log_returns, walk.days, config.horizon_days)
    over = np.isfinite(target).all(axis=1)
    level = market_volatility(market, config.regime_by if sample.observed else "realised")
    index = market.index_returns
    return Backtest(
        holdings={name: holding for (name, network), holding in holdings.items() if network is None},
        networks=np.array([one.returns for (_, network), one in holdings.items() if network is not None]),
        target=target[over],
        forecasts={name: forecasts[name][:, over] for name in sample.methods},
        nulls={name: forecasts[name][0, over] for name in NULLS},
        regime=regimes.days_by_regime(regimes.regimes_before(level, walk.days), walk.days, walk.end),
        index_returns=None if index is None else index.to_numpy(dtype=float)[walk.held],
    )


def compare_volatility(
    sample: Sample, variances: Mapping[str, Array], resampling: Resampling
) -> tuple[list[Estimate], pd.DataFrame]:
    """Estimates of the volatility models of one world, and their losses at each decision."""
    days = np.array([day for fold in stages.judged_folds(sample) for day in fold.decisions], dtype=np.int64)
    horizon, n_assets = sample.network.horizon_days, sample.returns.shape[1]
    realised = realised_variance(stages.all_series(sample), days, horizon, VOLATILITY_FLOOR)
    estimates, losses = volatility_estimates(realised, variances, days, n_assets, resampling)
    return estimates, losses.set_axis(sample.market.returns.index[days])


def _wealth(sample: Sample, backtest: Backtest) -> pd.DataFrame:
    """Growth of one unit a strategy, thinned for drawing; the first and the last day are kept."""
    daily = {name: holding.returns for name, holding in backtest.holdings.items()}
    if backtest.index_returns is not None:
        daily["index"] = backtest.index_returns
    labels = sample.market.returns.index[sample.walk.held]
    paths = (1 + pd.DataFrame(daily, index=labels)).cumprod()
    kept = np.union1d(np.arange(0, len(paths), PATH_STRIDE_DAYS), [len(paths) - 1])
    return paths.iloc[kept]
