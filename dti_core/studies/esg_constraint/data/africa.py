"""The published panel csr_africa: coded social reports and accounts, cleaned by the rules on its card."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pandas as pd

from dti_core.lab.data import DataCard, published
from dti_core.studies.esg_constraint.model.arrays import Array, Mask

NAME = "csr_africa"
#: Topics of the 96 items of a report, each coded 0 (nothing said) to 5.
TOPICS = ("com", "hr", "prod", "env", "ene", "emi", "oth")
#: Assets this many times above or below the firm's median are taken for another unit and left out.
MAX_JUMP = 10.0
#: Beyond them a ratio to assets mixes units: leverage (negative if equity exceeds assets) and profit.
MAX_LEVERAGE, MAX_ROA = 2.0, 1.0
#: Where sizes less their country's mean are put, ln of millions; no difference between firms hangs on it.
MEAN_SIZE = 7.0
#: A firm's market value this many times above or below its assets, in its middle year, has another unit.
MAX_MARKET_RATIO = 100.0
#: Half of the returns on assets of firms like these lie above .045, and one below this in a hundred.
LEAST_ROA = 0.001
ACCOUNTS = ("log_assets", "leverage", "roa")
#: Marks of firm-years whose accounts are in doubt -> what is then left out, and the rule.
DOUBTS: Mapping[str, tuple[tuple[str, ...], str]] = MappingProxyType({
    "of_another": (ACCOUNTS, "assets and equity both stand in a row of another firm too"),
    "unit_moves": (ACCOUNTS, "assets of the firm stand in units that differ from year to year"),
    "unit_alone": (("log_assets",), "the firm's market value is 100 times its assets or a hundredth"),
    "tiny_return": (("roa",), "return on assets within .001 of 0, as where profit is in thousands"),
})  # fmt: skip
RULES = (
    "Score: mean of 96 coded items. A firm-year that stands twice, with other accounts, is left out both "
    "times. Blanks and commas inside numbers are dropped. Thousands and millions alternate within firms: "
    "assets are multiplied by the power of 1,000 that brings them nearest to the firm's median, and left out "
    "if still tenfold off; leverage (1 - equity / assets) and return on assets are kept where equity needed "
    "the same power, leverage lies in 0 to 2 and the return within 1. Currencies differ: size is less its "
    "country's mean. Age: years since listing, else since incorporation. Accounts are then left out where: "
    + "; ".join(rule for _, rule in DOUBTS.values())
    + "."
)


def load_africa() -> tuple[pd.DataFrame, DataCard]:
    """The cleaned panel and its card, with the rules of cleaning.

    Raises
    ------
    DataError if the files are not on this machine, with the command that brings them, or have changed.
    """
    source = published(NAME)
    table = without_doubts(clean(source.table(encoding="latin1"))).drop(columns=list(DOUBTS))
    card = source.card(NAME)
    return table, replace(card, caveat=f"{card.caveat} {RULES}")


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """Columns of the analysis and the marks of DOUBTS, nothing left out for them yet.

    `log_assets_printed` is size before any repair of units.
    """
    items = [name for name in raw if str(name).partition("_")[0] in TOPICS and str(name)[-1].isdigit()]
    once = raw[~raw.duplicated(["company", "reporting_year"], keep=False)]
    once = once.sort_values(["company", "reporting_year"], ignore_index=True)
    firm = once["company"]
    assets, equity, profit = (number(once[name]) for name in ("tot_asst", "bk_eqt", "net_prof"))
    assets = np.where(assets > 0, assets, np.nan)
    power = power_of_unit(assets, firm)
    size = np.log(assets * 1000.0**power)
    size = np.where(np.abs(size - _median(size, firm)) > np.log(MAX_JUMP), np.nan, size)
    one_unit = (power == power_of_unit(np.abs(equity), firm)) & np.isfinite(size)
    leverage, roa = 1 - equity / assets, profit / assets
    since = once["listing_year"].fillna(once["incorporation_year"]).to_numpy(dtype=np.float64)
    age = once["reporting_year"].to_numpy() - since
    country = once["listing_country"]
    market = number(once["market_value"])
    with np.errstate(divide="ignore", invalid="ignore"):
        beside = np.abs(_median(np.where(market > 0, np.log(market / assets), np.nan), firm))
    marks = {
        "of_another": _of_another(assets, equity, firm),
        "unit_moves": pd.Series(np.nan_to_num(power) != 0).groupby(firm).transform("any"),
        "unit_alone": beside > np.log(MAX_MARKET_RATIO),
        "tiny_return": one_unit & (np.abs(roa) < LEAST_ROA),
    }
    return pd.DataFrame({
        "firm": firm, "year": once["reporting_year"].astype(np.int64),
        "rating_a": once[items].mean(axis=1),
        "log_assets": size - pd.Series(size).groupby(country).transform("mean").to_numpy() + MEAN_SIZE,
        "log_assets_printed": np.log(assets),
        "leverage": np.where(one_unit & (leverage >= 0) & (leverage <= MAX_LEVERAGE), leverage, np.nan),
        "roa": np.where(one_unit & (np.abs(roa) <= MAX_ROA), roa, np.nan),
        "age": np.where(age >= 0, age, np.nan),
        "industry": pd.factorize(once["industry"], sort=True)[0].astype(np.float64),
        "country": pd.factorize(country, sort=True)[0].astype(np.float64),
        **{name: np.asarray(mark, dtype=np.float64) for name, mark in marks.items()},
    })  # fmt: skip


def without_doubts(table: pd.DataFrame) -> pd.DataFrame:
    """The table of `clean` without the accounts that are in doubt; scores stay."""
    kept = table.copy()
    for mark, (names, _) in DOUBTS.items():
        kept.loc[table[mark] > 0, list(names)] = np.nan
    return kept


def doubts_in(table: pd.DataFrame) -> pd.DataFrame:
    """A row a rule of DOUBTS, and one for all: firm-years and firms of the table of `clean` that it marks."""
    marks = {rule: table[mark] > 0 for mark, (_, rule) in DOUBTS.items()}
    marks["any of these"] = table[list(DOUBTS)].max(axis=1) > 0
    rows = [[rule, int(mark.sum()), table["firm"][mark].nunique()] for rule, mark in marks.items()]
    return pd.DataFrame(rows, columns=["left out where", "firm-years", "firms"])


def _of_another(assets: Array, equity: Array, firm: pd.Series) -> Mask:
    """(n,) whether another firm has a row with the same two amounts."""
    pairs = pd.DataFrame({"assets": assets, "equity": equity, "firm": firm.to_numpy()})
    return (pairs.groupby(["assets", "equity"])["firm"].transform("nunique") > 1).to_numpy()


def number(column: pd.Series) -> Array:
    """(n,) numbers of texts such as "946 540000" or "108, 031,000"; NaN where nothing can be read."""
    digits = column.astype(str).str.replace(r"[^0-9.-]", "", regex=True)
    return pd.to_numeric(digits, errors="coerce").to_numpy(dtype=np.float64)


def power_of_unit(amount: Array, firm: pd.Series) -> Array:
    """(n,) power of 1,000 that brings each positive amount nearest to its firm's median; NaN without one."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(amount > 0, np.log(amount), np.nan)
    return np.asarray(np.round((_median(logs, firm) - logs) / np.log(1000.0)))


def _median(values: Array, firm: pd.Series) -> Array:
    return pd.Series(values).groupby(firm.to_numpy()).transform("median").to_numpy()
