"""Do forecasts know anything: squared error against nulls, rank correlation, and the trap of price levels."""

from collections.abc import Iterator

import numpy as np

from dti_core.lab.methods import trials
from dti_core.lab.record import Estimate
from dti_core.studies.lstm_portfolio.measures.report import Report
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE, METHODS, NULLS
from dti_core.studies.lstm_portfolio.model import Array, skill
from dti_core.studies.lstm_portfolio.model.backtest import Backtest
from dti_core.studies.lstm_portfolio.model.statistic import mean


def judged_skill(backtest: Backtest, report: Report) -> Iterator[Estimate]:
    """In every world: skill of the favourite, and its ranking less that of nulls which rank assets too."""
    yield from _skill_of(FAVOURITE, backtest, report)
    ranks = skill.rank_ic(backtest.target, backtest.forecast(FAVOURITE))
    for null in (name for name in NULLS if name in METHODS):
        gap = mean(ranks - skill.rank_ic(backtest.target, backtest.nulls[null]))
        at = {"measure": "rank_ic_difference", "method": FAVOURITE, "against": null}
        yield report.of(gap, f"rank_ic_{FAVOURITE}_minus_{null}", "rank correlation", at)


def compared_skill(backtest: Backtest, report: Report) -> Iterator[Estimate]:
    """In the observed world: skill of the favourite's rivals."""
    for name in trials(METHODS):
        if name != FAVOURITE:
            yield from _skill_of(name, backtest, report)


def _skill_of(method: str, backtest: Backtest, report: Report) -> Iterator[Estimate]:
    """R2 against each null, then the mean rank correlation across assets, both over months."""
    target, networks = backtest.target, backtest.forecasts[method]
    for null, reference in backtest.nulls.items():
        name, at = f"r2_{method}_vs_{null}", {"measure": "r2", "method": method, "null": null}
        found = skill.r2_against(target, backtest.forecast(method), reference)
        each = [skill.r2_against(target, network, reference).value for network in networks]
        yield report.of(found, name, "share of squared error", at, each)
    ranked = mean(skill.rank_ic(target, backtest.forecast(method)))
    each = [float(skill.rank_ic(target, network).mean()) for network in networks]
    at = {"measure": "rank_ic", "method": method}
    yield report.of(ranked, f"rank_ic_{method}", "rank correlation", at, each)


def trap_estimates(returns: Array, report: Report) -> Iterator[Estimate]:
    """R2 of an unchanged price on price levels, and of an AR(1) on returns: medians over assets."""
    level, change = skill.price_trap(returns)
    for name, target, each in (
        ("r2_unchanged_price_on_levels", "price level", level),
        ("r2_ar1_on_daily_returns", "daily return", change),
    ):
        n_resamples = report.config.n_resamples
        chosen = report.rng(name).integers(len(each), size=(n_resamples, len(each)))
        low, high = np.quantile(np.median(each[chosen], axis=1), [0.025, 0.975])
        yield Estimate(
            name, float(np.median(each)), float(low), float(high), "share of variance", len(each),
            how="bootstrap of the assets, percentile", at={"measure": "price_trap", "target": target},
        )  # fmt: skip
