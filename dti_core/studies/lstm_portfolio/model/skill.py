"""How good forecasts are: squared error against nulls, rank correlation, and the trap of price levels."""

import numpy as np
from scipy import stats

from dti_core.studies.lstm_portfolio.model import Array
from dti_core.studies.lstm_portfolio.model.statistic import Statistic, mean


def r2_against(target: Array, forecast: Array, null: Array) -> Statistic:
    """Share of the null's squared error that the forecast removes; below 0 where the forecast is worse.

    Source: Campbell and Thompson (2008), eq. 1, pooled over assets; its influence is a decision's.

    Parameters
    ----------
    target, forecast, null : (n_decisions, n_assets) returns over the horizon.
    """
    ratio = mean(squared_error(target, forecast)) / mean(squared_error(target, null))
    return ratio * -1.0 + 1.0


def squared_error(target: Array, forecast: Array) -> Array:
    """(n_decisions,) squared error summed over assets; those without a target count nothing."""
    return np.asarray(np.nansum((target - forecast) ** 2, axis=1))


def rank_ic(target: Array, forecast: Array) -> Array:
    """(n_decisions,) Spearman correlation across assets of forecast and outcome; 0 where all are alike.

    Parameters
    ----------
    target, forecast : (n_decisions, n_assets); assets whose target is NaN are left out.
    """
    told = np.where(np.isfinite(target), forecast, np.nan)
    ranked = [stats.rankdata(table, axis=1, nan_policy="omit") for table in (target, told)]
    centred = [np.nan_to_num(ranks - np.nanmean(ranks, axis=1, keepdims=True)) for ranks in ranked]
    scale = np.sqrt((centred[0] ** 2).sum(axis=1) * (centred[1] ** 2).sum(axis=1))
    product = (centred[0] * centred[1]).sum(axis=1)
    return np.divide(product, scale, out=np.zeros(len(target)), where=scale > 0)


def price_trap(returns: Array) -> tuple[Array, Array]:
    """R2 of "tomorrow's price is today's" on prices, and of an AR(1) on returns, both out of sample.

    The second half of the days is forecast one day ahead; the AR(1) of each asset is fitted on the first half
    and judged against the forecast 0, which is what an unchanged price implies for the return.

    Parameters
    ----------
    returns : (n_days, n_assets) simple daily returns.

    Returns
    -------
    Two (n_assets,) arrays: R2 of the price level against its mean, R2 of the return against 0.
    """
    half = len(returns) // 2
    prices = np.cumprod(1 + returns, axis=0)[half - 1 :]
    level = 1 - ((prices[1:] - prices[:-1]) ** 2).sum(axis=0) / (
        (prices[1:] - prices[1:].mean(axis=0)) ** 2
    ).sum(axis=0)
    before, after = returns[: half - 1], returns[1:half]
    slope = (before * after).sum(axis=0) / (before**2).sum(axis=0)
    error = returns[half:] - slope * returns[half - 1 : -1]
    return level, 1 - (error**2).sum(axis=0) / (returns[half:] ** 2).sum(axis=0)
