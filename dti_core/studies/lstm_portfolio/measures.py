"""What a backtest says, as estimates with intervals: risk and return, skill, regimes, spread of seeds."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from dti_core.lab import intervals
from dti_core.lab.record import OBSERVED, Estimate
from dti_core.studies.lstm_portfolio.model import inference, skill
from dti_core.studies.lstm_portfolio.model.portfolios import Holding
from dti_core.studies.lstm_portfolio.model.regimes import Regime

Array = NDArray[np.float64]
Days = NDArray[np.int64]

MONTHS_PER_YEAR = 12
#: A regime held for fewer days is not judged.
MIN_REGIME_DAYS = 42
#: Months in a block of forecast errors, where a year or less is too short to choose a length.
SHORTEST_BLOCK = 3


@dataclass(frozen=True, slots=True)
class Backtest:
    """What one world's strategies earned and what its forecasters said.

    holdings : by strategy. seed_returns : (n_seeds, n_days_held) of the portfolio of each network alone.
    target : (n_decisions, n_assets) log returns over the horizon, of decisions whose horizon is over.
    forecasts, nulls : the same shape, by name. lstm_seeds : (n_seeds, n_decisions, n_assets).
    regime : (n_days_held,) Regime of each day held. benchmark : (n_days_held,) index returns or None.
    """

    holdings: Mapping[str, Holding]
    seed_returns: Array
    target: Array
    forecasts: Mapping[str, Array]
    nulls: Mapping[str, Array]
    lstm_seeds: Array
    regime: NDArray[np.int64]
    benchmark: Array | None = None


@dataclass(frozen=True, slots=True)
class Judge:
    """Makes estimates of one world; each draws from the judge's own random generator in a fixed order."""

    rng: np.random.Generator
    n_resamples: int
    world: str = OBSERVED

    def sharpe_difference(self, name: str, first: Array, second: Array) -> Estimate:
        """Annual Sharpe ratio of `first` less that of `second`, days paired."""
        found = intervals.sharpe_difference(first, second, self.rng, n_resamples=self.n_resamples)
        return found.estimate(name, "Sharpe ratio a year", self.world)

    def level(self, name: str, returns: Array) -> Estimate:
        """Annual Sharpe ratio."""
        found = intervals.block_bootstrap(
            inference.sharpe, returns, rng=self.rng, n_resamples=self.n_resamples
        )
        return found.estimate(name, "Sharpe ratio a year", self.world)

    def risk(self, name: str, first: Array, second: Array) -> list[Estimate]:
        """Return, volatility and drawdown of `first` less those of `second`, from the same resampled days."""
        found = intervals.joint_block_bootstrap(
            inference.risk_differences, first, second, rng=self.rng, n_resamples=self.n_resamples
        )
        units = {"return": "share a year", "volatility": "share a year", "drawdown": "share of wealth"}
        return [
            interval.estimate(f"{measure}_{name}", unit, self.world)
            for interval, (measure, unit) in zip(found, units.items(), strict=True)
        ]

    def r2(
        self, name: str, target: Array, forecast: Array, null: Array, seeds: Array | None = None
    ) -> Estimate:
        """Out-of-sample R2 against a null; months are resampled whole, assets within them stay together."""
        reference = skill.squared_error(target, null)
        losses = np.column_stack([skill.squared_error(target, forecast), reference])
        influence = losses[:, 1] - losses[:, 0]
        chosen = intervals.optimal_block(influence) if len(losses) >= MONTHS_PER_YEAR else 0
        found = intervals.block_bootstrap(
            skill.r2_of_losses, losses, rng=self.rng, n_resamples=self.n_resamples,
            block=max(SHORTEST_BLOCK, chosen),
        )  # fmt: skip
        if seeds is not None:
            each = tuple(skill.r2_against(target, one, null) for one in seeds)
            found = replace(found, per_seed=each)
        return found.estimate(name, "share of squared error", self.world)

    def rank_ic(self, name: str, target: Array, forecast: Array, seeds: Array | None = None) -> Estimate:
        """Mean rank correlation across assets, with a Newey-West interval over months."""
        found = intervals.newey_west_mean(skill.rank_ic(target, forecast))
        if seeds is not None:
            each = tuple(float(skill.rank_ic(target, one).mean()) for one in seeds)
            found = replace(found, per_seed=each)
        return found.estimate(name, "rank correlation", self.world)

    def rank_ic_difference(self, name: str, target: Array, forecast: Array, null: Array) -> Estimate:
        """Mean rank correlation of a forecast less that of a null, months paired."""
        gap = skill.rank_ic(target, forecast) - skill.rank_ic(target, null)
        return intervals.newey_west_mean(gap).estimate(name, "rank correlation", self.world)


