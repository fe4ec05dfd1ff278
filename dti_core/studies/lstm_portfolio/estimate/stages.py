"""The long stages: all methods in all worlds, fold by fold and side by side.

A task is known by its world, its method and the first day of its fold. It carries returns only up to its last
decision, so that nothing can read beyond, and random numbers of its own name, so that no other task moves it.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from dti_core.bridges.forecaster import Fold
from dti_core.lab.config import Config
from dti_core.lab.methods import Method, left_out
from dti_core.lab.parallel import run_keyed
from dti_core.studies.lstm_portfolio.estimate.samples import Sample, market_volatility
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE, METHODS, NULLS, Forecaster, Task
from dti_core.studies.lstm_portfolio.methods.portfolios import (
    BENCHMARK,
    OVERLAYS,
    RULES,
    TRADERS,
    WeightTask,
    max_sharpe,
    weigh,
)
from dti_core.studies.lstm_portfolio.methods.volatility import VOLATILITY
from dti_core.studies.lstm_portfolio.model import Array, forecasting
from dti_core.studies.lstm_portfolio.model.walk import with_outcome

#: Whose portfolio: of a method, or of one of its networks alone.
Strategy = tuple[str, int | None]
#: Sample, method and first day of a fold.
Key = tuple[str, str, int]


def forecast_all(samples: Sequence[Sample], config: Config) -> dict[str, dict[str, Array]]:
    """Forecasts by sample and forecaster: (n_networks, n_decisions, n_assets) log returns."""
    tasks: dict[Key, Task] = {}
    for sample in samples:
        names, folds = sample.forecasters, sample.walk.folds
        tasks |= _tasks("forecasts", sample, names, folds, sample.log_returns, config)
    methods, controls = NULLS | METHODS, left_out(METHODS, ())
    alone = {key: task for key, task in tasks.items() if key[1] not in controls}
    pieces = _run_all(methods, alone, "return forecasts")
    forecasts = {}
    for sample in samples:
        world, folds = sample.key, sample.walk.folds
        favourite = _joined(pieces, folds, world, FAVOURITE).mean(axis=0)
        inputs: dict[str, Any] = {
            "favourite": np.where(sample.eligible, favourite, np.nan),
            "future": forecasting.until_next(sample.log_returns, sample.walk.days, sample.walk.end),
        }
        for name, needs in controls.items():
            for fold in folds:
                key = world, name, fold.decisions[0]
                given = {need: inputs[need][sample.walk.decisions_of(fold)] for need in needs}
                pieces[key] = _run((methods[name].run, replace(tasks[key], **given)))
        forecasts[world] = {name: _joined(pieces, folds, world, name) for name in sample.forecasters}
    return forecasts


def weigh_all(
    samples: Sequence[Sample], forecasts: Mapping[str, Mapping[str, Array]], config: Config
) -> dict[str, dict[Strategy, Array]]:
    """Weights (n_decisions, n_assets) by sample and strategy."""
    strategies = {sample.key: strategies_of(sample, forecasts[sample.key]) for sample in samples}
    tasks = {
        (sample.key, *strategy, stretch.decisions[0]): replace(
            weight_task(sample, stretch, *how), **_limits(sample, config, strategy[0])
        )
        for sample in samples
        for strategy, how in strategies[sample.key].items()
        for stretch in _stretches(sample, strategy[0])
    }
    pieces = run_keyed(weigh, tasks, "portfolios")
    weights = {}
    for sample in samples:
        world, folds = sample.key, sample.walk.folds
        own = {
            one: _joined(pieces, folds[:1] if one[0] in TRADERS else folds, world, *one)
            for one in strategies[world]
        }
        mixed = own[FAVOURITE, None], own[BENCHMARK, None], market_volatility(sample.market)
        for name, overlay in OVERLAYS.items():
            own[name, None] = overlay.run(*mixed, sample.walk.days)
        weights[world] = own
    return weights


def forecast_variances(samples: Sequence[Sample], config: Config) -> dict[str, dict[str, Array]]:
    """Variance forecasts by sample and model: (n_networks, n_decisions, n_series), the index last.

    Decisions whose horizon reaches past the last row are left out.
    """
    folds = {sample.key: judged_folds(sample) for sample in samples}
    tasks: dict[Key, Task] = {}
    for sample in samples:
        tasks |= _tasks("volatility", sample, VOLATILITY, folds[sample.key], all_series(sample), config)
    pieces = _run_all(VOLATILITY, tasks, "volatility forecasts")
    return {
        world: {name: _joined(pieces, judged, world, name) for name in VOLATILITY}
        for world, judged in folds.items()
    }


def judged_folds(sample: Sample) -> list[Fold]:
    """Folds with the decisions whose horizon is over."""
    return with_outcome(sample.walk.folds, len(sample.market.returns), sample.network.horizon_days)


def all_series(sample: Sample) -> Array:
    """(n_days, n_series) log returns of all assets listed throughout, then of the index if there is one."""
    parts = [sample.steady, sample.market.index_returns]
    return np.log1p(pd.concat(parts, axis=1).to_numpy(dtype=float))


def strategies_of(
    sample: Sample, forecasts: Mapping[str, Array]
) -> dict[Strategy, tuple[Callable[..., Array], Array | None]]:
    """Rule of each strategy, and the expected simple returns that it reads, if any."""
    days, horizon = sample.walk.days, sample.network.horizon_days
    premium = forecasting.convexity(sample.log_returns, days, sample.lookback_days, horizon)
    tables: dict[Strategy, Array] = {(name, None): forecasts[name].mean(axis=0) for name in sample.methods}
    networks = forecasts[FAVOURITE]
    if sample.observed and len(networks) > 1:
        tables |= {(FAVOURITE, number): table for number, table in enumerate(networks)}
    expected = {strategy: np.expm1(table + premium) for strategy, table in tables.items()}
    rules: dict[Strategy, tuple[Callable[..., Array], Array | None]] = {
        (name, None): (RULES[name].run, None) for name in sample.rules
    }
    rules |= {strategy: (max_sharpe, table) for strategy, table in expected.items()}
    return rules | {(name, None): (TRADERS[name].run, expected[FAVOURITE, None]) for name in sample.traders}


def weight_task(sample: Sample, fold: Fold, rule: Callable[..., Array], expected: Array | None) -> WeightTask:
    """The decisions of one fold with the rows that the rule may read."""
    days = np.asarray(fold.decisions, dtype=np.int64)
    first, asked = int(days[0]) + 1 - sample.lookback_days, sample.walk.decisions_of(fold)
    return WeightTask(
        rule, sample.returns[first : int(days[-1]) + 1], days - first, sample.lookback_days,
        sample.eligible[asked], None if expected is None else expected[asked],
    )  # fmt: skip


def _stretches(sample: Sample, name: str) -> list[Fold]:
    """What is weighed at a time: a fold, or the whole walk where each decision starts from the last one."""
    folds = sample.walk.folds
    return [replace(folds[0], decisions=tuple(sample.walk.days.tolist()))] if name in TRADERS else [*folds]


def _limits(sample: Sample, config: Config, name: str) -> dict[str, Any]:
    """Caps and covariance of all strategies, and the cost for those that heed it."""
    sectors = sample.market.sectors
    return {
        "covariance": config.covariance, "cost": config.cost_bps * 1e-4 if name in TRADERS else None,
        "max_weight": config.max_weight, "max_sector_weight": config.max_sector_weight,
        "sectors": tuple(sectors[str(one)] for one in sample.market.returns) if sectors else (),
    }  # fmt: skip


def _tasks(
    stage: str, sample: Sample, names: Iterable[str], folds: Sequence[Fold], series: Array, config: Config
) -> dict[Key, Task]:
    """A task for each method and fold of a sample, with random numbers of its own name."""
    return {
        (sample.key, name, fold.decisions[0]): Task(
            series[: fold.decisions[-1] + 1], fold, sample.lookback_days, sample.network,
            config.seeds(sample.key, stage, name, f"day {fold.decisions[0]}"),
        )
        for name in names
        for fold in folds
    }  # fmt: skip


def _run_all(
    methods: Mapping[str, Method[Forecaster]], tasks: Mapping[Key, Task], label: str
) -> dict[Key, Array]:
    return run_keyed(_run, {key: (methods[key[1]].run, task) for key, task in tasks.items()}, label)


def _run(job: tuple[Forecaster, Task]) -> Array:
    """(n_networks, n_decisions, n_series) of one method in one fold."""
    run, task = job
    table = run(task)
    return table if table.ndim == 3 else table[None]


def _joined(pieces: Mapping[Any, Array], folds: Sequence[Fold], *key: Hashable) -> Array:
    """Pieces of all folds one after the other; the axis of decisions is the last but one."""
    return np.concatenate([pieces[(*key, fold.decisions[0])] for fold in folds], axis=-2)
