"""Whether demand exceeds hands, and what weighing risk, operation and cost earns at equal hours."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pandas as pd

from dti_core.lab.errors import DataError, one_line
from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval, block_bootstrap, mean_over_seeds, newey_west_mean, share
from dti_core.lab.parallel import run_keyed
from dti_core.studies.patch_planning.data.arrivals import FILLED, load_exploited_weeks
from dti_core.studies.patch_planning.data.cadence import N_WEEKS as ALL_WEEKS
from dti_core.studies.patch_planning.data.cadence import START, load_cadence
from dti_core.studies.patch_planning.measures.backlog import (
    BLOCK,
    Backlog,
    Sums,
    gain_by_set,
    resample_quarters,
    side_by_side,
    work_by_orders,
)  # fmt: skip
from dti_core.studies.patch_planning.methods.backlog import ORDERINGS, Pot
from dti_core.studies.patch_planning.model.estates import Array
from dti_core.studies.patch_planning.worlds.assumptions import SPANS, Assumptions, draw_assumptions
from dti_core.studies.patch_planning.worlds.cadence import N_WEEKS, Calendar, cut_quarters
from dti_core.studies.patch_planning.worlds.spans import CAPACITIES

Seeds = Callable[..., np.random.SeedSequence]
FAVOURITE = "weighed"
#: The rivals that decide, and those that are told beside them.
DECIDING = ("risk_alone", "oldest_first")
RIVALS = (*DECIDING, "exploited_first", "severity", "random")
SHARE = "share of the rival's net dollars"
#: What makes a world in which both rivals must lose: work differs much, whatever the loss is, losses differ
#: much, and no exploit comes out, which would outweigh all other differences.
PLANTED: Mapping[str, float] = {
    "exploit_factor": 1.0, "weekly_chance": 0.0, "risk_spread": 1.0, "hours_spread": 1.5,
    "hours_follow_risk": 0.0, "capacity": CAPACITIES["median"],
}  # fmt: skip
CONTROLS = ("alike", "planted")
#: Sets of assumptions of one draw of a control world, and most estates of a quarter and set there.
CONTROL_SETS, CONTROL_ESTATES = 6, 3


def study_need(seeds: Seeds, *, n_sets: int, n_estates: int, n_draws: int, n_resamples: int) -> Findings:
    """Work asked and done by capacity, gains over rivals over the set of assumptions, and both controls.

    Parameters
    ----------
    seeds : of the run, by name. n_sets : sets of assumptions. n_estates : a quarter and set. n_draws : of
    each control world.
    """
    found, calendar = Findings(), cut_quarters(load_cadence(), ALL_WEEKS)
    sets = draw_assumptions(n_sets, np.random.default_rng(seeds("need", "sets")))

    def backlogs(kind: str, calendar: Calendar, orders: Sequence[str], pot: Pot = "month",
                 surges: Array | None = None) -> Iterator[tuple[tuple[str, int | str], Backlog]]:  # fmt: skip
        for number, one in enumerate(sets):
            named = {who: seeds("need", kind, f"{number}", who) for who in ("estates", *orders)}
            yield (kind, number), Backlog(calendar, (one,), n_estates, named, pot, surges)

    deciding = (FAVOURITE, *DECIDING)
    tasks: dict[tuple[str, int | str], Backlog] = dict(backlogs("sets", calendar, tuple(ORDERINGS)))
    tasks |= dict(backlogs("weekly", calendar, deciding, pot="week"))
    tasks |= dict(_central(seeds, calendar, n_estates * max(1, n_sets // 4)))
    exploited = None
    try:
        exploited = load_exploited_weeks()
        some, surges = exploited_quarters(calendar, exploited)
        tasks |= dict(backlogs("kev", some, deciding, surges=surges))
    except DataError as error:
        found.left_out.append(("need on the calendar of exploited flaws", one_line(error, 200)))
    for world in CONTROLS:
        few = min(n_estates, CONTROL_ESTATES)
        tasks["control", world] = _control(seeds, calendar, world, n_draws, few)
    parts = run_keyed(work_by_orders, tasks, "need")
    rng = np.random.default_rng(seeds("need", "bootstrap"))
    for kind, rivals in (("sets", RIVALS), ("weekly", DECIDING), ("kev", DECIDING)):
        if (kind, 0) in parts:  # without the data of KEV there is none of its kind
            _tell_gains(found, kind, [parts[kind, k] for k in range(n_sets)], rivals, rng, n_resamples)
    if exploited is not None:
        added = newey_west_mean(exploited["added"].to_numpy(np.float64))
        found.estimates.append(added.estimate("need_kev_a_week", "flaws a week"))
    for name in CAPACITIES:
        _tell_capacity(found, name, parts["central", name], rng, n_resamples)
    for world in CONTROLS:
        _tell_control(found, world, parts["control", world], n_draws, rng, n_resamples)
    found.series["need_sets"] = _table_of_sets(sets, [parts["sets", k] for k in range(n_sets)])
    return found


def exploited_quarters(calendar: Calendar, weeks: pd.DataFrame) -> tuple[Calendar, Array]:
    """The quarters that `weeks` (monday, added) cover whole, and (Q, T) additions over their mean."""
    first = (FILLED - START).days // 7
    ends = calendar.starts + N_WEEKS
    inside = np.flatnonzero((calendar.starts >= first) & (ends <= first + len(weeks)))
    at = calendar.starts[inside, None] - first + np.arange(N_WEEKS)
    added = weeks["added"].to_numpy(np.float64)[at]
    return calendar.take(inside), added / added.mean()


def _central(
    seeds: Seeds, calendar: Calendar, n_estates: int
) -> Iterator[tuple[tuple[str, int | str], Backlog]]:
    """The backlog under the central assumptions at each published capacity."""
    for name, capacity in CAPACITIES.items():
        named = {who: seeds("need", "central", name, who) for who in ("estates", *ORDERINGS)}
        yield ("central", name), Backlog(calendar, (Assumptions(capacity=capacity),), n_estates, named)


def _control(seeds: Seeds, calendar: Calendar, world: str, n_draws: int, n_estates: int) -> Backlog:
    """All draws of a control world side by side, each with sets of its own that share their exploits."""
    first = Assumptions()
    fixed = {"exploit_factor": first.exploit_factor, "weekly_chance": first.weekly_chance}
    fixed |= PLANTED if world == "planted" else {}
    rng = np.random.default_rng(seeds("need", world, "sets"))
    sets = draw_assumptions(n_draws * CONTROL_SETS, rng, **fixed)
    named = {who: seeds("need", world, who) for who in ("estates", FAVOURITE, *DECIDING)}
    return Backlog(calendar, tuple(sets), n_estates, named, nothing_to_choose=world == "alike")


def spread_over_sets(first: Array, second: Array, rng: np.random.Generator, n_resamples: int) -> Interval:
    """The median gain over sets, and the bounds of 95 % of sets and resampled quarters together."""
    return _spread(gain_by_set(first, second), resample_quarters(first, second, rng, n_resamples))


def _spread(gains: Array, resampled: Array) -> Interval:
    low, high = np.quantile(resampled, [0.025, 0.975])
    value = float(np.clip(np.median(gains), low, high))
    how = f"95 % of {len(gains)} sets of assumptions x {len(resampled)} resamples of quarters"
    error = float(high - low) / 2 / NormalDist().inv_cdf(0.975)  # tails have no useful deviation
    return Interval(value, float(low), float(high), error, len(gains), how)


def _tell_gains(
    found: Findings, kind: str, parts: list[Sums], rivals: Sequence[str], rng: np.random.Generator,
    n_resamples: int,
) -> None:  # fmt: skip
    """Gains over each rival, and the shares of sets in which it holds, and a rival earns nothing."""
    suffix, signs = "" if kind == "sets" else f"_{kind}", []
    for rival in rivals:
        first, second = side_by_side(parts, FAVOURITE, rival)
        one, at = spread_over_sets(first, second, rng, n_resamples), {"rival": rival, "calendar": kind}
        found.estimates.append(one.estimate(f"need_over_{rival}{suffix}", SHARE, **at))
        above = gain_by_set(first, second) > 0
        told = {f"need_sets_over_{rival}{suffix}": above}
        if rival in DECIDING:
            signs.append(above)
            told[f"need_sets_unprofitable_{rival}{suffix}"] = second.sum(axis=0) <= 0
        for name, holds in told.items():
            one = share(int(holds.sum()), holds.size)
            found.estimates.append(one.estimate(name, "share of sets", **at))
    both = np.logical_and.reduce(signs)
    one = share(int(both.sum()), both.size)
    found.estimates.append(one.estimate(f"need_sets_over_both{suffix}", "share of sets", calendar=kind))
    if "severity" in rivals:
        one = spread_over_sets(*side_by_side(parts, "severity", "random"), rng, n_resamples)
        found.estimates.append(one.estimate("need_severity_over_random", SHARE, rival="random"))


def _tell_capacity(
    found: Findings, name: str, part: Sums, rng: np.random.Generator, n_resamples: int
) -> None:
    """What one team of that capacity is asked for and leaves, under the central assumptions."""

    def ratio(estimate: str, above: Array, below: Array, unit: str, **at: str) -> None:
        one = block_bootstrap(
            lambda a, b: a.sum() / b.sum(), above[:, 0], below[:, 0], rng=rng, n_resamples=n_resamples,
            block=BLOCK, scheme="circular",
        )  # fmt: skip
        found.estimates.append(one.estimate(f"need_{estimate}_{name}", unit, capacity=name, **at))

    ratio("asked_over_hours", part.asked, part.given, "hours asked for an hour there is")
    ratio("beyond_week", part.beyond_week, part.bundles, "share of bundles")
    ratio("beyond_month", part.beyond_month, part.bundles, "share of bundles")
    for order in ORDERINGS:
        ratio(
            f"hours_used_{order}", part.used[order], part.given, "share of the hours there are", order=order
        )
        ratio(f"work_left_{order}", part.left[order], part.asked, "share of the hours asked", order=order)
    pairs = [(FAVOURITE, rival) for rival in DECIDING] + [("severity", "random")]
    for order, rival in pairs:
        more, theirs = part.net_usd[order] - part.net_usd[rival], part.net_usd[rival]
        who = "" if order == FAVOURITE else f"{order}_"
        ratio(f"{who}over_{rival}_at", more, theirs, SHARE, order=order, rival=rival)


def _tell_control(
    found: Findings, world: str, part: Sums, n_draws: int, rng: np.random.Generator, n_resamples: int
) -> None:
    """The deciding gains in each draw, and how often a single set of assumptions would have cleared 0."""
    for rival in DECIDING:
        first, second = part.net_usd[FAVOURITE], part.net_usd[rival]
        gains = np.split(gain_by_set(first, second), n_draws)
        resampled = np.split(resample_quarters(first, second, rng, n_resamples), n_draws, axis=1)
        drawn = [_spread(*both) for both in zip(gains, resampled, strict=True)]
        estimate = mean_over_seeds([one.value for one in drawn]).estimate(
            f"need_over_{rival}", SHARE, world, rival=rival, calendar="sets"
        )
        ends = tuple((one.low, one.high) for one in drawn)
        found.estimates.append(replace(estimate, per_seed=(), draws=ends))
        above = np.quantile(np.concatenate(resampled, axis=1), 0.025, axis=0) > 0
        alone = share(int(above.sum()), above.size)
        found.estimates.append(
            alone.estimate(f"need_one_set_above_0_{rival}", "share of single sets", world, rival=rival)
        )


def _table_of_sets(sets: Sequence[Assumptions], parts: Sequence[Sums]) -> pd.DataFrame:
    """A row a set: its assumptions and the gain over each rival."""
    rows = []
    for one, part in zip(sets, parts, strict=True):
        gains = {
            f"over_{rival}": float(gain_by_set(*side_by_side([part], FAVOURITE, rival))[0])
            for rival in RIVALS
        }
        rows.append({name: getattr(one, name) for name in SPANS} | gains)
    return pd.DataFrame(rows)
