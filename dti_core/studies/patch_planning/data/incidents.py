"""Breaches of health records as reported in the United States, and how long packages take to check."""

import pandas as pd

from dti_core.lab.data import packaged

REPORTS, STARTS, CHECKS = "hhs_reports", "hhs_starts", "check_times"
#: Records from which a breach must be reported; smaller ones are in neither table.
LEAST_RECORDS = 500
_KEYS = ["who", "state", "records"]


def load_reports() -> pd.DataFrame:
    """Breaches by the day of their report.

    Returns
    -------
    who (lower case), state, records (people affected, at least `LEAST_RECORDS`), reported.

    Raises
    ------
    DataError if the package that holds them is not installed, with the command that brings it.
    """
    table = _table(REPORTS)
    return pd.DataFrame({
        "who": table["Name.of.Covered.Entity"].str.strip().str.lower(), "state": table["State"],
        "records": table["Individuals.Affected"],
        "reported": pd.to_datetime(table["Breach.Submission.Date"]),
    })  # fmt: skip


def load_starts() -> pd.DataFrame:
    """Breaches of an earlier and smaller copy of the same list by the day on which they began.

    Returns
    -------
    who (lower case), state, records, started, ended (NaT where one day alone is given).

    Raises
    ------
    DataError as `load_reports`.
    """
    table = _table(STARTS)
    return pd.DataFrame({
        "who": table["Name_of_Covered_Entity"].str.strip().str.lower(), "state": table["State"],
        "records": table["Individuals_Affected"], "started": pd.to_datetime(table["breach_start"]),
        "ended": pd.to_datetime(table["breach_end"]),
    })  # fmt: skip


def matched(reports: pd.DataFrame, starts: pd.DataFrame) -> pd.DataFrame:
    """Breaches that name, state and number of records single out in both lists, in the order of reports."""
    once = [one[~one.duplicated(_KEYS, keep=False)] for one in (reports, starts)]
    return once[0].merge(once[1], on=_KEYS).sort_values("reported", ignore_index=True)


def load_check_seconds() -> pd.Series:
    """Seconds that the checks of each CRAN package took, tests included. DataError as `load_reports`."""
    return _table(CHECKS)["check_time"]


def _table(name: str) -> pd.DataFrame:
    table: pd.DataFrame = pd.read_pickle(packaged(name).stream(), compression="xz")
    return table
