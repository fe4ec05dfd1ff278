"""What cost in the objective is worth: loss avoided with the same dollars, with, without, with dealt costs.

All planners are the same family of rules, tuned alike; they differ in what they are told that bundles cost. A
planner without costs is told that all cost the mean. The budget is the true one for all, in true dollars.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product

import numpy as np
import pandas as pd

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import mean_over_seeds, share
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import OBSERVED
from dti_core.studies.patch_planning.measures.ratios import spread_over
from dti_core.studies.patch_planning.methods.rules import Order, Price, Rule, bids
from dti_core.studies.patch_planning.model.estates import Array, Estates, Flags, Ints, join
from dti_core.studies.patch_planning.model.plans import account
from dti_core.studies.patch_planning.model.weeks import Quarter, admit
from dti_core.studies.patch_planning.model.worth import loss_without_usd, weeks_ahead
from dti_core.studies.patch_planning.worlds.finance import (
    COST_WORLDS,
    PURSES,
    TOLD,
    Purse,
    draw_purse,
    fill_estates,
)

#: Gain in loss avoided from which cost in the objective matters: what a dollar in fifty more would buy.
MATTERS = 0.02
RIVALS = ("without", "dealt")
#: The same grid for every planner.
ORDERS: tuple[Order, ...] = ("net", "net_per_hour", "net_per_dollar")
PRICES = (0.0, 2.0, 6.0, 20.0, 60.0, 200.0, 600.0, 2000.0, 6000.0)
GRID = tuple(Rule(order, Price(price, decay=1.0)) for order, price in product(ORDERS, PRICES))
#: Those of a planner who asks for no money, and a budget that is none.
OFF, NO_LIMIT_USD = tuple(Rule(order, only_worthwhile=False) for order in ORDERS), 1e15
#: Sets of assumptions that are run together; sets of each world with fixed assumptions; services in controls.
CHUNK, N_FIXED, FEW_SERVICES = 25, 10, 5
GAIN = "share of the rival's loss avoided"

_range = partial(spread_over, of="sets of assumptions, estates included")


@dataclass(frozen=True, slots=True)
class Task:
    """Sets of assumptions to be run together, with train and test estates each.

    kind : OBSERVED, a world of PURSES or of COST_WORLDS.
    """

    seed: np.random.SeedSequence
    kind: str
    n_sets: int
    n_train: int
    n_test: int
    n_services: int


def study_finance(
    seeds: np.random.SeedSequence, n_sets: int, n_train: int, n_test: int, n_draws: int, n_control_sets: int,
    n_services: int = 11,
) -> Findings:  # fmt: skip
    """Gains of cost in the objective over sets of assumptions, what the budget costs, and both controls.

    Parameters
    ----------
    n_sets : draws of assumptions. n_train, n_test : estates of each, to tune and to judge. n_draws : of each
    control world, each a range over n_control_sets.
    """
    wanted = {OBSERVED: n_sets, **dict.fromkeys(PURSES, min(N_FIXED, n_sets)),
              **dict.fromkeys(COST_WORLDS, n_draws * n_control_sets)}  # fmt: skip
    few, tasks = max(4, n_test // 5), {}
    for (kind, total), root in zip(wanted.items(), seeds.spawn(len(wanted)), strict=True):
        train, test, services = (
            (few, few, FEW_SERVICES) if kind in COST_WORLDS else (n_train, n_test, n_services)
        )
        for k, seed in enumerate(root.spawn(-(-total // CHUNK))):
            tasks[kind, k] = Task(seed, kind, min(CHUNK, total - CHUNK * k), train, test, services)
    parts = run_keyed(contest, tasks, "finance")
    rows = {
        kind: pd.concat([pd.DataFrame(part) for key, part in parts.items() if key[0] == kind])
        for kind in wanted
    }
    found = Findings(series={"finance_sets": rows[OBSERVED].reset_index(drop=True)})
    _tell_sets(found, rows[OBSERVED])
    for kind in PURSES:
        _tell_fixed(found, kind, rows[kind])
    for kind in COST_WORLDS:
        _tell_control(found, kind, rows[kind], n_draws)
    return found


def contest(task: Task) -> dict[str, Array]:
    """By measure, (n_sets,): gains at the rival's spending, what was spent, and what the budget costs.

    The last is not asked in control worlds, whose bars are of gains.
    """
    rng = np.random.default_rng(task.seed)
    purses = [_purse(task.kind, rng) for _ in range(task.n_sets)]
    size = task.n_train + task.n_test
    drawn = [fill_estates(purse, size, task.n_services, rng) for purse in purses]
    true = join([one for one, _ in drawn])
    told = {who: join([beliefs[who] for _, beliefs in drawn]) for who in TOLD}
    train = np.tile(np.arange(size) < task.n_train, task.n_sets)
    found = {"cost_spread": np.array([one.costs.spread for one in purses]),
             "budget": np.array([one.setting.budget for one in purses])}  # fmt: skip
    plans = {}
    for who in TOLD:
        plans[who], chosen = _plan(true, told[who], train, task.n_sets)
        found[f"spent_{who}"] = _spending(true, plans[who], train, task.n_sets)
        found[f"at_edge_{who}"] = (chosen % len(PRICES) == len(PRICES) - 1).astype(float)
    for rival in RIVALS:
        found |= _gains(rival, true, told["with"], plans["with"], plans[rival], train, task.n_sets)
    if task.kind not in COST_WORLDS:
        found |= _without_limit(true, told, plans["with"], train, task.n_sets)
    return found


def follow_told(estates: Estates, told: Estates, rule: Rule) -> Ints:
    """(N, B) plan of a rule that goes by what it is told, under the limits as they are."""
    quarter = Quarter.begin(estates)
    for _ in range(estates.n_weeks):
        admit(estates, quarter, bids(told, quarter, rule))
    return quarter.plan


def expected_usd(estates: Estates, plan: Ints) -> Array:
    """(N,) loss that a plan avoids in expectation, by what is known in the week of each patch.

    The mean of `account`'s loss avoided over when later exploits come out, with less noise.
    """
    done = plan < estates.n_weeks
    week = np.where(done, plan, 0)
    ahead = weeks_ahead(estates.exploits, estates.n_weeks)[week, (estates.exploited <= week).astype(int)]
    return np.where(done, estates.risk_usd * ahead, 0.0).sum(axis=1)


def _purse(kind: str, rng: np.random.Generator) -> Purse:
    if kind in PURSES:
        return PURSES[kind].settings
    return draw_purse(rng, COST_WORLDS[kind].settings if kind in COST_WORLDS else None)


def _by_set(values: Array, n_sets: int) -> Array:
    return values.reshape(n_sets, -1).sum(axis=1)


def _plan(
    estates: Estates, told: Estates, train: Flags, n_sets: int, grid: Sequence[Rule] = GRID
) -> tuple[Ints, Ints]:  # fmt: skip
    """(N, B) plans of all estates, and (n_sets,) the rule of each set.

    Of `grid`, the rule that avoids the most loss on a set's training estates, under their budgets.
    """
    tried, seen = estates.take(np.flatnonzero(train)), told.take(np.flatnonzero(train))
    avoided = [_by_set(expected_usd(tried, follow_told(tried, seen, rule)), n_sets) for rule in grid]
    chosen = np.argmax(avoided, axis=0)
    rules, plan = np.repeat(chosen, len(estates) // n_sets), np.empty(estates.service.shape, dtype=np.int64)
    for rule in np.unique(chosen):
        which = np.flatnonzero(rules == rule)
        plan[which] = follow_told(estates.take(which), told.take(which), grid[rule])
    return plan, chosen


def _spending(estates: Estates, plan: Ints, train: Flags, n_sets: int) -> Array:
    """(n_sets,) money spent on the test estates as a share of their budgets."""
    spent = account(estates, plan).spent_usd[~train]
    return _by_set(spent, n_sets) / _by_set(estates.budget_usd[~train], n_sets)


def _gains(
    rival: str, estates: Estates, told: Estates, own: Ints, theirs: Ints, train: Flags, n_sets: int
) -> dict[str, Array]:  # fmt: skip
    """What the planner with costs gains for no more dollars than the rival spent on the training estates.

    Where the rival left money there, all budgets of the set are cut alike, and the planner is tuned anew for
    these. Ratios of sums over the test estates of loss avoided and of net dollars, and what it spent less.
    """
    spent = [_by_set(account(estates, plan).spent_usd[train], n_sets) for plan in (theirs, own)]
    cut = np.minimum(1.0, spent[0] / spent[1])
    cuts, ours = np.repeat(cut, len(estates) // n_sets), own.copy()
    less = np.flatnonzero(cuts < 1)
    if less.size:
        same, seen = (replace(one, budget_usd=one.budget_usd * cuts).take(less) for one in (estates, told))
        ours[less] = _plan(same, seen, train[less], int((cut < 1).sum()))[0]
    avoided, net, more = (
        _by_set(mine[~train], n_sets) / _by_set(other[~train], n_sets) - 1
        for mine, other in zip(_earned(estates, ours), _earned(estates, theirs), strict=True)
    )
    return {f"gain_{rival}": avoided, f"net_gain_{rival}": net, f"unspent_{rival}": -more}


def _earned(estates: Estates, plan: Ints) -> tuple[Array, Array, Array]:
    """(N,) each: loss expected to be avoided, that less money and downtime, money."""
    avoided, ledger = expected_usd(estates, plan), account(estates, plan)
    return avoided, avoided - ledger.spent_usd - ledger.outage_usd, ledger.spent_usd


def _without_limit(
    estates: Estates, told: Mapping[str, Estates], kept: Ints, train: Flags, n_sets: int
) -> dict[str, Array]:  # fmt: skip
    """What the limit costs who knows costs, and what is spent and left without it by who does not ask.

    Without a limit plan one who is told costs, `free`, tuned alike, and one who asks for no money, `off`.
    """
    free, seen, blind = (
        replace(one, budget_usd=np.full(len(one), NO_LIMIT_USD))
        for one in (estates, told["with"], told["without"])
    )
    ledgers = {
        "kept": account(estates, kept), "free": account(free, _plan(free, seen, train, n_sets)[0]),
        "off": account(free, _plan(free, blind, train, n_sets, OFF)[0]),
    }  # fmt: skip
    test, budget = ~train, estates.budget_usd
    loss = loss_without_usd(estates).sum(axis=1)[test]
    residual = {who: _by_set(loss - one.avoided_usd[test], n_sets) for who, one in ledgers.items()}
    spent = {who: _by_set(one.spent_usd[test], n_sets) for who, one in ledgers.items()}
    over = (ledgers["off"].spent_usd > budget)[test].astype(float)
    return {
        "over_budget": over.reshape(n_sets, -1).mean(axis=1),
        "off_spent": spent["off"] / _by_set(budget[test], n_sets),
        "free_spent": spent["free"] / _by_set(budget[test], n_sets),
        "extra_residual": residual["kept"] / residual["free"] - 1,
        "off_extra_residual": residual["off"] / residual["free"] - 1,
    }


UNITS: Mapping[str, str] = {
    "spent_with": "share of the budget", "spent_without": "share of the budget",
    "spent_dealt": "share of the budget", "net_gain_without": "share of the rival's net dollars",
    "net_gain_dealt": "share of the rival's net dollars", "unspent_without": "share of the rival's spending",
    "unspent_dealt": "share of the rival's spending", "over_budget": "share of quarters",
    "off_spent": "multiple of the budget", "free_spent": "multiple of the budget",
    "extra_residual": "share of the residual risk without a limit",
    "off_extra_residual": "share of the residual risk without a limit",
}  # fmt: skip


def _tell_sets(found: Findings, rows: pd.DataFrame) -> None:
    """Medians and ranges over the sets of assumptions, and the share in which the sign holds."""
    for rival in RIVALS:
        at = {"plan": "with", "against": rival}
        found.estimates.append(
            _range(f"finance_with_minus_{rival}", rows[f"gain_{rival}"].to_numpy(), GAIN, at)
        )
    for name, unit in UNITS.items():
        found.estimates.append(_range(f"finance_{name}", rows[name].to_numpy(), unit, {"measure": name}))
    signs = (rows[[f"gain_{rival}" for rival in RIVALS]] > 0).all(axis=1)
    cheap = rows["extra_residual"] <= 0.05
    for name, holds in (("finance_cost_helps", signs), ("finance_budget_cheap", cheap)):
        found.estimates.append(
            share(int(holds.sum()), len(rows)).estimate(name, "share of the assumption set")
        )
    edges = int(sum(rows[f"at_edge_{who}"].sum() for who in TOLD))
    found.estimates.append(
        share(edges, len(TOLD) * len(rows)).estimate("finance_tuned_at_edge", "share of tuned rules")
    )


def _tell_fixed(found: Findings, kind: str, rows: pd.DataFrame) -> None:
    """Means over replications of a world whose assumptions are fixed."""
    named = {**{f"gain_{rival}": GAIN for rival in RIVALS}, **UNITS}
    for name, unit in named.items():
        one = mean_over_seeds(rows[name].to_numpy())
        found.estimates.append(one.estimate(f"finance_{name}_{kind}", unit, purse=kind, measure=name))


def _tell_control(found: Findings, kind: str, rows: pd.DataFrame, n_draws: int) -> None:
    for rival in RIVALS:
        gains = rows[f"gain_{rival}"].to_numpy().reshape(n_draws, -1)
        at = {"plan": "with", "against": rival}
        one = _range(f"finance_with_minus_{rival}", gains.ravel(), GAIN, at, kind)
        ends = np.quantile(gains, (0.025, 0.975), axis=1).T
        found.estimates.append(replace(one, draws=tuple((low, high) for low, high in ends.tolist())))
