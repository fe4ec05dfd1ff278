"""A team of given hours works off what is open, in an order: by all that counts, or by one thing alone."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal

import numpy as np

from dti_core.lab.methods import Method
from dti_core.studies.patch_planning.methods.rules import Order, Rule, bids
from dti_core.studies.patch_planning.model.estates import NONE, Array, Estates, Ints
from dti_core.studies.patch_planning.model.weeks import Quarter, admit
from dti_core.studies.patch_planning.worlds.cadence import WEEKS_A_MONTH, Drawn

Ranking = Callable[[Drawn, Quarter, np.random.Generator], Array]
#: Share of a bid that chance decides, so that ties fall differently to each planner.
TIES = 1e-6
Pot = Literal["week", "month"]


def _by(order: Order) -> Ranking:
    """The bids of an order that goes by one score and leaves nothing that fits."""
    rule = Rule(order, only_worthwhile=False)

    def ranked(drawn: Drawn, quarter: Quarter, rng: np.random.Generator) -> Array:
        return lifted(drawn.seen, bids(drawn.seen, quarter, rule, rng))

    return ranked


def _weighed(drawn: Drawn, quarter: Quarter, rng: np.random.Generator) -> Array:
    return bids(drawn.seen, quarter, Rule("net_per_hour"), rng)


def _oldest(drawn: Drawn, quarter: Quarter, rng: np.random.Generator) -> Array:
    return np.where(drawn.seen.known <= quarter.week, 1.0 + quarter.week - drawn.since, 0.0)


ORDERINGS: Mapping[str, Method[Ranking]] = {
    "weighed": Method("Risk, operation and cost", _weighed, assumes=("prices and hours are known",)),
    "risk_alone": Method("Risk alone", _by("risk")),
    "exploited_first": Method("Exploited first, then risk", _by("exploited_first")),
    "oldest_first": Method("Oldest first", _oldest),
    "severity": Method("CVSS order", _by("severity")),
    "random": Method("At random", _by("random"), counts_as_trial=False),
}


def lifted(estates: Estates, ranked: Array) -> Array:
    """(N, B) bids, each at least that of what waits behind it, so that no order is held up by a step."""
    rows, later = np.nonzero((estates.after != NONE) & (ranked > 0))
    first, best = estates.after[rows, later], ranked.copy()
    for _ in range(estates.n_bundles):
        once_more = best.copy()
        np.maximum.at(once_more, (rows, first), best[rows, later])
        if np.array_equal(once_more, best):
            break
        best = once_more
    return np.where(ranked > 0, best, 0.0)


def work_off(drawn: Drawn, ranking: Ranking, rng: np.random.Generator, pot: Pot = "month") -> Ints:
    """(N, B) plan of an order under the mediator of all orders, which carries over the hours that are left.

    Parameters
    ----------
    pot : how many hours are handed out at once, at its start. A week's hours of a small team are fewer than
    many an upgrade needs, and lesser ones would use them up week by week whatever the order.
    """
    estates = replace(drawn.estates, weekly_hours=handed_out(drawn.estates.weekly_hours, pot))
    quarter = Quarter.begin(estates)
    for week in range(estates.n_weeks):
        ranked = ranking(drawn, quarter, rng)
        admitted = admit(estates, quarter, ranked * (1 + TIES * rng.random(ranked.shape)))
        touched = estates.by_service(admitted.astype(float)) > 0
        used = (admitted * estates.hours).sum(axis=1) + (touched * estates.setup_hours).sum(axis=1)
        estates.weekly_hours[:, week + 1 : week + 2] += (estates.weekly_hours[:, week] - used)[:, None]
    return quarter.plan


def handed_out(weekly_hours: Array, pot: Pot) -> Array:
    """(N, T) the same hours, those of each month together in its first week."""
    n_weeks = weekly_hours.shape[1]
    if pot == "week":
        return weekly_hours.copy()
    months, hours = (
        np.array_split(np.arange(n_weeks), max(1, round(n_weeks / WEEKS_A_MONTH))),
        0 * weekly_hours,
    )
    for month in months:
        hours[:, month[0]] = weekly_hours[:, month].sum(axis=1)
    return hours
