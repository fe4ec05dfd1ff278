"""Teams that work off the same backlog with the same hours, each in an order, and what one earns more."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dti_core.studies.patch_planning.methods.backlog import ORDERINGS, Pot, handed_out, work_off
from dti_core.studies.patch_planning.model.estates import Array, Flags
from dti_core.studies.patch_planning.model.plans import account
from dti_core.studies.patch_planning.worlds.assumptions import Assumptions
from dti_core.studies.patch_planning.worlds.cadence import Calendar, Drawn, alike, cadence_estates

#: Quarters of a block: an upload may be open in the next quarter too.
BLOCK = 2


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is worked off: a calendar, K sets of assumptions that share their exploits, and who takes part.

    n_draws : estates a quarter and set. seeds : of "estates" and of each order that takes part. pot : how
    many hours are handed out at once. surges : see `cadence_estates`. nothing_to_choose : whether all bundles
    are made alike.
    """

    calendar: Calendar
    sets: tuple[Assumptions, ...]
    n_draws: int
    seeds: Mapping[str, np.random.SeedSequence]
    pot: Pot = "month"
    surges: Array | None = None
    nothing_to_choose: bool = False


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over the estates of each quarter and set, (Q, K).

    asked, given : hours of work that was open, and hours of the team. beyond_week, beyond_month : bundles
    that need more than all hours of a week, or of a month, beside all `bundles`. net_usd, used, left : by
    order; hours that it used, and hours of work that it left.
    """

    asked: Array
    given: Array
    bundles: Array
    beyond_week: Array
    beyond_month: Array
    net_usd: Mapping[str, Array]
    used: Mapping[str, Array]
    left: Mapping[str, Array]


def work_by_orders(backlog: Backlog) -> Sums:
    """Let each order work off the same estates."""
    rng = np.random.default_rng(backlog.seeds["estates"])
    drawn = cadence_estates(backlog.calendar, backlog.sets, backlog.n_draws, rng, backlog.surges)
    drawn = alike(drawn) if backlog.nothing_to_choose else drawn
    here, real = drawn.estates, drawn.estates.known < drawn.estates.n_weeks
    needs = here.hours + here.of_service(here.setup_hours)
    month = handed_out(here.weekly_hours, "month").max(axis=1, keepdims=True)
    net, used, left = {}, {}, {}
    for name in backlog.seeds.keys() - {"estates"}:
        plan = work_off(drawn, ORDERINGS[name].run, np.random.default_rng(backlog.seeds[name]), backlog.pot)
        found = account(here, plan)
        net[name] = _summed(backlog, drawn, found.net_usd)
        used[name] = _summed(backlog, drawn, found.hours.sum(axis=1))
        left[name] = _summed(backlog, drawn, _work(here.hours, real & (plan >= here.n_weeks)))
    return Sums(
        asked=_summed(backlog, drawn, _work(here.hours, real)),
        given=_summed(backlog, drawn, here.weekly_hours.sum(axis=1)),
        bundles=_summed(backlog, drawn, _work(np.ones_like(needs), real)),
        beyond_week=_summed(backlog, drawn, _work(needs > here.weekly_hours[:, :1], real)),
        beyond_month=_summed(backlog, drawn, _work(needs > month, real)),
        net_usd=net, used=used, left=left,
    )  # fmt: skip


def side_by_side(parts: list[Sums], name: str, rival: str) -> tuple[Array, Array]:
    """(Q, K) net dollars of an order and of its rival over the sets of several backlogs."""
    mine, theirs = (np.concatenate([one.net_usd[who] for one in parts], axis=1) for who in (name, rival))
    return mine, theirs


def gain_by_set(first: Array, second: Array) -> Array:
    """(K,) what `first` earns more than `second`, (Q, K), as a share of the size of what that earns.

    Where `second` loses money it is a share of that loss, which says less than one of earnings.
    """
    total = second.sum(axis=0)
    return (first.sum(axis=0) - total) / np.maximum(np.abs(total), 1.0)


def resample_quarters(first: Array, second: Array, rng: np.random.Generator, n_resamples: int) -> Array:
    """(n_resamples, K) gains of resampled quarters; all sets and both orders share them."""
    from arch.bootstrap import CircularBlockBootstrap

    bootstrap = CircularBlockBootstrap(min(BLOCK, len(first)), first, second, seed=rng)
    found: Array = bootstrap.apply(gain_by_set, n_resamples)
    return found


def _summed(backlog: Backlog, drawn: Drawn, each: Array) -> Array:
    """(Q, K) sums of (N,) values."""
    n_quarters, n_sets = len(backlog.calendar), len(backlog.sets)
    sums = np.bincount(drawn.quarter * n_sets + drawn.which, each, minlength=n_quarters * n_sets)
    return sums.reshape(n_quarters, n_sets).astype(np.float64)


def _work(hours: Array | Flags, which: Flags) -> Array:
    """(N,) sums over some bundles."""
    return np.where(which, hours, 0.0).sum(axis=1)
