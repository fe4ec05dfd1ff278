"""The whole report of a simulated campaign under one budget, beside the same report without noise."""

from typing import Any

import numpy as np
import pandas as pd

from dti_core.lab.record import Estimate
from dti_core.studies.private_lift.measures.findings import Findings
from dti_core.studies.private_lift.methods.noise import METHODS
from dti_core.studies.private_lift.model.report import Log, publish, report
from dti_core.studies.private_lift.worlds.settings import Market
from dti_core.studies.private_lift.worlds.users import REGIONS, SIZES, simulate_users

#: Ways to publish that stand side by side.
SHOWN = ("none", "central", "two_noises")


def study_report(market: Market, n_users: int, epsilon: float, seeds: np.random.SeedSequence) -> Findings:
    """Reach, frequency, conversions, lift, cost and return, by channel, region and size of business.

    Parameters
    ----------
    epsilon : of all histograms together, a user, add or remove one. Regions and sizes are told for the first
        private way only, and what is told of all users becomes an Estimate where its interval is bounded.
    """
    people, noise = seeds.spawn(2)
    log = campaign_log(market, n_users, np.random.default_rng(people))
    found, tables = Findings(), []
    for name, own in zip(SHOWN, noise.spawn(len(SHOWN)), strict=True):
        published = publish(log, METHODS[name].run, epsilon, np.random.default_rng(own))
        promise = published.guarantee.text if published.guarantee else "no privacy"
        table = report(published, log).assign(method=name, guarantee=promise)
        tables.append(table if name == "central" else table[table["dimension"] == "all"])
        for row in table[table["dimension"] == "all"].itertuples():
            if np.isfinite([row.value, row.low, row.high]).all():
                found.estimates.append(_named(row, name, promise, n_users))
    found.series["report"] = pd.concat(tables, ignore_index=True)
    return found


def campaign_log(market: Market, n_users: int, rng: np.random.Generator) -> Log:
    """What the devices of simulated users know."""
    users = simulate_users(market, n_users, rng)
    cost = users.impressions.sum(axis=0) * np.array([channel.cost_usd for _, channel in market.channels])
    return Log(
        users.channels, users.assigned, users.converted, market.holdout, users.exposed, users.impressions,
        users.spend_usd, cost, {"region": (users.region, REGIONS), "size": (users.size, SIZES)},
    )  # fmt: skip


def _named(row: Any, method: str, promise: str, n_users: int) -> Estimate:
    word = "_".join(f"report {method} {row.channel} {row.quantity}".lower().replace("+", " plus").split())
    return Estimate(
        word, row.value, row.low, row.high, row.unit, n_users, how="score or Donner-Zou, noise included",
        at={"method": method, "channel": row.channel, "quantity": row.quantity, "guarantee": promise},
    )  # fmt: skip
