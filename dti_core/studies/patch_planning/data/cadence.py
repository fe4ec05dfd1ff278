"""When fixes come: the uploads of Debian sources that closed vulnerabilities, week by week."""

from datetime import date

import pandas as pd

from dti_core.lab.data import frozen_table
from dti_core.lab.errors import DataError

SLUG, FILE = "patch_planning", "debian_cadence.csv"
COLUMNS = ("source", "version", "cve", "date")
#: Monday of week 0, and the first Monday after the last week in which every changelog was complete.
START, END = date(2021, 1, 4), date(2026, 3, 30)
N_WEEKS = (END - START).days // 7
#: Sources that number each mended defect as a vulnerability: nine CVEs in ten, up to 500 an upload.
EVERY_DEFECT = ("chromium", "linux")


def load_cadence(without: tuple[str, ...] = EVERY_DEFECT) -> pd.DataFrame:
    """Uploads by source and week, from the frozen table.

    Returns
    -------
    source, week (0 is that of `START`), n_cves (closed for the first time by the uploads of that week); a row
    a source and week with at least one, sorted by week and source.
    """
    return weekly_uploads(frozen_table(SLUG, FILE), without)


def weekly_uploads(table: pd.DataFrame, without: tuple[str, ...] = ()) -> pd.DataFrame:
    """Uploads by source and week from a table such as the frozen one.

    Raises
    ------
    DataError for missing columns, dates that are none, and a CVE that a source closes twice.
    """
    if lacking := [name for name in COLUMNS if name not in table]:
        raise DataError(f"{FILE}: lacks the columns {', '.join(lacking)}; it has {', '.join(table)}.")
    days = pd.to_datetime(table["date"], format="%Y-%m-%d", errors="coerce")
    if (bad := table.loc[days.isna(), "date"]).size:
        raise DataError(f"{FILE}: {len(bad)} dates are none, such as {bad.iloc[0]!r}. Write 2021-01-31.")
    if (twice := table.loc[table.duplicated(["source", "cve"])]).size:
        first = twice.iloc[0]
        raise DataError(f"{FILE}: {first['source']} closes {first['cve']} twice. Keep its first upload.")
    kept = (days >= pd.Timestamp(START)) & (days < pd.Timestamp(END)) & ~table["source"].isin(without)
    weeks = (days[kept] - pd.Timestamp(START)).dt.days // 7
    counted = table[kept].assign(week=weeks).groupby(["week", "source"]).size().rename("n_cves")
    return counted.reset_index()[["source", "week", "n_cves"]]
