"""Worlds that are drawn many times, each draw judged as the observed market is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dti_core.bridges.forecaster import (
    SCALE_FLOOR,
    LstmSettings,
    trailing_volatility,
    walk_forward_folds,
)
from dti_core.lab.bars import LEAST_DRAWS
from dti_core.lab.config import Config
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import Estimate
from dti_core.studies.lstm_portfolio.data import Parameters
from dti_core.studies.lstm_portfolio.estimate.samples import Sample, market_volatility
from dti_core.studies.lstm_portfolio.estimate.stages import Strategy
from dti_core.studies.lstm_portfolio.measures.drawn import (
    BEYOND,
    DRAWN,
    NULL,
    PLACEBO,
    beyond_placebo,
    gather,
)
from dti_core.studies.lstm_portfolio.measures.volatility import paired_losses
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE, NULLS, Task
from dti_core.studies.lstm_portfolio.methods.portfolios import (
    BENCHMARK,
    OVERLAYS,
)
from dti_core.studies.lstm_portfolio.methods.volatility import VOLATILITY, VOLATILITY_FLOOR
from dti_core.studies.lstm_portfolio.model import Array, Days, forecasting, regimes
from dti_core.studies.lstm_portfolio.model.backtest import Backtest, Holding, hold
from dti_core.studies.lstm_portfolio.model.frontier import best_ratio_of, risk_root
from dti_core.studies.lstm_portfolio.model.variance import qlike, realised_variance
from dti_core.studies.lstm_portfolio.worlds import WORLDS, Dealt, VarianceLaw, deal, draw_months

#: Draws that one worker judges at a time.
BATCH = 20
#: Draws of a universe of months at most; it has twice the decisions, and half the draws.
MOST_OF_MONTHS = 100


@dataclass(frozen=True, slots=True)
class Deck:
    """The observed walk, month by month: what all draws of dealt forecasts share.

    A month is a decision whose horizon is over, with the days until the next decision.

    backtest : the observed one. returns : of each month, (n_days_of_it, n_assets + 2) total returns, then
        the index less the riskless rate (NaN where there is none), then that rate.
    days : (n_months,) rows at which decisions were made.
    message, outcome, risk, premium : (n_months, n_assets); the favourite's forecast less that of NULL, and
        what came, in units of `risk`, and what makes a simple return of a log return.
    roots : of the covariances.
    regime : (n_months,). volatility : (n_days,) of the market. weights : of strategies that are not dealt.
    """

    backtest: Backtest
    returns: Sequence[Array]
    days: Days
    cost_bps: float
    message: Array
    outcome: Array
    risk: Array
    premium: Array
    roots: Array
    regime: Days
    volatility: Array
    weights: Mapping[str, Array]


def dealt_estimates(
    sample: Sample,
    backtest: Backtest,
    weights: Mapping[Strategy, Array],
    observed: Sequence[Estimate],
    config: Config,
) -> Iterator[Estimate]:
    """Estimates of DRAWN in each world of dealt forecasts; those that were not observed are left out.

    Where shares come and go there is no such world: months with other shares cannot be dealt to each other.
    """
    if not sample.eligible.all():
        return
    deck = make_deck(sample, backtest, weights, config)
    names = [name for name in DRAWN if name in {one.name for one in observed}]
    settings = {name: world.settings for name, world in WORLDS.items() if isinstance(world.settings, Dealt)}
    tasks = {}
    n_draws = config.n_draws
    if sample.universe:
        n_draws = min(_half(n_draws), MOST_OF_MONTHS)
    for world, how in settings.items():
        named = [sample.universe, world] if sample.universe else [world]
        asked = range(_fewer_of(world, n_draws))
        seeds = [config.seeds(*named, "draw", str(number)) for number in asked]
        for first in range(0, len(seeds), BATCH):
            tasks[world, first] = deck, how, seeds[first : first + BATCH], names
    pieces = run_keyed(judge_draws, tasks, f"{sample.universe} draws of dealt forecasts".strip())
    like = {one.name: one for one in observed}
    found = {
        world: np.concatenate([piece for key, piece in pieces.items() if key[0] == world])
        for world in settings
    }
    for column, name in enumerate(names):
        dealt = {world: draws[:, column] for world, draws in found.items()}
        for world, draws in dealt.items():
            yield gather(like[name], world, draws)
        if name in BEYOND and len(dealt[PLACEBO]) > 1:
            yield from beyond_placebo(like[name], dealt)


def _fewer_of(world: str, n_draws: int) -> int:
    """All draws of a world without the effect, half of one with it: four in five are told by fewer than five
    in a hundred are.
    """
    return n_draws if WORLDS[world].role == "negative" else _half(n_draws)


def _half(n_draws: int) -> int:
    """Half of the draws, but as many as a share needs where there are so many."""
    return min(n_draws, max(LEAST_DRAWS, n_draws // 2))


def make_deck(sample: Sample, backtest: Backtest, weights: Mapping[Strategy, Array], config: Config) -> Deck:
    """The observed walk, taken apart for dealing."""
    walk, logs, network, market = sample.walk, sample.log_returns, sample.network, sample.market
    n = len(backtest.target)
    days = walk.days[:n]
    trailing = trailing_volatility(logs, days.tolist(), network.window_days, SCALE_FLOOR)
    risk = trailing * np.sqrt(network.horizon_days)
    index = np.full(len(logs), np.nan)
    if market.index_returns is not None:
        index = market.index_returns.to_numpy(dtype=float) - sample.riskless
    total = market.returns.to_numpy(dtype=float)
    table, ends = np.column_stack([total, index, sample.riskless]), [*walk.days[1:], walk.end][:n]
    kept = [BENCHMARK, *(name for name in NULLS if (name, None) in weights)]
    return Deck(
        backtest, [table[day + 1 : end + 1] for day, end in zip(days, ends, strict=True)], days,
        config.cost_bps,
        message=(backtest.forecast(FAVOURITE) - backtest.nulls[NULL]) / risk,
        outcome=backtest.target / risk, risk=risk,
        premium=forecasting.convexity(logs, days, sample.lookback_days, network.horizon_days),
        roots=np.array([
            risk_root(sample.returns[day + 1 - sample.lookback_days : day + 1], config.covariance)
            for day in days
        ]),
        regime=regimes.regimes_before(market_volatility(market, config.regime_by), days),
        volatility=market_volatility(market), weights={name: weights[name, None][:n] for name in kept},
    )  # fmt: skip


def judge_draws(job: tuple[Deck, Dealt, Sequence[np.random.SeedSequence], Sequence[str]]) -> Array:
    """(n_draws, n_estimates, 3) value and bounds of each judged estimate in some draws of one world."""
    deck, settings, seeds, names = job
    outcomes = (draw_backtest(deck, settings, np.random.default_rng(seed)) for seed in seeds)
    return np.array([[DRAWN[name](backtest) for name in names] for backtest in outcomes])


def draw_backtest(deck: Deck, settings: Dealt, rng: np.random.Generator) -> Backtest:
    """Another market of the same months, in which the favourite's forecasts are dealt and bets made anew."""
    came, said = (draw_months(len(deck.days), rng) for _ in range(2))
    message = deal(deck.message[said], deck.outcome[came], deck.regime[came], settings, rng)
    forecast = deck.backtest.nulls[NULL][came] + deck.risk[came] * message
    asked = zip(deck.roots[came], np.expm1(forecast + deck.premium[came]), strict=True)
    weights = {name: table[came] for name, table in deck.weights.items()}
    weights[FAVOURITE] = np.array([_most_for_risk(*pair) for pair in asked])
    heeded = deck.days[came if settings.timed else said]
    for name, overlay in OVERLAYS.items():
        weights[name] = overlay.run(weights[FAVOURITE], weights[BENCHMARK], deck.volatility, heeded)
    lengths = np.array([len(deck.returns[month]) for month in came])
    path = np.concatenate([deck.returns[came[0]][:1], *(deck.returns[month] for month in came)])
    days, riskless = np.concatenate([[0], np.cumsum(lengths)[:-1]]), path[1:, -1]
    held = hold(np.stack(list(weights.values())), path[:, :-2], days, deck.cost_bps)
    each = zip(weights, held.returns - riskless, held.turnover, strict=True)
    return replace(
        deck.backtest,
        holdings={name: Holding(returns, turnover) for name, returns, turnover in each},
        networks=np.empty((0, int(lengths.sum()))),
        target=deck.backtest.target[came],
        forecasts={FAVOURITE: forecast[None]},
        nulls={name: table[came] for name, table in deck.backtest.nulls.items()},
        regime=np.repeat(deck.regime[came], lengths),
        index_returns=None if deck.backtest.index_returns is None else path[1:, -2],
        riskless=riskless,
    )  # fmt: skip


