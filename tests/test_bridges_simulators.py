"""The bridge `simulators`: each fault is found where it was planted, and the view is the simulator."""

from dataclasses import replace

import numpy as np
import pytest
from pettingzoo.test import parallel_api_test, parallel_seed_test

from dti_core.bridges.simulators import as_parallel_env, check_simulator
from tests.toy_worlds import ToyWorlds

KINDS = ("own", "shared", "neighbour", "regime", "stopping", "limited")


class Unrepeatable(ToyWorlds):
    """Rewards with noise of its own."""

    noise = np.random.default_rng(1)

    def step(self, actions):
        outcome = super().step(actions)
        shares = outcome.shares + self.noise.normal(size=outcome.shares.shape)
        return replace(outcome, shares=shares, rewards=shares.sum(axis=1))


class Crosstalk(ToyWorlds):
    """Features centred over the batch."""

    def observe(self):
        seen = super().observe()
        return replace(seen, features=seen.features - seen.features.mean(axis=0))


class PaysForMasked(ToyWorlds):
    """Pays for the second action also where it is masked."""

    def step(self, actions):
        paid = 5.0 * ((actions == 2) & ~self.mask()[..., 2])
        outcome = super().step(actions)
        return replace(outcome, shares=outcome.shares + paid, rewards=outcome.rewards + paid.sum(axis=1))


class Infinite(ToyWorlds):
    """A feature that divides by the time left."""

    def observe(self):
        seen = super().observe()
        with np.errstate(divide="ignore"):
            return replace(seen, features=1.0 / seen.features)


class Unshared(ToyWorlds):
    """A team reward of which a part is nobody's."""

    def step(self, actions):
        outcome = super().step(actions)
        return replace(outcome, rewards=outcome.rewards + 1.0)


class TooLong(ToyWorlds):
    """Ends a step after it says."""

    done = property(lambda self: self.time > self.n_steps)


class Flat(ToyWorlds):
    """Rewards of a shape that would broadcast."""

    def step(self, actions):
        outcome = super().step(actions)
        return replace(outcome, rewards=outcome.rewards[:, None])


class NoWayOut(ToyWorlds):
    """Masks all actions of an agent."""

    def mask(self):
        mask = super().mask()
        mask[:, 0] = False
        return mask


class Reused(ToyWorlds):
    """Hands out the memory that it writes to."""

    def observe(self):
        self.buffer = getattr(self, "buffer", np.zeros((6, 4, 3), dtype=np.float32))
        seen = super().observe()
        self.buffer[: self.n_worlds] = seen.features
        return replace(seen, features=self.buffer[: self.n_worlds])

    def step(self, actions):
        outcome = super().step(actions)
        self.observe()
        return outcome


FAULTS = {
    "not_repeatable": Unrepeatable, "depends_on_its_batch": Crosstalk, "masked_action_counts": PaysForMasked,
    "not_finite": Infinite, "shares_do_not_sum": Unshared, "wrong_end": TooLong, "wrong_shape": Flat,
    "action_0_masked": NoWayOut, "changes_later": Reused,
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_simulator_has_no_fault(kind):
    assert check_simulator(lambda: ToyWorlds(kind)) == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_by_its_name_alone(name):
    found = check_simulator(FAULTS[name])
    assert [fault.name for fault in found] == [name]
    assert all(fault.where for fault in found)


def test_a_simulator_may_refuse_masked_actions():
    class Strict(ToyWorlds):
        def step(self, actions):
            if not np.take_along_axis(self.mask(), actions[..., None], axis=-1).all():
                raise ValueError("action is masked")
            return super().step(actions)

    assert check_simulator(Strict) == []


@pytest.mark.parametrize("kind", ["own", "stopping"])
def test_the_view_passes_the_kit_of_pettingzoo(kind):
    parallel_api_test(as_parallel_env(lambda: ToyWorlds(kind)), num_cycles=30)
    parallel_seed_test(lambda: as_parallel_env(lambda: ToyWorlds(kind)), num_cycles=10)


def test_the_view_of_a_seed_is_its_world_in_a_batch():
    env, batch = as_parallel_env(lambda: ToyWorlds("stopping")), ToyWorlds("stopping")
    seeds, rng = [5, 9, 2], np.random.default_rng(0)
    seen, _ = env.reset(seed=9)
    batch.reset(seeds)
    while env.agents:
        inside = batch.observe()
        assert np.array_equal(env.state(), inside.estate[1])
        for k, agent in enumerate(env.agents):
            assert np.array_equal(seen[agent]["observation"], inside.features[1, k])
            assert np.array_equal(seen[agent]["action_mask"], inside.mask[1, k])
        actions = np.where(inside.mask[..., 1], rng.integers(0, 2, inside.mask.shape[:2]), 0)
        named = dict(zip(env.agents, actions[1], strict=True))
        acting = list(env.agents)
        outcome = batch.step(actions)
        seen, rewards, ended, cut, infos = env.step(named)
        assert [rewards[agent] for agent in acting] == outcome.shares[1].tolist()
        assert infos[acting[0]]["costs"] == outcome.costs[1].tolist()
    assert batch.done
    assert all(ended.values())
    assert not any(cut.values())


def test_resets_without_a_seed_begin_other_worlds_and_follow_the_last_seed():
    env = as_parallel_env(ToyWorlds)

    def begun(seed=None):
        return env.reset(seed=seed)[0]["agent_0"]["observation"].tolist()

    first = [begun(3), begun(), begun()]
    assert len({tuple(one) for one in first}) == 3
    assert [begun(3), begun(), begun()] == first


def test_wrong_steps_of_the_view_are_refused():
    env = as_parallel_env(ToyWorlds)
    with pytest.raises(ValueError, match="call reset"):
        env.step({})
    env.reset(seed=1)
    with pytest.raises(ValueError, match="agent_3"):
        env.step({"agent_0": 0, "agent_1": 0, "agent_2": 0})
