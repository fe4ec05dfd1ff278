"""The best plan of one estate, as a mixed-integer program, and how much any plan can at most be worth."""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Literal

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from dti_core.studies.patch_planning.methods.program import build
from dti_core.studies.patch_planning.methods.rules import Price, Rule, bids
from dti_core.studies.patch_planning.model.estates import NEVER, Array, Estates, Ints
from dti_core.studies.patch_planning.model.weeks import Quarter, admit

#: How HiGHS ends with the time up.
_TIME_UP = 1
#: Where the plan comes from: proven within the gap, the best that was found in time, or a rule.
Status = Literal["optimal", "incumbent", "rule"]


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to look: relative `gap` at which a plan counts as the best, `seconds` and `nodes` a program.

    What a limit on nodes leaves is the same on every machine, what one on seconds leaves is not.
    """

    gap: float = 1e-3
    seconds: float = 60.0
    nodes: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan of one estate from a week on.

    weeks : (B,) week of each bundle, those of earlier weeks included; NEVER for what is left. value_usd : of
    what is still to do, money at its price. bound_usd : what no plan exceeds; infinite if nothing was proven.
    status : where the plan comes from. seconds : it took.
    """

    weeks: Ints
    value_usd: float
    bound_usd: float
    status: Status
    seconds: float

    @property
    def gap(self) -> float:
        """By how much of its value the plan may fall short."""
        return max(self.bound_usd - self.value_usd, 0.0) / max(abs(self.value_usd), 1e-9)


@dataclass(frozen=True, slots=True)
class Relaxation:
    """What the plan would be worth if bundles could be patched in part: a bound, and shadow prices.

    bound_usd : no plan exceeds it. hour_usd : (T,) what one hour more in a week would be worth. money_usd :
    what one dollar more would be worth, above itself.
    """

    bound_usd: float
    hour_usd: Array
    money_usd: float


def best_plan(
    estate: Estates, worth_usd: Array, quarter: Quarter, price: float = 0.0, effort: Effort | None = None
) -> Plan:
    """The plan of one estate that is worth most from the quarter's week on.

    Solves a mixed-integer program with HiGHS. Without any plan when the time is up, a rule makes one.

    Parameters
    ----------
    estate : Estates of one. worth_usd : (B, T) loss avoided by patching in each week. price : of a dollar,
    above itself.
    """
    effort, begun = effort or Effort(), perf_counter()
    program = build(estate, worth_usd, quarter, price)
    if program.n_columns == 0:
        return Plan(quarter.plan[0].copy(), 0.0, 0.0, "optimal", perf_counter() - begun)
    with _quiet():
        found = milp(
            -program.gain_usd,
            integrality=np.ones(program.n_columns),  # set-ups too: whole anyway, but HiGHS is faster so
            bounds=Bounds(0, 1),
            constraints=LinearConstraint(program.rows, ub=program.limits),
            options={"mip_rel_gap": effort.gap, "time_limit": effort.seconds}
            | ({"node_limit": effort.nodes} if effort.nodes else {}),
        )
    if found.x is None and found.status != _TIME_UP:
        raise RuntimeError(f"HiGHS gave no plan, though patching nothing is one: {found.message}")
    bound = np.inf if found.mip_dual_bound is None else -found.mip_dual_bound
    status: Status = "rule" if found.x is None else "optimal" if found.status == 0 else "incumbent"
    weeks = _by_rule(estate, quarter, price) if found.x is None else program.plan(found.x, quarter)
    value = _value_usd(estate, worth_usd, quarter, price, weeks)
    return Plan(weeks, value, float(bound), status, perf_counter() - begun)


def relax(estate: Estates, worth_usd: Array, quarter: Quarter, price: float = 0.0) -> Relaxation:
    """The linear relaxation of `best_plan`: for estates too large to be planned exactly, and for prices."""
    program = build(estate, worth_usd, quarter, price)
    if program.n_columns == 0:
        return Relaxation(0.0, np.zeros(estate.n_weeks), 0.0)
    found = linprog(-program.gain_usd, program.rows, program.limits, bounds=(0, 1), method="highs")
    if found.status != 0:
        raise RuntimeError(f"HiGHS did not solve the linear relaxation: {found.message}")
    prices = -np.asarray(found.ineqlin.marginals)
    return Relaxation(
        float(-found.fun), prices[program.hours_rows], float(prices[program.budget_row])
    )  # fmt: skip


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the lines that HiGHS prints whatever it is told: C's standard output goes nowhere."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
        ctypes.CDLL(None).fflush(None)
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def _by_rule(estate: Estates, quarter: Quarter, price: float) -> Ints:
    """(B,) what a rule does from the quarter's week on, at this price throughout."""
    ahead = replace(quarter)
    for _ in range(quarter.week, estate.n_weeks):
        admit(estate, ahead, bids(estate, ahead, Rule("net_per_hour_and_dollar", Price(price))))
    return ahead.plan[0]


def _value_usd(estate: Estates, worth_usd: Array, quarter: Quarter, price: float, weeks: Ints) -> float:
    """What a plan is worth from the quarter's week on, money at its price."""
    done = np.flatnonzero((weeks >= quarter.week) & (weeks < NEVER))
    service, week = estate.service[0, done], weeks[done]
    touched = np.unique(np.stack([service, week]), axis=1)
    money = estate.cost_usd[0, done].sum() + estate.setup_usd[0, touched[0]].sum()
    outage = estate.minutes[0, done] @ estate.outage_usd[0, service, week]
    outage += estate.setup_minutes[0, touched[0]] @ estate.outage_usd[0, touched[0], touched[1]]
    return float(worth_usd[done, week].sum() - (1 + price) * money - outage)
