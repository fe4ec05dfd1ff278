"""Train a policy on a simulator: the same for all algorithms, resumable, and equal for equal seeds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from dti_core.bridges.policies.cem import Cem
from dti_core.bridges.policies.constraint import Prices
from dti_core.bridges.policies.hierarchical import Hierarchical
from dti_core.bridges.policies.ippo import Ippo
from dti_core.bridges.policies.mappo import Mappo
from dti_core.bridges.policies.policy import Policy
from dti_core.bridges.policies.settings import Sizes
from dti_core.bridges.policies.single import Single
from dti_core.bridges.policies.streams import Round, torch_generator
from dti_core.bridges.policies.weights import fill, read_tensors, write_tensors
from dti_core.bridges.simulators import BatchedSimulator, Make

#: The settings of an algorithm say which it is.
Algorithm = Ippo | Mappo | Hierarchical | Single | Cem
ALGORITHMS: dict[str, type[Algorithm]] = {
    "ippo": Ippo, "mappo": Mappo, "hierarchical": Hierarchical, "single": Single, "cem": Cem,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Progress:
    """A finished round: its number from 1, of how many; what episodes gave before it changed the policy.

    mean_return : dollars, uncharged; of PPO's drawn actions, of the cross-entropy method's mean weights.
    mean_costs, prices : of the limited costs, per episode and in dollars a unit.
    """

    n_done: int
    n_rounds: int
    mean_return: float
    mean_costs: tuple[float, ...]
    prices: tuple[float, ...]


class Learner(Protocol):
    """What an algorithm's settings make: a policy, and what teaches it."""

    policy: Policy
    prices: Prices

    def learn(self, simulator: BatchedSimulator, now: Round) -> tuple[float, NDArray[np.float64]]:
        """Play and improve."""

    def tensors(self) -> dict[str, torch.Tensor]:
        """All that the next round depends on."""


def train(
    make: Make, algorithm: Algorithm, seed: int, progress: Callable[[Progress], None] | None = None,
    keep: Path | None = None, keep_every: int = 10,
) -> Policy:  # fmt: skip
    """A policy for worlds like those of the simulator, equal to the bit for equal arguments on one machine.

    Parameters
    ----------
    make : gives a simulator that passes `check_simulator`.
    algorithm : `Ippo(...)`, `Mappo(...)`, `Hierarchical(...)`, `Single(...)` or `Cem(...)`.
    seed : root of first weights, of the worlds and of the actions drawn in them.
    progress : called after each round; first for those that `keep` had finished.
    keep : file in which the state is kept after every `keep_every` rounds and the last; a training that was
        stopped goes on from there to the same weights as if it had not been. None keeps nothing.

    Raises
    ------
    ValueError : `keep` holds another training or is damaged, or the simulator does not fit the settings.
    """
    simulator = make()
    with _one_thread():
        simulator.reset([0])
        sizes = Sizes(simulator.n_features, simulator.observe().estate.shape[-1], simulator.n_actions)
        if algorithm.neutral_action >= sizes.n_actions:
            raise ValueError(f"neutral_action = {algorithm.neutral_action} must be below {sizes.n_actions}")
        learner: Learner = algorithm.learner(sizes, torch_generator(seed))
        curve = torch.zeros(algorithm.n_iterations, 1 + 2 * len(algorithm.limits), dtype=torch.float64)
        about = f"{algorithm!r} on {simulator.n_agents} agents and {sizes} from seed {seed}"
        n_done = _read_state(keep, learner, curve, about) if keep and keep.exists() else 0
        for number in range(algorithm.n_iterations):
            if number >= n_done:
                mean_return, costs = learner.learn(simulator, Round(number, algorithm.n_iterations, seed))
                curve[number] = torch.tensor([mean_return, *costs, *learner.prices.dollars.tolist()])
                if keep and ((number + 1) % keep_every == 0 or number + 1 == algorithm.n_iterations):
                    write_tensors(keep, _state(learner, curve, number + 1), {"training": about})
            if progress:
                progress(_point(curve, number))
    return learner.policy


def _state(learner: Learner, curve: torch.Tensor, n_done: int) -> dict[str, torch.Tensor]:
    return learner.tensors() | {"curve": curve, "n_done": torch.tensor(n_done)}


def _read_state(keep: Path, learner: Learner, curve: torch.Tensor, about: str) -> int:
    """Put learner and curve where the kept training stood; how many rounds it had done."""
    try:
        tensors, note, _ = read_tensors(keep.read_bytes())
        if (kept := note.get("training")) != about:
            raise ValueError(f"it holds the training of {kept}, not of {about}")
        state = _state(learner, curve, 0)
        fill(state, tensors)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{keep}: {error}. Remove it to begin anew, or keep this training elsewhere"
        ) from error
    return int(state["n_done"])


def _point(curve: torch.Tensor, number: int) -> Progress:
    mean_return, *rest = curve[number].tolist()
    n_limits = len(rest) // 2
    return Progress(number + 1, len(curve), mean_return, tuple(rest[:n_limits]), tuple(rest[n_limits:]))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Run torch on one thread, as networks this small are slower on two; the former number comes back."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
