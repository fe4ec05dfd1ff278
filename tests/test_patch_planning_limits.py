"""Conflict, stress, real graphs and own estates: over which estates what is told, with known answers."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from dti_core.studies.patch_planning.data import load_yours
from dti_core.studies.patch_planning.data.graphs import RealGraph
from dti_core.studies.patch_planning.figures.tables import binding_table
from dti_core.studies.patch_planning.measures import conflict, graphs, plan, stress
from dti_core.studies.patch_planning.methods.exact import Effort
from dti_core.studies.patch_planning.methods.lessons import SMALL, TAUGHT
from dti_core.studies.patch_planning.methods.plan import run_rule
from dti_core.studies.patch_planning.methods.rules import Price
from dti_core.studies.patch_planning.methods.shipped import Shipped
from dti_core.studies.patch_planning.model.estates import NEVER
from dti_core.studies.patch_planning.worlds import WORLDS
from dti_core.studies.patch_planning.worlds.draws import draw_estates
from dti_core.studies.patch_planning.worlds.graphs import heavy_tailed
from tests.patch_planning_estate import CSV, YAML
from tests.patch_planning_taught import briefing, taught

QUICK = Effort(gap=5e-3, seconds=30.0, nodes=20)
ROOT = np.random.SeedSequence(7)
BRIEFINGS = {(world, SMALL): briefing(world) for world in TAUGHT}
UNTAUGHT = Shipped({}, BRIEFINGS, {}, 0.0)


@pytest.fixture
def own(tmp_path):
    (tmp_path / "findings.csv").write_text(CSV, encoding="utf-8")
    (tmp_path / "estate.yaml").write_text(YAML, encoding="utf-8")
    return load_yours(str(tmp_path))[0]


@pytest.fixture
def outcomes(monkeypatch):
    """Pieces are worked on in this process; what came of each measure's, by its label."""
    found = {}

    def one_by_one(function, tasks, label):
        found[label] = {key: function(task) for key, task in tasks.items()}
        return found[label]

    for measure in (graphs, stress):
        monkeypatch.setattr(measure, "run_keyed", one_by_one)
    return found


def with_budget(estates, share):
    return replace(estates, budget_usd=share * estates.cost_usd.sum(axis=1))


# ---------------------------------------------------------------- conflict


def test_what_a_service_gains_is_told_against_its_own_truth_over_all_estates():
    seeds = [1, 2, 3]
    with taught(UNTAUGHT, conflict):
        table = conflict._incentives(seeds)
    ends = table[["low", "gain_usd", "high"]]
    assert (ends[table["claim"] == 1.0] == 0).all(axis=None)
    assert (ends[table["claim"] != 1.0] != 0).any(axis=None)
    assert (table["low"] <= table["gain_usd"]).all()
    assert (table["gain_usd"] <= table["high"]).all()

    estates, rule, borne = draw_estates("conflict", SMALL, seeds), BRIEFINGS["conflict", SMALL].rule, 0.25

    def mine(service, claim):
        told = np.full(SMALL, 4.0)
        told[service] = claim
        found = run_rule(estates, rule, None, estates.outage_usd * told[:, None])
        avoided, outage = conflict._own(estates, found)
        return borne * avoided[:, service] - outage[:, service]

    each = sum(mine(service, 0.25) - mine(service, 1.0) for service in range(SMALL))
    row = table[(table["others claim"] == 4) & (table["claim"] == 0.25) & (table["borne"] == borne)]
    assert row["gain_usd"].item() == pytest.approx(each.mean())
    margin = 4.302653 * each.std(ddof=1) / 3**0.5  # Student's t of two degrees of freedom
    assert row["high"].item() - row["gain_usd"].item() == pytest.approx(margin, rel=1e-5)


# ---------------------------------------------------------------- stress


def test_under_stress_exact_plans_are_made_where_money_binds_alone(monkeypatch, outcomes):
    def earned(piece):
        nets = {stress.INFORMED: 1.0, "tuned_rule": 0.5, "avoided by severity": 3.0, "avoided by random": 2.0}
        found = {name: np.full((1, len(piece.seeds)), net) for name, net in nets.items()}
        return found | ({stress.EXACT: np.full((1, piece.n_exact), 0.75)} if piece.n_exact else {})

    monkeypatch.setattr(stress, "plan_stressed", earned)
    found = stress.study_stress(ROOT, 5, 3, 1, 1, 19)
    exact = {one.key: one for one in found.estimates if one.at.get("method") == stress.EXACT}
    assert list(exact) == [f"stress_{name}_priced_milp" for name in stress.STRESSES if "capacity" not in name]
    assert {(one.value, one.n) for one in exact.values()} == {(0.75, 3)}
    at = {one.key: one for one in found.estimates}
    assert (at["stress_none_tuned_rule"].n, at["stress_none_tuned_rule@scarce"].n) == (5, 5)
    assert at["severity_over_random_low@scarce"].value == pytest.approx(0.5)


