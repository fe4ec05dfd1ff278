"""Social ratings of listed firms in Africa, with the coded items that each is the mean of."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.lab.data import published
from dti_core.lab.errors import DataError

NAME = "csr_africa"
#: Topics of the items of a report, and the least and most that an item is coded with.
TOPICS = ("com", "hr", "prod", "env", "ene", "emi", "oth")
LOW, HIGH = 0.0, 5.0
KEYS = ("company", "listing_country", "industry", "reporting_year")
Array = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Ratings:
    """Reports of n_firms over n_years.

    firms : their names. countries, industries : names of the codes country and industry, (n_firms,), those of
    a firm's first report. years : (n_years,). items : (n_firms, n_years, n_items) coded `LOW` (nothing said)
    to `HIGH`, NaN where a firm has no report.
    """

    firms: tuple[str, ...]
    countries: tuple[str, ...]
    industries: tuple[str, ...]
    country: Codes
    industry: Codes
    years: Codes
    items: Array

    @property
    def scores(self) -> Array:
        """Mean (n_firms, n_years) of a report's items, NaN without one."""
        return np.asarray(self.items.mean(axis=2), dtype=np.float64)

    def read(self, n_items: int, n_readings: int, rng: np.random.Generator) -> Array:
        """Scores (n_readings, n_firms, n_years) of whoever reads `n_items` items, drawn with replacement."""
        chosen = rng.integers(self.items.shape[2], size=(n_readings, *self.items.shape[:2], n_items))
        firm, year = np.ogrid[: self.items.shape[0], : self.items.shape[1]]
        return np.asarray(self.items[firm[..., None], year[..., None], chosen].mean(axis=-1))


def load_ratings() -> Ratings:
    """The published panel; a firm and year that stands twice is left out both times.

    Source: Oppong-Nkrumah and Oppong-Nkrumah, R package CSPvCFPAfrica.

    Raises
    ------
    DataError if the file is not on this machine, with the command that brings it, or has changed.
    """
    return ratings_of(published(NAME).table(encoding="latin1"))


def ratings_of(table: pd.DataFrame) -> Ratings:
    """The ratings in a table with the columns of the published one.

    Raises
    ------
    DataError for missing columns, and for an item outside its codes.
    """
    names = [name for name in map(str, table) if name.partition("_")[0] in TOPICS and name[-1].isdigit()]
    if lacking := [name for name in KEYS if name not in table] + ([] if names else ["coded items"]):
        raise DataError(f"{NAME}: lacks the columns {', '.join(lacking)}.")
    rows = table[~table.duplicated(["company", "reporting_year"], keep=False)]
    rows = rows.sort_values(["company", "reporting_year"], ignore_index=True)
    coded = rows[names].to_numpy(np.float64)
    if not ((coded >= LOW) & (coded <= HIGH)).all():
        raise DataError(f"{NAME}: items must be coded {LOW:g} to {HIGH:g}, without gaps.")
    firm, firms = pd.factorize(rows["company"])
    years = np.arange(rows["reporting_year"].min(), rows["reporting_year"].max() + 1)
    items = np.full((len(firms), len(years), len(names)), np.nan)
    items[firm, rows["reporting_year"].to_numpy(np.int64) - years[0]] = coded
    first = rows.drop_duplicates("company")
    country, countries = pd.factorize(first["listing_country"], sort=True)
    industry, industries = pd.factorize(first["industry"], sort=True)
    return Ratings(
        tuple(map(str, firms)), tuple(map(str, countries)), tuple(map(str, industries)),
        country.astype(np.int64), industry.astype(np.int64), years.astype(np.int64), items,
    )  # fmt: skip
