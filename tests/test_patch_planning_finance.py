"""Cost in the objective: what planners are told, equal spending, and the worlds of the controls."""

from dataclasses import replace

import numpy as np
import pytest

from dti_core.studies.patch_planning.measures.finance import (
    GRID,
    RIVALS,
    Task,
    _gains,
    _plan,
    _without_limit,
    contest,
    expected_usd,
    follow_told,
    study_finance,
)
from dti_core.studies.patch_planning.methods.plan import run_rule
from dti_core.studies.patch_planning.methods.rules import Price, Rule
from dti_core.studies.patch_planning.model.estates import NEVER, NONE, Estates
from dti_core.studies.patch_planning.model.plans import account, broken_limits
from dti_core.studies.patch_planning.worlds import TIGHT_BUDGET
from dti_core.studies.patch_planning.worlds.finance import (
    COST_WORLDS,
    Costs,
    Purse,
    draw_purse,
    fill_estates,
)
from dti_core.studies.patch_planning.worlds.settings import Setting
from dti_core.studies.patch_planning.worlds.simulate import simulate_estates


def filled(costs: Costs, n_estates: int = 4) -> tuple[Estates, dict[str, Estates]]:
    true, told = fill_estates(Purse(TIGHT_BUDGET, costs), n_estates, 5, np.random.default_rng(2))
    return true, dict(told)


def test_of_one_dear_and_two_cheap_patches_who_knows_costs_takes_the_cheap_ones() -> None:
    """Worth 30, 20, 20 hundred a week at costs of 10, 5, 5: a budget of 10 buys the first, or both others."""
    made = simulate_estates(Setting(n_weeks=2, slots=3, windows=1.0), 1, 1, np.random.default_rng(0))
    ones, free = np.ones((1, 3)), np.zeros((1, 1))
    true = replace(
        made, risk_usd=np.array([[3000.0, 2000.0, 2000.0]]), cost_usd=np.array([[10.0, 5.0, 5.0]]),
        budget_usd=np.array([10.0]), hours=0.1 * ones, minutes=0 * ones, setup_hours=free, setup_usd=free,
        setup_minutes=free, weekly_hours=np.ones((1, 2)), after=np.full((1, 3), NONE),
        exploited=np.full((1, 3), NEVER),
    )  # fmt: skip
    blind = replace(true, cost_usd=np.full((1, 3), 20 / 3))
    rule = Rule("net_per_dollar", Price())
    assert follow_told(true, true, rule).tolist() == [[NEVER, 0, 0]]
    assert follow_told(true, blind, rule).tolist() == [[0, NEVER, NEVER]]


def test_who_is_told_the_truth_is_the_rule_itself() -> None:
    true, told = filled(Costs(0.5))
    for rule in GRID[::5]:
        assert np.array_equal(follow_told(true, told["with"], rule), run_rule(true, rule))


def test_what_is_told_leaves_true_money_and_limits() -> None:
    true, told = filled(Costs(1.0))
    assert np.allclose(told["without"].cost_usd.std(axis=1), 0)
    for one in told.values():
        assert np.allclose(one.cost_usd.mean(axis=1), true.cost_usd.mean(axis=1))
        plan = follow_told(true, one, GRID[1])
        assert not any(flags.any() for flags in broken_limits(true, plan).values())
    assert np.allclose(np.sort(told["dealt"].cost_usd), np.sort(true.cost_usd))
    assert not np.allclose(told["dealt"].cost_usd, true.cost_usd)


def test_the_spread_of_costs_leaves_the_budget_s_share() -> None:
    plain, wide = filled(Costs(0.0))[0], filled(Costs(1.5))[0]
    assert np.allclose(plain.cost_usd.sum(axis=1), wide.cost_usd.sum(axis=1))
    assert wide.cost_usd.std() > 1.5 * plain.cost_usd.std()


def test_the_loss_expected_is_the_loss_avoided_where_exploits_do_not_come() -> None:
    purse = draw_purse(np.random.default_rng(0), COST_WORLDS["costs_apart"].settings)
    true, told = fill_estates(purse, 3, 4, np.random.default_rng(1))
    plan = follow_told(true, told["with"], GRID[0])
    assert expected_usd(true, plan) == pytest.approx(account(true, plan).avoided_usd)


