"""Measures with known answers: bounds, controls, wrong assumptions, order rows; no trained policy needed."""

from dataclasses import replace

import numpy as np
import pytest

from dti_core.studies.patch_planning.measures import controls, shadow, sizes, stress
from dti_core.studies.patch_planning.measures.ratios import gain, mean, raised
from dti_core.studies.patch_planning.methods.exact import Effort, Relaxation, relax
from dti_core.studies.patch_planning.methods.misled import roll_misled, run_misled
from dti_core.studies.patch_planning.methods.plan import foreseen, run_clairvoyant, run_rolling, run_rule
from dti_core.studies.patch_planning.methods.program import _until
from dti_core.studies.patch_planning.methods.rules import ORDERS, Price, Rule
from dti_core.studies.patch_planning.methods.shipped import Shipped
from dti_core.studies.patch_planning.model.estates import NEVER
from dti_core.studies.patch_planning.model.plans import account, broken_limits, expected_net_usd
from dti_core.studies.patch_planning.model.weeks import Quarter
from dti_core.studies.patch_planning.model.worth import expected_worth, loss_without_usd
from dti_core.studies.patch_planning.worlds.draws import draw_estates
from dti_core.studies.patch_planning.worlds.mended import ONE_FLAW, alike, all_known, with_one_flaw
from dti_core.studies.patch_planning.worlds.spans import CAPACITIES
from dti_core.studies.patch_planning.worlds.stress import STRESSES
from tests.patch_planning_taught import briefing, taught

RULE = Rule("net_per_hour_and_dollar")
QUICK = Effort(gap=5e-3, seconds=30.0, nodes=20)
#: Tuned rules, and no policy.
UNTAUGHT = Shipped({}, {(world, 11): briefing(world) for world in ("tight_budget", "scarce")}, {}, 0.0)


def root(number: int) -> np.random.SeedSequence:
    return np.random.SeedSequence(number)


def test_no_plan_exceeds_the_bound_and_the_exact_one_is_near_it():
    for world in ("tight_budget", "scarce"):
        estate = all_known(draw_estates(world, 6, [1]))
        bound = sizes.bound_usd(estate)
        exact = account(estate, run_clairvoyant(estate, QUICK).plan).net_usd[0]
        rule = account(estate, run_rule(estate, RULE)).net_usd[0]
        assert rule <= exact * 1.006
        assert exact <= bound * (1 + 1e-9)
        assert exact > 0.85 * bound


def test_the_static_problem_is_worth_in_its_first_week_what_is_expected_where_exploits_come_out():
    estates = draw_estates("scarce", 11, [1, 2])
    static = all_known(estates)
    quiet = replace(estates, exploited=np.full_like(estates.exploited, NEVER))
    assert foreseen(static)[..., 0] == pytest.approx(expected_worth(quiet, 0))
    assert expected_worth(static, 3) == pytest.approx(foreseen(static)[..., 3])


def test_where_all_is_alike_every_order_and_the_exact_plan_earn_the_same():
    estates = alike(draw_estates("equal", 11, [1, 2, 3]))
    nets = [account(estates, run_rule(estates, Rule(order), np.random.default_rng(0))).net_usd
            for order in ORDERS]  # fmt: skip
    best = account(estates, run_clairvoyant(estates, QUICK).plan).net_usd
    assert np.ptp(nets, axis=0) == pytest.approx(0.0, abs=1e-6 * best.max())
    assert nets[0] == pytest.approx(best, rel=6e-3)
    assert (best > 0).all()


def test_one_flaw_has_nearly_all_the_loss_and_exact_plans_and_net_orders_find_it():
    estates, which = with_one_flaw(draw_estates("one_flaw", 11, range(6)))
    loss = loss_without_usd(estates)
    assert which.sum(axis=1).tolist() == [1] * 6
    assert (loss[which] >= (ONE_FLAW - 1e-9) * loss.sum(axis=1)).all()
    nets = [run_rule(estates, Rule(order)) for order in ORDERS if order.startswith("net")]
    few = estates.take(slice(0, 2))
    assert all((plan[which] < NEVER).all() for plan in nets)
    assert (run_clairvoyant(few, QUICK).plan[which[:2]] < NEVER).all()


def test_controls_have_their_answers_and_estimates_in_every_control_world():
    with taught(UNTAUGHT, controls):
        found = controls.study_controls(root(1), 2, 1, 19, QUICK)
    at = {one.key: one for one in found.estimates}
    assert at["gain_net_11@equal"].value == pytest.approx(0.0, abs=1e-6)
    assert at["plans_something_net@no_risk"].value == 0
    assert at["plans_something_clairvoyant@no_risk"].value == 0
    assert at[f"plans_something_{controls.HEEDLESS}@no_risk"].value == 1
    assert at["finds_the_flaw_net@one_flaw"].value == 1
    assert at["finds_the_flaw_rolling_milp@one_flaw"].value == 1


def test_right_beliefs_give_the_plan_of_the_rule_and_of_the_program():
    estates = draw_estates("tight_budget", 6, [1, 2])
    assert np.array_equal(run_misled(estates, estates, RULE), run_rule(estates, RULE))
    one, price = estates.take(slice(0, 1)), Price(4.0, 1.0)
    assert np.array_equal(roll_misled(one, one, price, QUICK), run_rolling(one, price, QUICK).plan)


