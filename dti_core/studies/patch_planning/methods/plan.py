"""Planners over a quarter: estates and what a planner is told in, the week of each bundle out."""

from dataclasses import dataclass, replace

import numpy as np

from dti_core.studies.patch_planning.methods.exact import Effort, Plan, best_plan
from dti_core.studies.patch_planning.methods.rules import Price, Rule, bids
from dti_core.studies.patch_planning.model.estates import NEVER, Array, Estates, Ints
from dti_core.studies.patch_planning.model.weeks import Quarter, admit
from dti_core.studies.patch_planning.model.worth import avoided_usd, expected_later


@dataclass(frozen=True, slots=True)
class Solved:
    """Plans that were solved for, estate by estate.

    plan : (N, B) weeks. by_estate : the programs of each estate, one for a clairvoyant, one a week otherwise.
    """

    plan: Ints
    by_estate: tuple[tuple[Plan, ...], ...]

    @property
    def seconds(self) -> Array:
        """(N,) spent in programs."""
        return np.array([sum(one.seconds for one in programs) for programs in self.by_estate])

    @property
    def share_optimal(self) -> float:
        """Share of programs whose plan is proven within the gap."""
        every = [one.status == "optimal" for programs in self.by_estate for one in programs]
        return float(np.mean(every))


def run_rule(
    estates: Estates, rule: Rule, rng: np.random.Generator | None = None, reported_usd: Array | None = None
) -> Ints:
    """(N, B) plan of a rule, week by week.

    Parameters
    ----------
    rng : for the random order. reported_usd : (N, S, T) cost of a minute of downtime that the planner is
    told; the true one without.
    """
    told, quarter = as_told(estates, reported_usd), Quarter.begin(estates)
    for _ in range(estates.n_weeks):
        admit(told, quarter, bids(told, quarter, rule, rng))
    return quarter.plan


def run_rolling(
    estates: Estates, price: Price | None = None, effort: Effort | None = None,
    reported_usd: Array | None = None,
) -> Solved:  # fmt: skip
    """Plans made anew each week for the rest of the quarter, of which only the week's part is done.

    Assumes: no look-ahead. Programs see the estates `as_known` in the week, and the calendar: windows and the
    cost of downtime of later weeks.

    Parameters
    ----------
    price : on money, kept for what is not known yet. reported_usd : as of `run_rule`.
    """
    told, price = as_told(estates, reported_usd), price or Price()
    done = [_roll(told.take(slice(one, one + 1)), price, effort) for one in range(len(told))]
    return Solved(np.concatenate([plan for plan, _ in done]), tuple(programs for _, programs in done))


def _roll(estate: Estates, price: Price, effort: Effort | None) -> tuple[Ints, tuple[Plan, ...]]:
    quarter, programs = Quarter.begin(estate), []
    for week in range(estate.n_weeks):
        seen = as_known(estate, week)
        now = float(price.now(seen, quarter)[0])
        programs.append(best_plan(seen, expected_later(seen, week)[0], quarter, now, effort))
        admit(seen, quarter, (programs[-1].weeks == week).astype(float)[None])
    return quarter.plan, tuple(programs)


def run_clairvoyant(
    estates: Estates, effort: Effort | None = None, reported_usd: Array | None = None
) -> Solved:
    """Plans of one who knows from the start which flaws come and which are exploited when: a ceiling."""
    told, programs = as_told(estates, reported_usd), []
    for one in range(len(told)):
        estate = told.take(slice(one, one + 1))
        programs.append((best_plan(estate, foreseen(estate)[0], Quarter.begin(estate), 0.0, effort),))
    return Solved(np.stack([only.weeks for (only,) in programs]), tuple(programs))


def foreseen(estates: Estates) -> Array:
    """(N, B, T) loss that a patch in each week avoids, given when exploits come out."""
    weeks = np.arange(estates.n_weeks)
    return np.stack([avoided_usd(estates, np.full_like(estates.known, week)) for week in weeks], axis=-1)


def as_known(estates: Estates, week: int) -> Estates:
    """The estates without what comes later: bundles not known yet, exploits that are not out yet."""
    return replace(
        estates,
        known=np.where(estates.known <= week, estates.known, NEVER),
        exploited=np.where(estates.exploited <= week, estates.exploited, NEVER),
    )


def as_told(estates: Estates, reported_usd: Array | None) -> Estates:
    """The estates as a planner believes them who is told what a minute of downtime costs."""
    return estates if reported_usd is None else replace(estates, outage_usd=reported_usd)
