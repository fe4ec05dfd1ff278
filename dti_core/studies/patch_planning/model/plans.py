"""A plan, the week of each bundle: what it earned, what it used, and which limits it breaks."""

from dataclasses import dataclass
from typing import cast

import numpy as np

from dti_core.studies.patch_planning.model.estates import NEVER, NONE, Array, Estates, Flags, Ints
from dti_core.studies.patch_planning.model.worth import avoided_usd, expected_worth

#: Slack of a limit, as a share of it: what adding up in another order may change.
SLACK = 1e-6


@dataclass(frozen=True, slots=True)
class Ledger:
    """What plans of N estates over T weeks did, in dollars, hours and minutes.

    avoided_usd, spent_usd, outage_usd : (N,) loss avoided, money and cost of downtime. hours : (N, T).
    minutes : (N, S, T).
    """

    avoided_usd: Array
    spent_usd: Array
    outage_usd: Array
    hours: Array
    minutes: Array

    @property
    def net_usd(self) -> Array:
        """(N,) the objective: loss avoided less money spent less cost of downtime."""
        return self.avoided_usd - self.spent_usd - self.outage_usd


def account(estates: Estates, plan: Ints) -> Ledger:
    """What a plan did.

    Parameters
    ----------
    plan : (N, B) week of each bundle, NEVER if it is left open.
    """
    n, s, t = estates.open.shape
    done = plan < t
    avoided = np.where(done, avoided_usd(estates, plan), 0.0).sum(axis=1)
    place = (np.arange(n)[:, None] * s + estates.service) * t + np.where(done, plan, 0)

    def summed(array: Array) -> Array:
        sums = np.bincount(place[done], weights=array[done], minlength=n * s * t)
        return cast(Array, sums.reshape(n, s, t))

    touched = summed(np.ones(plan.shape)) > 0
    minutes = summed(estates.minutes) + touched * estates.setup_minutes[..., None]
    hours = summed(estates.hours) + touched * estates.setup_hours[..., None]
    spent = summed(estates.cost_usd) + touched * estates.setup_usd[..., None]
    return Ledger(
        avoided, spent.sum(axis=(1, 2)), (minutes * estates.outage_usd).sum(axis=(1, 2)), hours.sum(axis=1),
        minutes,
    )  # fmt: skip


def expected_net_usd(estates: Estates, plan: Ints) -> Array:
    """(N,) the objective as was to be expected in the week of each patch, instead of what then came out.

    Equal to `net_usd` in expectation for a plan that does not look ahead, without the luck of later weeks.
    """
    found, done = account(estates, plan), plan < estates.n_weeks
    realised = np.where(done, avoided_usd(estates, plan), 0.0).sum(axis=1)
    expected = sum(
        np.where(plan == week, expected_worth(estates, week), 0.0).sum(axis=1)
        for week in range(estates.n_weeks)
    )
    return found.net_usd - realised + expected


def broken_limits(estates: Estates, plan: Ints) -> dict[str, Flags]:
    """By limit, (N,) whether a plan breaks it anywhere; checks nothing that made the plan."""
    found, done = account(estates, plan), plan < estates.n_weeks
    at = np.where(done, plan, 0)
    window = estates.open[np.arange(len(plan))[:, None], estates.service, at]
    first = estates.of_predecessor(plan.astype(float), otherwise=-1.0)
    same = estates.of_predecessor(estates.service.astype(float), otherwise=NONE) == estates.service
    late = (first > plan) | ((first == plan) & ~same)
    over = 1 + SLACK
    return {
        "unknown": (done & (plan < estates.known)).any(axis=1),
        "window": (done & ~window).any(axis=1),
        "order": (done & late).any(axis=1),
        "hours": (found.hours > estates.weekly_hours * over).any(axis=1),
        "budget": found.spent_usd > estates.budget_usd * over,
        "window minutes": (found.minutes > estates.window_minutes * over).any(axis=(1, 2)),
        "objective": (found.minutes.sum(axis=2) > estates.minutes_allowed * over).any(axis=1),
    }


def no_plan(estates: Estates) -> Ints:
    """(N, B) the plan that patches nothing."""
    return np.full(estates.service.shape, NEVER, dtype=np.int64)
