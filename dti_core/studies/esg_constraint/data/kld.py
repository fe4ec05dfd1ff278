"""D-SOCIAL-KLD scores, the user's own download, joined by name and year to a packaged panel of US firms.

The scores (Carroll, Primo and Richter 2016, Strategic Management Journal 37, 66-85) carry no licence that we
saw, so that nothing of them is kept here. The file has a row a firm-year with the columns name, ticker, year,
mean and sd: posterior mean and standard deviation of a latent score, 1991-2018, of KLD's firms.
"""

import re
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from dti_core.lab.data import DataCard, read_user_table
from dti_core.lab.errors import DataError
from dti_core.studies.esg_constraint.model.arrays import Array

NAME = "kld"
COLUMNS = ("name", "year", "mean", "sd")
#: Words that are left out of a name wherever they stand, and spellings that are made one.
LEGAL = frozenset({
    "inc", "incorporated", "corp", "corporation", "co", "company", "companies", "cos", "cp", "ltd", "limited",
    "plc", "nv", "sa", "ag", "lp", "llc", "the", "adr", "old", "holdings", "holding", "group", "grp",
})  # fmt: skip
SPELLINGS = {
    "intl": "international", "inds": "industries", "ind": "industries", "industry": "industries",
    "mfg": "manufacturing", "labs": "laboratories", "lab": "laboratories", "tech": "technologies",
    "technology": "technologies", "prods": "products", "prod": "products",
    "pharmaceutical": "pharmaceuticals", "pharma": "pharmaceuticals", "sys": "systems",
    "svcs": "services", "natl": "national", "amer": "american", "chem": "chemical",
    "chemicals": "chemical", "electr": "electric", "elec": "electric", "bros": "brothers",
    "machs": "machines", "communication": "communications", "telecommunication": "telecommunications",
    "instrument": "instruments", "semiconductors": "semiconductor",
}  # fmt: skip
RULES = (
    "Names are matched in the same year once case, punctuation, a class of share (-CL A), a place behind a "
    "stroke (/DE) and legal forms are dropped and common abbreviations written out; a name that two firms of "
    "a file share in one year is matched to neither. Names without a match are listed."
)


@dataclass(frozen=True, slots=True)
class Joined:
    """Firm-years in both files. table : a row each. unmatched : firms of the packaged panel, and why."""

    table: pd.DataFrame
    unmatched: pd.DataFrame


def load_kld(data_path: str, firms: pd.DataFrame, source: DataCard) -> tuple[Joined, DataCard]:
    """The joined panel and its card.

    Parameters
    ----------
    firms : the packaged panel, with columns firm, year, sales, tobinq and others. source : its card.

    Raises
    ------
    DataError without a file, without the columns of a score file, or without a single match.
    """
    if not data_path:
        where = "https://robertjcarroll.com/portfolio/csr"
        raise DataError(f"panel='{NAME}' needs data_path, your copy of the D-SOCIAL-KLD scores ({where}).")
    raw, card = read_user_table(data_path)
    joined = join(read_scores(raw), firms)
    matched = joined.table["firm"].nunique()
    caveat = f"{RULES} {matched} of {firms['firm'].nunique()} firms are matched. {source.caveat}"
    title, sources = f"{card.title} and {source.title}", f"{card.source} {source.source}"
    n_rows, n_columns = joined.table.shape
    told = replace(
        card, name=NAME, title=title, rows=n_rows, columns=n_columns, caveat=caveat, source=sources
    )
    return joined, told


def read_scores(raw: pd.DataFrame) -> pd.DataFrame:
    """Columns name, year, mean and sd of a score file, whatever their case.

    Raises
    ------
    DataError that names the columns that lack, or rows whose sd is not positive.
    """
    named = raw.rename(columns={column: str(column).strip().lower() for column in raw})
    if lacking := [name for name in COLUMNS if name not in named]:
        raise DataError(
            f"the score file has no column {', '.join(lacking)}; it has {', '.join(map(str, raw))}. "
            f"A D-SOCIAL-KLD file has {', '.join(COLUMNS)}: posterior mean and standard deviation."
        )
    table = named[list(COLUMNS)].dropna()
    for name in COLUMNS[1:]:
        table[name] = pd.to_numeric(table[name], errors="coerce")
    if n := int((~(table["sd"] > 0)).sum()):
        raise DataError(
            f"the score file has {n} rows whose sd is not above 0. Remove them; each score has one."
        )
    return table.dropna().astype({"year": np.int64})


