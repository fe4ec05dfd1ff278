"""A firm-year panel as the estimators take it, from simulated draws or from a long table."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from dti_core.studies.esg_constraint.model.effects import Array, Integers, Mask
from dti_core.studies.esg_constraint.model.regression import shifted
from dti_core.studies.esg_constraint.model.world import PanelDraws

#: Controls of the rating equation, all of the year before.
CONTROLS = ("log_assets", "leverage", "roa")


@dataclass(frozen=True, slots=True)
class Panel:
    """What every registered estimator takes; firm-year arrays (n_draws, n_firms, n_years), consecutive years.

    outcome : rating, NaN where unrated. treatment : constraint of the same year. controls : (...,
    n_controls).
    exists : the firm is listed. industry : (n_draws, n_firms) codes from 0. cohort : (n_draws, n_firms)
    index of the policy's year, -1 for never. second_rating : another rater's view of the same. excluded :
    moves being rated but not the rating. Optional ones are None where the data lack them.
    """

    outcome: Array
    treatment: Array
    controls: Array
    exists: Mask
    industry: Integers
    cohort: Integers | None = None
    second_rating: Array | None = None
    excluded: Array | None = None

    @property
    def rated(self) -> Mask:
        """Firm-years with a rating."""
        return self.exists & np.isfinite(self.outcome)

    def regressors(self) -> Array:
        """(n_draws, n_firms, n_years, 1 + n_controls): last year's constraint, then last year's controls."""
        return shifted(np.concatenate([self.treatment[..., None], self.controls], axis=3), 1)

    def draws(self, part: slice) -> "Panel":
        """The panel of some draws."""
        chosen: dict[str, Any] = {}
        for field in fields(self):
            array = getattr(self, field.name)
            chosen[field.name] = None if array is None else array[part]
        return Panel(**chosen)

    def missing(self) -> tuple[str, ...]:
        """Optional arrays that this panel lacks."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name) is None)


def panel_of_draws(
    draws: PanelDraws, outcome: str = "rating_a", second: str = "rating_b", treatment: str = "constraint"
) -> Panel:
    """Simulated draws as a panel, from any of their columns, such as "esg" for a rating without noise."""
    columns = draws.columns()
    controls = np.stack([columns[name] for name in CONTROLS], axis=3)
    start = np.where(draws.cohort > 0, draws.cohort - draws.settings.first_year, -1)
    return Panel(
        np.where(draws.rated, columns[outcome], np.nan), columns[treatment], controls, draws.observed,
        draws.industry, start, np.where(draws.rated, columns[second], np.nan),
        draws.index_member.astype(float),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A long table laid out by firm and year. values : (1, n_firms, n_years, n_columns), NaN where absent."""

    values: Array
    observed: Mask
    firms: pd.Index
    years: Integers


def rectangle(table: pd.DataFrame, firm: str, year: str, columns: Sequence[str]) -> Rectangle:
    """Columns of a long table, one row a firm-year, in consecutive years.

    Raises
    ------
    ValueError if a firm-year stands twice, or a firm or year is missing.
    """
    codes, firms = pd.factorize(table[firm])
    if table[year].isna().any() or (codes < 0).any():
        raise ValueError(f"{firm} or {year} is missing in some rows; drop them first")
    when = table[year].to_numpy().astype(np.int64)
    first, n_years = int(when.min()), int(np.ptp(when)) + 1
    place = codes * n_years + (when - first)
    observed = np.zeros(len(firms) * n_years, dtype=bool)
    observed[place] = True
    if int(observed.sum()) != len(table):
        raise ValueError(f"{len(table) - int(observed.sum())} firm-years stand twice; keep one row each")
    values = np.full((len(columns), observed.size), np.nan)
    for row, name in zip(values, columns, strict=True):
        row[place] = table[name].to_numpy(dtype=float)
    shape = (1, len(firms), n_years)
    laid = values.reshape(len(columns), *shape).transpose(1, 2, 3, 0)
    return Rectangle(laid, observed.reshape(shape), pd.Index(firms), np.arange(first, first + n_years))
