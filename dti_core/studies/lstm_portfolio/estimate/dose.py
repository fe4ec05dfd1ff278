"""Portfolios of forecasts of known accuracy: the study's own optimiser, many paths of error."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dti_core.bridges.forecaster import SCALE_FLOOR, trailing_volatility
from dti_core.lab.config import Config
from dti_core.lab.parallel import run_keyed
from dti_core.studies.lstm_portfolio.data.listing import Status
from dti_core.studies.lstm_portfolio.estimate.samples import Sample
from dti_core.studies.lstm_portfolio.estimate.stages import Strategy
from dti_core.studies.lstm_portfolio.measures.dose import (
    ACCURACIES,
    CONTROLS,
    GOOD,
    PRIOR,
    RIVALS,
    Dose,
    Drawn,
    judge_controls,
)
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE
from dti_core.studies.lstm_portfolio.model import Array, Days, forecasting
from dti_core.studies.lstm_portfolio.model.backtest import Holding, hold
from dti_core.studies.lstm_portfolio.model.dose import (
    DoseResponse,
    Template,
    information_coefficient,
    make_template,
)
from dti_core.studies.lstm_portfolio.model.frontier import best_ratio_of, risk_root
from dti_core.studies.lstm_portfolio.model.statistic import Statistic
from dti_core.studies.lstm_portfolio.worlds import draw_months

#: Resamples for each pair of paths of error, and most pairs; most draws of the control worlds.
RESAMPLES_A_PAIR, MOST_PAIRS, MOST_DRAWS = 400, 5, 40


@dataclass(frozen=True, slots=True)
class Months:
    """The decisions of a walk one by one, so that they can be drawn anew.

    premium : (n_decisions, n_assets) from expected log to expected simple returns.
    roots : of each decision, the root of the covariance of what may be held then, as `eligible` says.
    returns, riskless : of each, (n_days_of_it, n_assets) total returns until the next, and without risk.
    states : (n_decisions, n_assets) Status. rivals : by name, (n_decisions, n_assets) weights.
    """

    template: Template
    premium: Array
    roots: Sequence[Array]
    eligible: NDArray[np.bool_]
    returns: Sequence[Array]
    riskless: Sequence[Array]
    states: NDArray[np.int8]
    rivals: Mapping[str, Array]
    periods_per_year: float

    def redrawn(self, months: Days) -> "Months":
        """Those decisions, in that order."""
        return replace(
            self, template=self.template.of_months(months), premium=self.premium[months],
            roots=[self.roots[k] for k in months], eligible=self.eligible[months],
            returns=[self.returns[k] for k in months], riskless=[self.riskless[k] for k in months],
            states=self.states[months], rivals={name: rows[months] for name, rows in self.rivals.items()},
        )  # fmt: skip

    @property
    def firsts(self) -> Days:
        """(n_decisions,) first day held of each."""
        lengths = [len(one) for one in self.returns]
        return np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)

    def held(self, weights: Array) -> Holding:
        """What weights earned before costs."""
        path = np.concatenate([self.returns[0][:1], *self.returns])
        states = np.full(path.shape, Status.TRADED, dtype=np.int8)
        states[self.firsts] = self.states
        return hold(weights, path, self.firsts, 0.0, states=states)

    def weigh(self, expected: Array) -> Array:
        """Weights for (n_forecasts, n_decisions, n_assets) expected returns, as in `max_sharpe`."""
        weights = np.zeros(expected.shape)
        for k, (root, held) in enumerate(zip(self.roots, self.eligible, strict=True)):
            told = expected[:, k, held]
            told = np.where(told.max(axis=1, keepdims=True) > 0, told, 1.0)
            weights[:, k, held] = best_ratio_of(root, told)
        return weights

    def earn(self, accuracies: Sequence[float], noise: Array) -> tuple[Array, Array]:
        """Returns before costs and turnover, (n_levels, n_paths, ...), of made forecasts."""
        made = np.array([self.template.forecast(accuracy, noise) for accuracy in accuracies])
        expected = np.expm1(made + self.premium).reshape(-1, *self.premium.shape)
        held = self.held(self.weigh(expected))
        shape = len(accuracies), len(noise), -1
        return held.returns.reshape(shape), held.turnover.reshape(shape)


def respond(
    sample: Sample, forecasts: Mapping[str, Array], weights: Mapping[Strategy, Array], config: Config
) -> Dose:
    """What forecasts of each accuracy earn in one world, beside the rivals; the same of months drawn anew.

    Parameters
    ----------
    forecasts : by forecaster, (n_networks, n_decisions, n_assets). weights : by strategy.
    """
    months, own = take_months(sample, forecasts, weights, config)
    n_pairs = min(MOST_PAIRS, max(1, int(config.n_resamples) // RESAMPLES_A_PAIR))
    names = [f"draw {number}" for number in range(min(MOST_DRAWS, int(config.n_draws)))]
    tasks = {(sample.key, name): (months, n_pairs, config.seeds(sample.key, "dose", name)) for name in names}
    drawn = run_keyed(judge_draw, tasks, f"{sample.universe} forecasts of known accuracy".strip())
    response = answer(months, n_pairs, np.random.default_rng(config.seeds(sample.key, "dose")))
    return Dose(response, own, list(drawn.values()))


def take_months(
    sample: Sample, forecasts: Mapping[str, Array], weights: Mapping[Strategy, Array], config: Config
) -> tuple[Months, Statistic]:
    """The walk, decision by decision, and the favourite's information coefficient."""
    walk, log_returns, network = sample.walk, sample.log_returns, sample.network
    volatility = trailing_volatility(np.nan_to_num(log_returns), walk.days, network.window_days, SCALE_FLOOR)
    scale = np.where(sample.eligible, volatility * np.sqrt(network.horizon_days), np.nan)
    future = forecasting.until_next(log_returns, walk.days, walk.end)
    prior, favourite = (forecasts[name].mean(axis=0) for name in (PRIOR, FAVOURITE))
    total = sample.market.returns.to_numpy(dtype=float)
    ends = [*walk.days[1:], walk.end]
    stretches = [slice(day + 1, end + 1) for day, end in zip(walk.days, ends, strict=True)]
    months = Months(
        make_template(prior, favourite, future, scale, GOOD, config.stream(sample.key, "dose", "template")),
        forecasting.convexity(log_returns, walk.days, sample.lookback_days, network.horizon_days),
        [
            risk_root(sample.returns[day + 1 - sample.lookback_days : day + 1, held], config.covariance)
            for day, held in zip(walk.days, sample.eligible, strict=True)
        ],
        sample.eligible, [total[one] for one in stretches], [sample.riskless[one] for one in stretches],
        sample.market.states[walk.days], {name: weights[name, None] for name in RIVALS},
        sample.market.periods_per_year,
    )  # fmt: skip
    return months, information_coefficient(favourite, future, scale)


def answer(months: Months, n_pairs: int, rng: np.random.Generator) -> DoseResponse:
    """What all levels and the rivals earn; made portfolios to beat have one pair of errors of their own."""
    known = [control.settings for control in CONTROLS.values()]
    rivals = {name: months.held(rows) for name, rows in months.rivals.items()}
    return DoseResponse(
        ACCURACIES, months.earn(ACCURACIES, months.template.noise(n_pairs, rng)),
        months.earn(known, months.template.noise(1, rng)),
        {name: (one.returns, one.turnover) for name, one in rivals.items()},
        np.concatenate(months.riskless), months.firsts, months.periods_per_year,
    )  # fmt: skip


def judge_draw(job: tuple[Months, int, np.random.SeedSequence]) -> Drawn:
    """Another market of the same months in blocks, with errors of its own, judged as the observed one is."""
    months, n_pairs, seeds = job
    rng = np.random.default_rng(seeds)
    came = draw_months(len(months.premium), rng)
    return judge_controls(answer(months.redrawn(came), n_pairs, rng))
