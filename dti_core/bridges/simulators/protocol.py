"""What a batched simulator is: many worlds of agents that act at once, and what they see and earn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Actions = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Observation:
    """What is seen before a step, of N worlds with A agents each; the arrays are not changed afterwards.

    features : (N, A, F) float32, of about one in size, whatever the size of the estate.
    mask : (N, A, n_actions) bool, True where an action is allowed; action 0 always is. An agent that only
        fills the batch up may do nothing else.
    estate : (N, G) float32, of the world as a whole: for a central critic, a manager, a single planner.
    neighbours : (N, A, D) integers, the agents that each agent's graph joins it to; -1 fills up.
    step : how many steps have been taken; 0 after a reset.
    """

    features: NDArray[np.float32]
    mask: NDArray[np.bool_]
    estate: NDArray[np.float32]
    neighbours: NDArray[np.integer]
    step: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step gave.

    rewards : (N,) of the team, in dollars, unshaped.
    shares : (N, A), what of it each agent is credited with; they sum to `rewards`.
    costs : (N, C), what is limited over an episode (minutes of downtime, dollars); empty where nothing is.
    """

    rewards: NDArray[np.float64]
    shares: NDArray[np.float64]
    costs: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))


class BatchedSimulator(Protocol):
    """Many worlds stepped at once; `check_simulator` tells whether one keeps what is said here.

    n_worlds : N, as many as the last `reset` gave seeds; the other sizes never change.
    n_agents, n_actions, n_features : A, the actions of each agent, F.
    n_steps : steps of an episode.
    """

    n_worlds: int
    n_agents: int
    n_actions: int
    n_features: int
    n_steps: int

    def reset(self, seeds: Sequence[int]) -> None:
        """Begin one world a seed. Whatever is random in a world follows from its seed alone.

        So equal seeds are replicas that meet the same chances (common random numbers), and a world in a
        batch is the same as alone.
        """

    def observe(self) -> Observation:
        """What the agents see now; asking twice changes nothing."""

    def step(self, actions: Actions) -> Outcome:
        """Let each agent act, (N, A); a masked action raises ValueError or counts as action 0."""

    @property
    def done(self) -> bool:
        """Whether `n_steps` have been taken: all worlds end together."""


Make = Callable[[], BatchedSimulator]
