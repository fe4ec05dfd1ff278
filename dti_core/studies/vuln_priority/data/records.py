"""Real records of vulnerabilities: scores, CISA's decision points, and who was exploited by when."""

import json
import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.lab.data import packaged, published
from dti_core.lab.errors import DataError

NAME, EXPLOITS = "vuln_dates", "public_exploits"
RECORDS, KEV, EPSS = "vulnrichment_min.csv.gz", "kev.csv", "kev_epss_monthly.csv.gz"
REPORTS = "inthewild_first_report.csv"
#: Day of the copy of CISA's enriched records: states and scores are those of this day.
SNAPSHOT = pd.Timestamp("2024-10-24")
#: So many reports of one day were brought in from another list: their day is no day of exploitation.
BULK = 30
STATES = {"none": 0, "poc": 1, "active": 2}
_POINTS = ("exploitation", "automatable", "impact")
_COLUMNS = ("cve", "cvss_score", "kev_added", *(f"ssvc_{name}" for name in _POINTS))
Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Records:
    """n records as of `SNAPSHOT`, with what became known later.

    cve : names. year : of the name. cvss : base score of version 3 or 4, else nan. exploitation : 0 none, 1
    proof of concept, 2 active. automatable, total : 0 or 1. listed : in CISA's list of exploited
    vulnerabilities at the snapshot. later : added to it afterwards. reported, reported_later : the same of
    community reports; those brought in by the dozen count as known before.
    """

    cve: NDArray[np.str_]
    year: NDArray[np.int64]
    cvss: Array
    exploitation: Array
    automatable: Array
    total: Array
    listed: Flags
    later: Flags
    reported: Flags
    reported_later: Flags

    @property
    def scored(self) -> Flags:
        """Which have a CVSS score."""
        return np.isfinite(self.cvss)

    @property
    def points(self) -> Array:
        """State of exploitation first, then automatable and total impact, a point each."""
        return 10 * self.exploitation + self.automatable + self.total

    def take(self, which: Flags) -> "Records":
        """Those records alone."""
        return Records(**{name: getattr(self, name)[which] for name in self.__slots__})


def load_records() -> Records:
    """The records whose state of exploitation is known.

    Raises
    ------
    DataError if a file is not on this machine, with the command that brings it, or has changed.
    """
    source = published(NAME)
    table = source.table(RECORDS, keep_default_na=False, na_values=[""])
    reports = source.table(REPORTS, parse_dates=["first_date"])
    return records_of(table, load_kev(), reports)


def load_kev() -> pd.DataFrame:
    """CISA's list: cve, added (day), ransomware (whether used in such campaigns)."""
    table = published(NAME).table(KEV, parse_dates=["dateAdded"])
    known = table["knownRansomwareCampaignUse"] == "Known"
    return pd.DataFrame({"cve": table["cveID"], "added": table["dateAdded"], "ransomware": known})


def load_listed_epss() -> pd.DataFrame:
    """EPSS on the first of each month of vulnerabilities that were listed by then.

    Nothing is told of one before it was listed, nor of any that never was.

    Returns
    -------
    cve, date, epss, days (since it was listed): a row a vulnerability and month.
    """
    table = published(NAME).table(EPSS, parse_dates=["date"]).merge(load_kev(), on="cve")
    table["days"] = (table["date"] - table["added"]).dt.days
    return table[["cve", "date", "epss", "days"]]


def load_public_exploits() -> frozenset[str]:
    """Vulnerabilities with a public exploit. DataError if the carrier is absent or its file has changed."""
    names = json.loads(packaged(EXPLOITS).stream().read())
    return frozenset(name for name in names if re.fullmatch(r"CVE-\d{4}-\d{4,}", name))


def records_of(table: pd.DataFrame, kev: pd.DataFrame, reports: pd.DataFrame) -> Records:
    """Records from tables with the columns of the published files; see `load_records`."""
    if lacking := [name for name in _COLUMNS if name not in table]:
        told = ", ".join(lacking)
        raise DataError(f"{NAME}: {RECORDS} lacks the columns {told}. Run `dti data get {NAME}`.")
    words = {name: table[f"ssvc_{name}"].str.lower() for name in _POINTS}
    kept = words["exploitation"].isin(list(STATES)).to_numpy()
    cve = table["cve"].astype(str)
    added = cve.map(kev.set_index("cve")["added"])
    listed = (table["kev_added"].notna() | (added <= SNAPSHOT)).to_numpy()
    crowd = reports.groupby("first_date")["cve"].transform("size") >= BULK
    dated = reports[~crowd & (reports["later_corrected"] == 0)].set_index("cve")["first_date"]
    first = cve.map(dated)
    bulk = cve.isin(reports.loc[crowd, "cve"]).to_numpy()
    everything = Records(
        cve=cve.to_numpy(np.str_),
        year=cve.str[4:8].astype(np.int64).to_numpy(),
        cvss=table["cvss_score"].to_numpy(np.float64),
        exploitation=words["exploitation"].map(STATES).to_numpy(np.float64),
        automatable=(words["automatable"] == "yes").to_numpy(np.float64),
        total=(words["impact"] == "total").to_numpy(np.float64),
        listed=listed,
        later=(added > SNAPSHOT).to_numpy() & ~listed,
        reported=(first <= SNAPSHOT).to_numpy() | bulk,
        reported_later=(first > SNAPSHOT).to_numpy() & ~bulk,
    )
    return everything.take(kept)