def core_estimates(backtest: Backtest, judge: Judge) -> list[Estimate]:
    """The numbers that claims are judged by, in the observed and in each control world."""
    returns = {name: holding.returns for name, holding in backtest.holdings.items()}
    equal = returns["equal_weight"]
    main = judge.sharpe_difference("sharpe_lstm_minus_equal_weight", returns["lstm"], equal)
    if len(backtest.seed_returns) > 1:
        main = replace(main, per_seed=_seed_differences(backtest))
    found = [main, *judge.risk("lstm_minus_equal_weight", returns["lstm"], equal)]
    for control in ("shuffled", "constant_sharpe"):
        pair = returns["lstm"], returns[control]
        found.append(judge.sharpe_difference(f"sharpe_lstm_minus_{control}", *pair))
    found.append(judge.sharpe_difference("sharpe_adaptive_minus_fixed", returns["adaptive"], returns["lstm"]))
    for null, forecast in backtest.nulls.items():
        args = backtest.target, backtest.forecasts["lstm"], forecast, backtest.lstm_seeds
        found.append(judge.r2(f"r2_lstm_vs_{null}", *args))
    found.append(
        judge.rank_ic("rank_ic_lstm", backtest.target, backtest.forecasts["lstm"], backtest.lstm_seeds)
    )
    against = backtest.target, backtest.forecasts["lstm"], backtest.nulls["constant_sharpe"]
    found.append(judge.rank_ic_difference("rank_ic_lstm_minus_constant_sharpe", *against))
    n_seeds = len(backtest.lstm_seeds)
    found = [replace(one, n_seeds=n_seeds) for one in found + regime_estimates(backtest, judge)]
    foresight = judge.sharpe_difference("sharpe_foresight_minus_equal_weight", returns["foresight"], equal)
    return [*found, foresight]


def regime_estimates(backtest: Backtest, judge: Judge) -> list[Estimate]:
    """Sharpe difference of the LSTM to equal weights in each regime, and calm less volatile.

    A regime of fewer than MIN_REGIME_DAYS days is left out, and so is a contrast that needs it.
    """
    found = {}
    for regime in (Regime.CALM, Regime.MIDDLE, Regime.VOLATILE):
        days = backtest.regime == regime
        if days.sum() >= MIN_REGIME_DAYS:
            name = f"sharpe_lstm_minus_equal_weight_{regime.name.lower()}"
            pair = [backtest.holdings[strategy].returns[days] for strategy in ("lstm", "equal_weight")]
            found[regime] = judge.sharpe_difference(name, *pair)
    if Regime.CALM in found and Regime.VOLATILE in found:
        return [*found.values(), _contrast(found[Regime.CALM], found[Regime.VOLATILE])]
    return list(found.values())


def _contrast(calm: Estimate, volatile: Estimate) -> Estimate:
    """Calm less volatile; the days of the two regimes do not overlap, so their variances add."""
    value = calm.value - volatile.value
    error = math.hypot(calm.std_error or 0.0, volatile.std_error or 0.0)
    margin = float(stats.norm.ppf((1 + calm.level) / 2)) * error
    return replace(
        calm, name="sharpe_lstm_minus_equal_weight_calm_minus_volatile", value=value, low=value - margin,
        high=value + margin, n=calm.n + volatile.n, std_error=error,
        how="normal, bootstrap errors of two separate sets of days added",
    )  # fmt: skip


