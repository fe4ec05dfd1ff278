"""The plan of one estate: what it earns, what remains at risk, what binds, and what the next best one costs.

All of it follows from what is known today; a plan is made anew when more is known.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval
from dti_core.studies.patch_planning.data.calendar import calendar_rows, not_planned
from dti_core.studies.patch_planning.data.own import OwnEstate
from dti_core.studies.patch_planning.data.parameters import Solver
from dti_core.studies.patch_planning.methods.agents import follow
from dti_core.studies.patch_planning.methods.exact import Effort, best_plan, relax
from dti_core.studies.patch_planning.methods.lessons import FAVOURITE, TAUGHT
from dti_core.studies.patch_planning.methods.plan import run_rule
from dti_core.studies.patch_planning.methods.rules import Rule
from dti_core.studies.patch_planning.methods.shipped import load_shipped
from dti_core.studies.patch_planning.model.estates import NEVER, Array, Estates, Ints
from dti_core.studies.patch_planning.model.plans import account, no_plan
from dti_core.studies.patch_planning.model.weeks import Quarter
from dti_core.studies.patch_planning.model.worth import expected_later
from dti_core.studies.patch_planning.worlds import WORLDS

#: Futures that are drawn for the intervals, and upgrades of which each is tried to be left out.
N_FUTURES, MOST_TRIALS = 400, 40
#: Plans beside the one that was asked for.
SEVERITY = "severity order"
BESIDE: Mapping[str, Callable[[Estates], Ints]] = {
    SEVERITY: lambda estates: run_rule(estates, Rule("severity", only_worthwhile=False)),
    "nothing patched": no_plan,
}
TITLES: Mapping[Solver, str] = {
    "exact": "exact plan", "priced": "exact plan that keeps money", "rule": "tuned rule", "agents": "agents",
}  # fmt: skip


def plan_with(solver: Solver, estates: Estates, effort: Effort) -> Ints:
    """(1, B) the plan of the solver that was asked for; all but `exact` go by the tuning of `world_alike`."""
    world = world_alike(estates)
    briefing = load_shipped().briefing(world, estates.n_services)
    match solver:
        case "rule":
            return run_rule(estates, briefing.rule)
        case "agents":
            policy = load_shipped().seeds_of(world, FAVOURITE)[0]
            return follow(estates, policy.act, briefing.rule)
        case _:
            quarter = Quarter.begin(estates)
            price = briefing.rolling.now(estates, quarter)[0] if solver == "priced" else 0.0
            found = best_plan(estates, expected_later(estates, 0)[0], quarter, float(price), effort)
            return found.weeks[None]


def budget_share(estates: Estates) -> float:
    """The budget of one estate as a share of what all its bundles cost, both a dollar at least."""
    return max(float(estates.budget_usd[0]), 1.0) / max(float(estates.cost_usd[0].sum()), 1.0)


def world_alike(estates: Estates) -> str:
    """The world whose tuning and training serve an own estate, of which nothing was tuned or trained.

    Of the worlds of training the one whose budget, as a share of what all bundles cost, is nearest in ratio;
    of two alike the first, so that `conflict`, where a planner is told no price of downtime, gives way to
    `arrive`.
    """
    share = budget_share(estates)
    return min(TAUGHT, key=lambda world: abs(np.log(share / WORLDS[world].settings.budget)))


def study_plan(estate: OwnEstate, solver: Solver, effort: Effort, seeds: np.random.SeedSequence) -> Findings:
    """Calendar, what is left, remaining risk, what binds, and the price of leaving each upgrade out."""
    estates = estate.estates
    plan = plan_with(solver, estates, effort)
    futures = draw_futures(estates, N_FUTURES, np.random.default_rng(seeds))
    plans = {TITLES[solver]: plan} | {name: make(estates) for name, make in BESIDE.items()}
    found = Findings(series={
        "calendar": calendar_rows(estate, plan), "not_planned": not_planned(estate, plan),
        "remaining": pd.concat([_remaining(futures, one, name) for name, one in plans.items()]),
        "binding": _binding(estates, plan), "services": _services(estate, futures, plan),
        "calls": _calls(estate),
        "alike": pd.DataFrame([{"solver": solver, "world": world_alike(estates),
                                "budget_share": budget_share(estates)}]),
    })  # fmt: skip
    trials = _left_out(estates, plan, effort)
    calendar = found.series["calendar"]
    names = [one.name for one in estate.upgrades]
    calendar["lost_if_left_out_usd"] = [trials.get(names.index(name), np.nan) for name in calendar["bundle"]]
    _count(found, estates, futures, plans, trials, solver)
    return found


def draw_futures(estates: Estates, n_futures: int, rng: np.random.Generator) -> Estates:
    """The one estate many times, each with other weeks in which exploits come out."""
    many = estates.take(np.zeros(n_futures, dtype=np.int64))
    chance, ends = estates.exploits.weekly_chance, estates.n_weeks + estates.exploits.tail_weeks
    if chance <= 0:
        return many
    week = rng.geometric(chance, many.exploited.shape)
    drawn = np.where(week < ends, week, NEVER)
    return replace(many, exploited=np.where(many.exploited <= 0, many.exploited, drawn))


def _remaining(futures: Estates, plan: Ints, name: str) -> pd.DataFrame:
    """Weekly loss that is to be expected of what is open, by week: its mean and 95 % of futures."""
    rows = []
    for week in range(futures.n_weeks):
        still = plan > week
        loss = futures.risk_usd * np.where(futures.exploited <= week, futures.exploits.factor, 1.0)
        each = np.where(still & (futures.known <= week), loss, 0.0).sum(axis=1)
        low, high = np.quantile(each, [0.025, 0.975])
        rows.append({"planner": name, "week": week + 1, "usd": each.mean(), "low": low, "high": high})
    return pd.DataFrame(rows)


def _binding(estates: Estates, plan: Ints) -> pd.DataFrame:
    """What is used of each limit, and what a little more of it would be worth by the linear relaxation."""
    used = account(estates, plan)
    loose = relax(estates, expected_later(estates, 0)[0], Quarter.begin(estates))
    rows = [
        {"limit": f"hours of week {week + 1}", "used": hours, "available": given, "unit": "hours",
         "one_more_usd": price}
        for week, (hours, given, price) in enumerate(
            zip(used.hours[0], estates.weekly_hours[0], loose.hour_usd, strict=True)
        )
    ]  # fmt: skip
    rows.append({"limit": "budget", "used": used.spent_usd[0], "available": estates.budget_usd[0],
                 "unit": "USD", "one_more_usd": loose.money_usd})  # fmt: skip
    minutes = used.minutes[0].sum(axis=1)
    rows += [
        {"limit": f"objective of service {number}", "used": mine, "available": given, "unit": "minutes",
         "one_more_usd": np.nan}
        for number, (mine, given) in enumerate(zip(minutes, estates.minutes_allowed[0], strict=True))
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _services(estate: OwnEstate, futures: Estates, plan: Ints) -> pd.DataFrame:
    """By service: the weekly loss that is open at the start and, on average, at the end."""
    first = futures.risk_usd * np.where(futures.exploited <= 0, futures.exploits.factor, 1.0)
    last = futures.risk_usd * np.where(futures.exploited < futures.n_weeks, futures.exploits.factor, 1.0)
    left = np.where(plan >= futures.n_weeks, last, 0.0)
    return pd.DataFrame({
        "service": estate.services,
        "before_usd": futures.by_service(first).mean(axis=0),
        "untouched_usd": futures.by_service(last).mean(axis=0),
        "after_usd": futures.by_service(left).mean(axis=0),
        "upgrades": futures.take(slice(0, 1)).by_service((plan < futures.n_weeks).astype(float))[0],
    })  # fmt: skip


def _calls(estate: OwnEstate) -> pd.DataFrame:
    callers = estate.estates.callers[0]
    pairs = [(int(one), callee) for callee, row in enumerate(callers) for one in row if one >= 0]
    names = estate.services
    return pd.DataFrame([(names[a], names[b]) for a, b in pairs], columns=["caller", "callee"])


def _left_out(estates: Estates, plan: Ints, effort: Effort) -> dict[int, float]:
    """Dollars that the best plan without a bundle earns less than the best one; of at most MOST_TRIALS."""
    worth, quarter = expected_later(estates, 0)[0], Quarter.begin(estates)
    best = best_plan(estates, worth, quarter, 0.0, effort).value_usd
    done = np.flatnonzero(plan[0] < estates.n_weeks)[:MOST_TRIALS]
    found = {}
    for bundle in done:
        without = worth.copy()
        without[bundle] = 0.0
        found[int(bundle)] = max(0.0, best - best_plan(estates, without, quarter, 0.0, effort).value_usd)
    return found


def _count(
    found: Findings, estates: Estates, futures: Estates, plans: Mapping[str, Ints],
    trials: Mapping[int, float], solver: Solver,
) -> None:  # fmt: skip
    """What the plan earns and beside it, over futures; what the next best plan costs."""
    how = f"95 % of {len(futures)} drawn futures"
    asked, severity = (account(futures, np.repeat(plans[name], len(futures), axis=0)).net_usd
                       for name in (TITLES[solver], SEVERITY))  # fmt: skip
    for key, net, at in (("net_usd_asked", asked, {"solver": TITLES[solver]}),
                         ("net_usd_severity_order", severity, {"solver": SEVERITY}),
                         ("above_severity_usd", asked - severity, {})):  # fmt: skip
        found.estimates.append(_over(net, how).estimate(f"plan_{key}", "US dollars", measure="plan", **at))
    certain = "no uncertainty: reckoned from the plan"
    used = account(estates, plans[TITLES[solver]])
    for key, value, unit in (
        ("plan_upgrades", float((plans[TITLES[solver]] < estates.n_weeks).sum()), "upgrades"),
        ("plan_spent_usd", float(used.spent_usd[0]), "US dollars"),
        ("plan_next_best_costs_usd", min(trials.values(), default=0.0), "US dollars"),
    ):
        found.estimates.append(
            Interval(value, value, value, 0.0, 1, certain).estimate(key, unit, measure="plan")
        )


def _over(values: Array, how: str) -> Interval:
    low, high = np.quantile(values, [0.025, 0.975])
    return Interval(float(values.mean()), float(low), float(high), float(values.std()), len(values), how)
