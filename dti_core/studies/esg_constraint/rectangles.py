"""Long tables of firm-years as rectangles (n_draws, n_firms, n_years), and back."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.lab.errors import DataError
from dti_core.studies.esg_constraint.model.world import PanelDraws

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rectangles:
    """One panel as rectangles over all calendar years between its first and last, so that a lag is a year.

    columns : name -> (1, n_firms, n_years), NaN where unobserved or missing. observed : same shape, rows that
    exist.
    firms : (n_firms,) identifiers. years : (n_years,) calendar years.
    """

    columns: dict[str, Array]
    observed: NDArray[np.bool_]
    firms: NDArray[np.object_]
    years: NDArray[np.int64]


def to_rectangles(table: pd.DataFrame, columns: Iterable[str]) -> Rectangles:
    """Turn a long table with columns firm and year into rectangles.

    Raises
    ------
    DataError for a column that is absent or not numeric, for duplicate firm-years, or for broken years.
    """
    wanted = list(columns)
    if absent := [name for name in ("firm", "year", *wanted) if name not in table]:
        raise DataError(
            f"no column {', '.join(absent)} in the panel; it has {', '.join(map(str, table.columns))}."
        )
    if text := [name for name in wanted if not pd.api.types.is_numeric_dtype(table[name])]:
        raise DataError(f"column {', '.join(text)} is not numeric; code it as numbers first.")
    year = pd.to_numeric(table["year"], errors="coerce").to_numpy(dtype=np.float64)
    firm, names = pd.factorize(table["firm"])
    if np.isnan(year).any() or (year % 1 != 0).any() or (firm < 0).any():
        raise DataError("each row needs a firm and a whole calendar year.")
    first, last = int(year.min()), int(year.max())
    place = firm * (last - first + 1) + (year.astype(np.int64) - first)
    shape = (1, len(names), last - first + 1)
    counts = np.bincount(place, minlength=shape[1] * shape[2])
    if (counts > 1).any():
        raise DataError(f"{int((counts > 1).sum())} firm-years appear more than once. Keep one row each.")
    filled = {}
    for name in wanted:
        values = np.full(counts.size, np.nan)
        values[place] = table[name].to_numpy(dtype=np.float64, na_value=np.nan)
        filled[name] = values.reshape(shape)
    return Rectangles(
        filled, (counts > 0).reshape(shape), np.asarray(names, dtype=object), np.arange(first, last + 1)
    )


def to_long(draws: PanelDraws, draw: int = 0) -> pd.DataFrame:
    """One simulated panel as a long table: observed firm-years only, the latent columns left out."""
    firm, year = np.nonzero(draws.observed[draw])
    table = pd.DataFrame({"firm": firm, "year": draws.settings.years[year]})
    for name, values in draws.columns().items():
        if name != "esg":
            table[name] = values[draw, firm, year]
    table["state"] = draws.state[draw, firm].astype(np.float64)
    table["industry"] = draws.industry[draw, firm].astype(np.float64)
    table["cohort"] = draws.cohort[draw, firm].astype(np.float64)
    table["index_member"] = draws.index_member[draw, firm, year].astype(np.float64)
    return table
