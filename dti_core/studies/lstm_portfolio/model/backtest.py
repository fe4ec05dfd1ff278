"""The walk through time: which days are decided, what each fold learns, what each strategy holds.

A task carries returns only up to its last decision, so no forecast or weight can read beyond it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.bridges.forecaster import Fold, walk_forward_folds
from dti_core.studies.lstm_portfolio.model import forecasts
from dti_core.studies.lstm_portfolio.model.portfolios import Rule, choose_weights, decision_days

if TYPE_CHECKING:
    from dti_core.bridges.forecaster import LstmSettings

Array = NDArray[np.float64]
Days = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Walk:
    """Decisions that are judged, the folds that serve them, and the last row that is held."""

    days: Days
    folds: tuple[Fold, ...]
    end: int

    @property
    def held(self) -> slice:
        """Rows whose returns are earned: the day after the first decision to the last."""
        return slice(int(self.days[0]) + 1, self.end + 1)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Lengths, in trading days, that forecasters and portfolios share."""

    window_days: int
    horizon_days: int
    lookback_days: int
    validation_days: int
    refit_months: int


@dataclass(frozen=True, slots=True)
class ForecastTask:
    """One fold of one world: log returns up to its last decision, and the networks with their seeds."""

    log_returns: Array
    fold: Fold
    settings: "LstmSettings"
    seeds: np.random.SeedSequence
    with_rivals: bool


@dataclass(frozen=True, slots=True)
class WeightTask:
    """Some decisions of one strategy: returns up to the last of them, and forecasts if the rule reads any."""

    rule: Rule
    returns: Array
    days: Days
    lookback_days: int
    forecast: Array | None = None


def plan_walk(index: pd.Index, sizes: Sizes, n_folds: int) -> Walk:
    """The last `n_folds` times `refit_months` decisions of the table.

    Raises
    ------
    ValueError if the first of them has too little history.
    """
    days = decision_days(index)[-n_folds * sizes.refit_months :]
    if days[0] < sizes.lookback_days - 1 or len(days) < n_folds * sizes.refit_months:
        raise ValueError(f"{n_folds} folds of {sizes.refit_months} months do not fit into {len(index)} days")
    folds = walk_forward_folds(
        days.tolist(),
        refit_every=sizes.refit_months,
        horizon_days=sizes.horizon_days,
        window_days=sizes.window_days,
        validation_days=sizes.validation_days,
    )
    return Walk(days, folds, len(index) - 1)


def forecast_fold(task: ForecastTask) -> dict[str, Array]:
    """Forecasts of one fold: "lstm" (n_seeds, n_decisions, n_assets), each rival (n_decisions, n_assets)."""
    from dti_core.bridges import forecaster

    found = {"lstm": forecaster.forecast_fold(task.log_returns, task.fold, task.settings, task.seeds)}
    if task.with_rivals:
        lengths = task.settings.window_days, task.settings.horizon_days
        found |= {
            name: rival(task.log_returns, task.fold, *lengths) for name, rival in forecasts.RIVALS.items()
        }
    return found


def weigh(task: WeightTask) -> Array:
    """(n_decisions, n_assets) weights of one stretch."""
    rows = []
    for k, day in enumerate(task.days):
        window = task.returns[day + 1 - task.lookback_days : day + 1]
        rows.append(choose_weights(task.rule, window, None if task.forecast is None else task.forecast[k]))
    return np.array(rows)


def weight_tasks(
    rule: Rule, returns: Array, walk: Walk, lookback_days: int, forecast: Array | None = None
) -> list[WeightTask]:
    """One task a fold, each with the rows that it may read."""
    tasks, start = [], 0
    for fold in walk.folds:
        days = np.asarray(fold.decisions, dtype=np.int64)
        first, stop = int(days[0]) + 1 - lookback_days, start + len(days)
        part = None if forecast is None else forecast[start:stop]
        tasks.append(WeightTask(rule, returns[first : int(days[-1]) + 1], days - first, lookback_days, part))
        start = stop
    return tasks


def join_folds(parts: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """Forecasts of all folds one after the other; the axis of decisions is the last but one."""
    return {name: np.concatenate([part[name] for part in parts], axis=-2) for name in parts[0]}
