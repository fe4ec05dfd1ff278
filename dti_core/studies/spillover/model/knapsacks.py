"""Budgets as knapsacks over periods: measures of programmes that arrive, need others first and share money.

N instances of A programmes (a channel, an ESG programme) with K measures each (a campaign, an action), over T
periods. A measure costs hours and money once and earns in every period from then on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Order = Literal["net", "net_per_money", "net_per_hour"]
ORDERS: tuple[Order, ...] = get_args(Order)
#: A period that never comes.
NEVER = 10_000
#: Share of what waits behind a measure that is credited to it.
CREDIT = 0.5
#: Least share of money left that a price reckons with, and slack of a limit.
LEAST_MONEY, SLACK = 1e-3, 1e-9


@dataclass(frozen=True, slots=True)
class Surge:
    """A measure may come to be worth more: `factor` times as much, from a period of chance `hazard` each.

    tail : periods after the last one in which it still earns.
    """

    factor: float
    hazard: float
    tail: int


@dataclass(frozen=True, slots=True)
class Knapsacks:
    """N instances; money in the field's own unit.

    value : (N, A, K) stated earnings a period. truth : (N, A) true earnings as a multiple of stated ones.
    hours, cost : (N, A, K) work and money, once. chained : (N, A, K) whether the measure before it must be in
    first. known, surge : (N, A, K) period from which it can be begun, and from which it surges. setup_hours,
    setup_cost : (N, A) for each period in which a programme begins anything. open : (N, A, T) periods in
    which it may. capacity : (N,) hours a period. budget : (N,) money in all. unit : (N,) money that is small
    for one measure. partners : (N, A, D) programmes joined to it, -1 beyond. flagged : (N, A) programmes that
    bear a sign. surges : how earnings move.
    """

    value: Array
    truth: Array
    hours: Array
    cost: Array
    chained: Flags
    known: Ints
    surge: Ints
    setup_hours: Array
    setup_cost: Array
    open: Flags
    capacity: Array
    budget: Array
    unit: Array
    partners: Ints
    flagged: Flags
    surges: Surge

    def __len__(self) -> int:
        return len(self.value)

    @property
    def n_periods(self) -> int:
        """T."""
        return self.open.shape[2]

    def take(self, which: Ints | slice) -> Self:
        """Some of the instances, in that order."""
        held = {one.name: getattr(self, one.name) for one in fields(self)}
        taken: dict[str, Any] = {
            name: one[which] for name, one in held.items() if isinstance(one, np.ndarray)
        }
        return replace(self, **taken)

    def stated(self, period: int) -> Array:
        """(N, A, K) earnings to be expected from a start in `period`, by what is known and stated then."""
        left = self.n_periods + self.surges.tail - period
        quiet = (1 - self.surges.hazard) ** np.arange(left)
        calm = float(np.sum(quiet + (1 - quiet) * self.surges.factor))
        ahead = np.where(self.surge <= period, self.surges.factor * left, calm)
        return np.where(self.known <= period, self.value * ahead, 0.0)

    def earned(self, start: Ints) -> Array:
        """(N, A, K) what each measure truly earned if begun in `start` (one period, or one of each)."""
        end = self.n_periods + self.surges.tail
        begun = np.minimum(start, end)
        surge = np.clip(self.surge, begun, end)
        return self.value * self.truth[..., None] * ((surge - begun) + self.surges.factor * (end - surge))


def join(parts: Sequence[Knapsacks]) -> Knapsacks:
    """Instances of equal sizes and surges, one after the other."""
    names = [one.name for one in fields(parts[0]) if isinstance(getattr(parts[0], one.name), np.ndarray)]
    joined: dict[str, Any] = {name: np.concatenate([getattr(one, name) for one in parts]) for name in names}
    return replace(parts[0], **joined)


@dataclass(frozen=True, slots=True)
class Rule:
    """An order among measures, and what a unit of money counts for beyond itself.

    A unit counts level x (1 + price x (time left)^decay x (time left / money left)^pace), times and money as
    shares; a measure is begun if it earns more than it so costs.
    """

    order: Order = "net_per_money"
    price: float = 0.0
    decay: float = 0.0
    pace: float = 0.0
    level: float = 1.0

    def multiple(self, sacks: Knapsacks, season: "Season") -> Array:
        """(N,) what a unit of money counts for in this period."""
        last = max(sacks.n_periods - 1, 1)
        time = (last - season.period) / last
        money = np.clip(season.money / np.maximum(sacks.budget, 1e-9), LEAST_MONEY, 1.0)
        found: Array = self.level * (1 + self.price * time**self.decay * (time / money) ** self.pace)
        return found


@dataclass(slots=True)
class Season:
    """How far the periods of N instances are: start (N, A, K), NEVER if not begun, and money left (N,)."""

    period: int
    start: Ints
    money: Array

    @classmethod
    def begin(cls, sacks: Knapsacks) -> "Season":
        """Period 0, nothing begun."""
        return cls(0, np.full(sacks.value.shape, NEVER, dtype=np.int64), sacks.budget.copy())


def may_begin(sacks: Knapsacks, season: Season) -> Flags:
    """(N, A, K) known, not begun, its programme open, and what it needs begun or able to go with it."""
    ready = (sacks.known <= season.period) & (season.start == NEVER)
    ready &= sacks.open[:, :, season.period, None]
    begun = season.start < NEVER
    for k in range(1, ready.shape[2]):
        ready[..., k] &= ~sacks.chained[..., k] | begun[..., k - 1] | ready[..., k - 1]
    return ready


def bids(sacks: Knapsacks, season: Season, rule: Rule) -> Array:
    """(N, A, K) what a rule bids for each measure, 0 for what it leaves; without look-ahead.

    A set-up is shared among the measures of a programme that may begin; what waits behind a measure is
    credited to it in part.
    """
    ready, multiple = may_begin(sacks, season), rule.multiple(sacks, season)[:, None, None]
    share = 1 / np.maximum(ready.sum(axis=2), 1)
    cost = sacks.cost + (sacks.setup_cost * share)[..., None]
    hours = sacks.hours + (sacks.setup_hours * share)[..., None]
    net = sacks.stated(season.period) - multiple * cost
    waiting = (sacks.known <= season.period) & (season.start == NEVER)
    gain, behind = np.where(waiting, np.maximum(net, 0.0), 0.0), np.zeros(net.shape)
    for k in range(net.shape[2] - 2, -1, -1):
        behind[..., k] = np.where(sacks.chained[..., k + 1], gain[..., k + 1] + behind[..., k + 1], 0.0)
    net = net + CREDIT * behind
    by = {"net": 1.0, "net_per_money": cost, "net_per_hour": hours}[rule.order]
    found: Array = np.where(ready & (net > 0), net / by, 0.0)
    return found


def admit(sacks: Knapsacks, season: Season, bid: Array) -> Flags:
    """(N, A, K) bids that go in, from the highest on, as far as money, hours and what they need allow.

    Moves the season on by a period. A measure's bid counts at most as that of the one that it needs.
    """
    n, _, n_measures = sacks.value.shape
    keys, waits = (
        np.where(may_begin(sacks, season) & (bid > 0), bid, -np.inf),
        np.zeros(bid.shape, dtype=bool),
    )
    for k in range(1, n_measures):
        waits[..., k] = sacks.chained[..., k] & (season.start[..., k - 1] == NEVER)
        capped = np.minimum(keys[..., k], keys[..., k - 1])
        keys[..., k] = np.where(waits[..., k], capped, keys[..., k])
    flat, rows = keys.reshape(n, -1), np.arange(n)
    order = np.argsort(-flat, axis=1, kind="stable")
    hours, cost, needs = sacks.hours.reshape(n, -1), sacks.cost.reshape(n, -1), waits.reshape(n, -1)
    room, setup = sacks.capacity.copy(), np.ones(sacks.setup_cost.shape)
    goes_in = np.zeros(flat.shape, dtype=bool)
    for rank in range(int((flat > -np.inf).sum(axis=1).max(initial=0))):
        at = order[:, rank]
        of = at // n_measures
        fee = setup[rows, of]
        want = hours[rows, at] + fee * sacks.setup_hours[rows, of]
        pay = cost[rows, at] + fee * sacks.setup_cost[rows, of]
        goes = (flat[rows, at] > -np.inf) & (want <= room + SLACK) & (pay <= season.money * (1 + SLACK))
        goes &= ~needs[rows, at] | goes_in[rows, np.maximum(at - 1, 0)]
        goes_in[rows, at], setup[rows, of] = goes, np.where(goes, 0.0, fee)
        room, season.money = room - goes * want, np.maximum(season.money - goes * pay, 0.0)
    admitted = goes_in.reshape(bid.shape)
    season.start = np.where(admitted, season.period, season.start)
    season.period += 1
    return admitted


def worth(sacks: Knapsacks, start: Ints) -> Array:
    """(N,) what plans truly earned less what they cost, set-ups included."""
    done = start < sacks.n_periods
    touched = np.zeros(sacks.open.shape, dtype=bool)
    at = np.nonzero(done)
    touched[at[0], at[1], start[done]] = True
    net = np.where(done, sacks.earned(start) - sacks.cost, 0.0).sum(axis=(1, 2))
    found: Array = net - (touched * sacks.setup_cost[..., None]).sum(axis=(1, 2))
    return found


def follow(sacks: Knapsacks, rule: Rule) -> Ints:
    """(N, A, K) the plan of a rule: the period in which each measure begins, NEVER if it does not."""
    season = Season.begin(sacks)
    while season.period < sacks.n_periods:
        admit(sacks, season, bids(sacks, season, rule))
    return season.start
