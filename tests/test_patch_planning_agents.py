"""Services as agents: the rule when they keep it, the limits whatever they do, and weights that ship."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml
from pettingzoo.test import parallel_api_test, parallel_seed_test

from dti_core.bridges.policies import Mappo, train
from dti_core.bridges.simulators import as_parallel_env, check_simulator
from dti_core.lab import data
from dti_core.lab.claims import load_register
from dti_core.lab.data.frozen import frozen_bytes
from dti_core.lab.errors import DataError
from dti_core.lab.paths import project_root
from dti_core.studies.patch_planning.methods import shipped
from dti_core.studies.patch_planning.methods.agents import Planning, follow, follow_all, keep_bids
from dti_core.studies.patch_planning.methods.plan import run_rule
from dti_core.studies.patch_planning.model.estates import NEVER
from dti_core.studies.patch_planning.model.plans import account, broken_limits, expected_net_usd
from dti_core.studies.patch_planning.worlds import CONTROLS, WORLDS
from dti_core.studies.patch_planning.worlds.draws import draw_estate, draw_estates
from dti_core.studies.patch_planning.worlds.finance import COST_WORLDS
from dti_core.studies.patch_planning.worlds.parties import TABLES
from tests.kit import planned_inputs
from tests.patch_planning_taught import briefing

WORLD = "tight_budget"
RULE = briefing(WORLD).rule
SERVICES = 5


def planning() -> Planning:
    return Planning(partial(draw_estate, WORLD, SERVICES), draw_estates(WORLD, SERVICES, [1]), RULE)


def test_agents_that_keep_every_bid_are_the_rule():
    estates = draw_estates(WORLD, SERVICES, range(20))
    assert np.array_equal(follow(estates, keep_bids, RULE), run_rule(estates, RULE))


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


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """A home that holds the files of the policies alone."""
    files = {name: frozen_bytes(shipped.SLUG, name) for name in (shipped.TOLD, shipped.WEIGHTS)}
    folder = tmp_path / "experiments" / "data" / shipped.SLUG
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    monkeypatch.setenv("DTI_HOME", str(tmp_path))
    monkeypatch.delenv(data.READS_FILE, raising=False)
    data.forget_reads()
    return folder


@pytest.mark.parametrize("name", [shipped.TOLD, shipped.WEIGHTS])
def test_a_changed_byte_is_refused_and_is_another_input(name, home):
    """Of the weights as of what was tuned: an edited briefing would plan otherwise under the same weights."""
    shipped.load_shipped.__wrapped__()
    before = data.reads()
    assert before == planned_inputs(shipped.SLUG)
    content = (home / name).read_bytes()
    at = content.index(b'"price": ') + 9 if name == shipped.TOLD else len(content) - 1
    (home / name).write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    data.forget_reads()
    with pytest.raises(DataError, match=rf"{name}: .*sha256 is .*Restore it with git, or make it anew"):
        shipped.load_shipped.__wrapped__()
    assert data.reads() == planned_inputs(shipped.SLUG)
    assert {one for one in before if data.reads()[one] != before[one]} == {name}


def test_missing_files_of_policies_are_told(home):
    (home / shipped.WEIGHTS).unlink()
    with pytest.raises(DataError, match=r"no file policies\.safetensors"):
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
