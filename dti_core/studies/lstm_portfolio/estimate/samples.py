"""Samples: each world of each universe made for one run, with the walk through it and its networks' size."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.bridges.forecaster import LstmSettings
from dti_core.lab.config import Config
from dti_core.lab.errors import DataError
from dti_core.studies.lstm_portfolio.data import MONTHLY, Market, Parameters, in_months, load_months
from dti_core.studies.lstm_portfolio.data.listing import Status
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE, METHODS, NULLS
from dti_core.studies.lstm_portfolio.methods.portfolios import BENCHMARK, RULES, TRADERS
from dti_core.studies.lstm_portfolio.model import Array, regimes
from dti_core.studies.lstm_portfolio.model.walk import Walk, plan_walk
from dti_core.studies.lstm_portfolio.worlds import WORLDS, Signal, WorldSettings, make_world

#: Fewer monthly decisions carry no interval.
MIN_DECISIONS = 6
#: A portfolio of fewer shares is no choice.
MIN_ELIGIBLE = 2
#: The universe of months on which claims are judged, control worlds included; the others are observed only.
JUDGED_MONTHS = "industries_12"
#: Rows of the volatility that tells calm from volatile: a month of days, a year of months.
REGIME_DAYS, REGIME_MONTHS = 21, 12

#: What is planted in months, its half-life and horizon in months. It is stronger than that of days, as there
#: are fewer months to learn from and portfolios of shares move more alike than shares.
MONTHLY_SIGNAL = Signal(monthly_rank_ic=0.4, half_life_days=3.0, horizon_days=1)


@dataclass(frozen=True, eq=False)
class Sample:
    """One world of one universe. Control worlds need the favourite and its controls; only the observed
    one runs every method. `universe` is "" for the one that was asked for.
    """

    world: str
    market: Market
    walk: Walk
    network: LstmSettings
    universe: str = ""
    lookback_days: int = 504

    @property
    def key(self) -> str:
        """What no other sample of the run is called; random numbers bear it."""
        return f"{self.universe} {self.world}" if self.universe else self.world

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
    def traders(self) -> list[str]:
        """Ways to trade the favourite's forecasts that are held here; each decision is solved anew."""
        return list(TRADERS) if self.observed and self.universe in ("", JUDGED_MONTHS) else []

    @cached_property
    def returns(self) -> Array:
        """(n_days, n_assets) simple returns less the riskless rate; NaN where a share is not listed."""
        return self.market.excess.to_numpy(dtype=float)

    @cached_property
    def log_returns(self) -> Array:
        """(n_days, n_assets) their logarithms."""
        return np.log1p(self.returns)

    @property
    def steady(self) -> pd.DataFrame:
        """(n_days, n_series) simple returns of shares listed throughout; without any, the mean of all."""
        whole = self.market.returns.dropna(axis=1)
        return self.market.returns.mean(axis=1).to_frame("mean of all") if whole.empty else whole

    @property
    def riskless(self) -> Array:
        """(n_days,) simple return without risk, 0 where none is known."""
        known = self.market.risk_free
        return np.zeros(len(self.market.returns)) if known is None else known.to_numpy(dtype=float)

    @cached_property
    def eligible(self) -> NDArray[np.bool_]:
        """(n_decisions, n_assets) what may be bought: traded that day, all returns of the lookback known.

        A share whose price never moved in the lookback has no risk to be weighed, and is left out too.
        """
        returns, days = self.market.returns, self.walk.days
        length = max(self.lookback_days, self.network.window_days)
        rows = returns.rolling(length)
        found = (rows.count() == length) & (rows.max() > rows.min())
        return np.asarray(found.to_numpy()[days] & (self.market.states[days] == Status.TRADED))


def make_samples(config: Config, market: Market) -> list[Sample]:
    """The universe that was asked for, then those of months: observed market and those control worlds of
    each in which networks learn anew.

    Raises
    ------
    DataError if the table is too short for the folds asked for, or nothing could be held on some day.
    """
    made = {name: one.settings for name, one in WORLDS.items() if isinstance(one.settings, WorldSettings)}
    observed = {name: settings for name, settings in made.items() if WORLDS[name].role == "observed"}
    samples = _universe(config, market, made)
    for universe in MONTHLY:
        worlds = made if universe == JUDGED_MONTHS else observed
        samples += _universe(config, load_months(universe), worlds, universe)
    return samples


def _universe(
    config: Config, market: Market, worlds: dict[str, WorldSettings], universe: str = ""
) -> list[Sample]:
    sizes, samples = config.typed(Parameters), []
    if market.monthly:
        sizes = in_months(sizes, len(market.returns))
    for name, settings in worlds.items():
        observed = WORLDS[name].role == "observed"
        walk = _plan(market, sizes, sizes.n_folds if observed else min(sizes.control_folds, sizes.n_folds))
        all_seeds = observed and universe in ("", JUDGED_MONTHS)
        network = _network(sizes, sizes.n_seeds if all_seeds else sizes.control_seeds, market.monthly)
        sample = Sample(name, market, walk, network, universe, sizes.lookback_days)
        if not observed:
            made = _made(market, settings, config.stream(sample.key, "world"))
            sample = replace(sample, market=made)
        _check_choice(sample)
        samples.append(sample)
    return samples


