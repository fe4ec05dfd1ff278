"""Sectors of shares: those of the packaged prices, and a user's own from a table beside the prices."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

import pandas as pd

from dti_core.lab.errors import DataError

#: Of the twenty packaged stocks, by the Global Industry Classification Standard as it stood in 2023, public
#: knowledge typed in by hand. One label for all years: General Electric was as much a bank as a factory once.
SP500_20: Mapping[str, str] = {
    "AAPL": "Information Technology", "AMD": "Information Technology", "BAC": "Financials",
    "BBY": "Consumer Discretionary", "CVX": "Energy", "GE": "Industrials", "HD": "Consumer Discretionary",
    "JNJ": "Health Care", "JPM": "Financials", "KO": "Consumer Staples", "LLY": "Health Care",
    "MRK": "Health Care", "MSFT": "Information Technology", "PEP": "Consumer Staples", "PFE": "Health Care",
    "PG": "Consumer Staples", "RRC": "Energy", "UNH": "Health Care", "WMT": "Consumer Staples",
    "XOM": "Energy",
}  # fmt: skip
COLUMNS = ("ticker", "sector")


def split_sectors(tables: Mapping[str, pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """The table of prices, and that of sectors if one of the two has a ticker and a sector column.

    Raises
    ------
    DataError unless one table is left for the prices.
    """
    named = {name: [str(head).strip().lower() for head in table] for name, table in tables.items()}
    sectors = {name for name, heads in named.items() if {*COLUMNS} <= {*heads} and len(tables) > 1}
    prices = [name for name in tables if name not in sectors]
    if len(prices) != 1 or len(sectors) > 1:
        raise DataError(
            f"{len(tables)} tables ({', '.join(list(tables)[:5])}), but one of prices is read and at most "
            f"one of sectors, with the columns {' and '.join(COLUMNS)}. Name one, or a folder of these."
        )
    found = next((tables[name].set_axis(named[name], axis=1) for name in sectors), None)
    return tables[prices[0]], found


def sectors_of(table: pd.DataFrame, tickers: Iterable[str]) -> dict[str, str]:
    """Sector of each ticker of the prices; tickers that only the table of sectors has are passed over.

    Raises
    ------
    DataError that names all tickers without a sector, or with two.
    """
    cells = table[list(COLUMNS)].dropna().astype(str).apply(lambda column: column.str.strip())
    cells = cells[(cells != "").all(axis=1)].drop_duplicates()
    if twice := sorted(set(cells["ticker"][cells["ticker"].duplicated()])):
        raise DataError(f"sectors: {', '.join(twice[:5])} stand in two sectors. Keep one row a ticker.")
    known = dict(zip(cells["ticker"], cells["sector"], strict=True))
    unknown = [ticker for ticker in map(str, tickers) if ticker not in known]
    if unknown:
        near = {one: get_close_matches(one.upper(), known, 1) for one in unknown}
        told = [f"{one} (is it {near[one][0]}?)" if near[one] else one for one in unknown]
        more = f" and {len(told) - 5} more" if len(told) > 5 else ""
        raise DataError(
            f"sectors: no sector for {', '.join(told[:5])}{more}. Add a row for each ticker of the prices, "
            f"written as there."
        )
    return {ticker: known[ticker] for ticker in map(str, tickers)}
