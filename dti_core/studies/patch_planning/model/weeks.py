"""One week of many estates at once: bids are admitted in their order, as far as the limits allow.

The mediator sorts the bids of a week once and goes through them: the real implementation behind every rule,
agent and view of the simulator.
"""

from dataclasses import dataclass
from itertools import pairwise

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
    ready &= np.take_along_axis(estates.open[:, :, week], estates.service, axis=1)
    flat, (later, first) = ready.ravel(), _links(estates)
    together = estates.service.ravel()[later] == estates.service.ravel()[first]
    first_in = quarter.plan.ravel()[first] < week
    for _ in range(estates.n_bundles):
        still = flat[later] & (first_in | (together & flat[first]))
        if (still == flat[later]).all():
            break
        flat[later] = still
    return flat.reshape(ready.shape)


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
    keys = np.where(can_bid(estates, quarter) & (bids > 0), bids, -np.inf).ravel()
    later, first = _links(estates)
    waits = quarter.plan.ravel()[first] >= quarter.week
    later, first = later[waits], first[waits]
    for _ in range(estates.n_bundles):
        capped = np.minimum(keys[later], keys[first])
        if (capped == keys[later]).all():
            break
        keys[later] = capped
    admitted = _scan(estates, quarter, keys, (later, first))
    quarter.plan = np.where(admitted, quarter.week, quarter.plan)
    quarter.week += 1
    return admitted


def _scan(estates: Estates, quarter: Quarter, keys: Array, waiting: tuple[Ints, Ints]) -> Flags:
    """(N, B) what goes in, the best of each estate first, then the second ones; updates money and minutes.

    keys : flat. waiting : places of bundles, and of those that must go in before them this week.
    """
    n, n_cells = len(estates), estates.setup_hours.size
    places, ends = _ranked(estates, quarter, keys)
    rows = places // estates.n_bundles
    cells = rows * estates.n_services + estates.service.ravel()[places]
    columns = (estates.hours, estates.cost_usd, estates.minutes)
    wanted = np.stack([column.ravel()[places] for column in columns])
    set_up = np.concatenate([estates.setup_hours, estates.setup_usd, estates.setup_minutes], axis=None)
    at_set_up = cells + n_cells * np.arange(3)[:, None]
    minutes = np.minimum(quarter.minutes_left, estates.window_minutes)
    room = np.concatenate([estates.weekly_hours[:, quarter.week], quarter.money_usd, minutes], axis=None)
    at_room = np.stack([rows, n + rows, 2 * n + cells])
    admitted = np.zeros(keys.size + 1, dtype=bool)
    admitted[-1] = True  # the place that those look at who wait for nobody
    first = np.full(keys.size, keys.size)
    first[waiting[0]] = waiting[1]
    first = first[places]
    for start, end in pairwise(ends):
        now = slice(start, end)
        setting_up = set_up.take(at_set_up[:, now])
        needs = wanted[:, now] + setting_up
        left = room.take(at_room[:, now])
        goes = (needs <= left).all(axis=0) & admitted.take(first[now])
        admitted[places[now]] = goes
        wanted[:, now] = needs = needs * goes
        room[at_room[:, now]] = left - needs
        set_up[at_set_up[:, now]] = setting_up * ~goes
    quarter.money_usd = room[n : 2 * n]
    used = np.bincount(cells, weights=wanted[2], minlength=n_cells)
    quarter.minutes_left = quarter.minutes_left - used.reshape(quarter.minutes_left.shape)
    return admitted[:-1].reshape(estates.service.shape)


def _ranked(estates: Estates, quarter: Quarter, keys: Array) -> tuple[Ints, Ints]:
    """Flat places of the bids, first each estate's best, then the second ones; and where each rank ends.

    Ties go in the order of chains. What would not fit into the empty week is left out.
    """
    n_bundles = estates.n_bundles
    places = np.flatnonzero(keys > -np.inf)
    rows = places // n_bundles
    fits = estates.hours.ravel()[places] <= estates.weekly_hours[rows, quarter.week]
    fits &= estates.cost_usd.ravel()[places] <= quarter.money_usd[rows]
    places, rows = places[fits], rows[fits]
    order = np.lexsort((_depth(estates)[places], -keys[places], rows))
    starts = np.searchsorted(rows, np.arange(len(estates)))
    ranks = np.arange(len(rows)) - starts[rows]  # rows are sorted and stay so
    by_rank = np.argsort(ranks, kind="stable")
    return places[order[by_rank]], np.concatenate([[0], np.cumsum(np.bincount(ranks))])


def _links(estates: Estates) -> tuple[Ints, Ints]:
    """Flat places of the bundles that need another one first, and of those that they need."""
    later = np.flatnonzero(estates.after != NONE)
    return later, later // estates.n_bundles * estates.n_bundles + estates.after.ravel()[later]


def _depth(estates: Estates) -> Ints:
    """Flat: how many predecessors a bundle has, one before the other."""
    depth, (later, first) = np.zeros(estates.service.size, dtype=np.int64), _links(estates)
    for _ in range(estates.n_bundles):
        deeper = depth[first] + 1
        if (deeper == depth[later]).all():
            break
        depth[later] = deeper
    return depth