def test_the_loss_expected_is_the_mean_of_what_comes() -> None:
    """One plan of the first week over many fates: the mean of the loss avoided."""
    true, _ = fill_estates(
        Purse(replace(TIGHT_BUDGET, late=0.0), Costs(0.0)), 400, 2, np.random.default_rng(5)
    )
    plan = np.zeros(true.service.shape, dtype=np.int64)
    same = replace(true, risk_usd=np.ones_like(true.risk_usd))
    assert expected_usd(same, plan).sum() == pytest.approx(account(same, plan).avoided_usd.sum(), rel=0.03)


def test_costs_alike_and_seen_without_noise_gain_nothing_over_the_mean() -> None:
    """The favourite and its rival are then told the same, plan the same and spend the same."""
    alike = replace(COST_WORLDS["costs_alike"].settings, costs=Costs(0.0, alike=True))
    rng = np.random.default_rng(3)
    true, told = fill_estates(draw_purse(rng, alike), 4, 4, rng)
    for rule in (GRID[2], GRID[9]):
        plans = [follow_told(true, told[who], rule) for who in ("with", "without", "dealt")]
        assert np.array_equal(plans[0], plans[1])
        assert np.array_equal(plans[0], plans[2])


def test_noise_is_each_planner_s_own() -> None:
    true, told = filled(Costs(0.0, alike=True, noise=0.5))
    assert np.allclose(true.cost_usd.std(axis=1), 0)
    assert not np.allclose(told["with"].cost_usd, told["without"].cost_usd)


def test_wide_costs_of_like_risks_are_found_and_at_no_more_dollars() -> None:
    found = contest(Task(np.random.SeedSequence(4), "costs_apart", 2, 16, 16, 4))
    for rival in RIVALS:
        assert (found[f"gain_{rival}"] > 0.02).all()
        assert (found[f"unspent_{rival}"] > -0.05).all()


def test_a_limit_that_does_not_bind_costs_nothing_and_who_is_blind_is_set_beside_it() -> None:
    """With money for all, who knows costs plans as without a limit; who asks for no money does not."""
    purse = Purse(replace(TIGHT_BUDGET, budget=1.0), Costs(1.0))
    true, told = fill_estates(purse, 12, 4, np.random.default_rng(6))
    rich = replace(true, budget_usd=10 * true.budget_usd)
    told = {who: replace(one, budget_usd=rich.budget_usd) for who, one in told.items()}
    train = np.arange(12) < 6
    kept = _plan(rich, told["with"], train, 1)[0]
    found = _without_limit(rich, told, kept, train, 1)
    assert found["extra_residual"].tolist() == [0.0]
    assert found["off_extra_residual"][0] != 0
    assert found["free_spent"] < found["off_spent"]


def test_the_cut_looks_at_no_estate_that_is_judged() -> None:
    """What the rival spends on the test estates moves nothing of the favourite's plans."""
    true, told = fill_estates(Purse(TIGHT_BUDGET, Costs(1.0)), 16, 4, np.random.default_rng(8))
    train = np.arange(16) < 8
    own, theirs = (_plan(true, told[who], train, 1)[0] for who in ("with", "without"))
    idle = np.where(train[:, None], theirs, NEVER)
    idle[8] = theirs[8]  # one plan is left, to have something to divide by
    ours = []
    for plan in (theirs, idle):
        found = _gains("without", true, told["with"], own, plan, train, 1)
        earned = expected_usd(true, plan)[~train].sum()
        ours.append((1 + found["gain_without"][0]) * earned)
    assert ours[0] == pytest.approx(ours[1])


def test_the_study_tells_every_bar_in_every_world() -> None:
    found = study_finance(
        np.random.SeedSequence(0), n_sets=2, n_train=4, n_test=4, n_draws=2, n_control_sets=2, n_services=3
    )
    keys = {one.key for one in found.estimates}
    assert {f"finance_with_minus_{rival}@{world}" for rival in RIVALS for world in COST_WORLDS} <= keys
    assert {"finance_cost_helps", "finance_over_budget", "finance_off_extra_residual_half_budget"} <= keys
    assert len(keys) == len(found.estimates)
    assert len(found.series["finance_sets"]) == 2
