"""Units of very unlike size: shops and baskets, sites and searches, firms and years, software and fixes."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.lab.data import packaged
from dti_core.studies.spillover.data.firms import load_firms
from dti_core.studies.spillover.data.fixes import N_WEEKS, Fixes, load_fixes
from dti_core.studies.spillover.model.units import Counts, Values

#: Blocks of time with as many trials each, and how many of them are the past: 70 %.
N_BLOCKS, N_PAST = 40, 28
#: Weeks of a block of fixes, and blocks before the first telling.
QUARTER_WEEKS, FIRST_QUARTERS = 13, 3
#: Last year whose patents were nearly all granted by the end of the table.
LAST_PATENTS = 1996


def load_stores() -> Counts:
    """Baskets of 457 shops of a grocer in 2017, and in which of 302 categories something was bought.

    Every basket is a trial in each category; lines of products without a category count in none.

    Raises
    ------
    DataError if the carrier is absent, with the command that brings it, or its files have changed.
    """
    keys = ["basket_id", "store_id", "transaction_timestamp", "product_id"]
    lines = pd.read_parquet(packaged("promotion_sales").stream(), columns=keys)
    products = pd.read_parquet(
        packaged("journey_products").stream(), columns=["product_id", "product_category"]
    )
    kinds, categories = pd.factorize(products["product_category"], sort=True)
    order = np.argsort(products["product_id"].to_numpy())
    known = products["product_id"].to_numpy()[order]
    at = np.searchsorted(known, lines["product_id"].to_numpy()).clip(max=len(known) - 1)
    kind = np.where(known[at] == lines["product_id"], kinds[order][at], -1)
    basket, first = np.unique(lines["basket_id"].to_numpy(), return_index=True)
    store, names = pd.factorize(lines["store_id"].to_numpy()[first], sort=True)
    block = blocks_of(lines["transaction_timestamp"].to_numpy()[first])
    row = np.searchsorted(basket, lines["basket_id"].to_numpy())
    bought = np.zeros((len(basket), len(categories)), dtype=bool)
    bought[row[kind >= 0], kind[kind >= 0]] = True
    row, kind = np.nonzero(bought[:, used := bought.any(axis=0)])
    hits = _counted((len(names), N_BLOCKS, int(used.sum())), store[row], block[row], kind)
    trials = _counted((len(names), N_BLOCKS, 1), store, block, np.zeros_like(block))
    return Counts(tuple(map(str, names)), hits, trials, N_PAST)


def load_sites() -> Counts:
    """Searches on 42 Expedia sites in 2013-2014 by marketing channel, and how many were bookings.

    Raises
    ------
    DataError if the carrier is absent, with the command that brings it, or its file has changed.
    """
    columns = ["date_time", "site_name", "channel", "is_booking"]
    log = packaged("expedia").table(usecols=columns, parse_dates=["date_time"])
    site, names = pd.factorize(log["site_name"], sort=True)
    channel, channels = pd.factorize(log["channel"], sort=True)
    block, booked = blocks_of(log["date_time"].to_numpy()), log["is_booking"].to_numpy() == 1
    shape = (len(names), N_BLOCKS, len(channels))
    hits = _counted(shape, site[booked], block[booked], channel[booked])
    return Counts(tuple(map(str, names)), hits, _counted(shape, site, block, channel), N_PAST)


def blocks_of(when: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Block 0 to N_BLOCKS - 1 of each trial: trials in the order of time, as many in each block."""
    place = np.empty(len(when), dtype=np.int64)
    place[np.argsort(when, kind="stable")] = np.arange(len(when))
    return place * N_BLOCKS // len(when)


def load_fix_weeks() -> Counts:
    """Weeks with a fix by Debian source and quarter of a year; see `fix_weeks`."""
    return fix_weeks(load_fixes())


def fix_weeks(fixes: Fixes) -> Counts:
    """Weeks with a fix by source and quarter of a year, counted from the week after a source's first fix.

    The first fix makes a source known and is left out, so that no source is chosen by what is told of it.
    Weeks beyond the last full quarter are left out.
    """
    weekly = fixes.weekly()[:, : N_WEEKS // QUARTER_WEEKS * QUARTER_WEEKS] > 0
    known = np.asarray(np.cumsum(weekly, axis=1) - weekly > 0)
    blocks = (len(weekly), -1, QUARTER_WEEKS)
    hits, trials = (one.reshape(blocks).sum(axis=2).astype(float) for one in (weekly & known, known))
    return Counts(fixes.names, hits[..., None], trials[..., None], FIRST_QUARTERS)


def load_firm_values() -> dict[str, Values]:
    """Values of 803 firms by year: capital to sales, growth of sales, patents a thousand employees, in logs.

    The last is log(1 + x), as most firms have years without a patent, up to `LAST_PATENTS`: of what was
    applied for later much was not granted yet when the table was made, and its mean falls towards 0.

    Raises
    ------
    DataError if the carrier is absent, with the command that brings it, or its file has changed.
    """
    firms = load_firms()
    sales = firms.grid(np.log(firms.sales))
    grown = np.full_like(sales, np.nan)
    grown[:, 1:] = np.diff(sales, axis=1)
    patents = np.where(firms.year <= LAST_PATENTS, np.log1p(firms.patents / firms.employees), np.nan)
    found = {
        "capital_to_sales": firms.grid(np.log(firms.capital / firms.sales)), "sales_growth": grown,
        "patents": firms.grid(patents)[:, : LAST_PATENTS - firms.years[0] + 1],
    }  # fmt: skip
    return {kind: Values(values, firms.sector_of) for kind, values in found.items()}


def _counted(shape: tuple[int, int, int], *axes: NDArray[np.int64]) -> NDArray[np.float64]:
    """How often each cell of a table occurs in codes by axis."""
    flat = np.ravel_multi_index(axes, shape)
    return np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape).astype(np.float64)
