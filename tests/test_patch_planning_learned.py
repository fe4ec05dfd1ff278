"""What learning is judged by: a fault that no single answer mends, and luck told from worlds."""

from dataclasses import replace

import numpy as np
import pytest

from dti_core.lab.findings import Findings
from dti_core.studies.patch_planning.measures import contest, learned
from dti_core.studies.patch_planning.measures.learned import Task, judge_trainings, share_of_worlds
from dti_core.studies.patch_planning.methods.agents import keep_bids, play
from dti_core.studies.patch_planning.methods.briefings import BEST_ORDERS
from dti_core.studies.patch_planning.methods.exact import Effort
from dti_core.studies.patch_planning.methods.lessons import (
    FAULTS,
    FAULTY_WEEKS,
    N_CONTROLS,
    N_TRAININGS,
    Faulty,
    Lesson,
    lessons,
)
from dti_core.studies.patch_planning.methods.plan import run_rule
from dti_core.studies.patch_planning.methods.rules import Price, Rule, bids
from dti_core.studies.patch_planning.methods.shipped import Shipped, load_shipped
from dti_core.studies.patch_planning.methods.tuning import best_rule, tune
from dti_core.studies.patch_planning.model.plans import account, expected_net_usd
from dti_core.studies.patch_planning.model.weeks import Quarter, admit
from dti_core.studies.patch_planning.worlds.assumed import PREFIX
from dti_core.studies.patch_planning.worlds.draws import draw_estates
from tests.patch_planning_taught import briefing, taught

WORLD, SERVICES = "tight_budget", 11
RULE = load_shipped().briefing(WORLD, SERVICES).rule


class Answers:
    """A policy whose answer to what is seen is a function."""

    def __init__(self, act):
        self.act = act


def first_wait_then_hurry(seen):
    return keep_bids(seen) + (1 if seen.step < FAULTY_WEEKS else 2)


@pytest.fixture(scope="module")
def estates():
    return draw_estates(WORLD, SERVICES, range(20_000, 20_120))


@pytest.fixture
def room(estates):
    return Faulty(lambda seed: estates, estates, RULE)


def test_the_faulty_rule_is_the_tuned_one_at_another_price_before_and_after(estates, room):
    quarter = Quarter.begin(estates)
    for week in range(estates.n_weeks):
        price = RULE.price.price * FAULTS[week >= FAULTY_WEEKS]
        admit(estates, quarter, bids(estates, quarter, replace(RULE, price=replace(RULE.price, price=price))))
    assert np.array_equal(play(room, estates, [keep_bids])[0], quarter.plan)


def test_no_single_answer_mends_the_fault_and_one_by_the_week_does(room):
    """The planted world can only be won by those whose answer depends on what they see."""
    estates = draw_estates(WORLD, SERVICES, range(20_000, 20_600))
    answers = [lambda seen, k=k: keep_bids(seen) + k for k in range(room.n_actions)]
    faulty, *single = (expected_net_usd(estates, one).sum() for one in play(room, estates, answers))
    (mended,) = (expected_net_usd(estates, one).sum() for one in play(room, estates, [first_wait_then_hurry]))
    assert max(single) < faulty
    assert mended > 1.03 * faulty


def judged(act, variant, n_seeds=2):
    keys = [Lesson(WORLD, 11, "mappo", variant, seed).key for seed in range(n_seeds)]
    found = Shipped(dict.fromkeys(keys, Answers(act)), {(WORLD, 11): replace(briefing(WORLD))}, {}, 0.0)
    task = Task(WORLD, variant, tuple(range(n_seeds)), 11, 60, np.random.SeedSequence(4), 50)
    with taught(found, learned):
        return judge_trainings(task)


def test_each_training_of_a_world_is_judged_on_estates_of_its_own():
    (first, many), (second, again) = judged(first_wait_then_hurry, "plain")
    assert first != second
    assert not np.array_equal(many, again)


def test_pools_of_a_control_hold_its_trainings_in_other_shares_and_the_observed_have_none():
    rng = np.random.default_rng(1)
    some = {str(one): [(0.0, np.full(50, float(one)))] for one in range(20)}
    assert learned._pools(some, "observed", 30, rng) == ()
    pools = np.array(learned._pools(some, "placebo", 30, rng))
    assert pools.shape == (30, 2)
    assert (pools[:, 0] < pools[:, 1]).all()
    assert len({tuple(one) for one in pools.tolist()}) > 5
    assert abs(pools[:, 0].mean() - 0.5) < 1
    assert abs(pools[:, 1].mean() - 18.5) < 1


