"""Long tables of firm-years as rectangles (1, n_firms, n_years) over consecutive calendar years."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.lab.errors import DataError
from dti_core.studies.esg_constraint.model.arrays import Array, Integers, Mask


@dataclass(frozen=True, slots=True)
class Rectangle:
    """One panel over all calendar years between its first and last, so that a lag is a year.

    columns : name -> (1, n_firms, n_years), NaN where unobserved or missing. observed : same shape, rows that
    exist. firms : (n_firms,) identifiers. years : (n_years,) calendar years.
    """

    columns: dict[str, Array]
    observed: Mask
    firms: NDArray[np.object_]
    years: Integers

    def stack(self, names: Iterable[str]) -> Array:
        """(1, n_firms, n_years, n_names) of some columns."""
        return np.stack([self.columns[name] for name in names], axis=3)


def lay_out(table: pd.DataFrame, columns: Iterable[str]) -> Rectangle:
    """Columns of a long table with columns firm and year, one row a firm-year.

    Raises
    ------
    DataError for a column that is absent or not numeric, for duplicate firm-years, or for broken years.
    """
    wanted = list(columns)
    if absent := [name for name in ("firm", "year", *wanted) if name not in table]:
        there = ", ".join(map(str, table.columns))
        raise DataError(f"no column {', '.join(absent)} in the panel; it has {there}.")
    if text := [name for name in wanted if not pd.api.types.is_numeric_dtype(table[name])]:
        raise DataError(f"column {', '.join(text)} is not numeric; code it as numbers first.")
    year = pd.to_numeric(table["year"], errors="coerce").to_numpy(dtype=np.float64)
    firm, names = pd.factorize(table["firm"])
    if np.isnan(year).any() or (year % 1 != 0).any() or (firm < 0).any():
        raise DataError("each row needs a firm and a whole calendar year.")
    years = np.arange(int(year.min()), int(year.max()) + 1)
    place = firm * len(years) + (year.astype(np.int64) - years[0])
    shape = (1, len(names), len(years))
    counts = np.bincount(place, minlength=len(names) * len(years))
    if (counts > 1).any():
        raise DataError(f"{int((counts > 1).sum())} firm-years appear more than once. Keep one row each.")
    filled = {}
    for name in wanted:
        values = np.full(counts.size, np.nan)
        values[place] = table[name].to_numpy(dtype=np.float64, na_value=np.nan)
        filled[name] = values.reshape(shape)
    return Rectangle(filled, (counts > 0).reshape(shape), np.asarray(names, dtype=object), years)