@pytest.mark.parametrize("name", STRESSES)
def test_whatever_is_believed_the_true_limits_hold(name):
    drawn = draw_estates("scarce", 11, range(4))
    truth, believed = STRESSES[name].truth(drawn), STRESSES[name].belief(drawn)
    plan = run_misled(truth, believed, RULE)
    assert not any(flags.any() for flags in broken_limits(truth, plan).values())


def test_a_wrong_price_is_wrong_for_those_who_plan_and_not_for_the_informed_rule():
    told = replace(UNTAUGHT, briefings={("tight_budget", 11): briefing("tight_budget")})
    seeds, nets = tuple(range(2_000, 2_030)), {}
    with taught(told, stress):
        for name in ("none", "price_double"):
            nets[name] = stress.plan_stressed(stress.Piece("tight_budget", name, seeds, 0, 16, 0, QUICK))
    rule = briefing("tight_budget").rule
    dearer = replace(rule, price=replace(rule.price, price=2 * rule.price.price))
    estates = draw_estates("tight_budget", 11, seeds)
    assert np.array_equal(
        nets["price_double"]["tuned_rule"][0], expected_net_usd(estates, run_rule(estates, dearer))
    )
    assert np.array_equal(nets["none"]["tuned_rule"], nets["none"][stress.INFORMED])
    assert np.array_equal(nets["none"][stress.INFORMED], nets["price_double"][stress.INFORMED])


def test_stresses_change_what_they_say():
    drawn = draw_estates("scarce", 11, range(4))
    windows = STRESSES["windows"].truth(drawn).open.sum(axis=2)
    assert np.array_equal(windows, (drawn.open.sum(axis=2) + 1) // 2)
    dearer = STRESSES["regressions"].truth(drawn).cost_usd - drawn.cost_usd
    assert (dearer > 0).all()
    assert dearer == pytest.approx(drawn.cost_usd - 95.0 * drawn.hours)
    month = STRESSES["capacity_median"].truth(drawn).weekly_hours.sum(axis=1) * 52 / 12 / drawn.n_weeks
    assert month == pytest.approx(CAPACITIES["median"] * drawn.hours.sum(axis=1))
    assert STRESSES["exploits_double"].belief(drawn).exploits.weekly_chance == pytest.approx(
        2 * drawn.exploits.weekly_chance
    )


def test_wrong_assumptions_do_not_beat_right_ones_beyond_noise():
    with taught(UNTAUGHT, stress):
        for name in ("exploits_double", "capacity_low"):
            piece = stress.Piece("scarce", name, tuple(range(2_000, 2_030)), 0, 16, 0, QUICK)
            nets = stress.plan_stressed(piece)
            part = raised(gain(nets["tuned_rule"], nets[stress.INFORMED][0], np.random.default_rng(1), 99))
            assert part.low < 1.02, name
            assert part.value > 0.5, name


def test_a_dollar_more_adds_to_the_bound_what_its_shadow_price_says():
    estate = draw_estates("tight_budget", 6, [1])

    def with_more(usd: float) -> Relaxation:
        richer = replace(estate, budget_usd=estate.budget_usd + usd)
        return relax(richer, foreseen(richer)[0], Quarter.begin(richer))

    less, here, more = (with_more(usd) for usd in (-50.0, 0.0, 50.0))
    assert here.money_usd > 0
    assert more.bound_usd - here.bound_usd <= 50 * here.money_usd + 1e-6
    assert here.bound_usd - less.bound_usd >= 50 * here.money_usd - 1e-6


def test_shadow_prices_are_told_with_the_share_of_worlds_in_which_they_pay():
    found = shadow.study_shadow(root(1), 2, 1)
    at = {one.name: one for one in found.estimates}
    assert 0 <= at["shadow_hour_usd"].low <= at["shadow_hour_usd"].value <= at["shadow_hour_usd"].high
    assert {"shadow_dollar_usd", "shadow_hour_share", "shadow_dollar_share"} <= set(at)


def test_a_mean_is_resampled_over_seeds_and_estates():
    rng = np.random.default_rng(1)
    flat = mean(np.full((3, 10), 0.25), rng, 19)
    assert (flat.value, flat.low, flat.high) == pytest.approx((0.25, 0.25, 0.25))
    wide = mean((rng.random((4, 50)) < 0.3).astype(float), rng, 99)
    assert wide.low < 0.3 < wide.high


def test_order_rows_are_those_of_a_table_of_all_pairs():
    estate = draw_estates("scarce", 6, [3])
    bundle, week = np.nonzero(np.random.default_rng(1).random((estate.n_bundles, estate.n_weeks)) < 0.4)
    whose, last = bundle[::3], week[::3] - 1
    row, column = _until(estate, bundle, week, whose, last)
    by_table = np.nonzero((bundle == whose[:, None]) & (week <= last[:, None]))
    assert np.array_equal(row, by_table[0])
    assert np.array_equal(column, by_table[1])
