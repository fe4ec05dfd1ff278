"""Rows of clients: firms of an industry that may outgrow the median, sources that may mend a flaw."""

import numpy as np
from numpy.typing import NDArray

from dti_core.studies.spillover.data.firms import Firms, load_firms
from dti_core.studies.spillover.data.fixes import N_WEEKS, Fixes, load_fixes
from dti_core.studies.spillover.model.clients import Records

Array = NDArray[np.float64]
#: Last year whose firms are learnt from; of later ones the growth of sales is told.
LAST_LEARNT = 1993
#: First week of which a fix is told, and weeks of a period.
FIRST_TOLD, QUARTER_WEEKS = 156, 13
#: Weeks over which a source's fixes are counted.
SPANS = (4, 13, 52)


def load_growth() -> Records:
    """Firms of 136 industries, the clients, and whether their sales outgrow the median of the next year.

    Raises
    ------
    DataError if the carrier is absent, with the command that brings it, or its file has changed.
    """
    return growth_of(load_firms())


def growth_of(firms: Firms) -> Records:
    """A row a firm and year whose next year is known; features of the year itself and growth up to it.

    Patents are left out: of later years many were not granted yet when the table was made.
    """
    sales = firms.grid(np.log(firms.sales))
    growth = np.diff(sales, axis=1)
    before = np.column_stack([np.full(len(sales), np.nan), growth[:, :-1]])
    label = np.where(np.isfinite(growth), growth > np.nanmedian(growth, axis=0), np.nan)
    columns = (
        np.log(firms.sales), np.log(firms.capital / firms.sales), np.log(firms.sales / firms.employees),
        np.log1p(firms.research / firms.sales), np.log(firms.tobins_q), firms.institutions,
    )  # fmt: skip
    tables = [firms.grid(column)[:, :-1] for column in columns]
    firm, year = np.nonzero(np.isfinite(label))
    learnt = year + firms.years[0] <= LAST_LEARNT
    features = np.column_stack([_known(table[firm, year], learnt) for table in (*tables, before)])
    period = np.maximum(-1, year + firms.years[0] - LAST_LEARNT - 1)
    industry = firms.industry[np.unique(firms.firm, return_index=True)[1]]
    return Records(features, label[firm, year], industry[firm], period, (0.5, 2.0)).scaled()


def _known(column: Array, learnt: NDArray[np.bool_]) -> Array:
    """A column with its mean over rows that are learnt from where it is not known."""
    return np.where(np.isfinite(column), column, np.nanmean(column[learnt]))


def load_next_week() -> Records:
    """Debian sources, the clients, and whether they mend a vulnerability in a week."""
    return next_week_of(load_fixes())


def next_week_of(fixes: Fixes) -> Records:
    """A row a source and week from the one after its first fix on, features from earlier weeks alone.

    The first fix makes a source known and is left out, so that no source is chosen by what is told of it.
    """
    weekly = (fixes.weekly() > 0).astype(float)
    done = np.cumsum(weekly, axis=1)
    before = np.column_stack([np.zeros(len(weekly)), done[:, :-1]])
    source, week = np.nonzero(before > 0)
    last = np.maximum.accumulate(np.where(weekly > 0, np.arange(N_WEEKS), -1), axis=1)
    age = week - (weekly > 0).argmax(axis=1)[source]
    since = week - last[source, week - 1]
    recent = [_within(before, source, week, span) for span in SPANS]
    total = before[source, week]
    features = np.column_stack([np.log(since), np.log(age), np.log(total), total / (age + 52.0), *recent])
    period = np.where(week < FIRST_TOLD, -1, (week - FIRST_TOLD) // QUARTER_WEEKS)
    return Records(features, weekly[source, week], source, period, (1 / 52, 52.0)).scaled()


def _within(before: Array, source: NDArray[np.int64], week: NDArray[np.int64], span: int) -> Array:
    """Weeks with a fix among the last `span` before each week."""
    earlier = np.maximum(week - span, 0)
    counted: Array = before[source, week] - before[source, earlier]
    return counted