def _network(sizes: Parameters, n_seeds: int, monthly: bool) -> LstmSettings:
    """Windows of days are taken a week apart, as their targets overlap; those of months each month."""
    apart = {"shared_spacing_days": 1, "validation_stride_days": 1} if monthly else {}
    return LstmSettings(
        hidden=sizes.hidden, window_days=sizes.window_days, horizon_days=sizes.horizon_days,
        n_steps=sizes.n_steps, n_seeds=n_seeds, device=sizes.device, **apart,
    )  # fmt: skip


def _made(market: Market, settings: WorldSettings, rng: np.random.Generator) -> Market:
    """A control world: the returns made anew, listings, halts and last returns where they were.

    Where a share is not listed, the mean of the day's others stands in while the world is made.
    """
    if market.monthly and settings.signal is not None:
        settings = replace(settings, signal=MONTHLY_SIGNAL)
    excess, riskless = market.excess, market.risk_free
    if market.status is not None:
        excess = excess.T.fillna(excess.mean(axis=1)).T
    made = make_world(excess, settings, rng)
    made = made if riskless is None else made.add(riskless, axis=0)
    if market.status is not None:
        made = made.where(market.states == Status.TRADED, market.returns).where(market.returns.notna())
    return Market(
        made, risk_free=riskless, periods_per_year=market.periods_per_year, status=market.status,
        sectors=market.sectors,
    )  # fmt: skip


def _check_choice(sample: Sample) -> None:
    """DataError on the first day with too little to choose from."""
    few = sample.eligible.sum(axis=1) < MIN_ELIGIBLE
    if few.any():
        day = sample.market.returns.index[sample.walk.days[int(few.argmax())]]
        raise DataError(
            f"on {day:%Y-%m-%d} fewer than {MIN_ELIGIBLE} shares have prices on each of the last "
            f"{sample.lookback_days} rows. Give fewer n_folds or a shorter lookback_days."
            if isinstance(day, pd.Timestamp)
            else f"on row {day} fewer than {MIN_ELIGIBLE} shares moved in the last {sample.lookback_days}."
        )


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
    """(n_days,) volatility known at each close: of equal weights over a month (a year of months), or the VIX.

    Raises
    ------
    DataError if the VIX is asked for and the table has no dates on which it is known.
    """
    if regime_by == "realised" or market.monthly:
        window = REGIME_MONTHS if market.monthly else REGIME_DAYS
        return regimes.realised_volatility(market.excess.mean(axis=1).to_numpy(), window)
    if market.vix is None or not market.vix.notna().any():
        raise DataError(
            "regime_by='vix' needs days of 2014-2018, which this table lacks. Use regime_by='realised'."
        )
    return market.vix.to_numpy(dtype=float)


def sample_table(samples: list[Sample]) -> pd.DataFrame:
    """What each observed sample is: its rows, and each length of the study counted in them."""
    rows = {}
    for sample in (one for one in samples if one.observed):
        network, labels = sample.network, sample.market.returns.index
        rows[sample.universe or "asked for"] = {
            "rows are": "months" if sample.market.monthly else "days",
            "n_rows": len(labels), "n_assets": sample.market.returns.shape[1],
            "first_held": str(labels[sample.walk.held][0])[:10], "last_held": str(labels[-1])[:10],
            "decisions": len(sample.walk.days), "folds": len(sample.walk.folds),
            "window": network.window_days, "horizon": network.horizon_days,
            "lookback": sample.lookback_days, "validation": len(sample.walk.folds[0].validation),
            "networks": network.n_seeds,
            "less": "nothing" if sample.market.risk_free is None else str(sample.market.risk_free.name),
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("universe")


def left_out_table(sample: Sample) -> pd.DataFrame:
    """Shares that are never held, or not in the comparison of volatility models, each with the reason."""
    returns, length = sample.market.returns, max(sample.lookback_days, sample.network.window_days)
    why = {}
    for share, held in zip(returns.columns, sample.eligible.T, strict=True):
        if not held.any():
            why[f"holding {share}"] = f"on no day of decision were {length} moving prices in a row behind it"
        if returns[share].isna().any():
            why[f"volatility of {share}"] = "it is not listed on every day"
    if not sample.eligible.all():
        why["worlds in which forecasts are dealt"] = "months with other shares cannot be dealt to each other"
    return left_out_rows(why)


def left_out_rows(why: dict[str, str]) -> pd.DataFrame:
    """Analyses that were not made, a row each."""
    return pd.DataFrame(list(why.items()), columns=["analysis", "why"])
