"""What rules of pay do: how much goes wrong, and what noise, floors, false names and holdbacks change."""

from functools import partial

import numpy as np
import pandas as pd

from dti_core.lab.intervals import Interval, mean_over_seeds, share
from dti_core.lab.record import Estimate
from dti_core.studies.private_lift.measures.findings import Findings
from dti_core.studies.private_lift.measures.release import GUARANTEE, laplace_variance, released
from dti_core.studies.private_lift.methods.payouts import RULES
from dti_core.studies.private_lift.model.cells import Array
from dti_core.studies.private_lift.model.lift import factorial_shapley
from dti_core.studies.private_lift.model.payouts import (
    floored,
    held_back,
    leave_one_out,
    misallocated,
    paid_shares,
    shapley,
    split_in_two,
)
from dti_core.studies.private_lift.worlds import CAMPAIGN
from dti_core.studies.private_lift.worlds.market import draw_counts, truth
from dti_core.studies.private_lift.worlds.settings import Channel, Market

#: Five creators of falling audience who bring visits; a fan of several would come for one of them anyway.
CREATORS = Market(
    tuple((f"creator {rank}", Channel(reach, 0.8, 0.2, place=0.3 + 0.1 * rank, impressions=7 - rank))
          for rank, reach in enumerate((0.5, 0.35, 0.2, 0.05, 0.02), start=1)),
    base_rate=0.05, activity=1.0,
)  # fmt: skip
MARKETS = {"channels": CAMPAIGN, "creators": CREATORS}
EPSILONS = (np.inf, 4.0, 2.0, 1.0, 0.5)
TOLD = {np.inf: "plain", 1.0: "private"}
SECOND_SMALLEST = -2
#: Share of the pool that each of the two smallest creators gets at least.
FLOOR, SMALL = 0.05, np.array([False, False, False, True, True])


def study_payouts(seeds: np.random.SeedSequence, n_users: int, n_campaigns: int) -> Findings:
    """Pay in campaigns of channels and of creators, by rule and epsilon, against what is due."""
    found, rows = Findings(), []
    for (name, market), seed in zip(MARKETS.items(), seeds.spawn(len(MARKETS)), strict=True):
        rng, true = np.random.default_rng(seed), truth(market)
        counts = draw_counts(market, n_users, n_campaigns, rng)
        for rule, method in RULES.items():
            plain = method.run(counts, market, partial(released, epsilon=np.inf, rng=rng))
            for epsilon in EPSILONS:
                credit = method.run(counts, market, partial(released, epsilon=epsilon, rng=rng))
                told = _paid(credit, plain, true.shares)
                at = {"market": name, "rule": rule, "n_users": n_users, "epsilon": epsilon}
                rows.append(at | {"title": method.title} | {key: one.value for key, one in told.items()}
                            | {"low": told["wrong"].low, "high": told["wrong"].high})  # fmt: skip
                if np.isinf(epsilon) or (epsilon in TOLD and not np.array_equal(credit, plain)):
                    _keep(found, told, name, rule, n_users, epsilon)
        if market is CREATORS:
            pay = RULES["shapley"].run(counts, market, partial(released, epsilon=1.0, rng=rng))
            _floor(found, pay, true.shares)
        _holdback(found, name, counts.sum(axis=2), true.shapley, rng)
        _false_names(found, name, true.value, market.names)
    found.series["payouts"] = pd.DataFrame(rows)
    return found


def _paid(credit: Array, plain: Array, due: Array) -> dict[str, Interval]:
    """Part of the pool that goes wrong, pairs in the order without noise, how often a player is unpaid."""
    pay = paid_shares(credit)
    unpaid = share(int((pay[:, SECOND_SMALLEST] <= 0).sum()), len(pay))
    order = mean_over_seeds(_pairs_kept(credit, plain))
    return {"wrong": mean_over_seeds(misallocated(pay, due)), "order": order, "unpaid": unpaid}


def _keep(
    found: Findings, told: dict[str, Interval], market: str, rule: str, n_users: int, epsilon: float
) -> None:
    label = f"{market}_{rule}_{TOLD[epsilon]}"
    at: dict[str, str | float] = {"market": market, "rule": rule, "n_users": n_users}
    at |= {} if np.isinf(epsilon) else {"epsilon": epsilon, "guarantee": GUARANTEE}
    units = {"wrong": "share of the pool", "order": "share of pairs"}
    kept = [told[key].estimate(f"payout_{key}_{label}", unit, **at) for key, unit in units.items()]
    found.estimates += kept[: 1 if np.isinf(epsilon) else 2]


def _pairs_kept(credit: Array, plain: Array) -> Array:
    """Share of pairs of players whose order noise did not turn, (n_campaigns,)."""
    first, second = np.triu_indices(credit.shape[-1], 1)
    kept = np.sign(credit[:, first] - credit[:, second]) == np.sign(plain[:, first] - plain[:, second])
    return np.asarray(kept.mean(axis=1))


def _floor(found: Findings, credit: Array, due: Array) -> None:
    """What a floor gives the two smallest creators, and what it takes from whom."""
    before = paid_shares(credit)
    after = floored(before, SMALL, FLOOR)
    at = {"market": "creators", "floor": FLOOR, "epsilon": 1.0, "guarantee": GUARANTEE}
    told = {
        "floor_moves": (after - before)[:, SMALL].sum(axis=1),
        "floor_needed": (before[:, SMALL] < FLOOR).mean(axis=1),
        "floor_largest_pays": (before - after)[:, 0],
        "floor_adds_wrong": misallocated(after, due) - misallocated(before, due),
    }
    for name, values in told.items():
        found.estimates.append(mean_over_seeds(values).estimate(name, "share of the pool", **at))


def _holdback(found: Findings, market: str, counts: Array, due: Array, rng: np.random.Generator) -> None:
    """Overpayment, and pay so far, if estimates are paid or only their lower bounds."""
    values, covariance = factorial_shapley(released(counts, 1.0, rng), laplace_variance(1.0))
    errors = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    paid = {"estimates": np.maximum(values, 0), "lower_bounds": held_back(values, errors)}
    for name, pay in paid.items():
        at = {"market": market, "pays": name, "epsilon": 1.0, "guarantee": GUARANTEE}
        over = mean_over_seeds(np.maximum(pay - due, 0).sum(axis=1) / due.sum())
        so_far = mean_over_seeds(pay.sum(axis=1) / due.sum())
        found.estimates += [
            over.estimate(f"overpaid_{name}_{market}", "share of what is due", **at),
            so_far.estimate(f"paid_{name}_{market}", "share of what is due", **at),
        ]


def _false_names(found: Findings, market: str, value: Array, names: tuple[str, ...]) -> None:
    """Most that a player gains by registering twice, as a share of its pay; exact in the true game."""
    pays = {"shapley": shapley, "leave_one_out": leave_one_out, "equal": lambda game: np.ones(_players(game))}
    for rule, pay in pays.items():
        gains = []
        for player in range(len(names)):
            honest, doubled = paid_shares(pay(value)), paid_shares(pay(split_in_two(value, player)))
            gains.append(
                (doubled[player] + doubled[-1]) / honest[player] - 1 if honest[player] > 1e-9 else 0.0
            )
        most = int(np.argmax(gains))
        found.estimates.append(Estimate(
            f"false_name_gain_{market}_{rule}", gains[most], gains[most], gains[most], "share of the own pay",
            len(names), how="exact, no interval", at={"market": market, "rule": rule, "player": names[most]},
        ))  # fmt: skip


def _players(game: Array) -> int:
    return game.shape[-1].bit_length() - 1