def rival_estimates(backtest: Backtest, judge: Judge) -> list[Estimate]:
    """All strategies and forecasters of the observed world beside each other."""
    found = []
    equal = backtest.holdings["equal_weight"]
    for name, holding in backtest.holdings.items():
        found.append(judge.level(f"sharpe_{name}", holding.returns))
        traded = intervals.newey_west_mean(holding.turnover[1:])
        found.append(
            _times(traded, MONTHS_PER_YEAR).estimate(f"turnover_{name}", "traded share of wealth a year")
        )
        if name not in ("equal_weight", "lstm", "foresight"):
            pair = holding.returns, equal.returns
            found.append(judge.sharpe_difference(f"sharpe_{name}_minus_equal_weight", *pair))
    if backtest.benchmark is not None:
        found.append(judge.level("sharpe_index", backtest.benchmark))
        pair = equal.returns, backtest.benchmark
        found.append(judge.sharpe_difference("sharpe_equal_weight_minus_index", *pair))
    for name, forecast in backtest.forecasts.items():
        if name == "lstm":
            continue
        for null, reference in backtest.nulls.items():
            found.append(judge.r2(f"r2_{name}_vs_{null}", backtest.target, forecast, reference))
        found.append(judge.rank_ic(f"rank_ic_{name}", backtest.target, forecast))
    return found


def seed_estimates(backtest: Backtest) -> list[Estimate]:
    """What another draw of seeds would change, apart from what another stretch of history would."""
    if len(backtest.seed_returns) < 2:
        return []
    each = np.array(_seed_differences(backtest))
    mean = intervals.mean_over_seeds(each)
    n, spread = len(each), float(each.std(ddof=1))
    low, high = (spread * math.sqrt((n - 1) / stats.chi2.ppf(q, n - 1)) for q in (0.975, 0.025))
    how = f"chi-squared over {n} seeds, normal seeds"
    per_seed = tuple(map(float, each))
    unit = "Sharpe ratio a year"
    return [
        mean.estimate("sharpe_single_lstm_minus_equal_weight_over_seeds", unit),
        Estimate("sharpe_spread_of_seeds", spread, low, high, unit, n, n, how=how, per_seed=per_seed),
    ]


def deflated_estimate(backtest: Backtest, judge: Judge, trials: tuple[str, ...]) -> Estimate:
    """Deflated Sharpe ratio of the best of the tried forecasts, on its returns in excess of equal weights.

    The interval resamples days; which trial is best and how far the trials spread are held fixed.
    """
    equal = backtest.holdings["equal_weight"].returns
    active = {name: backtest.holdings[name].returns - equal for name in trials}
    ratios = {name: float(one.mean() / one.std()) for name, one in active.items()}
    best, variance = max(ratios, key=ratios.__getitem__), float(np.var(list(ratios.values()), ddof=1))

    def deflated(sample: Array) -> float:
        return inference.deflated_sharpe_of(sample, variance, len(trials))

    found = intervals.block_bootstrap(deflated, active[best], rng=judge.rng, n_resamples=judge.n_resamples)
    return found.estimate("deflated_sharpe_of_best_forecast", f"probability ({best}, best of {len(trials)})")


def trap_estimates(returns: Array, judge: Judge) -> list[Estimate]:
    """R2 of an unchanged price on price levels, and of an AR(1) on returns: medians over assets."""
    level, change = skill.price_trap(returns)
    how = "bootstrap of the assets, percentile"
    found = []
    for name, each in {"r2_unchanged_price_on_levels": level, "r2_ar1_on_daily_returns": change}.items():
        draws = np.median(each[judge.rng.integers(len(each), size=(judge.n_resamples, len(each)))], axis=1)
        low, high = np.quantile(draws, [0.025, 0.975])
        found.append(
            Estimate(
                name, float(np.median(each)), float(low), float(high), "share of variance", len(each), how=how
            )
        )
    return found


def _seed_differences(backtest: Backtest) -> tuple[float, ...]:
    equal = inference.sharpe(backtest.holdings["equal_weight"].returns)
    return tuple(inference.sharpe(one) - equal for one in backtest.seed_returns)


def _times(interval: intervals.Interval, factor: float) -> intervals.Interval:
    return replace(
        interval, value=interval.value * factor, low=interval.low * factor, high=interval.high * factor,
        std_error=interval.std_error * factor,
    )  # fmt: skip
