"""What rules of pay do: how much goes wrong, and what noise, floors, false names and holdbacks change."""

from functools import partial
from itertools import product

import numpy as np
import pandas as pd

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import mean_over_seeds
from dti_core.studies.private_lift.measures.telling import At, keep, laplace_variance, released
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
SECOND_SMALLEST, NOTHING, POOL = -2, 1e-9, "share of the pool"
#: Share of the pool that each of the two smallest creators gets at least.
FLOOR, SMALL = 0.05, np.array([False, False, False, True, True])


def study_payouts(seeds: np.random.SeedSequence, n_users: int, n_campaigns: int) -> Findings:
    """Pay in campaigns of channels and of creators, by rule and epsilon, against what is due."""
    found, rows = Findings(), []
    for (name, market), seed in zip(MARKETS.items(), seeds.spawn(len(MARKETS)), strict=True):
        rng, true = np.random.default_rng(seed), truth(market)
        counts = draw_counts(market, n_users, n_campaigns, rng)
        for (rule, method), epsilon in product(RULES.items(), EPSILONS):
            plain, credit = (method.run(counts, market, partial(released, epsilon=one, rng=rng))
                             for one in (np.inf, epsilon))  # fmt: skip
            pay = paid_shares(credit)
            at: At = {"market": name, "rule": rule, "n_users": n_users, "epsilon": epsilon}
            wrong = mean_over_seeds(misallocated(pay, true.shares))
            order = mean_over_seeds(_pairs_kept(credit, plain))
            unpaid = float((pay[:, SECOND_SMALLEST] <= 0).mean())
            rows.append({**at, "title": method.title, "wrong": wrong.value, "low": wrong.low,
                         "high": wrong.high, "order": order.value, "unpaid": unpaid})  # fmt: skip
            if np.isinf(epsilon):
                keep(found, f"payout_wrong_{name}_{rule}_plain", wrong, POOL, at)
            elif epsilon == 1 and not np.array_equal(credit, plain):
                keep(found, f"payout_wrong_{name}_{rule}_private", wrong, POOL, at)
                keep(found, f"payout_order_{name}_{rule}_private", order, "share of pairs", at)
        _holdback(found, name, counts.sum(axis=2), true.shapley, rng)
        _false_names(found, name, true.value, market.names)
        if market is CREATORS:
            pay = RULES["shapley"].run(counts, market, partial(released, epsilon=1.0, rng=rng))
            _floor(found, paid_shares(pay), true.shares)
    found.series["payouts"] = pd.DataFrame(rows)
    return found


def _pairs_kept(credit: Array, plain: Array) -> Array:
    """Share of pairs of players whose order noise did not turn, (n_campaigns,)."""
    first, second = np.triu_indices(credit.shape[-1], 1)
    kept = np.sign(credit[:, first] - credit[:, second]) == np.sign(plain[:, first] - plain[:, second])
    return np.asarray(kept.mean(axis=1))


def _floor(found: Findings, before: Array, due: Array) -> None:
    """What a floor gives the two smallest creators, and what it takes from whom."""
    after = floored(before, SMALL, FLOOR)
    told = {"floor_moves": (after - before)[:, SMALL].sum(axis=1),
            "floor_largest_pays": (before - after)[:, 0],
            "floor_needed": (before[:, SMALL] < FLOOR).mean(axis=1),
            "floor_adds_wrong": misallocated(after, due) - misallocated(before, due)}  # fmt: skip
    for name, values in told.items():
        keep(
            found, name, mean_over_seeds(values), POOL, {"market": "creators", "floor": FLOOR, "epsilon": 1.0}
        )


def _holdback(found: Findings, market: str, counts: Array, due: Array, rng: np.random.Generator) -> None:
    """Overpayment, and pay so far, if estimates are paid or only their lower bounds."""
    values, covariance = factorial_shapley(released(counts, 1.0, rng), laplace_variance(1.0))
    errors = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    at: At = {"market": market, "epsilon": 1.0}
    for name, pay in {"estimates": np.maximum(values, 0), "bounds": held_back(values, errors)}.items():
        for label, part in {"overpaid": np.maximum(pay - due, 0), "paid": pay}.items():
            one = mean_over_seeds(part.sum(axis=1) / due.sum())
            keep(found, f"{label}_{name}_{market}", one, "share of what is due", at)


def _false_names(found: Findings, market: str, value: Array, names: tuple[str, ...]) -> None:
    """Most that a player gains by registering twice, as a share of its pay; exact in the true game."""
    pays = {"shapley": shapley, "leave_one_out": leave_one_out, "equal": lambda game: np.ones(_players(game))}
    for rule, pay in pays.items():
        honest, gains = paid_shares(pay(value)), []
        for player in range(len(names)):
            doubled = paid_shares(pay(split_in_two(value, player)))
            paid = honest[player] > NOTHING
            gains.append(float((doubled[player] + doubled[-1]) / honest[player] - 1) if paid else -np.inf)
        most = int(np.argmax(gains))
        keep(found, f"false_name_gain_{market}_{rule}", gains[most], "share of the own pay",
             {"market": market, "rule": rule, "player": names[most]})  # fmt: skip


def _players(game: Array) -> int:
    return game.shape[-1].bit_length() - 1
