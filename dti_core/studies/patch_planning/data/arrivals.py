"""How fast flaws that are really exploited arrive, as CISA lists them."""

import pandas as pd

from dti_core.lab.data import published

NAME = "vuln_dates"
KEV, RECORDS = "kev.csv", "vulnrichment_min.csv.gz"
#: From here on CISA lists flaws as they become known; before, it filled the list with old ones.
BACKLOG_DONE = "2022-07-04"
_WEEK = pd.Timedelta(days=7)


def load_exploited_weeks() -> pd.DataFrame:
    """Flaws that CISA added to its list of known exploited ones, by week, weeks without any included.

    Returns
    -------
    week : its Monday. n : flaws added. The last week is left out, for it may not be over. Weeks before
    BACKLOG_DONE hold old flaws by the hundred.

    Raises
    ------
    DataError if the set is not on this machine, with the command that brings it, or has changed.
    """
    added = pd.to_datetime(published(NAME).table(KEV)["dateAdded"])
    week = added - pd.to_timedelta(added.dt.weekday, unit="D")
    weeks = pd.date_range(week.min(), week.max() - _WEEK, freq=_WEEK)
    counts = week.value_counts().reindex(weeks, fill_value=0)
    return pd.DataFrame({"week": weeks, "n": counts.to_numpy()})


def load_exploit_delays() -> pd.DataFrame:
    """Days from a flaw's publication to its listing as exploited, for flaws that both files date.

    Returns
    -------
    cve, published, days : negative where it was exploited first. Flaws that are not exploited yet are not in
    it, so that its delays are too short.
    """
    records = published(NAME).table(RECORDS, usecols=["cve", "published", "kev_added"]).dropna()
    dates = records[["published", "kev_added"]].apply(pd.to_datetime, utc=True)
    days = (dates["kev_added"] - dates["published"]).dt.days
    return pd.DataFrame(
        {"cve": records["cve"], "published": dates["published"].dt.tz_localize(None), "days": days}
    ).reset_index(drop=True)
