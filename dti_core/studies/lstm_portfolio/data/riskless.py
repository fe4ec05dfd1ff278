"""What a day without risk earns: US treasury bills, known by the month."""

import pandas as pd

from dti_core.lab.data import packaged


def daily_rate(days: pd.DatetimeIndex) -> pd.Series:
    """(n_days,) simple returns that compound over the days of each month to what bills earned in it.

    Behind the last month that the package knows, its rate is held on, which nobody had to foresee. The name
    of the series tells that month.

    Source: one-month bills of Kenneth French's library, percent a month from 1926-07, as arch ships them.

    Parameters
    ----------
    days : (n_days,) trading days, whole months but for the first and the last.
    """
    by_month = packaged("us_bills").table(index_col=0)["RF"] / 100
    by_month.index = pd.PeriodIndex(by_month.index.astype(str), freq="M")
    months = pd.PeriodIndex(days, freq="M")
    asked = months.unique()
    last = by_month.index[-1]
    rate = by_month.reindex(by_month.index.union(asked)).ffill().loc[months].to_numpy()
    n_days = months.value_counts().loc[months].to_numpy()
    return pd.Series((1 + rate) ** (1 / n_days) - 1, days, name=f"bills, from {last} on as then")