def test_agents_are_taught_at_both_sizes_and_in_both_controls_of_each():
    keys = {one.key for one in lessons()}
    assert len(keys) == len(list(lessons()))
    for size, n in N_TRAININGS.items():
        assert sum(f".{size}.mappo.plain." in key and key.startswith(PREFIX) for key in keys) == 30 * n
        for variant in ("placebo", "planted"):
            assert sum(key.startswith(f"{WORLD}.{size}.mappo.{variant}.") for key in keys) == N_CONTROLS


@pytest.mark.parametrize("variant", ["plain", "placebo", "planted"])
def test_agents_that_keep_the_bids_gain_nothing_in_any_room(variant):
    for gain, many in judged(keep_bids, variant):
        assert gain == 0
        assert not many.any()


def test_the_fault_is_only_where_it_was_planted():
    (in_planted, _), _ = judged(first_wait_then_hurry, "planted")
    (in_plain, _), _ = judged(first_wait_then_hurry, "plain")
    assert in_planted > in_plain


def retuned(rule, n_estates=24):
    told = replace(briefing(WORLD), prices={rule.order: rule.price}, values={rule.order: 1.0})
    with taught(Shipped({}, {(WORLD, 11): told}, {}, 0.0), learned):
        return learned.retune((WORLD, n_estates, np.random.SeedSequence(2)))


def test_tuning_anew_mends_a_price_that_is_wrong_and_brings_nothing_to_the_rule_that_it_finds():
    estates = draw_estates(WORLD, SERVICES, range(24))

    def earned(rule):
        return expected_net_usd(estates, run_rule(estates, rule)).sum()

    tuned = {order: tune(lambda price, order=order: earned(Rule(order, price))) for order in BEST_ORDERS}
    assert retuned(best_rule(tuned)) == 0
    assert retuned(Rule("net", Price(price=500.0))) > 0.5


def test_luck_is_told_from_worlds():
    rng = np.random.default_rng(0)
    worlds, luck = rng.normal(size=(4_000, 1)), rng.normal(size=(4_000, 3))
    assert share_of_worlds(worlds + 0 * luck) == pytest.approx(1)
    assert share_of_worlds(luck) == pytest.approx(0, abs=0.03)
    assert share_of_worlds(worlds + luck) == pytest.approx(0.5, abs=0.03)


def test_solvers_plan_fewer_estates_where_they_are_slow_and_none_where_the_plans_are_known():
    free = replace(briefing(WORLD), rolling=Price())
    found = Shipped(
        {}, {(WORLD, 11): briefing(WORLD), ("arrive", 11): briefing("arrive"), ("scarce", 11): free}, {}, 0
    )
    with taught(found, contest):
        assert contest.n_solved(WORLD, 11, "priced_milp", 300) == 300
        assert contest.n_solved("arrive", 11, "rolling_milp", 300) == 30
        assert contest.n_solved("arrive", 11, "rolling_milp", 30) == 0
        assert contest.n_solved("scarce", 11, "rolling_milp", 300) == 0
        assert contest.n_solved("scarce", 11, "priced_milp", 300) == 30


def test_planners_are_compared_in_expected_dollars_and_beside_the_clairvoyant_in_those_that_came_out():
    """The ceiling knows when exploits come out, so that what was to be expected is no measure of it."""
    told = Shipped({}, {(WORLD, 11): briefing(WORLD)}, {}, 0.0)
    with taught(told, contest):
        nets = contest.plan_all(
            contest.Piece(WORLD, 11, (1, 2, 3, 4), ("tuned_rule", "clairvoyant"), Effort(gap=0.01), 0)
        )
    estates = draw_estates(WORLD, 11, (1, 2, 3, 4))
    plan = run_rule(estates, briefing(WORLD).rule)
    assert np.array_equal(
        nets["tuned_rule"][:, 0], [expected_net_usd(estates, plan), account(estates, plan).net_usd]
    )
    found = Findings()
    contest._compare(found, WORLD, 11, nets, np.random.default_rng(0), 50)
    (ceiling,) = (one for one in found.estimates if one.name == "gain_clairvoyant_11")
    came_out = [nets[name][1, 0].sum() for name in ("clairvoyant", "tuned_rule")]
    assert ceiling.value == pytest.approx(came_out[0] / came_out[1] - 1)
    assert ceiling.value > 0
