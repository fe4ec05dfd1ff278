"""The whole report of a simulated campaign under one budget, beside the same report without noise."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from dti_core.lab.findings import Findings
from dti_core.lab.record import Estimate
from dti_core.studies.private_lift.methods.noise import METHODS
from dti_core.studies.private_lift.model.report import Log, publish, report
from dti_core.studies.private_lift.worlds.settings import Market
from dti_core.studies.private_lift.worlds.users import REGIONS, RETAILERS, SIZES, Users, simulate_users

#: Ways to publish that stand side by side.
SHOWN = ("none", "central", "two_noises")
#: Of them, those that are told by part too; and what is told there in money.
BY_SEGMENT = ("none", "central")
MONEY = ("cost per incremental conversion", "incremental return on spend")
#: Dimensions of each release. Crossed cells add up noise, so that retailers have a release of their own:
#: its epsilon adds to that of the first, and the whole keeps the noise of regions and sizes alone.
RELEASES = (("region", "size"), ("retailer",))


def study_report(market: Market, n_users: int, epsilon: float, seeds: np.random.SeedSequence) -> Findings:
    """Reach, frequency, conversions, lift, cost and return, by channel, region, business size and retailer.

    Parameters
    ----------
    epsilon : of all histograms of a release together, a user, add or remove one. Parts are told without
        privacy and for the first private way only; what is told of all users, and what a conversion cost and
        spend returned by part, becomes an Estimate where its interval is bounded.
    """
    people, noise = seeds.spawn(2)
    users = simulate_users(market, n_users, np.random.default_rng(people))
    first, *others = (campaign_log(market, users, dimensions) for dimensions in RELEASES)
    found, tables = Findings(), []
    for name, own in zip(SHOWN, noise.spawn(len(SHOWN)), strict=True):
        rng, by_part = np.random.default_rng(own), name in BY_SEGMENT
        for log in (first, *others) if by_part else (first,):
            published = publish(log, METHODS[name].run, epsilon, rng)
            promise = published.guarantee.text if published.guarantee else "no privacy"
            table = report(published, log).assign(method=name, guarantee=promise)
            whole = table["dimension"] == "all"
            table = table[(whole & (log is first)) | (~whole & by_part)]
            tables.append(table)
            money = table["quantity"].isin(MONEY) & (table["channel"] == "all")
            for row in table[(table["dimension"] == "all") | money].itertuples():
                if np.isfinite([row.value, row.low, row.high]).all():
                    found.estimates.append(_named(row, name, promise, n_users))
    found.series["report"] = pd.concat(tables, ignore_index=True)
    return found


def campaign_log(market: Market, users: Users, dimensions: Sequence[str]) -> Log:
    """What the devices of simulated users know, with the bills of each part of these dimensions, crossed."""
    known = {"region": (users.region, REGIONS), "size": (users.size, SIZES),
             "retailer": (users.retailer, RETAILERS)}  # fmt: skip
    segments = {name: known[name] for name in dimensions}
    shape = [len(labels) for _, labels in segments.values()]
    bills = np.zeros((math.prod(shape), len(market.channels)))
    price = np.array([channel.cost_usd for _, channel in market.channels])
    cell = np.ravel_multi_index(tuple(codes for codes, _ in segments.values()), shape)
    np.add.at(bills, cell, users.impressions * price)
    return Log(
        users.channels, users.assigned, users.converted, market.holdout, users.exposed, users.impressions,
        users.spend_usd, bills, segments,
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
