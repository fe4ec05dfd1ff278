"""A batched simulator whose best plan is known, for the tests of the bridges `simulators` and `policies`."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from dti_core.bridges.simulators import Actions, Observation, Outcome

Kind = Literal["own", "shared", "neighbour", "regime", "stopping", "limited"]


class ToyWorlds:
    """Agents on a ring that choose among three actions on each step; 0 gives nothing.

    own : action k > 0 gives 100 times feature k, which is drawn anew for each agent and step.
    shared : the same, with the features of the estate, which all agents see.
    neighbour : the same, with those of the next agent on the ring.
    regime : the same as `own`, times a sign that only the estate shows, fixed for the episode.
    stopping : once in an episode action 1 takes an offer drawn from (0, 100); masked afterwards.
    limited : action 1 gives 100 times feature 1, drawn from (0, 1), at a cost of 1.
    """

    n_actions, n_features, n_worlds = 3, 3, 0

    def __init__(self, kind: Kind = "own", n_agents: int = 4, n_steps: int = 4) -> None:
        self.kind, self.n_agents, self.n_steps = kind, n_agents, n_steps

    def reset(self, seeds: Sequence[int]) -> None:
        """Draw all features of each world from its seed."""
        self.n_worlds, self.time = len(seeds), 0
        shape = (self.n_steps + 1, self.n_agents, 3)
        low = 0.0 if self.kind in ("stopping", "limited") else -1.0
        draws = [np.random.default_rng(seed).uniform(low, 1.0, shape) for seed in seeds]
        self.draws = np.stack(draws, axis=1)
        self.draws[..., 2] = 1.0 - np.arange(len(self.draws))[:, None, None] / self.n_steps
        self.sign = np.where(self.draws[0, :, 0, 0] > 0, 1.0, -1.0) if self.kind == "regime" else 1.0
        self.free = np.ones((self.n_worlds, self.n_agents), dtype=bool)
        if self.kind == "shared":
            self.draws[:] = self.draws[:, :, :1]

    def worth(self) -> np.ndarray:
        """Dollars that each action would give each agent now, (N, A, 3); masked ones too."""
        seen = self.draws[self.time]
        seen = np.roll(seen, -1, axis=1) if self.kind == "neighbour" else seen
        gains = 100.0 * seen[..., :2] * np.reshape(self.sign, (-1, 1, 1))
        if self.kind in ("stopping", "limited"):
            gains[..., 1] = -100.0
        return np.concatenate([np.zeros_like(gains[..., :1]), gains], axis=-1)

    def mask(self) -> np.ndarray:
        """All but action 2 at the last step, and action 1 after it was taken where that may be but once."""
        mask = np.ones((self.n_worlds, self.n_agents, 3), dtype=bool)
        mask[..., 2] = self.time < self.n_steps - 1
        mask[..., 1] = self.free
        return mask

    def observe(self) -> Observation:
        """Features of each agent; of the estate the time left and the sign of the regime."""
        features = self.draws[self.time].astype(np.float32)
        estate = np.stack([features[:, 0, 2], np.broadcast_to(self.sign, self.n_worlds)], axis=1)
        ring = np.arange(self.n_agents)[:, None] + [1, -self.n_agents - 1]
        ring = np.where(ring < 0, -1, ring % self.n_agents)
        neighbours = np.broadcast_to(ring, (self.n_worlds, *ring.shape))
        return Observation(features, self.mask(), estate.astype(np.float32), neighbours, self.time)

    def step(self, actions: Actions) -> Outcome:
        """Pay each agent what its action is worth."""
        allowed = np.take_along_axis(self.mask(), actions[..., None], axis=-1)[..., 0]
        taken = np.where(allowed, actions, 0)
        shares = np.take_along_axis(self.worth(), taken[..., None], axis=-1)[..., 0]
        self.free = self.free & ~((taken == 1) & (self.kind == "stopping"))
        self.time += 1
        costs = (taken == 1).sum(axis=1, keepdims=True).astype(float)
        return Outcome(shares.sum(axis=1), shares, costs)

    @property
    def done(self) -> bool:
        """Whether all steps have been taken."""
        return self.time >= self.n_steps


def mean_return(
    simulator: ToyWorlds, act, n_worlds: int = 400, first_seed: int = 10_000
) -> tuple[float, float]:
    """Dollars and cost of an episode under a rule, on average."""
    simulator.reset(range(first_seed, first_seed + n_worlds))
    total = np.zeros(2)
    while not simulator.done:
        outcome = simulator.step(act(simulator.observe()))
        total += outcome.rewards.mean(), outcome.costs.mean()
    return float(total[0]), float(total[1])


def best_each_step(simulator: ToyWorlds):
    """The rule that takes what is worth most now among what is allowed."""
    return lambda seen: np.where(seen.mask, simulator.worth(), -np.inf).argmax(axis=-1)
