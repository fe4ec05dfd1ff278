"""When flaws come to be known, mended or exploited: four dated lists, and counts by week or month."""

from datetime import date

import numpy as np
import pandas as pd

from dti_core.lab.data import frozen_table, published
from dti_core.studies.patch_planning.data.cadence import END, EVERY_DEFECT, SLUG, START
from dti_core.studies.patch_planning.data.cadence import FILE as CADENCE
from dti_core.studies.patch_planning.model.estates import Array

NAME, FILE = "vuln_dates", "kev.csv"
PHP, RUST, RECORDS = "php_fix_times.csv.gz", "rustsec_advisories.csv", "vulnrichment_min.csv.gz"
#: First Monday after the catalogue was filled with flaws of earlier years.
FILLED = date(2022, 7, 4)
#: Advisories of RustSec that tell of no flaw that an upgrade could mend.
_NO_FLAW = ("unmaintained", "notice")


def load_exploited_weeks() -> pd.DataFrame:
    """Flaws that were added to KEV in each week from `FILLED` on, the last whole one included.

    Returns
    -------
    monday, added: a row a week without gaps.

    Raises
    ------
    DataError if the file is not on this machine, with the command that brings it, or has changed.
    """
    table = published(NAME).table(FILE, usecols=["cveID", "dateAdded"], parse_dates=["dateAdded"])
    return weekly_additions(table["dateAdded"])


def weekly_additions(days: pd.Series) -> pd.DataFrame:
    """Additions by week from the days on which they were made; see `load_exploited_weeks`."""
    start = pd.Timestamp(FILLED)
    weeks = (days[days >= start] - start).dt.days // 7
    counts = weeks.value_counts().reindex(range(int((days.max() - start).days + 1) // 7), fill_value=0)
    mondays = start + pd.to_timedelta(7 * counts.index.to_numpy(), unit="D")
    return pd.DataFrame({"monday": mondays, "added": counts.to_numpy()})


def load_debian() -> pd.DataFrame:
    """Flaws of Debian sources by the day of the first upload that names them, less those of `EVERY_DEFECT`.

    Returns
    -------
    day, owner (what is upgraded), cve (absent where none is given): a row a flaw, from `START` to `END`.
    """
    table = frozen_table(SLUG, CADENCE).rename(columns={"date": "day", "source": "owner"})
    table = table[~table["owner"].isin(EVERY_DEFECT)]
    return _within(table.assign(day=pd.to_datetime(table["day"])))


def load_kev() -> pd.DataFrame:
    """Flaws by the day on which they were added to KEV, from `FILLED` on; columns as of `load_debian`."""
    table = published(NAME).table(FILE, parse_dates=["dateAdded"])
    owner = table["vendorProject"] + " " + table["product"]
    table = table.assign(owner=owner).rename(columns={"dateAdded": "day", "cveID": "cve"})
    return _within(table, FILLED)


def load_php() -> pd.DataFrame:
    """Advisories on PHP packages by the day of the first fix in any branch; columns as of `load_debian`."""
    table = published(NAME).table(PHP, parse_dates=["fix_time"]).dropna(subset="fix_time")
    first = table.sort_values("fix_time").drop_duplicates("file")
    return _within(first.rename(columns={"fix_time": "day", "package": "owner"}))


def load_rust() -> pd.DataFrame:
    """Advisories on Rust crates by the day of the advisory: no day of a fix is told; as `load_debian`."""
    table = published(NAME).table(RUST, parse_dates=["date"])
    flaws = table[~table["informational"].isin(_NO_FLAW) & table["withdrawn"].isna()]
    return _within(flaws.rename(columns={"date": "day", "package": "owner"}))


def load_published_days() -> pd.Series:
    """Day of publication by CVE, of those in a snapshot of CISA's records of October 2024."""
    table = published(NAME).table(RECORDS, usecols=["cve", "published"], parse_dates=["published"])
    return table.dropna().set_index("cve")["published"]


def counted(days: pd.Series, unit: str, first: date, end: date) -> Array:
    """How many of the days lie in each whole week (unit "W", from Monday on) or month ("M").

    `first` begins a week or month, and `end` is the day after one.
    """
    units = pd.period_range(first, pd.Timestamp(end) - pd.Timedelta(days=1), freq=unit)
    counts = days.dt.to_period(unit).value_counts().reindex(units, fill_value=0)
    return counts.to_numpy(np.float64)


def _within(table: pd.DataFrame, first: date = START) -> pd.DataFrame:
    inside = (table["day"] >= pd.Timestamp(first)) & (table["day"] < pd.Timestamp(END))
    return table.loc[inside, ["day", "owner", "cve"]].reset_index(drop=True)
