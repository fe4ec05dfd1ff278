"""The whole report of a simulated campaign under one budget, beside the same report without noise."""

from typing import Any

import numpy as np
import pandas as pd

from dti_core.lab.findings import Findings
from dti_core.lab.record import Estimate
from dti_core.studies.private_lift.methods.noise import METHODS
from dti_core.studies.private_lift.model.report import Log, publish, report
from dti_core.studies.private_lift.worlds.settings import Market
from dti_core.studies.private_lift.worlds.users import REGIONS, SIZES, simulate_users

#: Ways to publish that stand side by side.
SHOWN = ("none", "central", "two_noises")
#: Of them, those that are told by region and size too; and what is told there in money.
BY_SEGMENT = ("none", "central")
MONEY = ("cost per incremental conversion", "incremental return on spend")


def study_report(market: Market, n_users: int, epsilon: float, seeds: np.random.SeedSequence) -> Findings:
    """Reach, frequency, conversions, lift, cost and return, by channel, region and size of business.

    Parameters
    ----------
    epsilon : of all histograms together, a user, add or remove one. Regions and sizes are told without
        privacy and for the first private way only; what is told of all users, and what a conversion cost and
        spend returned by region and size, becomes an Estimate where its interval is bounded.
    """
    people, noise = seeds.spawn(2)
    log = campaign_log(market, n_users, np.random.default_rng(people))
    found, tables = Findings(), []
    for name, own in zip(SHOWN, noise.spawn(len(SHOWN)), strict=True):
        published = publish(log, METHODS[name].run, epsilon, np.random.default_rng(own))
        promise = published.guarantee.text if published.guarantee else "no privacy"
        table = report(published, log).assign(method=name, guarantee=promise)
        whole = table["dimension"] == "all"
        tables.append(table if name in BY_SEGMENT else table[whole])
        money = table["quantity"].isin(MONEY) & (table["channel"] == "all") & (name in BY_SEGMENT)
        for row in table[whole | money].itertuples():
            if np.isfinite([row.value, row.low, row.high]).all():
                found.estimates.append(_named(row, name, promise, n_users))
    found.series["report"] = pd.concat(tables, ignore_index=True)
    return found


def campaign_log(market: Market, n_users: int, rng: np.random.Generator) -> Log:
    """What the devices of simulated users know."""
    users = simulate_users(market, n_users, rng)
    bills = np.zeros((len(REGIONS) * len(SIZES), len(market.channels)))
    price = np.array([channel.cost_usd for _, channel in market.channels])
    np.add.at(bills, users.region * len(SIZES) + users.size, users.impressions * price)
    return Log(
        users.channels, users.assigned, users.converted, market.holdout, users.exposed, users.impressions,
        users.spend_usd, bills, {"region": (users.region, REGIONS), "size": (users.size, SIZES)},
    )  # fmt: skip


def _named(row: Any, method: str, promise: str, n_users: int) -> Estimate:
    part = "" if row.dimension == "all" else f"{row.dimension} {row.segment} "
    words = f"report {method} {part}{row.channel} {row.quantity}".lower().replace("+", " plus").split()
    return Estimate(
        "_".join(words), row.value, row.low, row.high, row.unit, n_users,
        how="score or Donner-Zou, noise included",
        at={"method": method, "channel": row.channel, "quantity": row.quantity, "segment": row.segment,
            "guarantee": promise},
    )  # fmt: skip
