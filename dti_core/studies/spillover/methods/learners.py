"""Policies to begin a training with, policies whose weights were mixed, and one that knows a planted flaw."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from dti_core.bridges.policies import Mappo, Policy, Shape, Sizes
from dti_core.studies.spillover.methods.budgets import ACTIONS, SIGN, Budgeting

#: Shape of patching's policies, which all arms share.
SHAPE = Shape(Sizes(Budgeting.n_features, Budgeting.n_estate, len(ACTIONS)), graph=True)
#: Weights of the one path that reads the sign, and standard deviation of all others.
STEEP, NOISE = 2.0, 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class FromPolicy(Mappo):
    """Training as of `Mappo`, from the weights of a policy; critic and optimiser begin anew."""

    start: Policy

    def learner(self, sizes: Sizes, generator: torch.Generator) -> Any:
        """What `Mappo` gives, with the weights of `start` in the actor's place."""
        made = Mappo.learner(self, sizes, generator)
        with torch.no_grad():
            for name, network in made.policy.networks.items():
                network.theta.copy_(self.start.networks[name].theta)
        return made


def permuted(policy: Policy, seed: int) -> Policy:
    """The same weights in a random order within each layer: as large, and nothing learned."""
    rng, mixed = np.random.default_rng(seed), Policy(policy.shape)
    with torch.no_grad():
        for name, network in policy.networks.items():
            for ours, theirs in zip(mixed.networks[name].layers, network.layers, strict=True):
                for to, of in zip(ours, theirs, strict=True):
                    to.copy_(of.flatten()[torch.from_numpy(rng.permutation(of.numel()))].view_as(of))
    return mixed


def reads_the_sign(seed: int) -> Policy:
    """A policy set by hand: it defers programmes that bear a sign and hastens the others, beside noise."""
    rng, policy = np.random.default_rng(seed), Policy(SHAPE)
    network = policy.networks["actor"]
    (first, shift), (second, _), (last, _) = network.layers
    with torch.no_grad():
        network.theta.copy_(torch.from_numpy(rng.normal(0.0, NOISE, len(network.theta))))
        first[SIGN, 0], shift[0] = 2 * STEEP, -STEEP
        second[0, 0] = STEEP
        last[0, ACTIONS.index("defer")], last[0, ACTIONS.index("now")] = STEEP, -STEEP
    return policy
