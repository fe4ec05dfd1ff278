"""Shares that come, pause and go: returns with a last return at the end of a life, and a state a day.

Each row is told by prices up to it alone, so that no later price moves it, but for the last row, behind which
no decision follows.
"""

from enum import IntEnum

import numpy as np
import pandas as pd

#: A share without a price for so many rows is delisted on the last of them; until then its trade is halted.
MAX_HALT_DAYS = 21
#: One whose prices are missing for fewer rows at the end of the table is taken to be late, not gone.
MAX_LATE_DAYS = 5


class Status(IntEnum):
    """OUT: not listed yet, or gone. HALTED: no price today, nobody can trade. TRADED: there is a price."""

    OUT = 0
    HALTED = 1
    TRADED = 2


def returns_of_lives(prices: pd.DataFrame, delisting_return: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Simple returns and Status of shares with gaps, each (n_days - 1, n_assets).

    A life begins with the first price and ends with a return of `delisting_return`; before and after, returns
    are NaN. In a halt they are 0, and the first price behind it brings the whole change. A price behind a
    longer gap begins a new life.

    Source: Shumway (1997) for -0.30, the mean last return of shares delisted for poor performance, which
    tables of prices leave out.

    Parameters
    ----------
    prices : (n_days, n_assets), above 0, or NaN where there is none.
    """
    seen = prices.notna().to_numpy()
    rows = np.arange(len(prices))[:, None]
    last = np.maximum.accumulate(np.where(seen, rows, -1), axis=0)
    gap = np.where(last < 0, len(prices) + MAX_HALT_DAYS, rows - last)
    dies = gap == MAX_HALT_DAYS
    dies[-1] |= (gap[-1] >= MAX_LATE_DAYS) & (gap[-1] < MAX_HALT_DAYS)
    carried = prices.ffill(limit=MAX_HALT_DAYS - 1)
    returns = carried.pct_change(fill_method=None).mask(dies, delisting_return)
    states = np.where(seen, Status.TRADED, np.where((gap < MAX_HALT_DAYS) & ~dies, Status.HALTED, Status.OUT))
    status = pd.DataFrame(states.astype(np.int8), index=prices.index, columns=prices.columns)
    return returns.iloc[1:].astype(float), status.iloc[1:]


def deaths(returns: pd.DataFrame, status: pd.DataFrame) -> pd.Series:
    """(n_deaths,) number of the row of each last return, by share; one that came back may have several."""
    ends = returns.notna().to_numpy() & (status.to_numpy() == Status.OUT)
    day, asset = np.nonzero(ends)
    return pd.Series(day, index=returns.columns[asset])