def plain_name(name: str) -> str:
    """A firm's name as files are matched by it: "ALBANY INTL CORP  -CL A" is "albany international"."""
    text = re.sub(r"\s-\s*(cl|ser|adr|old|pro|new)\b.*$|/\w+$", " ", name.casefold().strip())
    text = re.sub(r"['.]", "", text.replace("&", " and "))
    words = [SPELLINGS.get(word, word) for word in re.findall(r"[a-z0-9]+", text)]
    kept = [word for word in words if word not in LEGAL and word != "and"]
    return " ".join(kept or words)


def join(scores: pd.DataFrame, firms: pd.DataFrame) -> Joined:
    """Scores beside accounts, matched by plain name and year; ambiguous names are left out and listed."""
    ours, theirs = (table.assign(key=[plain_name(str(name)) for name in table[column]])
                    for table, column in ((firms, "firm"), (scores, "name")))  # fmt: skip
    clear = {
        side: table[~table.duplicated(["key", "year"], keep=False)]
        for side, table in (("ours", ours), ("theirs", theirs))
    }
    both = clear["ours"].merge(clear["theirs"][["key", "year", "mean", "sd"]], on=["key", "year"])
    found, known = set(both["firm"]), set(theirs["key"])
    twice = set(ours.loc[ours.duplicated(["key", "year"], keep=False), "key"])
    twice |= set(theirs.loc[theirs.duplicated(["key", "year"], keep=False), "key"])
    lost = ours.drop_duplicates("firm")
    lost = lost[~lost["firm"].isin(found)]
    reasons = [
        "several firms of that name"
        if key in twice
        else "no year in both"
        if key in known
        else "no such name"
        for key in lost["key"]
    ]
    unmatched = pd.DataFrame(
        {"firm": lost["firm"].to_numpy(), "matched_as": lost["key"].to_numpy(), "why": reasons}
    )
    if both.empty:
        example = ", ".join(map(str, scores["name"].head(3)))
        raise DataError(
            f"no firm-year of the score file ({example}, ...) is in the packaged panel of 1991-1999."
        )
    return Joined(_columns(both), unmatched)


def _columns(both: pd.DataFrame) -> pd.DataFrame:
    """Columns of the analysis: the score, its error, size as ln of sales, Tobin's q."""
    signal, variance = unshrunk(both["mean"].to_numpy(float), both["sd"].to_numpy(float))
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = {name: np.where(both[name] > 0, np.log(both[name]), np.nan) for name in ("sales", "tobinq")}
    table = pd.DataFrame({
        "firm": both["firm"], "year": both["year"].astype(np.int64), "rating_a": both["mean"].astype(float),
        "signal": signal, "error_variance": variance, "log_sales": logs["sales"], "log_q": logs["tobinq"],
    })  # fmt: skip
    return table.sort_values(["firm", "year"], ignore_index=True)


def unshrunk(mean: Array, sd: Array) -> tuple[Array, Array]:
    """Scores with classical error from posterior means and standard deviations, and the error's variance.

    Under a normal prior of variance v a posterior mean is reliability x (truth + error), reliability being
    1 - sd^2 / v; v is the variance of posterior means plus the mean of sd^2. The prior of D-SOCIAL-KLD walks
    from year to year, so that this holds between firms and roughly inside them, where it smooths as well.
    """
    prior = float(mean.var() + (sd**2).mean())
    reliability = np.maximum(1 - sd**2 / prior, 0.05)
    return (mean - mean.mean()) / reliability + mean.mean(), sd**2 / reliability
