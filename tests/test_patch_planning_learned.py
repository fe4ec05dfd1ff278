"""What learning is judged by: a fault that no single answer mends, and luck told from worlds."""

from dataclasses import replace

import numpy as np
import pytest

from dti_core.studies.patch_planning.measures import contest, learned
from dti_core.studies.patch_planning.measures.learned import Task, judge_trainings, share_of_worlds
from dti_core.studies.patch_planning.methods.agents import keep_bids, play
from dti_core.studies.patch_planning.methods.lessons import FAULTS, FAULTY_WEEKS, Faulty, Lesson
from dti_core.studies.patch_planning.methods.rules import Price, bids
from dti_core.studies.patch_planning.methods.shipped import Shipped, load_shipped
from dti_core.studies.patch_planning.model.plans import expected_net_usd
from dti_core.studies.patch_planning.model.weeks import Quarter, admit
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


def test_trainings_of_a_world_are_judged_on_the_same_estates():
    (first, many), (second, again) = judged(first_wait_then_hurry, "plain")
    assert first == second != 0
    assert not np.array_equal(many, again)


@pytest.mark.parametrize("variant", ["plain", "placebo", "planted"])
def test_agents_that_keep_the_bids_gain_nothing_in_any_room(variant):
    for gain, many in judged(keep_bids, variant):
        assert gain == 0
        assert not many.any()


def test_the_fault_is_only_where_it_was_planted():
    (in_planted, _), _ = judged(first_wait_then_hurry, "planted")
    (in_plain, _), _ = judged(first_wait_then_hurry, "plain")
    assert in_planted > in_plain


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
