"""Portfolios of forecasts of known accuracy: the study's own optimiser, many draws of the errors."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dti_core.bridges.forecaster import SCALE_FLOOR, trailing_volatility
from dti_core.lab.config import Config
from dti_core.lab.parallel import run_keyed
from dti_core.studies.lstm_portfolio.estimate.samples import Sample
from dti_core.studies.lstm_portfolio.estimate.stages import Strategy
from dti_core.studies.lstm_portfolio.measures.dose import ACCURACIES, GOOD, PRIOR, RIVALS
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE
from dti_core.studies.lstm_portfolio.methods.portfolios import WeightTask, max_sharpe, weigh
from dti_core.studies.lstm_portfolio.model import Array, Days, forecasting
from dti_core.studies.lstm_portfolio.model.backtest import hold
from dti_core.studies.lstm_portfolio.model.dose import (
    DoseResponse,
    Template,
    information_coefficient,
    lasting_noise,
    make_template,
)

#: Draws of the forecasts' errors; a control world of fewer than 20 is none.
N_DRAWS = 40


@dataclass(frozen=True, slots=True)
class DoseTask:
    """One draw of errors: what all draws share, and random numbers of its own.

    returns : (n_rows, n_assets) simple returns from the first window to the last day held. days : rows of it.
    premium : (n_decisions, n_assets) from expected log to expected simple returns.
    """

    template: Template
    premium: Array
    returns: Array
    days: Days
    lookback_days: int
    seeds: np.random.SeedSequence


def respond(
    sample: Sample,
    forecasts: Mapping[str, Array],
    weights: Mapping[Strategy, Array],
    periods_per_year: float,
    config: Config,
) -> DoseResponse:
    """What forecasts of each accuracy earn in one world, beside the rivals.

    Parameters
    ----------
    forecasts : by forecaster, (n_networks, n_decisions, n_assets). weights : by strategy.
    """
    walk, log_returns, network = sample.walk, sample.log_returns, sample.network
    volatility = trailing_volatility(log_returns, walk.days.tolist(), network.window_days, SCALE_FLOOR)
    future = forecasting.until_next(log_returns, walk.days, walk.end)
    scale = volatility * np.sqrt(network.horizon_days)
    prior, favourite = (forecasts[name].mean(axis=0) for name in (PRIOR, FAVOURITE))
    template = make_template(prior, favourite, future, scale, GOOD)
    lookback = int(config.lookback_days)
    premium = forecasting.convexity(log_returns, walk.days, lookback, network.horizon_days)
    first = int(walk.days[0]) + 1 - lookback
    returns, days = sample.returns[first : walk.end + 1], walk.days - first
    tasks = {
        (sample.world, draw): DoseTask(
            template, premium, returns, days, lookback, config.seeds(sample.world, "dose", f"draw {draw}")
        )
        for draw in range(N_DRAWS)
    }
    pieces = list(run_keyed(earn, tasks, "forecasts of known accuracy").values())
    rivals = {name: hold(weights[name, None], returns, days, 0.0) for name in RIVALS}
    return DoseResponse(
        ACCURACIES, np.array([gross for gross, _ in pieces]), np.array([traded for _, traded in pieces]),
        {name: (one.returns, one.turnover) for name, one in rivals.items()}, days - days[0],
        information_coefficient(favourite, future, scale), periods_per_year,
    )  # fmt: skip


def earn(task: DoseTask) -> tuple[Array, Array]:
    """(n_levels, n_days_held) returns before costs and (n_levels, n_decisions) turnover of one draw.

    All levels share the draw's errors, so that they differ in accuracy alone.
    """
    template, rng = task.template, np.random.default_rng(task.seeds)
    noise = lasting_noise(template.scale.shape, template.persistence, rng)
    held = []
    for accuracy in ACCURACIES:
        expected = np.expm1(template.forecast(accuracy, noise) + task.premium)
        weights = weigh(WeightTask(max_sharpe, task.returns, task.days, task.lookback_days, expected))
        held.append(hold(weights, task.returns, task.days, 0.0))
    return np.array([one.returns for one in held]), np.array([one.turnover for one in held])
