"""Portfolios of forecasts of known accuracy: the study's own optimiser, many draws of the errors."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dti_core.bridges.forecaster import SCALE_FLOOR, trailing_volatility
from dti_core.lab.config import Config
from dti_core.lab.parallel import run_keyed
from dti_core.studies.lstm_portfolio.estimate.samples import Sample
from dti_core.studies.lstm_portfolio.estimate.stages import Strategy
from dti_core.studies.lstm_portfolio.measures.dose import ACCURACIES, GOOD, PRIOR, RIVALS
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE
from dti_core.studies.lstm_portfolio.methods.portfolios import WeightTask, max_sharpe, weigh
from dti_core.studies.lstm_portfolio.model import Array, forecasting
from dti_core.studies.lstm_portfolio.model.backtest import Holding, hold
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

    premium : (n_decisions, n_assets) from expected log to expected simple returns. portfolio : the decisions,
        without forecasts. total, states : (n_rows, n_assets) returns and Status, as `hold` takes them.
    """

    template: Template
    premium: Array
    portfolio: WeightTask
    total: Array
    states: NDArray[np.int8]
    seeds: np.random.SeedSequence

    def held(self, weights: Array) -> Holding:
        """What weights earned before costs."""
        return hold(weights, self.total, self.portfolio.days, 0.0, states=self.states)


def respond(
    sample: Sample, forecasts: Mapping[str, Array], weights: Mapping[Strategy, Array], config: Config
) -> DoseResponse:
    """What forecasts of each accuracy earn in one world, beside the rivals.

    Parameters
    ----------
    forecasts : by forecaster, (n_networks, n_decisions, n_assets). weights : by strategy.
    """
    walk, log_returns, network = sample.walk, sample.log_returns, sample.network
    volatility = trailing_volatility(log_returns, walk.days, network.window_days, SCALE_FLOOR)
    scale = np.where(sample.eligible, volatility * np.sqrt(network.horizon_days), np.nan)
    future = forecasting.until_next(log_returns, walk.days, walk.end)
    prior, favourite = (forecasts[name].mean(axis=0) for name in (PRIOR, FAVOURITE))
    first = int(walk.days[0]) + 1 - sample.lookback_days
    rows = slice(first, walk.end + 1)
    task = DoseTask(
        make_template(prior, favourite, future, scale, GOOD),
        forecasting.convexity(log_returns, walk.days, sample.lookback_days, network.horizon_days),
        WeightTask(
            max_sharpe, sample.returns[rows], walk.days - first, sample.lookback_days, sample.eligible
        ),
        sample.market.returns.to_numpy(dtype=float)[rows], sample.market.states[rows],
        config.seeds(sample.key, "dose"),
    )  # fmt: skip
    draws = {
        (sample.key, draw): replace(task, seeds=config.seeds(sample.key, "dose", f"draw {draw}"))
        for draw in range(N_DRAWS)
    }
    pieces = list(run_keyed(earn, draws, f"{sample.universe} forecasts of known accuracy".strip()).values())
    rivals = {name: task.held(weights[name, None]) for name in RIVALS}
    return DoseResponse(
        ACCURACIES, np.array([gross for gross, _ in pieces]), np.array([traded for _, traded in pieces]),
        {name: (one.returns, one.turnover) for name, one in rivals.items()}, sample.riskless[walk.held],
        walk.days - walk.days[0], information_coefficient(favourite, future, scale),
        sample.market.periods_per_year,
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
        held.append(task.held(weigh(replace(task.portfolio, forecast=expected))))
    return np.array([one.returns for one in held]), np.array([one.turnover for one in held])
