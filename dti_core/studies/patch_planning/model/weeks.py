"""One week of many estates at once: bids are admitted in their order, as far as the limits allow.

The mediator sorts the bids of a week once and goes through them: the real implementation behind every rule,
agent and view of the simulator.
"""

from dataclasses import dataclass

import numpy as np

from dti_core.studies.patch_planning.model.estates import NEVER, NONE, Array, Estates, Flags, Ints
from dti_core.studies.patch_planning.model.plans import no_plan


@dataclass(slots=True)
class Quarter:
    """How far the quarter of N estates is.

    week : the current one. plan : (N, B) week of what is patched, else NEVER. money_usd : (N,) left.
    minutes_left : (N, S) left of each objective.
    """

    week: int
    plan: Ints
    money_usd: Array
    minutes_left: Array

    @classmethod
    def begin(cls, estates: Estates) -> "Quarter":
        """Week 0, nothing patched."""
        return cls(0, no_plan(estates), estates.budget_usd.copy(), estates.minutes_allowed.copy())

    @property
    def open_bundles(self) -> Flags:
        """(N, B) whether it is not patched, known or not."""
        return self.plan == NEVER


def can_bid(estates: Estates, quarter: Quarter) -> Flags:
    """(N, B) known, not patched, its service's window open, and its predecessor in, or able to go with it."""
    week = quarter.week
    ready = quarter.open_bundles & (estates.known <= week)
    ready &= estates.of_service(estates.open[:, :, week].astype(float)) > 0
    for _ in range(4):  # chains of predecessors in one week are no longer than that
        together = estates.of_predecessor(estates.service.astype(float), NONE) == estates.service
        first_in = estates.of_predecessor((quarter.plan < week).astype(float), 1.0) > 0
        ready &= first_in | (together & (estates.of_predecessor(ready.astype(float), 1.0) > 0))
    return ready


def admit(estates: Estates, quarter: Quarter, bids: Array) -> Flags:
    """Admit the week's bids from the highest on, patch what is admitted, and go on to the next week.

    Parameters
    ----------
    bids : (N, B); what is not above 0, or may not bid, is left. A bundle never goes before its predecessor:
    its bid counts at most as the predecessor's.

    Returns
    -------
    admitted : (N, B).
    """
    allowed = can_bid(estates, quarter) & (bids > 0)
    keys = np.where(allowed, bids, -np.inf)
    for _ in range(4):
        first = estates.of_predecessor(keys, np.inf)
        settled = estates.of_predecessor((quarter.plan < quarter.week).astype(float), 1.0) > 0
        keys = np.where(settled, keys, np.minimum(keys, first))
    admitted = _scan(estates, quarter, keys)
    quarter.plan = np.where(admitted, quarter.week, quarter.plan)
    quarter.week += 1
    return admitted


def _scan(estates: Estates, quarter: Quarter, keys: Array) -> Flags:
    """(N, B) what goes in, in the order of `keys`, ties in the order of chains; updates money and minutes."""
    n_ranks = int(np.isfinite(keys).sum(axis=1).max(initial=0))
    order = np.lexsort((_depth(estates), -keys), axis=1)[:, :n_ranks].T
    rows, week = np.arange(len(keys)), quarter.week
    hours = estates.weekly_hours[:, week].copy()
    window = np.full(estates.setup_hours.shape, estates.window_minutes)
    set_up = np.zeros(estates.setup_hours.shape, dtype=bool)
    admitted = np.zeros(keys.shape, dtype=bool)
    for at in order:
        service = estates.service[rows, at]
        fresh = ~set_up[rows, service]
        work = estates.hours[rows, at] + fresh * estates.setup_hours[rows, service]
        cost = estates.cost_usd[rows, at] + fresh * estates.setup_usd[rows, service]
        down = estates.minutes[rows, at] + fresh * estates.setup_minutes[rows, service]
        first = estates.after[rows, at]
        goes = np.isfinite(keys[rows, at]) & (work <= hours) & (cost <= quarter.money_usd)
        goes &= (down <= window[rows, service]) & (down <= quarter.minutes_left[rows, service])
        goes &= (first == NONE) | (quarter.plan[rows, first] < week) | admitted[rows, first]
        admitted[rows, at] = goes
        set_up[rows, service] |= goes
        hours -= goes * work
        quarter.money_usd -= goes * cost
        window[rows, service] -= goes * down
        quarter.minutes_left[rows, service] -= goes * down
    return admitted


def _depth(estates: Estates) -> Ints:
    """(N, B) how many predecessors a bundle has, one before the other."""
    depth = np.zeros(estates.service.shape)
    for _ in range(4):
        depth = estates.of_predecessor(depth, -1.0) + 1
    return depth.astype(np.int64)
