"""When flaws turn out to be exploited: additions to the catalogue KEV."""

from datetime import date

import pandas as pd

from dti_core.lab.data import published

NAME, FILE = "vuln_dates", "kev.csv"
#: First Monday after the catalogue was filled with flaws of earlier years.
FILLED = date(2022, 7, 4)


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
