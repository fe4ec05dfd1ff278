"""Data x model -> Result: the same estimation in the observed market and in two control worlds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.bridges.forecaster import LstmSettings
from dti_core.lab.config import Config
from dti_core.lab.data import DataCard
from dti_core.lab.errors import DataError
from dti_core.lab.kept import keep
from dti_core.lab.parallel import run_parallel
from dti_core.lab.record import OBSERVED, Estimate, Result
from dti_core.studies.lstm_portfolio import measures
from dti_core.studies.lstm_portfolio.data import Market
from dti_core.studies.lstm_portfolio.measures import Backtest, Judge
from dti_core.studies.lstm_portfolio.model import backtest as walks
from dti_core.studies.lstm_portfolio.model import forecasts as rules
from dti_core.studies.lstm_portfolio.model import regimes
from dti_core.studies.lstm_portfolio.model.backtest import ForecastTask, Sizes, Walk
from dti_core.studies.lstm_portfolio.model.portfolios import Rule, hold
from dti_core.studies.lstm_portfolio.model.volatility import estimate_volatility
from dti_core.studies.lstm_portfolio.worlds import make_world

Array = NDArray[np.float64]

CONTROL_WORLDS = ("permuted_returns", "planted_signal")
#: Strategies that read no forecast.
FORECAST_FREE: tuple[Rule, ...] = ("equal_weight", "min_variance", "hrp")
#: Forecasts that someone could have had; each is a trial of the deflated Sharpe ratio.
TRIALS = ("historical_mean", "ar1", "ridge", "boosting", "lstm")
#: Fewer monthly decisions carry no interval.
MIN_DECISIONS = 6
#: Days between the points of a wealth path that a figure draws.
PATH_STRIDE_DAYS = 5


@dataclass(frozen=True, slots=True)
class World:
    """One market to be judged: its returns, its walk, its networks and its own random numbers."""

    name: str
    market: Market
    walk: Walk
    settings: LstmSettings
    seeds: np.random.SeedSequence

    @property
    def observed(self) -> bool:
        """Whether this is the real market and not a control."""
        return self.name == OBSERVED

    @property
    def returns(self) -> Array:
        """(n_days, n_assets) simple daily returns."""
        return self.market.returns.to_numpy(dtype=float)

    @property
    def log_returns(self) -> Array:
        """(n_days, n_assets) log daily returns."""
        return np.log1p(self.returns)


@keep
def estimate(config: Config, market: Market, card: DataCard) -> Result:
    """Walk forward through the observed market and both control worlds; return all estimates.

    Source of the question: Li and Liu (2023), study [6] of the review.

    Raises
    ------
    DataError if the table is too short for the folds asked for.
    """
    worlds = make_worlds(config, market)
    forecasts = forecast_all(worlds)
    weights = weigh_all(worlds, forecasts, config)
    found: list[Estimate] = []
    series: dict[str, pd.DataFrame] = {}
    for world in worlds:
        backtest = _backtest(world, forecasts[world.name], weights[world.name], config)
        estimates, tables = _judge(world, backtest, config)
        found += estimates
        series |= tables
    return Result(config, card, tuple(found), series)


def make_worlds(config: Config, market: Market) -> list[World]:
    """The observed market and the control worlds, each with its folds and spawned seeds."""
    sizes = Sizes(
        config.window_days,
        config.horizon_days,
        config.lookback_days,
        config.validation_days,
        config.refit_months,
    )
    roots = config.seeds().spawn(1 + len(CONTROL_WORLDS))
    worlds = []
    for name, root in zip((OBSERVED, *CONTROL_WORLDS), roots, strict=True):
        observed = name == OBSERVED
        n_folds = config.n_folds if observed else min(config.control_folds, config.n_folds)
        settings = LstmSettings(
            hidden=config.hidden, window_days=config.window_days, horizon_days=config.horizon_days,
            n_steps=config.n_steps, n_seeds=config.n_seeds if observed else config.control_seeds,
            device=config.device,
        )  # fmt: skip
        its_market = market if observed else Market(_make(market, name, root.spawn(1)[0]))
        worlds.append(World(name, its_market, _plan(market, sizes, n_folds), settings, root))
    return worlds


def strategies_of(
    world: World, forecast: Mapping[str, Array], config: Config
) -> dict[str, tuple[Rule, Array | None]]:
    """Rule and expected returns of each strategy; control worlds hold only what claims need."""
    walk, returns = world.walk, world.returns
    expected = {name: _to_simple(world, table, config) for name, table in forecast.items() if name != "lstm"}
    expected["lstm"] = _to_simple(world, forecast["lstm"].mean(axis=0), config)
    shuffler = np.random.default_rng(world.seeds.spawn(1)[0])
    expected["shuffled"] = rules.shuffle_across_assets(expected["lstm"], shuffler)
    expected["foresight"] = rules.foresight(returns, walk.days, walk.end)
    lengths = config.window_days, config.horizon_days
    drift = rules.constant_sharpe(world.log_returns, walk.days, *lengths)
    expected["constant_sharpe"] = _to_simple(world, drift, config)
    free = FORECAST_FREE if world.observed else FORECAST_FREE[:1]
    if world.observed:
        expected["historical_mean"] = rules.historical_mean(
            returns, walk.days, config.lookback_days, config.horizon_days
        )
        if config.n_seeds > 1:
            expected |= {
                f"seed {k}": _to_simple(world, one, config) for k, one in enumerate(forecast["lstm"])
            }
    strategies: dict[str, tuple[Rule, Array | None]] = {rule: (rule, None) for rule in free}
    return strategies | {name: ("max_sharpe", table) for name, table in expected.items()}


def _make(market: Market, name: str, seeds: np.random.SeedSequence) -> pd.DataFrame:
    return make_world(market.returns, name, np.random.default_rng(seeds))  # type: ignore[arg-type]


def _plan(market: Market, sizes: Sizes, n_folds: int) -> Walk:
    if (n_decisions := n_folds * sizes.refit_months) < MIN_DECISIONS:
        raise DataError(
            f"{n_folds} folds of {sizes.refit_months} months are {n_decisions} decisions; an interval needs "
            f"at least {MIN_DECISIONS}. Give more n_folds, control_folds or refit_months."
        )
    try:
        return walks.plan_walk(market.returns.index, sizes, n_folds)
    except ValueError as error:
        raise DataError(
            f"the table is too short: {error}. Give fewer n_folds or a shorter lookback_days."
        ) from error


def forecast_all(worlds: Sequence[World]) -> dict[str, dict[str, Array]]:
    """Forecasts of each world by forecaster, folds of all worlds trained side by side."""
    tasks, owners = [], []
    for world in worlds:
        log_returns = world.log_returns
        for fold, seeds in zip(world.walk.folds, world.seeds.spawn(len(world.walk.folds)), strict=True):
            known = log_returns[: fold.decisions[-1] + 1]
            tasks.append(ForecastTask(known, fold, world.settings, seeds, world.observed))
            owners.append(world.name)
    done = run_parallel(walks.forecast_fold, tasks, "return forecasts")
    return {
        world.name: walks.join_folds(
            [part for part, owner in zip(done, owners, strict=True) if owner == world.name]
        )
        for world in worlds
    }


def weigh_all(
    worlds: Sequence[World], forecasts: Mapping[str, Mapping[str, Array]], config: Config
) -> dict[str, dict[str, Array]]:
    """Weights (n_decisions, n_assets) of all strategies by world, found side by side."""
    tasks, owners = [], []
    for world in worlds:
        for name, (rule, expected) in strategies_of(world, forecasts[world.name], config).items():
            parts = walks.weight_tasks(rule, world.returns, world.walk, config.lookback_days, expected)
            tasks += parts
            owners += [(world.name, name)] * len(parts)
    found: dict[str, dict[str, list[Array]]] = {world.name: {} for world in worlds}
    for (world_name, name), part in zip(owners, run_parallel(walks.weigh, tasks, "portfolios"), strict=True):
        found[world_name].setdefault(name, []).append(part)
    weights = {
        world_name: {name: np.concatenate(parts) for name, parts in by_strategy.items()}
        for world_name, by_strategy in found.items()
    }
    for world in worlds:
        own = weights[world.name]
        share = regimes.trust(market_volatility(world.market, "realised"), world.walk.days)[:, None]
        own["adaptive"] = share * own["lstm"] + (1 - share) * own["equal_weight"]
    return weights


def market_volatility(market: Market, regime_by: str) -> Array:
    """(n_days,) volatility known at each close: realised over 21 days of equal weights, or the VIX.

    Raises
    ------
    DataError if the VIX is asked for and the table has no dates on which it is known.
    """
    if regime_by == "realised":
        return regimes.realised_volatility(market.returns.mean(axis=1).to_numpy())
    if market.vix is None or not market.vix.notna().any():
        raise DataError(
            "regime_by='vix' needs days of 2014-2018, which this table lacks. Use regime_by='realised'."
        )
    return market.vix.to_numpy(dtype=float)


def _to_simple(world: World, table: Array, config: Config) -> Array:
    return rules.simple_return(
        table, world.log_returns, world.walk.days, config.lookback_days, config.horizon_days
    )


def _backtest(
    world: World, forecast: Mapping[str, Array], weights: Mapping[str, Array], config: Config
) -> Backtest:
    """All that the estimates of one world are made from: what weights earned, what forecasts said."""
    walk, log_returns = world.walk, world.log_returns
    holdings = {
        name: hold(rows, world.returns, walk.days, config.cost_bps, walk.end)
        for name, rows in weights.items()
    }
    window, horizon = config.window_days, config.horizon_days
    target = rules.targets(log_returns, walk.days, horizon)
    over = np.isfinite(target).all(axis=1)
    tables = {name: table for name, table in forecast.items() if name != "lstm"}
    tables["lstm"] = forecast["lstm"].mean(axis=0)
    tables["historical_mean"] = rules.historical_mean(log_returns, walk.days, config.lookback_days, horizon)
    nulls = {
        "zero": np.zeros_like(target),
        "pooled_mean": rules.pooled_mean(log_returns, walk.days, horizon),
        "constant_sharpe": rules.constant_sharpe(log_returns, walk.days, window, horizon),
    }
    level = market_volatility(world.market, config.regime_by if world.observed else "realised")
    named = regimes.regimes_before(level, walk.days)
    alone = [holding.returns for name, holding in holdings.items() if name.startswith("seed ")]
    benchmark = world.market.benchmark
    return Backtest(
        holdings={name: holding for name, holding in holdings.items() if not name.startswith("seed ")},
        seed_returns=np.array(alone),
        target=target[over],
        forecasts={name: table[over] for name, table in tables.items()},
        nulls={name: table[over] for name, table in nulls.items()},
        lstm_seeds=forecast["lstm"][:, over],
        regime=regimes.days_by_regime(named, walk.days, walk.end),
        benchmark=None if benchmark is None else benchmark.to_numpy(dtype=float)[walk.held],
    )


def _judge(
    world: World, backtest: Backtest, config: Config
) -> tuple[list[Estimate], dict[str, pd.DataFrame]]:
    """Estimates of one world; tables for figures from the observed one."""
    bootstrap, networks = world.seeds.spawn(2)
    judge = Judge(np.random.default_rng(bootstrap), config.n_resamples, world.name)
    found = measures.core_estimates(backtest, judge)
    index = world.market.benchmark
    volatility, losses = estimate_volatility(
        world.market.returns, world.walk.folds, world.settings, networks, index=index, world=world.name
    )
    found += volatility
    if not world.observed:
        return found, {}
    found += measures.rival_estimates(backtest, judge) + measures.seed_estimates(backtest)
    found.append(measures.deflated_estimate(backtest, judge, TRIALS))
    found += measures.trap_estimates(world.returns, judge)
    return found, {"wealth": _wealth(world, backtest), "volatility_loss": losses}


def _wealth(world: World, backtest: Backtest) -> pd.DataFrame:
    """Growth of one unit a strategy, thinned for drawing; the first and the last day are kept."""
    daily = {name: holding.returns for name, holding in backtest.holdings.items()}
    if backtest.benchmark is not None:
        daily["index"] = backtest.benchmark
    labels = world.market.returns.index[world.walk.held]
    paths = (1 + pd.DataFrame(daily, index=labels)).cumprod()
    kept = np.union1d(np.arange(0, len(paths), PATH_STRIDE_DAYS), [len(paths) - 1])
    return paths.iloc[kept]
