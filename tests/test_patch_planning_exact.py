"""The exact planner against brute force, its bounds, and what it must not see."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from dti_core.studies.patch_planning.methods.exact import Effort, best_plan, relax
from dti_core.studies.patch_planning.methods.plan import foreseen, run_clairvoyant, run_rolling, run_rule
from dti_core.studies.patch_planning.methods.rules import Price, Rule
from dti_core.studies.patch_planning.model.estates import NEVER, Estates
from dti_core.studies.patch_planning.model.plans import account, broken_limits
from dti_core.studies.patch_planning.model.weeks import Quarter
from dti_core.studies.patch_planning.worlds import WORLDS
from dti_core.studies.patch_planning.worlds.settings import Setting
from dti_core.studies.patch_planning.worlds.simulate import simulate_estates

TOY = Setting(
    n_weeks=3, slots=3, late=0.3, windows=0.7, hours=0.9, budget=0.6, minutes_allowed=0.9, chained=0.6,
    risk_usd=150.0, traffic_usd=1.0,
)  # fmt: skip
RULE = Rule("net_per_hour_and_dollar")


def net_of(estate: Estates, weeks: tuple[int, ...]) -> float | None:
    """What a plan of one estate earns, None if it breaks a limit: bundle by bundle, on its own terms."""
    n_weeks, end = estate.n_weeks, estate.n_weeks + estate.exploits.tail_weeks
    touched = {(estate.service[0, b], t) for b, t in enumerate(weeks) if t < n_weeks}
    net, money = 0.0, 0.0
    hours, minutes = dict.fromkeys(range(n_weeks), 0.0), dict.fromkeys(touched, 0.0)
    for service, t in touched:
        money += estate.setup_usd[0, service]
        hours[t] += estate.setup_hours[0, service]
        minutes[service, t] += estate.setup_minutes[0, service]
    for b, t in enumerate(weeks):
        if t >= n_weeks:
            continue
        service, first = estate.service[0, b], estate.after[0, b]
        if t < estate.known[0, b] or not estate.open[0, service, t]:
            return None
        if first >= 0:
            same = estate.service[0, first] == service
            if weeks[first] > t or (weeks[first] == t and not same):
                return None
        money += estate.cost_usd[0, b]
        hours[t] += estate.hours[0, b]
        minutes[service, t] += estate.minutes[0, b]
        for week in range(t, end):
            out = week >= estate.exploited[0, b]
            net += estate.risk_usd[0, b] * (estate.exploits.factor if out else 1.0)
    used = {service: sum(m for (s, _), m in minutes.items() if s == service) for service, _ in touched}
    if money > estate.budget_usd[0] or any(hours[t] > estate.weekly_hours[0, t] for t in hours):
        return None
    if any(m > estate.window_minutes for m in minutes.values()):
        return None
    if any(m > estate.minutes_allowed[0, service] for service, m in used.items()):
        return None
    return net - money - sum(m * estate.outage_usd[0, s, t] for (s, t), m in minutes.items())


def best_by_force(estate: Estates) -> float:
    nets = (net_of(estate, weeks) for weeks in product((0, 1, 2, NEVER), repeat=estate.n_bundles))
    return max(net for net in nets if net is not None)


def toys(n: int) -> Estates:
    """Estates of 2 services and 6 bundles; every third waits for a bundle of the other service too."""
    rng = np.random.default_rng(11)
    estates = simulate_estates(TOY, n, 2, rng)
    across = np.where((estates.after < 0) & (np.arange(6) == 5), 0, estates.after)
    every_third = np.arange(n)[:, None] % 3 == 0
    return replace(estates, after=np.where(every_third, across, estates.after))


def test_the_program_equals_brute_force_on_a_hundred_toy_estates():
    estates, something = toys(100), 0
    solved = run_clairvoyant(estates, Effort(gap=0.0))
    nets = account(estates, solved.plan).net_usd
    assert not any(flags.any() for flags in broken_limits(estates, solved.plan).values())
    for one in range(100):
        force = best_by_force(estates.take(slice(one, one + 1)))
        assert nets[one] == pytest.approx(force, rel=1e-6, abs=1e-3)
        something += force > 0
    assert something > 80


def test_bounds_stand_above_the_best_plan_and_the_best_plan_above_the_rule():
    estates = simulate_estates(WORLDS["arrive"].settings, 6, 5, np.random.default_rng(2))
    solved = run_clairvoyant(estates)
    nets, rule = account(estates, solved.plan).net_usd, account(estates, run_rule(estates, RULE)).net_usd
    assert (nets >= rule * (1 - 1e-3)).all()
    for one, (plan,) in enumerate(solved.by_estate):
        estate = estates.take(slice(one, one + 1))
        linear = relax(estate, foreseen(estate)[0], Quarter.begin(estate))
        assert plan.status == "optimal"
        assert plan.gap <= 1.001e-3
        assert plan.value_usd == pytest.approx(nets[one])
        assert plan.value_usd <= plan.bound_usd * (1 + 1e-9)
        assert plan.value_usd <= linear.bound_usd * (1 + 1e-9)
        assert linear.money_usd >= 0
        assert (linear.hour_usd >= 0).all()


def test_shadow_price_of_money_is_what_a_dollar_more_is_worth():
    estate = simulate_estates(WORLDS["tight_budget"].settings, 1, 8, np.random.default_rng(4))
    worth, more = foreseen(estate)[0], replace(estate, budget_usd=estate.budget_usd + 1.0)
    before = relax(estate, worth, Quarter.begin(estate))
    after = relax(more, worth, Quarter.begin(more))
    assert before.money_usd > 1
    assert after.bound_usd - before.bound_usd == pytest.approx(before.money_usd, rel=0.05)


def test_one_who_knows_the_future_earns_more_in_expectation_and_no_planner_breaks_a_limit():
    for world in ("arrive", "tight_budget"):
        estates = simulate_estates(WORLDS[world].settings, 8, 3, np.random.default_rng(5))
        known, rolling = run_clairvoyant(estates), run_rolling(estates, Price(4.0, 1.0))
        for solved in (known, rolling):
            assert not any(flags.any() for flags in broken_limits(estates, solved.plan).values())
        ceiling, reached = (account(estates, one.plan).net_usd.sum() for one in (known, rolling))
        assert ceiling > reached > 0
        assert rolling.share_optimal == 1


def test_less_money_never_raises_the_optimum():
    estates = simulate_estates(WORLDS["scarce"].settings, 4, 4, np.random.default_rng(6))
    nets = []
    for share in (1.0, 0.5, 0.2, 0.05, 0.0):
        poorer = replace(estates, budget_usd=share * estates.budget_usd)
        nets.append(account(poorer, run_clairvoyant(poorer, Effort(gap=1e-6)).plan).net_usd)
    assert (np.diff(nets, axis=0) <= 1e-4 * np.abs(nets[0])).all()
    assert (nets[-1] == 0).all()
    assert nets[0].sum() > 1.1 * nets[3].sum()


def test_exploits_and_flaws_of_later_weeks_change_no_present_decision():
    estates = simulate_estates(WORLDS["arrive"].settings, 3, 3, np.random.default_rng(8))
    week = 5
    other = replace(
        estates,
        exploited=np.where(estates.exploited > week, week + 1, estates.exploited),
        risk_usd=np.where(estates.known > week, 50 * estates.risk_usd, estates.risk_usd),
    )
    for planner in (
        lambda one: run_rolling(one, Price(1.0, 1.0)).plan, lambda one: run_rule(one, RULE),
    ):  # fmt: skip
        one, two = planner(estates), planner(other)
        assert (np.where(one <= week, one, NEVER) == np.where(two <= week, two, NEVER)).all()
        assert (one != two).any()
    assert (run_clairvoyant(estates).plan != run_clairvoyant(other).plan).any()


def test_without_time_the_rule_plans_and_the_plan_says_so():
    estate = simulate_estates(WORLDS["scarce"].settings, 1, 11, np.random.default_rng(9))
    plan = best_plan(estate, foreseen(estate)[0], Quarter.begin(estate), effort=Effort(seconds=0.0))
    assert plan.status == "rule"
    assert (plan.weeks == run_rule(estate, RULE)[0]).all()
    assert not any(flags.any() for flags in broken_limits(estate, plan.weeks[None]).values())
    assert plan.value_usd <= plan.bound_usd


def test_a_planner_without_anything_worth_its_cost_patches_nothing():
    estates = simulate_estates(WORLDS["no_risk"].settings, 3, 4, np.random.default_rng(1))
    assert (run_clairvoyant(estates).plan == NEVER).all()
    assert (run_rolling(estates).plan == NEVER).all()


def test_one_flaw_above_all_is_found_by_exact_planners_in_its_first_possible_week():
    estates = simulate_estates(WORLDS["one_flaw"].settings, 4, 2, np.random.default_rng(3))
    alone = replace(
        estates, after=np.full_like(estates.after, -1), minutes=np.ones_like(estates.minutes),
        weekly_hours=estates.weekly_hours + 20.0, minutes_allowed=estates.minutes_allowed + 20.0,
        risk_usd=np.where(np.arange(estates.n_bundles) == 4, 1e6, 1.0),
    )  # fmt: skip
    alone = replace(alone, risk_usd=np.broadcast_to(alone.risk_usd, alone.service.shape).copy())
    first_open = alone.open[:, 0].argmax(axis=1)
    for plan in (run_rolling(alone).plan, run_clairvoyant(alone).plan, run_rule(alone, RULE)):
        assert (plan[:, 4] == first_open).all()
