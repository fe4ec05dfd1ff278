"""A user's series: a long table of series, date and value, checked at once and laid out as a panel."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from dti_core.lab.data import Problem
from dti_core.lab.errors import DataError
from dti_core.studies.spillover.data.panels import WEEK, Panel

COLUMNS = ("series", "date", "value")
#: Fewer rows leave the forecaster nothing to learn, or the test no two periods.
LEAST_ROWS = {1: 40, WEEK: 84}
#: Series that one run takes; more are told to be cut.
MOST_SERIES = 2_000
_WINDOW = {1: 12, WEEK: 4 * WEEK}
_BLOCK = {1: 4, WEEK: WEEK}


def check(table: pd.DataFrame, mapping: str = "") -> list[Problem]:
    """All problems of a long table, those that block first.

    Parameters
    ----------
    mapping : names in the file and ours, 'theirs=ours, theirs=ours'.
    """
    try:
        named = _named(table, mapping)
    except DataError as error:
        return [Problem(str(error))]
    problems = list(_of_cells(named))
    if not any(problem.blocks for problem in problems):
        problems += _of_layout(named)
    return sorted(problems, key=lambda problem: not problem.blocks)


def panel_of(table: pd.DataFrame, mapping: str = "") -> Panel:
    """The panel of a table without blocking problems.

    Daily rows are forecast a week ahead, others one row ahead. Levels are log(1 + value), or the values
    themselves if one is negative.
    """
    wide = _wide(_named(table, mapping))
    values, season = wide.to_numpy(dtype=np.float64), _season(wide)
    levels = np.log1p(values) if values.min() >= 0 else values
    return Panel(np.ascontiguousarray(levels), tuple(map(str, wide)), season, _WINDOW[season], _BLOCK[season])


def _named(table: pd.DataFrame, mapping: str) -> pd.DataFrame:
    """The three columns under our names. DataError if one is missing or a map cannot be read."""
    pairs = [one.split("=") for one in mapping.split(",") if one.strip()]
    if wrong := [pair for pair in pairs if len(pair) != 2 or pair[1].strip() not in COLUMNS]:
        raise DataError(
            f"map: '{'='.join(wrong[0])}' is no pair. Write theirs=ours, ours one of {', '.join(COLUMNS)}."
        )
    ours = table.rename(columns={theirs.strip(): our.strip() for theirs, our in pairs})
    if lacking := [name for name in COLUMNS if name not in ours]:
        known = ", ".join(map(str, table.columns))
        raise DataError(
            f"no column {', '.join(lacking)}; there are {known}. A row is one series on one date; rename "
            f"yours, or say -p map='theirs=ours'."
        )
    if twice := [name for name in COLUMNS if (ours.columns == name).sum() > 1]:
        raise DataError(f"two columns are called {', '.join(twice)}. Keep one.")
    return ours[list(COLUMNS)]


def _of_cells(named: pd.DataFrame) -> Iterator[Problem]:
    dates = pd.to_datetime(named["date"], errors="coerce", format="mixed")
    if (bad := dates.isna()).any():
        yield Problem(
            f"{bad.sum()} dates are none, such as {named['date'][bad].iloc[0]!r}. Write 2024-01-31."
        )
    values = pd.to_numeric(named["value"], errors="coerce")
    if (bad := ~np.isfinite(values)).any():
        where = named[bad].iloc[0]
        yield Problem(
            f"{bad.sum()} values are no finite numbers, such as {where['value']!r} of {where['series']!r}. "
            f"Fill or drop them; a day without sales is 0."
        )
    if (bad := named["series"].isna()).any():
        yield Problem(f"{bad.sum()} rows name no series. Name or drop them.")
    if (twice := named.duplicated(["series", "date"])).any():
        where = named[twice].iloc[0]
        yield Problem(
            f"{twice.sum()} rows repeat a series and date, such as {where['series']!r} on {where['date']}. "
            f"Add them up or keep one."
        )
    if (values < 0).any():
        yield Problem(
            f"{(values < 0).sum()} values are negative, so values are taken as they are, without logarithm.",
            blocks=False,
        )


def _of_layout(named: pd.DataFrame) -> Iterator[Problem]:
    wide = _wide(named)
    if wide.shape[1] > MOST_SERIES:
        yield Problem(f"{wide.shape[1]:,} series; at most {MOST_SERIES:,}. Take the largest.")
    if len(wide) < 2:
        yield Problem("one date only; a forecast needs a history.")
        return
    steps = np.diff(wide.index.to_numpy()).astype("timedelta64[D]").astype(int)
    usual = int(np.median(steps))
    odd = np.flatnonzero((steps < 0.9 * usual - 0.5) | (steps > 1.15 * usual + 0.5))
    if odd.size:
        yield Problem(
            f"dates are {usual} days apart but {steps[odd[0]]} after {wide.index[odd[0]]:%Y-%m-%d}, and so "
            f"{odd.size} times. Give every date of the calendar, with 0 where nothing was."
        )
    if (holes := wide.isna().to_numpy()).any():
        column = int(np.flatnonzero(holes.any(axis=0))[0])
        row = int(np.flatnonzero(holes[:, column])[0])
        yield Problem(
            f"{int(holes.sum())} of {holes.size} cells are missing, such as {wide.columns[column]!r} on "
            f"{wide.index[row]:%Y-%m-%d}. Give every series on every date, or drop series that begin late."
        )
    season = _season(wide)
    if len(wide) < LEAST_ROWS[season]:
        yield Problem(f"{len(wide)} dates; at least {LEAST_ROWS[season]} are needed to learn and to test.")
    still = [str(name) for name in wide if wide[name].nunique() == 1]
    if still:
        yield Problem(
            f"{len(still)} series never move, such as {still[0]!r}; they tell nothing.", blocks=False
        )


def _wide(named: pd.DataFrame) -> pd.DataFrame:
    dates = pd.to_datetime(named["date"], format="mixed")
    long = named.assign(date=dates, value=pd.to_numeric(named["value"]))
    return long.pivot(index="date", columns="series", values="value").sort_index()


def _season(wide: pd.DataFrame) -> int:
    steps = np.diff(wide.index.to_numpy()).astype("timedelta64[D]").astype(int)
    return WEEK if int(np.median(steps)) == 1 else 1
