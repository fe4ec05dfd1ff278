"""One world of a batched simulator as a PettingZoo ParallelEnv: a view, so that the two cannot differ."""

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from dti_core.bridges.simulators.protocol import BatchedSimulator, Make, Observation

Seen = dict[str, NDArray[Any]]


def as_parallel_env(make: Make, name: str = "world") -> "WorldView":
    """A ParallelEnv that steps the one world which `make()` begins from the seed of `reset`.

    Agents are "agent_0", "agent_1", ...; each sees its features and its mask, is rewarded with its share of
    the team's dollars, and all end together. `state()` gives the features of the world as a whole.

    Parameters
    ----------
    make : gives a simulator that passes `check_simulator`.
    name : what PettingZoo's metadata call the environment.
    """
    return WorldView(make(), name)


class WorldView(ParallelEnv[str, Seen, Any]):
    """What `as_parallel_env` gives. Without a seed, `reset` begins a world that no earlier one began."""

    metadata: dict[str, Any]

    def __init__(self, simulator: BatchedSimulator, name: str) -> None:
        self.metadata = {"name": name, "render_modes": [], "is_parallelizable": True}
        self.render_mode = None
        self.possible_agents = [f"agent_{k}" for k in range(simulator.n_agents)]
        self.agents: list[str] = []
        self._simulator = simulator
        self._seeds = np.random.SeedSequence()
        box = spaces.Box(-np.inf, np.inf, (simulator.n_features,), np.float32)
        mask = spaces.Box(0, 1, (simulator.n_actions,), np.int8)
        self.observation_spaces = {
            agent: spaces.Dict({"observation": box, "action_mask": mask}) for agent in self.possible_agents
        }
        self.action_spaces = {
            agent: spaces.Discrete(simulator.n_actions, seed=k)
            for k, agent in enumerate(self.possible_agents)
        }

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """The same object each time it is asked for."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """The same object each time it is asked for."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Seen], dict[str, dict[str, Any]]]:
        """Begin the world of this seed."""
        if seed is not None:
            self._seeds = np.random.SeedSequence(seed)
        world = int(self._seeds.spawn(1)[0].generate_state(1)[0]) if seed is None else seed
        self._simulator.reset([world])
        self.agents = list(self.possible_agents)
        return self._seen(self._simulator.observe()), {agent: {} for agent in self.agents}

    def step(self, actions: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        """Let all agents act; the costs of the world stand in each agent's info."""
        if not self.agents:
            raise ValueError("the world has ended or was never begun; call reset(seed) first")
        if set(actions) != set(self.agents):
            odd = sorted(set(actions) ^ set(self.agents))
            raise ValueError(f"actions must name each agent once; missing or unknown: {', '.join(odd)}")
        outcome = self._simulator.step(np.array([[int(actions[agent]) for agent in self.agents]]))
        ended, acting = self._simulator.done, self.agents
        self.agents = [] if ended else acting
        rewards = {agent: float(outcome.shares[0, k]) for k, agent in enumerate(acting)}
        infos = {agent: {"costs": outcome.costs.ravel().tolist()} for agent in acting}
        ends = dict.fromkeys(acting, ended)
        return self._seen(self._simulator.observe()), rewards, ends, dict.fromkeys(acting, False), infos

    def state(self) -> NDArray[np.float32]:
        """Features of the world as a whole, (G,), for a central critic."""
        return self._simulator.observe().estate[0]

    def render(self) -> None:
        """Nothing: figures are drawn from results."""

    def close(self) -> None:
        """Nothing is held open."""

    def _seen(self, seen: Observation) -> dict[str, Seen]:
        masks = seen.mask[0].astype(np.int8)
        return {
            agent: {"observation": seen.features[0, k].astype(np.float32), "action_mask": masks[k]}
            for k, agent in enumerate(self.possible_agents)
        }
