"""Budgets as knapsacks, patching's policies carried to them, and the cells that compare both."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from dti_core.bridges.policies import load_policies, train
from dti_core.bridges.simulators import check_simulator
from dti_core.lab.data import forget_reads, reads
from dti_core.lab.data.frozen import frozen_bytes
from dti_core.lab.errors import DataError
from dti_core.studies.spillover.data import policies as shipped
from dti_core.studies.spillover.methods.budgets import ACTIONS, SIGN, Budgeting, plans
from dti_core.studies.spillover.methods.learners import SHAPE, FromPolicy, permuted, reads_the_sign
from dti_core.studies.spillover.methods.optimum import optimum
from dti_core.studies.spillover.methods.planner import (
    OBSERVED,
    PLANTED,
    RULE,
    Arena,
    budgets,
    losses,
    tuned_rule,
)
from dti_core.studies.spillover.methods.task import Effort, Task
from dti_core.studies.spillover.model.gains import gains, null_gains
from dti_core.studies.spillover.model.knapsacks import (
    NEVER,
    Rule,
    Season,
    Surge,
    admit,
    bids,
    follow,
    worth,
)
from dti_core.studies.spillover.model.losses import PLACEBO, WITH, WITHOUT, Losses
from dti_core.studies.spillover.worlds.knapsacks import LIFTS, SETTINGS, draw_all, planted

RICH = Rule(price=8.0, decay=0.25, pace=1.0)


def _drawn(target="marketing", n=6, setting=None):
    return draw_all(target, setting or SETTINGS[target], range(n))


def _tiny(sacks, programmes=2, measures=2, periods=3):
    """The first programmes, measures and periods of instances, with half of the money that all would cost."""
    part = (slice(None), slice(0, programmes), slice(0, measures))
    cut = {
        name: getattr(sacks, name)[part] for name in ("value", "hours", "cost", "chained", "known", "surge")
    }
    rows = {
        name: getattr(sacks, name)[part[:2]] for name in ("truth", "setup_hours", "setup_cost", "flagged")
    }
    cut["known"], cut["surge"] = np.minimum(cut["known"], periods - 1), np.minimum(cut["surge"], NEVER)
    return replace(
        sacks, **cut, **rows, open=sacks.open[:, :programmes, :periods],
        partners=sacks.partners[:, :programmes],
        capacity=cut["hours"].sum(axis=(1, 2)) / 2, budget=cut["cost"].sum(axis=(1, 2)) / 2,
    )  # fmt: skip


def _allowed(sacks, start):
    """Whether a plan of one instance keeps all limits, checked one by one."""
    begun = np.argwhere(start[0] < sacks.n_periods)
    hours, money = np.zeros(sacks.n_periods), 0.0
    for a, k in begun:
        t = start[0, a, k]
        hours[t] += sacks.hours[0, a, k]
        money += sacks.cost[0, a, k]
        early = t < sacks.known[0, a, k] or not sacks.open[0, a, t]
        if early or (sacks.chained[0, a, k] and start[0, a, k - 1] > t):
            return False
    for a, t in {(a, start[0, a, k]) for a, k in begun}:
        hours[t] += sacks.setup_hours[0, a]
        money += sacks.setup_cost[0, a]
    return bool((hours <= sacks.capacity[0] + 1e-6).all() and money <= sacks.budget[0] + 1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_the_exact_plan_is_the_best_of_all_plans(seed):
    """Every plan of a small instance tried by hand."""
    one = _tiny(draw_all("marketing", SETTINGS["marketing"], [seed]))
    values = [0.0]
    for weeks in product((0, 1, 2, NEVER), repeat=4):
        start = np.array(weeks).reshape(1, 2, 2)
        if _allowed(one, start):
            values.append(float(worth(one, start)[0]))
    found = optimum(one)
    assert found.bound[0] == pytest.approx(max(values), rel=6e-3, abs=1e-6)
    assert _allowed(one, found.start)
    assert optimum(one, whole=False).bound[0] >= max(values) - 1e-6


@pytest.mark.parametrize("target", SETTINGS)
def test_no_plan_beats_the_bound_or_breaks_a_limit(target):
    sacks = _drawn(target, 3)
    best = optimum(sacks)
    assert (worth(sacks, best.start) >= 0.97 * best.bound).all()
    for rule in (Rule(), RICH):
        start = follow(sacks, rule)
        assert (worth(sacks, start) <= best.bound * (1 + 1e-9)).all()
        assert all(_allowed(sacks.take(slice(k, k + 1)), start[k : k + 1]) for k in range(3))


def test_a_chained_measure_never_goes_before_the_one_it_needs():
    sacks = _drawn(n=40, setting=replace(SETTINGS["marketing"], chained=1.0, budget=0.5))
    start = follow(sacks, Rule())
    assert (start[..., 1:] < NEVER).any()
    assert (start[..., :-1] <= start[..., 1:]).all()


def test_what_waits_behind_a_measure_is_credited_to_it():
    """A first measure that earns too little alone goes in for the sake of the second one."""
    sacks = _tiny(_drawn(n=1), programmes=1)
    sacks = replace(
        sacks, value=np.array([[[0.0, 5000.0]]]), cost=np.full((1, 1, 2), 100.0), hours=np.ones((1, 1, 2)),
        chained=np.array([[[False, True]]]), known=np.zeros((1, 1, 2), dtype=int),
        open=np.ones((1, 1, 3), dtype=bool),
        capacity=np.array([50.0]), budget=np.array([1e6]), setup_hours=np.zeros((1, 1)),
    )  # fmt: skip
    season = Season.begin(sacks)
    assert admit(sacks, season, bids(sacks, season, Rule("net"))).all()


def test_earnings_as_expected_are_those_that_come_on_average():
    setting = replace(SETTINGS["marketing"], late=0.0, surges=Surge(4.0, 0.1, 3))
    sacks = draw_all("marketing", setting, range(400))
    share = sacks.earned(np.zeros(sacks.value.shape, dtype=int)).sum() / sacks.stated(0).sum()
    assert share == pytest.approx(1.0, abs=0.02)


def test_marketing_has_the_lifts_and_esg_the_budget_of_their_sources():
    """Earnings over reach x conversions x margin are the trials' lifts: their logarithm's middle is known."""
    marketing, esg = _drawn(n=300), _drawn("esg", 300)
    middle = np.log(20_000 * 0.00292 * 40) + np.mean(np.log(LIFTS))
    assert np.log(marketing.value).mean() == pytest.approx(middle, abs=0.03)
    assert np.unique(esg.budget) == pytest.approx([430.0])
    yearly = 12 * np.median(esg.value, axis=(1, 2))
    assert np.median(yearly) == pytest.approx(0.438e6 * 2e-4, rel=0.05)


@pytest.mark.parametrize(("target", "flawed"), product(SETTINGS, (False, True)))
def test_the_simulator_keeps_the_protocol(target, flawed):
    setting = planted(target) if flawed else SETTINGS[target]

    def make():
        return Budgeting(lambda seeds: draw_all(target, setting, seeds), RICH, _drawn(target, 1, setting))

    assert check_simulator(make, n_worlds=4) == []


def test_keeping_all_bids_is_the_rule_itself():
    sacks = _drawn(n=8)
    still = load_policies(frozen_bytes("patch_planning", "policies.safetensors"))
    policy = permuted(still["tight_budget.11.mappo.plain.0"], 0)
    with_zeros = policy.networks["actor"]
    with_zeros.theta.zero_()
    with_zeros.theta[-len(ACTIONS)] = 1.0
    assert np.array_equal(plans(sacks, [policy], RICH)[0], follow(sacks, RICH))


def test_a_sign_is_seen_where_it_should_be():
    sacks = _drawn(n=4, setting=planted("marketing"))
    room = Budgeting(lambda seeds: sacks, RICH, sacks)
    room.begin(sacks)
    assert np.array_equal(room.observe().features[..., SIGN] > 0, sacks.flagged)
    knowing, seen = reads_the_sign(3), room.observe()
    act = knowing.act(seen)
    free = seen.mask[..., 1]
    assert (act[free & sacks.flagged] == ACTIONS.index("defer")).all()
    assert (act[free & ~sacks.flagged] == ACTIONS.index("now")).all()


def test_patching_s_policies_are_read_by_their_digest(monkeypatch):
    forget_reads()
    shipped.load_patchers.cache_clear()
    found = shipped.load_patchers()
    assert (len(found.learned), len(found.scrambled), found.rounds) == (10, 20, 40)
    assert found.learned[0].shape == SHAPE
    assert found.rule == Rule("net", price=64.0, decay=0.25, pace=1.0)
    assert {"policies.json", "policies.safetensors"} <= set(reads())
    shipped.load_patchers.cache_clear()
    monkeypatch.setattr(shipped, "DIGEST", "0" * 64)
    with pytest.raises(DataError, match="sha256"):
        shipped.load_patchers()


def test_training_goes_on_from_given_weights():
    """One round moves weights a little; a start of other weights ends elsewhere."""
    sacks, one = _drawn(n=2), reads_the_sign(1)

    def make():
        return Budgeting(lambda seeds: draw_all("marketing", SETTINGS["marketing"], seeds), RICH, sacks)

    effort = {"graph": True, "n_iterations": 1, "n_estates": 2, "n_replicas": 2}
    found = train(make, FromPolicy(start=one, **effort), 0).networks["actor"].theta
    other = train(make, FromPolicy(start=permuted(one, 0), **effort), 0).networks["actor"].theta
    begun = one.networks["actor"].theta
    assert 0 < float((found - begun).abs().max()) < 0.1
    assert float((other - begun).abs().max()) > 1.0


def test_permuted_weights_are_the_same_numbers():
    one = reads_the_sign(1)
    mixed = permuted(one, 0)
    for ours, theirs in zip(mixed.networks["actor"].layers, one.networks["actor"].layers, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            assert np.array_equal(np.sort(a.detach().numpy().ravel()), np.sort(b.detach().numpy().ravel()))
            assert len(a) < 8 or not np.array_equal(a.detach().numpy(), b.detach().numpy())


@pytest.fixture(scope="module")
def planted_losses():
    return losses(Arena("marketing", PLANTED, 3, n_instances=40, n_seeds=6, n_rounds=1), False)


def test_what_a_policy_knows_of_a_planted_flaw_is_found(planted_losses):
    found = gains(planted_losses.drawn(6, np.random.default_rng(0)))
    assert found.lesser.low > 0
    assert found.rival in (RULE, WITHOUT)


def test_weights_without_learning_are_not_found(planted_losses):
    """The placebo in the part's place, as often as 40 draws of other instances and policies tell."""
    rng = np.random.default_rng(1)
    draws = [null_gains(planted_losses.without_effect(3, rng)).lesser.low > 0 for _ in range(40)]
    assert np.mean(draws) <= 0.05


