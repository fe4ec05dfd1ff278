"""What a loss costs to lower, in three fields and outside: frozen series of other studies, and real tables.

The tables have nothing to do with the three fields' use of AI: an error falls with the rows learned from.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from dti_core.lab.data import packaged
from dti_core.lab.frozen import frozen_series, record_digest
from dti_core.studies.spillover.model.frontiers import Array, Curve, Ints

LIFTS, RISKS, STOCKS = "private_lift", "patch_planning", "lstm_portfolio"
CREDIT, CHECKS, DIAMONDS = "credit_data", "check_times", "diamonds"
#: Guarantee and world of the simulated trials whose smallest lift is taken.
GUARANTEE, TRIALS = "central", "campaign"


@dataclass(frozen=True, slots=True)
class Clustered:
    """Points of a frontier, and the unit that each belongs to (n,): points of one are drawn together."""

    curve: Curve
    unit: Ints


@dataclass(frozen=True, slots=True)
class Portfolios:
    """Weights told at the start of each month, and growth of the assets in it, (n_months, n_assets).

    year : (n_months,) calendar year of each.
    """

    weights: Array
    growth: Array
    year: Ints


@dataclass(frozen=True, slots=True)
class Rows:
    """What is told and from what: features (n, n_features), standardised, and target (n,), 0/1 of classes."""

    features: Array
    target: Array


def record_digests() -> tuple[str, ...]:
    """sha256 of each frozen record that the frontiers are read from, "none" for one that is not there."""
    return tuple(record_digest(slug) for slug in (LIFTS, RISKS, STOCKS))


def load_lift_errors() -> Clustered:
    """Smallest lift that a published trial could find, by epsilon; a curve a quantity, a unit a trial."""
    table = frozen_series(LIFTS, "trials")
    curve = table["trial"] + "/" + table["quantity"]
    table = table[curve.groupby(curve).transform("size") >= 3]
    groups = (table["trial"] + "/" + table["quantity"]).astype("category").cat.codes
    units = table["trial"].astype("category").cat.codes.to_numpy(np.int64)
    cost, loss = table["epsilon"].to_numpy(float), table["smallest_found"].to_numpy(float)
    return Clustered(Curve(cost, loss, groups.to_numpy(np.int64)), units)


def load_simulated_lift_errors() -> Clustered:
    """Smallest lift of simulated trials, by epsilon; a curve, and a unit, a number of users."""
    table = frozen_series(LIFTS, "sizes")
    table = table[(table["method"] == GUARANTEE) & (table["world"] == TRIALS)]
    groups = table["n_users"].astype("category").cat.codes.to_numpy(np.int64)
    cost, loss = table["epsilon"].to_numpy(float), table["smallest_lift"].to_numpy(float)
    return Clustered(Curve(cost, loss, groups), groups)


def load_residual_risks() -> Clustered:
    """Risk that patching leaves, by its money as a share of what all patches cost.

    A multiple of the risk that is left where money has no limit; a unit is a set of assumptions.
    """
    table = frozen_series(RISKS, "finance_sets")
    cost, loss = table["budget"].to_numpy(float), 1 + table["extra_residual"].to_numpy(float)
    return Clustered(Curve(cost, loss, np.zeros(len(table), dtype=np.int64)), np.arange(len(table)))


def load_portfolios() -> Portfolios:
    """Minimum-variance weights that the chapter shows, and what its 20 stocks did in each month."""
    weights = frozen_series(STOCKS, "weights_min_variance")
    prices = packaged("sp500_20").table(index_col=0, parse_dates=True)[list(weights)]
    at = prices.loc[weights.index].to_numpy(float)
    years = pd.DatetimeIndex(weights.index[1:]).year.to_numpy(np.int64)
    return Portfolios(weights.to_numpy(float)[:-1], at[1:] / at[:-1], years)


def load_credit() -> Rows:
    """Whether 4,039 loans of a bank went bad, from what it knew before; complete rows alone."""
    table = _table(CREDIT).dropna()
    return Rows(_features(table.drop(columns="Status")), (table["Status"] == "bad").to_numpy(float))


def load_checks() -> Rows:
    """Logarithm of the seconds that a check of a CRAN package took, from counts of what is in it."""
    table = _table(CHECKS)
    counts = table.drop(columns=["package", "check_time", "status"])
    return Rows(
        _features(np.log1p(counts.clip(lower=0))), np.log(table["check_time"].clip(lower=1)).to_numpy()
    )


def load_diamonds() -> Rows:
    """Logarithm of the price of a diamond, from weight, measures and grades."""
    table = _table(DIAMONDS)
    return Rows(_features(table.drop(columns="price")), np.log(table["price"].to_numpy(float)))


def _table(name: str) -> pd.DataFrame:
    table: pd.DataFrame = pd.read_pickle(packaged(name).stream(), compression="xz")
    return table.drop(columns="rownames", errors="ignore")


def _features(table: pd.DataFrame) -> Array:
    """Numbers and dummies of categories, each with mean 0 and standard deviation 1; constants dropped."""
    numbers = pd.get_dummies(table, drop_first=True).to_numpy(float)
    spread = numbers.std(axis=0)
    kept = numbers[:, spread > 0]
    found: Array = (kept - kept.mean(axis=0)) / spread[spread > 0]
    return found
