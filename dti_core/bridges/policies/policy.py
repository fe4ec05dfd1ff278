"""A policy: what decides in a world, for any number of agents, and what it is made of."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from dti_core.bridges.policies.network import Mlp, agent_view, draw, estate_view, log_chances
from dti_core.bridges.policies.settings import Sizes
from dti_core.bridges.simulators import Actions, Observation


@dataclass(frozen=True, slots=True)
class Shape:
    """What a policy sees and decides, whatever its weights.

    scope : "agents" if each decides for itself, by shared weights; "estate" if one action is set for all,
        and those to whom it is masked take action 0.
    hidden : units in each of two layers; 0 is a linear policy.
    graph : whether agents see the mean of their neighbours' features.
    n_levels, period_steps : levels among which a manager picks every so many steps, for the agents to see;
        0 is no manager.
    """

    sizes: Sizes
    scope: Literal["agents", "estate"] = "agents"
    hidden: int = 32
    graph: bool = False
    n_levels: int = 0
    period_steps: int = 1

    @property
    def n_estate_inputs(self) -> int:
        """Length of what is seen of a world as a whole."""
        return self.sizes.n_features + self.sizes.n_estate

    @property
    def n_inputs(self) -> int:
        """Length of what the actor sees."""
        if self.scope == "estate":
            return self.n_estate_inputs
        return self.sizes.n_features * (2 if self.graph else 1) + self.n_levels


@dataclass(frozen=True, slots=True)
class Decision:
    """What a network saw, was allowed and chose at one step, and the log-probability it chose it with."""

    inputs: torch.Tensor
    allowed: torch.Tensor
    chosen: torch.Tensor
    log_chances: torch.Tensor


class Policy:
    """An actor, and with `shape.n_levels` a manager, whose last level is remembered until the next is due."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.networks = {"actor": Mlp(shape.n_inputs, shape.sizes.n_actions, shape.hidden)}
        if shape.n_levels:
            self.networks["manager"] = Mlp(shape.n_estate_inputs, shape.n_levels, shape.hidden)
        self._level = torch.zeros(0, dtype=torch.int64)

    def act(self, seen: Observation) -> Actions:
        """The likeliest action of each agent, (N, A)."""
        return self.decide(seen, None)[0]

    def probabilities(self, seen: Observation) -> NDArray[np.float32]:
        """Chances of the actions of each agent, (N, A, n_actions), given the manager's likeliest level."""
        chances = self.decide(seen, None)[1]["actor"].log_chances.exp().numpy()
        if self.shape.scope == "agents":
            return chances
        allowed = chances[:, None] * seen.mask
        allowed[..., 0] += 1.0 - allowed.sum(axis=-1)
        return allowed

    @torch.no_grad()
    def decide(
        self, seen: Observation, generator: torch.Generator | None
    ) -> tuple[Actions, dict[str, Decision]]:
        """Actions (N, A), at their chances or without a generator the likeliest, and what each network did.

        The manager is among them at the steps at which it decides.
        """
        self._check(seen)
        made = {}
        mask = torch.from_numpy(seen.mask)
        if self.shape.scope == "estate":
            made["actor"] = self._choose(
                "actor", torch.from_numpy(estate_view(seen)), mask.any(dim=1), generator
            )
            level = made["actor"].chosen[:, None].expand(mask.shape[:2])
            allowed = mask.gather(-1, level[..., None])[..., 0]
            return torch.where(allowed, level, 0).numpy(), made
        inputs = torch.from_numpy(agent_view(seen, self.shape.graph))
        if self.shape.n_levels:
            if seen.step % self.shape.period_steps == 0 or len(self._level) != len(inputs):
                estate = torch.from_numpy(estate_view(seen))
                any_level = torch.ones(len(estate), self.shape.n_levels, dtype=torch.bool)
                made["manager"] = self._choose("manager", estate, any_level, generator)
                self._level = made["manager"].chosen
            shown = torch.nn.functional.one_hot(self._level, self.shape.n_levels).float()
            inputs = torch.cat([inputs, shown[:, None].expand(-1, inputs.shape[1], -1)], dim=-1)
        made["actor"] = self._choose("actor", inputs, mask, generator)
        return made["actor"].chosen.numpy(), made

    def _choose(
        self, name: str, inputs: torch.Tensor, allowed: torch.Tensor, generator: torch.Generator | None
    ) -> Decision:
        chances = log_chances(self.networks[name](inputs), allowed)
        return Decision(inputs, allowed, draw(chances, generator), chances)

    def _check(self, seen: Observation) -> None:
        shown = Sizes(seen.features.shape[-1], seen.estate.shape[-1], seen.mask.shape[-1])
        if shown != self.shape.sizes:
            raise ValueError(
                f"the simulator shows {shown}, the policy learned {self.shape.sizes}; train it anew"
            )
