"""The published panel csr_africa: coded social reports and accounts, cleaned by the rules on its card."""

from dataclasses import replace

import numpy as np
import pandas as pd

from dti_core.lab.data import DataCard, published
from dti_core.studies.esg_constraint.model.arrays import Array

NAME = "csr_africa"
#: Topics of the 96 items of a report, each coded 0 (nothing said) to 5.
TOPICS = ("com", "hr", "prod", "env", "ene", "emi", "oth")
#: Assets this many times above or below the firm's median are taken for another unit and left out.
MAX_JUMP = 10.0
#: Beyond them a ratio to assets mixes units: leverage (negative if equity exceeds assets) and profit.
MAX_LEVERAGE, MAX_ROA = 2.0, 1.0
#: Where sizes less their country's mean are put, ln of millions; no difference between firms hangs on it.
MEAN_SIZE = 7.0
RULES = (
    "Score: mean of 96 coded items. A firm-year that stands twice, with other accounts, is left out both "
    "times. Blanks and commas inside numbers are dropped. Thousands and millions alternate within firms: "
    "assets are multiplied by the power of 1,000 that brings them nearest to the firm's median, and left out "
    "if still tenfold off; leverage (1 - equity / assets) and return on assets are kept where equity needed "
    "the same power, leverage lies in 0 to 2 and the return within 1. Currencies differ: size is less its "
    "country's mean. Age: years since listing, else since incorporation."
)


def load_africa() -> tuple[pd.DataFrame, DataCard]:
    """The cleaned panel and its card, with the rules of cleaning.

    Raises
    ------
    DataError if the files are not on this machine, with the command that brings them, or have changed.
    """
    source = published(NAME)
    table = clean(source.table(encoding="latin1"))
    card = source.card(NAME)
    return table, replace(card, caveat=f"{card.caveat} {RULES}")


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """Columns of the analysis, by RULES; `log_assets_printed` is size before any repair of units."""
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
    })  # fmt: skip


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
