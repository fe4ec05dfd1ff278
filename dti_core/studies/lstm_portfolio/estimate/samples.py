"""Samples: each world made for one run, with the walk through it and the size of its networks."""

from dataclasses import dataclass

import numpy as np

from dti_core.bridges.forecaster import LstmSettings
from dti_core.lab.config import Config
from dti_core.lab.errors import DataError
from dti_core.studies.lstm_portfolio.data import Market, Parameters
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE, METHODS, NULLS
from dti_core.studies.lstm_portfolio.methods.portfolios import BENCHMARK, RULES
from dti_core.studies.lstm_portfolio.model import Array, regimes
from dti_core.studies.lstm_portfolio.model.walk import Walk, plan_walk
from dti_core.studies.lstm_portfolio.worlds import WORLDS, WorldSettings, make_world

#: Fewer monthly decisions carry no interval.
MIN_DECISIONS = 6


@dataclass(frozen=True, slots=True)
class Sample:
    """One world made for this run. Control worlds need the favourite and its controls; only the observed
    one runs every method.
    """

    world: str
    market: Market
    walk: Walk
    network: LstmSettings

    @property
    def observed(self) -> bool:
        """Whether this is the real market and not a control."""
        return WORLDS[self.world].role == "observed"

    @property
    def methods(self) -> list[str]:
        """Forecasters whose portfolios are held here."""
        everywhere = {name for name, method in METHODS.items() if not method.counts_as_trial} | {FAVOURITE}
        return [name for name in METHODS if self.observed or name in everywhere]

    @property
    def forecasters(self) -> list[str]:
        """The same and the nulls that forecasts are measured against."""
        return list(dict.fromkeys((*NULLS, *self.methods)))

    @property
    def rules(self) -> list[str]:
        """Portfolio rules without forecast that are held here."""
        return list(RULES) if self.observed else [BENCHMARK]

    @property
    def returns(self) -> Array:
        """(n_days, n_assets) simple daily returns."""
        return self.market.returns.to_numpy(dtype=float)

    @property
    def log_returns(self) -> Array:
        """(n_days, n_assets) log daily returns."""
        return np.log1p(self.returns)


def make_samples(config: Config, market: Market) -> list[Sample]:
    """The observed market and the control worlds in which networks learn anew.

    Raises
    ------
    DataError if the table is too short for the folds asked for.
    """
    sizes, samples = config.typed(Parameters), []
    for name, world in WORLDS.items():
        if not isinstance(world.settings, WorldSettings):
            continue
        observed = world.role == "observed"
        returns = make_world(market.returns, world.settings, config.stream(name, "world"))
        network = LstmSettings(
            hidden=sizes.hidden, window_days=sizes.window_days, horizon_days=sizes.horizon_days,
            n_steps=sizes.n_steps, n_seeds=sizes.n_seeds if observed else sizes.control_seeds,
            device=sizes.device,
        )  # fmt: skip
        walk = _plan(market, sizes, sizes.n_folds if observed else min(sizes.control_folds, sizes.n_folds))
        samples.append(Sample(name, market if observed else Market(returns), walk, network))
    return samples


def _plan(market: Market, sizes: Parameters, n_folds: int) -> Walk:
    if (n_decisions := n_folds * sizes.refit_months) < MIN_DECISIONS:
        raise DataError(
            f"{n_folds} folds of {sizes.refit_months} months are {n_decisions} decisions; an interval needs "
            f"at least {MIN_DECISIONS}. Give more n_folds, control_folds or refit_months."
        )
    try:
        return plan_walk(market.returns.index, n_folds, sizes)
    except ValueError as error:
        raise DataError(
            f"the table is too short: {error}. Give fewer n_folds or a shorter lookback_days."
        ) from error


def market_volatility(market: Market, regime_by: str = "realised") -> Array:
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
