"""A file of EPSS that the user brings: chances that vulnerabilities are exploited, as published."""

import io
from collections.abc import Mapping, Sequence

import pandas as pd

from dti_core.lab.errors import DataError, one_line

#: Days of which EPSS speaks.
DAYS = 30
_NAMED = 3


def read_epss(lines: Sequence[str], file: str) -> Mapping[str, float]:
    """CVE -> chance, from the lines of a CSV with columns cve and epss; lines that begin with # are skipped.

    Raises
    ------
    DataError for rows that name no CVE or no chance from 0 to 1.
    """
    body = [line for line in lines if not line.startswith("#")]
    try:
        table = pd.read_csv(io.StringIO("\n".join(body)), dtype=str, keep_default_na=False)
    except Exception as error:
        raise DataError(f"{file}: could not be read as CSV ({one_line(error, 200)}).") from error
    table = table.rename(columns=lambda name: str(name).strip().lower()).fillna("")
    chance = pd.to_numeric(table["epss"], errors="coerce")
    wrong = table[~(table["cve"].str.fullmatch(r"CVE-\d{4}-\d{1,12}") & chance.between(0, 1))]
    if n := len(wrong):
        rows = "; ".join(f"'{one_line(one, 40)}'" for one in (wrong["cve"] + "," + wrong["epss"])[:_NAMED])
        raise DataError(f"{file}: {n:,} rows give no CVE with a chance from 0 to 1 ({rows}). Correct them.")
    return {str(cve): float(one) for cve, one in chance.groupby(table["cve"]).max().items()}


def of_a_year(chance: pd.Series) -> pd.Series:
    """Chances of a year, from those of `DAYS`, if each such time is like any other."""
    return 1 - (1 - chance) ** (365 / DAYS)
