"""Panels of series that a forecaster is carried between: stocks, shops, bookings, fixes, or the user's own.

A level is the logarithm of what a series counts: one plus units, bookings or fixes, the price, or the
realised volatility of a week.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dti_core.lab.data import frozen_table, packaged

Array = NDArray[np.float64]
Field = Literal["commerce", "finance", "security"]
WEEK = 7
#: Trading days of a week; smallest volatility of a week, 10 basis points a day, for one without a trade.
TRADING_DAYS, LEAST_VOLATILITY = 5, 0.001
#: Share of days, and of four weeks, that a series must have sold or been fixed on before the test begins.
LEAST_DAYS, LEAST_MONTHS = 0.8, 0.2
#: The share of all rows before the test rows begin; whatever selects a series looks at these alone.
LEARNING = 0.6
#: Of the Debian study: first Monday, first Monday without whole changelogs, sources that number every defect.
FIXES_START, FIXES_END, EVERY_DEFECT = "2021-01-04", "2026-03-30", ("chromium", "linux")


@dataclass(frozen=True, slots=True)
class Panel:
    """Levels of series on common rows.

    levels : (n_rows, n_series), finite. names : (n_series,). horizon : rows ahead that are forecast, a
    whole season, so that the level of now is the seasonal naive forecast. window : rows that are seen.
    block : rows in a period of the test, whose errors may hang together. planned : (n_rows, n_series) what is
    known of each row before it comes, such as the promotions of a week; None for nothing. learning : share
    of all rows that is learned from.
    """

    levels: Array
    names: tuple[str, ...]
    horizon: int
    window: int
    block: int
    planned: Array | None = None
    learning: float = LEARNING

    @property
    def n_learning(self) -> int:
        """Rows before the first row that is forecast in the test."""
        return int(self.learning * len(self.levels))


@dataclass(frozen=True, slots=True)
class Source:
    """Where a panel comes from: title, field, what a series is, data sets that it reads, how it is loaded.

    planned : how what is known ahead of a panel's rows is loaded, for who forecasts it; None for nothing.
    """

    title: str
    field: Field
    unit: str
    needs: tuple[str, ...]
    load: Callable[[], Panel]
    planned: Callable[[Panel], Array] | None = None

    def load_target(self) -> Panel:
        """The panel with what is known ahead of its rows."""
        panel = self.load()
        return panel if self.planned is None else replace(panel, planned=self.planned(panel))


def _weekly(levels: Array, names: list[str]) -> Panel:
    return Panel(np.ascontiguousarray(levels), tuple(names), horizon=1, window=12, block=4)


def _daily(levels: Array, names: list[str]) -> Panel:
    return Panel(np.ascontiguousarray(levels), tuple(names), horizon=WEEK, window=4 * WEEK, block=WEEK)


def _prices() -> pd.DataFrame:
    return packaged("sp500_20").table(index_col=0, parse_dates=True)


def load_volatility() -> Panel:
    """Log realised volatility of each of 20 stocks in weeks of five trading days, 1990-2022."""
    returns = np.log(_prices()).diff().iloc[1:]
    n_weeks = len(returns) // TRADING_DAYS
    weeks = returns.to_numpy()[: n_weeks * TRADING_DAYS].reshape(n_weeks, TRADING_DAYS, -1)
    volatility = np.sqrt(np.mean(weeks**2, axis=1))
    return _weekly(np.log(np.maximum(volatility, LEAST_VOLATILITY)), list(map(str, returns)))


def load_prices() -> Panel:
    """Log price of each of 20 stocks at the end of weeks of five trading days, 1990-2022."""
    prices = _prices().iloc[::TRADING_DAYS]
    return _weekly(np.log(prices.to_numpy()), list(map(str, prices)))


def load_daily_volatility() -> Panel:
    """Log volatility of each of 20 stocks over the last five trading days, a row a day."""
    returns = np.log(_prices()).diff().iloc[1:]
    volatility = np.sqrt((returns**2).rolling(TRADING_DAYS).mean().iloc[TRADING_DAYS - 1 :])
    return _daily(np.log(np.maximum(volatility.to_numpy(), LEAST_VOLATILITY)), list(map(str, returns)))


def load_grocer() -> Panel:
    """Units of each subclass of products that a Taiwanese grocer sold on a day, four months (Ta-Feng)."""
    columns = ["TRANSACTION_DT", "PRODUCT_SUBCLASS", "AMOUNT"]
    raw = pd.read_csv(
        packaged("ta_feng").stream(),
        compression="zip",
        usecols=columns,
        dtype={"PRODUCT_SUBCLASS": "category"},
    )
    day = pd.to_datetime(raw["TRANSACTION_DT"], format="%m/%d/%Y")
    sold = raw.groupby([day, "PRODUCT_SUBCLASS"], observed=True)["AMOUNT"].sum().unstack(fill_value=0)
    sold = sold.reindex(pd.date_range(day.min(), day.max()), fill_value=0).fillna(0)
    seen = sold.iloc[: int(LEARNING * len(sold))]
    often = sold.loc[:, (seen > 0).mean() >= LEAST_DAYS]
    return _daily(np.log1p(often.to_numpy(np.float64)), list(map(str, often)))


def load_departments() -> Panel:
    """Weekly dollars of seven departments of a Walmart shop, 2010-2012."""
    table = packaged("walmart_weekly").table()
    wide = table.pivot(index="Date", columns="id", values="Weekly_Sales").sort_index()
    return _weekly(np.log(wide.to_numpy(np.float64)), list(map(str, wide)))


def load_shops() -> Panel:
    """Units that 2,469 households bought in each shop of a US grocer, week by week, 2017."""
    columns = ["store_id", "week", "quantity", "sales_value"]
    sold = pd.read_parquet(packaged("promotion_sales").stream(), columns=columns)
    wide = sold.groupby(["week", "store_id"])["sales_value"].sum().unstack(fill_value=0).sort_index()
    wide = wide.iloc[:52]
    seen = wide.iloc[: int(LEARNING * len(wide))]
    often = wide.loc[:, (seen > 0).mean() >= LEAST_DAYS]
    return _weekly(np.log1p(often.to_numpy(np.float64)), list(map(str, often)))


def load_promotions(shops: Panel) -> Array:
    """Log of one plus the products that each shop shows or advertises in a week, (n_weeks, n_shops).

    Both are planned before the week; a shop without an entry has its usual shelves.
    """
    rows = pq.read_table(packaged("promotions").stream(), columns=["store_id", "week"])
    counts = rows.group_by(["store_id", "week"]).aggregate([([], "count_all")]).to_pandas()
    wide = counts.pivot(index="week", columns="store_id", values="count_all")
    wide.columns = wide.columns.astype(str)
    n_weeks = len(shops.levels)
    return np.log1p(wide.reindex(range(1, n_weeks + 1), columns=list(shops.names)).fillna(0.0).to_numpy())


def load_bookings() -> Panel:
    """Bookings among the sampled searches of each Expedia site, week by week, 2013-2014."""
    raw = packaged("expedia").table()
    day = (pd.to_datetime(raw["date_time"]).dt.normalize() - pd.Timestamp("2013-01-07")).dt.days
    table = raw.assign(week=day // WEEK)[day >= 0]
    wide = table.groupby(["week", "site_name"])["is_booking"].sum().unstack(fill_value=0)
    wide = wide.reindex(range(int(wide.index.max())), fill_value=0)
    seen = wide.iloc[: int(LEARNING * len(wide))]
    often = wide.loc[:, (seen > 0).mean() >= LEAST_MONTHS]
    return _weekly(np.log1p(often.to_numpy(np.float64)), list(map(str, often)))


def load_fixes() -> Panel:
    """Vulnerabilities that each Debian source closed in weeks of four, 2021-2026."""
    table = frozen_table("patch_planning", "debian_cadence.csv")
    day = (pd.to_datetime(table["date"]) - pd.Timestamp(FIXES_START)).dt.days
    n_rows = (pd.Timestamp(FIXES_END) - pd.Timestamp(FIXES_START)).days // (4 * WEEK)
    row = day // (4 * WEEK)
    kept = (row >= 0) & (row < n_rows) & ~table["source"].isin(EVERY_DEFECT)
    wide = table[kept].assign(row=row[kept]).groupby(["row", "source"]).size().unstack(fill_value=0)
    wide = wide.reindex(range(n_rows), fill_value=0)
    seen = wide.iloc[: int(LEARNING * n_rows)]
    often = wide.loc[:, (seen > 0).mean() >= LEAST_MONTHS / 2]
    return _weekly(np.log1p(often.to_numpy(np.float64)), list(map(str, often)))


#: Every panel; an entry can be the source or the target of a cell.
PANELS: Mapping[str, Source] = {
    "volatility": Source(
        "weekly volatility of stocks", "finance", "stock", ("sp500_20",), load_volatility
    ),
    "days_of_volatility": Source(
        "daily volatility of stocks", "finance", "stock", ("sp500_20",), load_daily_volatility
    ),
    "prices": Source("weekly prices of stocks", "finance", "stock", ("sp500_20",), load_prices),
    "grocer": Source(
        "daily sales of a grocer", "commerce", "subclass of products", ("ta_feng",), load_grocer
    ),
    "departments": Source(
        "weekly sales of departments", "commerce", "department", ("walmart_weekly",), load_departments
    ),
    "shops": Source(
        "weekly sales of shops", "commerce", "shop", ("promotion_sales", "promotions"), load_shops,
        load_promotions,
    ),
    "bookings": Source("weekly bookings of travel sites", "commerce", "site", ("expedia",), load_bookings),
    "fixes": Source("fixes of Debian sources", "security", "source", (), load_fixes),
}  # fmt: skip
