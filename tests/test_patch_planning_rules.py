"""Rules and their tuning: worlds in which they must find something, or must not, and edges of grids."""

from dataclasses import replace

import numpy as np
import pytest

from dti_core.studies.patch_planning.methods.plan import run_rolling, run_rule
from dti_core.studies.patch_planning.methods.reports import normalised, strategic, unreported
from dti_core.studies.patch_planning.methods.rules import ORDERS, Price, Rule, bids
from dti_core.studies.patch_planning.methods.tuning import Grid, best_rule, saved_share, tune, tune_rule
from dti_core.studies.patch_planning.model.estates import NEVER, Estates
from dti_core.studies.patch_planning.model.plans import account, broken_limits
from dti_core.studies.patch_planning.model.weeks import Quarter, admit
from dti_core.studies.patch_planning.worlds import WORLDS
from dti_core.studies.patch_planning.worlds.simulate import simulate_estates


def drawn(world: str, n: int, n_services: int = 11, root: int = 1) -> Estates:
    return simulate_estates(WORLDS[world].settings, n, n_services, np.random.default_rng(root))


def share(estates: Estates, rule: Rule) -> float:
    return saved_share(estates, run_rule(estates, rule, np.random.default_rng(0)))


@pytest.mark.parametrize("order", ORDERS)
def test_no_order_breaks_a_limit_nor_patches_where_nothing_is_at_risk(order):
    for world in ("scarce", "tight_budget", "conflict"):
        estates = drawn(world, 60)
        for rule in (Rule(order, Price(4.0, 0.5, 1.0)), Rule(order, only_worthwhile=False)):
            plan = run_rule(estates, rule, np.random.default_rng(0))
            broken = broken_limits(estates, plan)
            assert not any(flags.any() for flags in broken.values()), broken
            assert (plan < NEVER).any()
    quiet = drawn("no_risk", 20)
    assert (run_rule(quiet, Rule(order), np.random.default_rng(0)) == NEVER).all()


def test_who_goes_by_severity_alone_pays_where_nothing_is_at_risk():
    quiet = drawn("no_risk", 20)
    plan = run_rule(quiet, Rule("severity", only_worthwhile=False))
    assert (account(quiet, plan).net_usd < 0).all()


def test_no_order_of_worth_wins_where_all_are_alike():
    estates = drawn("equal", 300)
    shared = replace(
        estates, risk_usd=np.full_like(estates.risk_usd, 60.0), hours=np.full_like(estates.hours, 4.0),
        cost_usd=np.full_like(estates.cost_usd, 400.0), minutes=np.full_like(estates.minutes, 5.0),
        setup_hours=0 * estates.setup_hours, setup_usd=0 * estates.setup_usd,
        setup_minutes=0 * estates.setup_minutes, outage_usd=0 * estates.outage_usd,
    )  # fmt: skip
    nets = [share(shared, Rule(order)) for order in ORDERS]
    assert np.ptp(nets) < 0.005 * max(nets)
    assert min(nets) > 0


def can_be_patched(estates: Estates, worst: np.ndarray) -> np.ndarray:
    """(N,) whether a bundle can go at all: when it and what it needs are the only ones that bid."""
    rows, bid, at = np.arange(len(estates)), np.zeros(estates.service.shape), worst
    for _ in range(6):
        bid[rows, at] = 1.0
        at = np.where(estates.after[rows, at] >= 0, estates.after[rows, at], at)
    quarter = Quarter.begin(estates)
    for _ in range(estates.n_weeks):
        admit(estates, quarter, bid)
    return quarter.plan[rows, worst] < NEVER


def test_one_flaw_above_all_is_found_always_by_net_worth_and_mostly_by_risk():
    estates = drawn("one_flaw", 300)
    rows, risk = np.arange(len(estates)), estates.risk_usd
    worst = risk.argmax(axis=1)
    alone = (risk[rows, worst] > 0.8 * risk.sum(axis=1)) & can_be_patched(estates, worst)
    assert alone.sum() > 60
    found = {
        order: (run_rule(estates, Rule(order), np.random.default_rng(0))[rows, worst] < NEVER)[alone].mean()
        for order in ORDERS
    }
    assert all(found[order] == 1.0 for order in ORDERS if order.startswith("net")), found
    # those who do not credit a bundle with what waits behind it miss some that wait
    assert all(found[order] > 0.85 for order in ("risk", "exploit_probability", "exploited_first")), found
    assert found["random"] < 0.8, found


def test_what_waits_behind_a_worthless_bundle_brings_it_in():
    estates = drawn("scarce", 1, 2)
    after = np.full_like(estates.after, -1)
    after[0, 1] = 0
    risk = np.zeros_like(estates.risk_usd)
    risk[0, 1] = 1e5
    estates = replace(
        estates, after=after, risk_usd=risk, open=np.ones_like(estates.open),
        weekly_hours=estates.weekly_hours + 100, exploited=np.full_like(after, NEVER),
    )  # fmt: skip
    plan = run_rule(estates, Rule("net_per_hour"))
    assert plan[0, :2].tolist() == [0, 0]
    assert (plan[0, 2:] == NEVER).all()


