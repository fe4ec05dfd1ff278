"""Services as agents: the rule when they keep it, the limits whatever they do, and weights that ship."""

from functools import partial

import numpy as np
import pytest
import yaml
from pettingzoo.test import parallel_api_test, parallel_seed_test

from dti_core.bridges.policies import Mappo, train
from dti_core.bridges.simulators import as_parallel_env, check_simulator
from dti_core.lab.claims import load_register
from dti_core.lab.errors import DataError
from dti_core.lab.paths import project_root
from dti_core.studies.patch_planning.methods import shipped
from dti_core.studies.patch_planning.methods.agents import Planning, follow, follow_all
from dti_core.studies.patch_planning.methods.plan import run_rule
from dti_core.studies.patch_planning.model.estates import NEVER
from dti_core.studies.patch_planning.model.plans import account, broken_limits, expected_net_usd
from dti_core.studies.patch_planning.worlds import CONTROLS, WORLDS
from dti_core.studies.patch_planning.worlds.draws import draw_estate, draw_estates
from dti_core.studies.patch_planning.worlds.finance import COST_WORLDS
from dti_core.studies.patch_planning.worlds.parties import TABLES
from tests.patch_planning_taught import briefing

WORLD = "tight_budget"
RULE = briefing(WORLD).rule
SERVICES = 5


def planning() -> Planning:
    return Planning(partial(draw_estate, WORLD, SERVICES), draw_estates(WORLD, SERVICES, [1]), RULE)


def keep_all(seen):
    return np.zeros(seen.mask.shape[:2], int)


def test_agents_that_keep_every_bid_are_the_rule():
    estates = draw_estates(WORLD, SERVICES, range(20))
    assert np.array_equal(follow(estates, keep_all, RULE), run_rule(estates, RULE))


def test_policies_side_by_side_plan_as_each_does_alone():
    estates = draw_estates(WORLD, SERVICES, range(6))
    acts = [train(planning, Mappo(n_iterations=1, n_estates=2, n_replicas=2), seed).act for seed in (0, 1)]
    acts.append(lambda seen: seen.mask[..., 1].astype(int))
    together = follow_all(estates, acts, RULE)
    for act, plan in zip(acts, together, strict=True):
        assert np.array_equal(plan, follow(estates, act, RULE))
    assert not np.array_equal(together[0], together[2])


def test_the_simulator_keeps_the_protocol():
    assert check_simulator(planning) == []


@pytest.mark.filterwarnings("ignore")
def test_the_view_passes_the_tests_of_pettingzoo():
    parallel_api_test(as_parallel_env(planning), num_cycles=30)
    parallel_seed_test(lambda: as_parallel_env(planning), num_cycles=10)


def test_no_limit_is_broken_whatever_agents_do():
    """At random in 10,000 weeks."""
    rng, room = np.random.default_rng(3), planning()
    room.reset(range(-(-10_000 // room.n_steps)))
    while not room.done:
        room.step(np.where(room.observe().mask, rng.random(room.observe().mask.shape), -1.0).argmax(axis=-1))
    broken = broken_limits(room.estates, room.quarter.plan)
    assert {name for name, flag in broken.items() if flag.any()} == set()
    assert len(room.estates) * room.n_steps >= 10_000


def test_expected_dollars_are_those_found_on_average_unless_the_plan_looks_ahead():
    estates = draw_estates(WORLD, SERVICES, range(2_000))

    def surplus(plan):
        """Dollars found beyond those expected, in standard errors."""
        beyond = account(estates, plan).net_usd - expected_net_usd(estates, plan)
        return beyond.mean() / (beyond.std() / np.sqrt(len(beyond)))

    assert abs(surplus(run_rule(estates, RULE))) < 4
    exploited_later = (estates.known == 0) & (estates.exploited < NEVER)
    assert surplus(np.where(exploited_later, 0, NEVER)) > 10


def test_shipped_policies_load_by_their_digest():
    found = shipped.load_shipped.__wrapped__()
    assert found.policies
    assert found.seeds_of(WORLD, "mappo")


def test_a_damaged_file_gives_one_clear_error(tmp_path, monkeypatch):
    folder = tmp_path / "experiments" / "policies"
    folder.mkdir(parents=True)
    content = (project_root() / "experiments" / "policies" / "patch_planning.safetensors").read_bytes()
    (folder / "patch_planning.safetensors").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    monkeypatch.setattr(shipped, "project_root", lambda: tmp_path)
    with pytest.raises(
        DataError, match=r"patch_planning\.safetensors: .*Restore it with git, or make it anew"
    ):
        shipped.load_shipped.__wrapped__()


def test_a_verdict_was_expected_beforehand_of_each_owned_claim_and_its_controls_exist():
    text = (project_root() / "experiments" / "preregistered" / "patch_planning.yaml").read_text("utf-8")
    written, register = yaml.safe_load(text)["claims"], load_register()
    assert list(written) == register.owned_by("patch_planning")
    made = WORLDS | CONTROLS | COST_WORLDS | TABLES
    for claim, one in written.items():
        assert one["expected"] in ("supported", "refuted", "inconclusive"), claim
        (test,) = [own for own in register.claims[claim].tests if own.study == "patch_planning"]
        assert [made[world].role for world in test.worlds] == ["negative", "positive"], claim
        assert all(bar.smallest_effect > 0 for bar in test.estimates), claim
