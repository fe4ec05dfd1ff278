"""The cross-entropy method over a linear policy: the simplest learner that could do."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from dti_core.bridges.policies.constraint import Prices
from dti_core.bridges.policies.network import agent_view, log_chances
from dti_core.bridges.policies.policy import Policy, Shape
from dti_core.bridges.policies.settings import Settings, Sizes
from dti_core.bridges.policies.streams import Round
from dti_core.bridges.simulators import BatchedSimulator


@dataclass(frozen=True, slots=True, kw_only=True)
class Cem(Settings):
    """Weights are drawn about a mean that starts at zero, where every agent takes `neutral_action`.

    Source: Rubinstein, Kroese (2004); Szita, Lorincz (2006) for the added noise that falls to nothing.
    """

    #: Weight vectors tried in a round, all on the same worlds; one of them is the mean.
    n_candidates: int = 24
    #: Share of them, the best, from which the next mean and spread are taken.
    elite_share: float = 0.25
    #: Standard deviation of each weight at the start, which also is the noise that is added later.
    spread: float = 0.5
    #: As for all algorithms; none here, for the mean follows the prices at once.
    dual_damping: float = 0.0

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        self._check_positive("n_candidates", "elite_share", "spread")
        if round(self.elite_share * self.n_candidates) < 2 or self.elite_share >= 1:
            raise ValueError(
                f"elite_share = {self.elite_share} of n_candidates = {self.n_candidates} must be at "
                "least two of them and not all"
            )

    def learner(self, sizes: Sizes, generator: torch.Generator) -> "CrossEntropy":
        """A policy that has learned nothing yet, with what teaches it; nothing in it is random."""
        return CrossEntropy(self, sizes)


class CrossEntropy:
    """A linear policy and how widely its weights are tried."""

    def __init__(self, settings: Cem, sizes: Sizes) -> None:
        self.settings, self.prices = settings, Prices(settings)
        self.policy = Policy(Shape(sizes, hidden=0, graph=settings.graph))
        self.mean = self.policy.networks["actor"].theta
        _, bias = self.policy.networks["actor"].layers[0]
        with torch.no_grad():
            bias[settings.neutral_action] = settings.spread
        self.spread = torch.full_like(self.mean, settings.spread)

    def tensors(self) -> dict[str, torch.Tensor]:
        """All that the next round depends on, to be kept."""
        return {"mean": self.mean, "spread": self.spread} | self.prices.tensors()

    @torch.no_grad()
    def learn(self, simulator: BatchedSimulator, now: Round) -> tuple[float, NDArray[np.float64]]:
        """Try candidates and move the mean; its return of an episode, uncharged dollars, and costs (C,)."""
        settings = self.settings
        noise = torch.randn(settings.n_candidates, len(self.mean), generator=now.generator())
        noise[0] = 0.0
        tried = self.mean + self.spread * noise
        returns, costs = self._play(simulator, tried, now.world_seeds(settings.n_estates))
        score = torch.from_numpy((returns - self.prices.charge(costs)).mean(axis=1))
        best = tried[score.topk(round(settings.elite_share * settings.n_candidates)).indices]
        self.mean.copy_(best.mean(dim=0))
        self.spread.copy_(best.std(dim=0) + 0.1 * settings.spread * (1.0 - now.number / now.n_rounds))
        self.prices.learn(costs[0], returns[0])
        return float(returns[0].mean()), costs[0].mean(axis=0)

    def _play(
        self, simulator: BatchedSimulator, tried: torch.Tensor, seeds: list[int]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Returns (candidates, estates) and costs (candidates, estates, C) of greedy play."""
        sizes, n_tried = self.policy.shape.sizes, len(tried)
        weight = tried[:, : -sizes.n_actions].view(n_tried, -1, sizes.n_actions)
        bias = tried[:, None, -sizes.n_actions :]
        simulator.reset(seeds * n_tried)
        rewards, costs = [], []
        while not simulator.done:
            seen = simulator.observe()
            inputs = torch.from_numpy(agent_view(seen, self.settings.graph))
            logits = torch.baddbmm(bias, inputs.view(n_tried, -1, inputs.shape[-1]), weight)
            allowed = torch.from_numpy(seen.mask)
            actions = log_chances(logits.view(allowed.shape), allowed).argmax(dim=-1)
            outcome = simulator.step(actions.numpy())
            rewards.append(outcome.rewards)
            costs.append(self.prices.costs(outcome))
        shape = (n_tried, len(seeds), -1)
        return np.sum(rewards, axis=0).reshape(shape[:2]), np.sum(costs, axis=0).reshape(shape)
