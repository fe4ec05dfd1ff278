"""Calm and volatile markets, told apart by what was known before each month, and a bet that heeds them."""

from enum import IntEnum

import numpy as np
import pandas as pd

from dti_core.studies.lstm_portfolio.model import Array, Days
from dti_core.studies.lstm_portfolio.model.performance import DAYS_PER_YEAR

#: Known volatilities before a usual one is named.
MIN_HISTORY = 60


class Regime(IntEnum):
    """Third of the volatilities seen so far into which today's falls; UNKNOWN before there is history."""

    UNKNOWN = -1
    CALM = 0
    MIDDLE = 1
    VOLATILE = 2


def realised_volatility(returns: Array, window_days: int = 21) -> Array:
    """(n_days,) annual standard deviation of the last `window_days` returns, that of the day included.

    Parameters
    ----------
    returns : (n_days,) daily returns of the market. The first window_days - 1 entries are NaN.
    """
    rolling = pd.Series(returns).rolling(window_days).std()
    return rolling.to_numpy() * np.sqrt(DAYS_PER_YEAR)


def regimes_before(volatility: Array, days: Days, min_history_days: int = MIN_HISTORY) -> Days:
    """(n_decisions,) the Regime at each decision, by terciles of the volatilities up to that day.

    Assumes: `volatility[t]` was known at the close of day t, so that no cut-off looks ahead.

    Parameters
    ----------
    volatility : (n_days,) with NaN where unknown. A gap at a decision takes the last known value.
    days : (n_decisions,) rows of `volatility`.
    min_history_days : known values needed before the first regime is named.
    """
    known = pd.Series(volatility)
    low, high = (known.expanding(min_history_days).quantile(q).to_numpy() for q in (1 / 3, 2 / 3))
    now = known.ffill(limit=5).to_numpy()
    named = np.where(now <= low, Regime.CALM, np.where(now <= high, Regime.MIDDLE, Regime.VOLATILE))
    return np.where(np.isfinite(now) & np.isfinite(low), named, Regime.UNKNOWN)[days].astype(np.int64)


def trust(volatility: Array, days: Days, min_history_days: int = MIN_HISTORY) -> Array:
    """(n_decisions,) share of wealth that follows the forecast: median volatility so far over today's.

    Full trust in markets no more volatile than usual, less in proportion above that: the simplest rule that
    scales a bet by its risk. It has no parameter to tune.
    """
    known = pd.Series(volatility)
    usual = known.expanding(min_history_days).median().to_numpy()[days]
    now = known.ffill().to_numpy()[days]
    return np.where(np.isfinite(usual), np.minimum(1.0, usual / now), 1.0)


def days_by_regime(regime: Days, days: Days, end: int) -> Days:
    """(n_days_held,) the regime of each day held, which is that of the decision before it.

    Parameters
    ----------
    end : last row that is held.
    """
    lengths = np.diff(np.append(days, end))
    return np.repeat(regime, lengths)
