"""Vulnerabilities that Debian sources mended, by day and week; a source stands for an organisation."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.lab.data import frozen_table
from dti_core.lab.errors import DataError

SLUG, FILE = "patch_planning", "debian_cadence.csv"
COLUMNS = ("source", "version", "cve", "date")
#: Monday of week 0, and the first Monday after the last week in which every changelog was complete.
START, END = date(2021, 1, 4), date(2026, 3, 30)
N_WEEKS = (END - START).days // 7
#: Sources that number each mended defect as a vulnerability: nine CVEs in ten, up to 500 an upload.
EVERY_DEFECT = ("chromium", "linux")
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Fixes:
    """A row a source and vulnerability, with the first upload that mended it; n of them, by day and source.

    source : (n,) codes 0 to n_sources - 1, into names. cve : (n,) its name; year : (n,) that of the name.
    upload : (n,) codes of source and version. day : (n,) days since `START`. week : (n,) 0 to N_WEEKS - 1.
    """

    names: tuple[str, ...]
    cve: tuple[str, ...]
    source: Codes
    upload: Codes
    year: Codes
    day: Codes
    week: Codes

    def weekly(self) -> NDArray[np.float64]:
        """Vulnerabilities mended (n_sources, N_WEEKS)."""
        counts = np.zeros((len(self.names), N_WEEKS))
        np.add.at(counts, (self.source, self.week), 1.0)
        return counts


def load_fixes(without: tuple[str, ...] = EVERY_DEFECT) -> Fixes:
    """The fixes of all weeks from `START` to `END`, but for sources in `without`."""
    return fixes_of(frozen_table(SLUG, FILE), without)


def fixes_of(table: pd.DataFrame, without: tuple[str, ...] = ()) -> Fixes:
    """The fixes in a table with the columns of the frozen one.

    Raises
    ------
    DataError for missing columns, and dates and numbers of vulnerabilities that are none.
    """
    if lacking := [name for name in COLUMNS if name not in table]:
        raise DataError(f"{FILE}: lacks the columns {', '.join(lacking)}; it has {', '.join(table)}.")
    days = pd.to_datetime(table["date"], format="%Y-%m-%d", errors="coerce")
    years = pd.to_numeric(table["cve"].str.extract(r"^CVE-(\d{4})-\d+$")[0], errors="coerce")
    for column, bad in (("date", days.isna()), ("cve", years.isna())):
        if bad.any():
            raise DataError(
                f"{FILE}: {bad.sum()} rows have no {column}, such as {table[column][bad].iloc[0]!r}."
            )
    day = (days - pd.Timestamp(START)).dt.days
    rows = table.assign(day=day, year=years, week=day // 7)
    rows = rows[rows["week"].between(0, N_WEEKS - 1) & ~rows["source"].isin(without)]
    rows = rows.sort_values(["day", "source", "cve"], kind="stable")
    source, names = pd.factorize(rows["source"], sort=True)
    upload = rows.groupby(["source", "version"]).ngroup()
    return Fixes(
        tuple(map(str, names)), tuple(map(str, rows["cve"])), source.astype(np.int64),
        *(column.to_numpy(np.int64) for column in (upload, rows["year"], rows["day"], rows["week"])),
    )  # fmt: skip