def test_a_cell_compares_all_arms_on_the_same_instances():
    found = budgets(Task(5, Effort(16, 4, 8, 50), 11, ("esg", "as_they_are")))
    arms = found.series["planner_esg_arms"].set_index("arm")
    assert (arms["loss"] >= 0).all()
    assert arms.loc["naive", "share"] == pytest.approx(0.0)
    told = {one.name: one for one in found.estimates}
    assert told["planner_esg_earns"].value == pytest.approx(arms.loc[WITH, "share"])
    assert arms.loc[WITH, "policies"] == arms.loc[PLACEBO, "policies"] == 2
    assert len(found.null) == len(found.planted) == 4
    assert found.observed.losses[WITH] == pytest.approx(100 - told["planner_esg_earns"].value)


def test_a_price_at_the_end_of_what_was_tried_is_refused(monkeypatch):
    from dti_core.studies.spillover.methods import planner

    tuned_rule.cache_clear()
    monkeypatch.setattr(planner, "AXES", {**planner.AXES, "price": (0.0, 1.0)})
    with pytest.raises(ArithmeticError, match="end of what was tried"):
        tuned_rule(Arena("marketing", OBSERVED, 8, n_instances=5, n_seeds=2, n_rounds=1))
    tuned_rule.cache_clear()


def test_losses_of_arms_share_their_instances(planted_losses):
    assert isinstance(planted_losses, Losses)
    assert {len(one[0]) for one in planted_losses.arms.values()} == {40}
