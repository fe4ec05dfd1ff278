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
from dti_core.studies.lstm_portfolio.model import Array, Days, forecasting
from dti_core.studies.lstm_portfolio.model.backtest import Holding, hold
from dti_core.studies.lstm_portfolio.model.dose import (
    DoseResponse,
    Template,
    information_coefficient,
    lasting_noise,
    make_template,
)
from dti_core.studies.lstm_portfolio.model.frontier import best_ratio_of, risk_root

#: Resamples for each draw of errors; fewest draws, as a control world of fewer is none, and most.
RESAMPLES_A_DRAW, FEWEST, MOST = 50, 20, 40


@dataclass(frozen=True, slots=True)
class DoseTask:
    """One draw of errors: what all draws share, and random numbers of its own.

    premium : (n_decisions, n_assets) from expected log to expected simple returns.
    roots : a decision at a time, the root of the covariance of what may be held then, as `eligible` says.
    total, states, days : returns, Status and decisions, as `hold` takes them.
    """

    template: Template
    premium: Array
    roots: tuple[Array, ...]
    eligible: NDArray[np.bool_]
    total: Array
    states: NDArray[np.int8]
    days: Days
    seeds: np.random.SeedSequence

    def held(self, weights: Array) -> Holding:
        """What weights earned before costs."""
        return hold(weights, self.total, self.days, 0.0, states=self.states)

    def weigh(self, expected: Array) -> Array:
        """Weights for (n_levels, n_decisions, n_assets) expected returns, as in `max_sharpe`."""
        weights = np.zeros(expected.shape)
        for k, (root, held) in enumerate(zip(self.roots, self.eligible, strict=True)):
            told = expected[:, k, held]
            told = np.where(told.max(axis=1, keepdims=True) > 0, told, 1.0)
            weights[:, k, held] = best_ratio_of(root, told)
        return weights


def respond(
    sample: Sample, forecasts: Mapping[str, Array], weights: Mapping[Strategy, Array], config: Config
) -> DoseResponse:
    """What forecasts of each accuracy earn in one world, beside the rivals.

    Parameters
    ----------
    forecasts : by forecaster, (n_networks, n_decisions, n_assets). weights : by strategy.
    """
    walk, log_returns, network = sample.walk, sample.log_returns, sample.network
    volatility = trailing_volatility(np.nan_to_num(log_returns), walk.days, network.window_days, SCALE_FLOOR)
    scale = np.where(sample.eligible, volatility * np.sqrt(network.horizon_days), np.nan)
    future = forecasting.until_next(log_returns, walk.days, walk.end)
    prior, favourite = (forecasts[name].mean(axis=0) for name in (PRIOR, FAVOURITE))
    first = int(walk.days[0])
    rows = slice(first, walk.end + 1)
    task = DoseTask(
        make_template(prior, favourite, future, scale, GOOD),
        forecasting.convexity(log_returns, walk.days, sample.lookback_days, network.horizon_days),
        tuple(
            risk_root(sample.returns[day + 1 - sample.lookback_days : day + 1, held], config.covariance)
            for day, held in zip(walk.days, sample.eligible, strict=True)
        ),
        sample.eligible,
        sample.market.returns.to_numpy(dtype=float)[rows], sample.market.states[rows],
        walk.days - first, config.seeds(sample.key, "dose"),
    )  # fmt: skip
    n_draws = min(MOST, max(FEWEST, int(config.n_resamples) // RESAMPLES_A_DRAW))
    draws = {
        (sample.key, draw): replace(task, seeds=config.seeds(sample.key, "dose", f"draw {draw}"))
        for draw in range(n_draws)
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
    made = np.array([template.forecast(accuracy, noise) for accuracy in ACCURACIES])
    held = task.held(task.weigh(np.expm1(made + task.premium)))
    return held.returns, held.turnover