def test_price_falls_to_nothing_at_the_end_and_rises_when_money_goes_faster_than_time():
    estates = drawn("tight_budget", 2)
    quarter = Quarter.begin(estates)
    price = Price(8.0, 1.0, 1.0)
    assert price.now(estates, quarter) == pytest.approx([8.0, 8.0])
    half = replace(quarter, money_usd=estates.budget_usd * np.array([1.0, 0.25]))
    assert price.now(estates, half) == pytest.approx([8.0, 32.0])
    quarter.week = estates.n_weeks - 1
    assert (price.now(estates, quarter) == 0).all()
    assert (Price(8.0).now(estates, quarter) == 8).all()


def test_rules_see_no_exploit_that_is_not_out_and_no_flaw_that_is_not_known():
    estates = drawn("arrive", 30)
    for week in (0, 4, 9):
        later = replace(
            estates,
            exploited=np.where(estates.exploited > week, week + 1, estates.exploited),
            risk_usd=np.where(estates.known > week, 99 * estates.risk_usd, estates.risk_usd),
            severity=np.where(estates.known > week, 9.9, estates.severity),
        )
        for order in ORDERS:
            rule = Rule(order, Price(1.0, 1.0, 1.0))
            two = (run_rule(one, rule, np.random.default_rng(0)) for one in (estates, later))
            one, other = (np.where(plan <= week, plan, NEVER) for plan in two)
            assert (one == other).all()


def test_the_random_order_asks_for_a_generator():
    estates = drawn("scarce", 1, 2)
    with pytest.raises(ValueError, match="give it a generator"):
        bids(estates, Quarter.begin(estates), Rule("random"))


def test_tuning_finds_the_best_of_a_grid_and_flags_an_optimum_at_its_edge():
    def value(price: Price) -> float:
        return -((np.log2(price.price + 1) - 3.2) ** 2) - (price.decay - 0.6) ** 2 - price.pace**2

    found = tune(value)
    assert found.price == Price(8.0, 0.5, 0.0)
    assert found.inside
    assert dict(found.table)[found.price] == found.value
    assert len(found.table) <= Grid().n_evaluations
    axes = {"price": (0.0, 1.0, 2.0), "decay": (0.0, 0.5, 1.0), "pace": (0.0, 1.0)}
    short = Grid(axes, n_wider=0)
    assert tune(value, short).price.price == 2.0
    assert not tune(value, short).inside
    assert tune(value, Grid(axes)).price == Price(8.0, 0.5, 0.0)
    assert tune(value, Grid(axes)).inside
    steep = tune(lambda price: price.price, Grid(axes))
    assert (steep.price.price, steep.inside) == (2.0 * 4**3, False)
    assert not tune(value, Grid({**Grid().axes, "price": (16.0, 32.0, 64.0)})).inside
    assert not tune(value, Grid(n_evaluations=4)).inside


def test_tuned_price_is_inside_its_grid_and_earns_on_unseen_estates():
    train, test = drawn("tight_budget", 128, 6), drawn("tight_budget", 128, 6, root=2)
    tuned = {order: tune_rule(train, order) for order in ("risk", "net_per_dollar")}
    rule = best_rule(tuned)
    assert tuned[rule.order].inside
    assert tuned[rule.order].value == pytest.approx(share(train, rule))
    assert share(test, rule) > 1.1 * share(test, Rule(rule.order))
    edge = tune_rule(
        train, "net_per_dollar", grid=Grid({**Grid().axes, "price": (0.0, 0.25, 0.5)}, n_wider=0)
    )
    assert not edge.inside


def test_reports_move_what_planners_think_and_never_the_account():
    estates = drawn("conflict", 40, 5)
    liars = np.random.default_rng(0).random(estates.setup_usd.shape) < 0.5
    told = strategic(estates, liars)
    assert told[liars] == pytest.approx(4 * estates.outage_usd[liars])
    assert told[~liars] == pytest.approx(estates.outage_usd[~liars])
    assert normalised(estates, told).mean(axis=1) == pytest.approx(estates.outage_usd.mean(axis=1))
    assert normalised(estates, strategic(estates, liars | True)) == pytest.approx(estates.outage_usd)
    assert np.unique(unreported(estates, 7.0)) == [7.0]
    rule = Rule("net_per_hour_and_dollar")
    truthful = run_rule(estates, rule)
    assert (run_rule(estates, rule, reported_usd=estates.outage_usd) == truthful).all()
    fooled = run_rule(estates, rule, reported_usd=told)
    assert (fooled != truthful).any()
    patched = [
        (plan < NEVER)[np.take_along_axis(liars, estates.service, axis=1)].mean()
        for plan in (fooled, truthful)
    ]
    assert patched[0] < patched[1]
    few, told = drawn("conflict", 3, 3), 4 * drawn("conflict", 3, 3).outage_usd
    assert (run_rolling(few, reported_usd=told).plan != run_rolling(few).plan).any()
