"""Firms of the United States over nine years: what they sell, own, employ, research and patent."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.lab.data import packaged
from dti_core.lab.errors import DataError

NAME = "innovation"
Array = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Firms:
    """A row a firm and year, sorted so; n of them, with gaps where a firm has no row in a year.

    firm : (n,) codes 0 to n_firms - 1, into names. sector : (n,) codes into sectors, the first three digits
    of the industry, a subsector of NAICS, as two put most firms into one; industry : (n,) codes of all four.
    year : (n,). sales, capital, value : (n,) million USD; research : (n,) million USD, the stock that its
    spending has left, 0 where none is known. employees : (n,) thousands. patents, cites : (n,) granted
    patents applied for in the year, and how often these were cited since. tobins_q : (n,), and value: NaN
    where not known. institutions : (n,) % of shares they own.
    """

    names: tuple[str, ...]
    sectors: tuple[str, ...]
    firm: Codes
    sector: Codes
    industry: Codes
    year: Codes
    sales: Array
    capital: Array
    employees: Array
    research: Array
    patents: Array
    cites: Array
    value: Array
    tobins_q: Array
    institutions: Array

    @property
    def years(self) -> Codes:
        """Every year, rising."""
        return np.arange(self.year.min(), self.year.max() + 1)

    @property
    def sector_of(self) -> Codes:
        """Sector (n_firms,) of each firm."""
        first = np.unique(self.firm, return_index=True)[1]
        return self.sector[first]

    def grid(self, values: Array) -> Array:
        """Values (n,) of the rows as (n_firms, n_years), NaN where a firm has no row."""
        table = np.full((len(self.names), len(self.years)), np.nan)
        table[self.firm, self.year - self.years[0]] = values
        return table


def load_firms() -> Firms:
    """The panel, its industries as sectors.

    Source: Aghion, Van Reenen and Zingales (2013), as in the R package sandwich.

    Raises
    ------
    DataError if the carrier is absent, its file has changed, or a firm has two rows in a year.
    """
    table: pd.DataFrame = pd.read_pickle(packaged(NAME).stream(), compression="xz")
    return firms_of(table)


def firms_of(table: pd.DataFrame) -> Firms:
    """The panel in a table with the columns of `InstInnovation`.

    Raises
    ------
    DataError if a firm has two rows in a year.
    """
    rows = table.sort_values(["company", "year"], kind="stable", ignore_index=True)
    if rows.duplicated(["company", "year"]).any():
        first = rows[rows.duplicated(["company", "year"])].iloc[0]
        raise DataError(f"{NAME}: {first['company']} has two rows in {first['year']}. Keep one.")
    firm, names = pd.factorize(rows["company"])
    kinds = rows["industry"].astype(str).groupby(firm).transform("first")
    sector, sectors = pd.factorize(kinds.str[:3], sort=True)
    numbers = {
        "sales": "sales", "capital": "capital", "employees": "employment", "research": "randd",
        "patents": "patents", "cites": "cites", "value": "value", "tobins_q": "tobinq",
        "institutions": "institutions",
    }  # fmt: skip
    return Firms(
        names=tuple(map(str, names)), sectors=tuple(map(str, sectors)), firm=firm.astype(np.int64),
        sector=sector.astype(np.int64), industry=pd.factorize(kinds, sort=True)[0].astype(np.int64),
        year=rows["year"].to_numpy(np.int64),
        **{ours: rows[theirs].to_numpy(np.float64) for ours, theirs in numbers.items()},
    )  # fmt: skip