def _most_for_risk(root: Array, forecast: Array) -> Array:
    """As `max_sharpe`, from the root of the covariance."""
    return best_ratio_of(root, forecast if forecast.max() > 0 else np.ones_like(forecast))


def volatility_draws(observed: Sequence[Estimate], config: Config) -> Iterator[Estimate]:
    """Losses of the rivals less the favourite's in each simulated market, for assets and index."""
    sizes = config.typed(Parameters)
    network = LstmSettings(
        hidden=sizes.hidden, window_days=sizes.window_days, horizon_days=sizes.horizon_days,
        n_steps=sizes.n_steps, n_seeds=sizes.control_seeds, device=sizes.device,
    )  # fmt: skip
    laws = {name: world.settings for name, world in WORLDS.items() if isinstance(world.settings, VarianceLaw)}
    tasks = {
        (world, number): (law, network, sizes.validation_days, market_seeds(config, world, number))
        for world, law in laws.items()
        for number in range(_fewer_of(world, config.n_market_draws))
    }
    pieces = run_keyed(draw_losses, tasks, "draws of simulated markets")
    like = {one.name: one for one in observed}
    for world in laws:
        drawn = [paired_losses(piece) for key, piece in pieces.items() if key[0] == world]
        for name in drawn[0]:
            if name in like:
                yield gather(like[name], world, np.array([draw[name] for draw in drawn]))