# ---------------------------------------------------------------- real graphs


def test_the_room_on_real_graphs_is_a_ratio_of_sums_over_the_first_estates_of_all(monkeypatch, outcomes):
    rng = np.random.default_rng(1)
    drawn = {name: RealGraph((), heavy_tailed(1, size, rng)) for name, size in (("a", 4), ("b", 6))}
    monkeypatch.setattr(graphs, "load_graphs", lambda: (drawn, None))
    monkeypatch.setattr(graphs, "load_packages", lambda: drawn["a"])
    with taught(UNTAUGHT, graphs):
        found = graphs.study_graphs(ROOT, 4, 2, 1, 19, QUICK, n_worlds=2)
    done = outcomes["real graphs"]
    assert [place for place, nets in done.items() if graphs.EXACT in nets] == [
        (graphs.ROOM_WORLD, "a"), (graphs.ROOM_WORLD, "b"),
    ]  # fmt: skip
    some = [done[graphs.ROOM_WORLD, name] for name in drawn]
    exact = sum(nets[graphs.EXACT].sum() for nets in some)
    rule = sum(nets["tuned_rule"][0, :2].sum() for nets in some)
    (room,) = [one for one in found.estimates if one.name == "room_graphs"]
    assert (room.value, room.n) == (pytest.approx(exact / rule - 1), 4)
    assert room.low <= room.value <= room.high
    assert set(found.series["graphs"]["contrast"]) == {"agents", "risk_alone", "severity_alone"}


# ---------------------------------------------------------------- own estates


@pytest.mark.parametrize("world", ["tight_budget", "scarce", "arrive"])
def test_an_estate_of_a_world_of_training_is_served_by_that_world(world):
    estates = draw_estates(world, 6, range(3))
    assert {plan.world_alike(estates.take(slice(one, one + 1))) for one in range(3)} == {world}


@pytest.mark.parametrize(
    ("share", "world"),
    [(0.0, "tight_budget"), (0.02, "tight_budget"), (0.25, "tight_budget"), (0.27, "arrive"),
     (0.55, "arrive"), (0.73, "arrive"), (0.75, "scarce"), (50.0, "scarce")],
)  # fmt: skip
def test_rich_and_poor_estates_are_planned_by_what_other_worlds_were_told(own, share, world):
    """Halfway by ratio between 12 % and 55 % lie 26 %, between these and 100 % 74 %."""
    estates = with_budget(own.estates, share)
    assert plan.world_alike(estates) == world
    dear = briefing(world)
    dear = replace(dear, prices=dict.fromkeys(dear.prices, Price(1e6)), rolling=Price(1e6))
    plans = {}
    for name, shipped in (("other", {}), ("its own", {(world, SMALL): dear})):
        cheap = {(one, SMALL): replace(told, rolling=Price(), prices=dict.fromkeys(told.prices, Price()))
                 for one, told in ((w, briefing(w)) for w in TAUGHT)}  # fmt: skip
        with taught(Shipped({}, cheap | shipped, {}, 0.0), plan):
            plans[name] = {solver: plan.plan_with(solver, estates, QUICK) for solver in ("rule", "priced")}
            plans[name]["exact"] = plan.plan_with("exact", estates, QUICK)
    assert np.array_equal(plans["other"]["exact"], plans["its own"]["exact"])
    for solver in ("rule", "priced"):
        assert (plans["its own"][solver] == NEVER).all()
        assert share < 0.1 or (plans["other"][solver] < NEVER).any()


@pytest.mark.parametrize("solver", ["rule", "exact"])
def test_a_run_says_in_which_world_its_solver_was_tuned(own, solver):
    with taught(UNTAUGHT, plan):
        found = plan.study_plan(own, solver, QUICK, ROOT)
    (told,) = found.series["alike"].itertuples()
    share = own.estates.budget_usd[0] / own.estates.cost_usd.sum()
    assert (told.solver, told.budget_share) == (solver, pytest.approx(share))
    assert told.world == plan.world_alike(own.estates)
    note = binding_table(SimpleNamespace(series=found.series)).note
    assert (WORLDS[told.world].title in note) == (solver != "exact")
