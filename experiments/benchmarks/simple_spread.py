"""The game simple_spread of mpe2 for many worlds at once, for the benchmark of policies alone.

Three agents are to cover three landmarks without touching; discrete actions, 25 steps, half of the reward for
the landmarks and half for touching. Equal to mpe2 for equal seeds and actions, which the benchmark checks.
"""

from collections.abc import Sequence

import numpy as np

from dti_core.bridges.simulators import Actions, Observation, Outcome

N, CYCLES = 3, 25
STEP, DAMPING, PUSH = 0.1, 0.25, 5.0
SIZE, CONTACT_FORCE, CONTACT_MARGIN = 0.15, 1e2, 1e-3
#: Where the five actions push.
MOVES = PUSH * np.array([[0, 0], [-1, 0], [1, 0], [0, -1], [0, 1]])
#: The others of each agent, in their order.
OTHERS = np.array([[k for k in range(N) if k != agent] for agent in range(N)])


class SimpleSpread:
    """Many worlds of the game; see `dti_core.bridges.simulators.BatchedSimulator`."""

    n_agents, n_actions, n_features, n_steps = N, len(MOVES), 18, CYCLES
    n_worlds = 0

    def reset(self, seeds: Sequence[int]) -> None:
        """Agents, then landmarks, where mpe2 puts them."""
        placed = np.stack([np.random.default_rng(int(seed)).uniform(-1, 1, (2 * N, 2)) for seed in seeds])
        self.places, self.landmarks = placed[:, :N].copy(), placed[:, N:]
        self.speeds, self.taken, self.n_worlds = np.zeros_like(self.places), 0, len(placed)
        self._mask = np.ones((self.n_worlds, N, self.n_actions), dtype=bool)
        self._neighbours = np.full((self.n_worlds, N, 1), -1)

    @property
    def done(self) -> bool:
        """Whether 25 steps are over."""
        return self.taken >= CYCLES

    def observe(self) -> Observation:
        """Own speed and place, where landmarks and others are from there, and what others say: nothing."""
        places = self.places
        landmarks = (self.landmarks[:, None] - places[:, :, None]).reshape(self.n_worlds, N, -1)
        others = (places[:, OTHERS] - places[:, :, None]).reshape(self.n_worlds, N, -1)
        silence = np.zeros((self.n_worlds, N, 2 * (N - 1)))
        seen = np.concatenate([self.speeds, places, landmarks, others, silence], axis=2).astype(np.float32)
        whole = np.concatenate([places, self.landmarks], axis=1).reshape(self.n_worlds, -1).astype(np.float32)
        return Observation(seen, self._mask, whole, self._neighbours, self.taken)

    def step(self, actions: Actions) -> Outcome:
        """Push, bounce, move."""
        apart, distance = self._apart()
        near = np.logaddexp(0, -(distance - 2 * SIZE) / CONTACT_MARGIN) * CONTACT_MARGIN
        strength = CONTACT_FORCE * near / np.where(distance > 0, distance, 1.0)
        force = MOVES[actions] + (apart * strength[..., None]).sum(axis=2)
        self.places = self.places + self.speeds * STEP
        self.speeds = self.speeds * (1 - DAMPING) + force * STEP
        self.taken += 1
        to_landmarks = np.linalg.norm(self.places[:, :, None] - self.landmarks[:, None], axis=3)
        covered = -to_landmarks.min(axis=1).sum(axis=1)
        touching = (self._apart()[1] < 2 * SIZE).sum(axis=2) - 1
        shares = 0.5 * covered[:, None] - 0.5 * touching
        return Outcome(shares.sum(axis=1), shares)

    def _apart(self) -> tuple[np.ndarray, np.ndarray]:
        """(n, A, A, 2) way from each other agent to each agent, and (n, A, A) its length."""
        apart = self.places[:, :, None] - self.places[:, None]
        return apart, np.linalg.norm(apart, axis=3)