def market_seeds(config: Config, world: str, number: int) -> dict[str, np.random.SeedSequence]:
    """Random numbers of one draw: of the market, and of each model."""
    return {name: config.seeds(world, "draw", str(number), name) for name in ("market", *VOLATILITY)}


def draw_losses(job: tuple[VarianceLaw, LstmSettings, int, Mapping[str, np.random.SeedSequence]]) -> Array:
    """(n_models, n_decisions, 2) mean QLIKE over the assets, then that of the index, in one made market."""
    law, network, validation_days, seeds = job
    rng, horizon = np.random.default_rng(seeds["market"]), network.horizon_days
    days = law.n_learning_days + horizon * np.arange(law.n_decisions)
    returns = law.simulate(int(days[-1]) + horizon + 1, law.n_assets + 1, rng)
    (fold,) = walk_forward_folds(
        days, refit_every=len(days), horizon_days=horizon, window_days=network.window_days,
        validation_days=validation_days,
    )  # fmt: skip
    realised = realised_variance(returns, days, horizon, VOLATILITY_FLOOR)
    losses = []
    for name, model in VOLATILITY.items():
        table = model.run(Task(returns[: days[-1] + 1], fold, network.window_days, network, seeds[name]))
        loss = qlike(realised, table if table.ndim == 2 else table.mean(axis=0))
        losses.append(np.column_stack([loss[:, :-1].mean(axis=1), loss[:, -1]]))
    return np.array(losses)
