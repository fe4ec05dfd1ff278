"""Proximal policy optimisation, common to its four variants: play, credit, improve.

Source: Schulman et al. (2017). What matters most where large rewards are rare: one scale of advantage for the
whole batch, clipped, and replicas of each world under common random numbers, whose mean is a baseline.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from dti_core.bridges.policies.constraint import Prices
from dti_core.bridges.policies.network import Adam, Mlp, estate_view, log_chances
from dti_core.bridges.policies.policy import Decision, Policy, Shape
from dti_core.bridges.policies.settings import Settings, Sizes
from dti_core.bridges.policies.streams import Round
from dti_core.bridges.simulators import BatchedSimulator

#: A "local" critic sees what its network saw and foresees each agent's share; a "central" one sees the world
#: as a whole and foresees the team's reward.
Critic = Literal["local", "central"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PpoSettings(Settings):
    """Common to the four variants."""

    #: Whether agents with critics of their own learn each from its own share of the reward, not the team's.
    own_reward: bool = False
    #: Times that each world is played in a round, under common random numbers; their mean is a baseline.
    n_replicas: int = 8
    #: Units in each of the two tanh layers of actors and critics.
    hidden: int = 32
    #: Step length of Adam at the start; it falls evenly to a tenth.
    learning_rate: float = 3e-3
    #: Furthest that the ratio of new to old probability may be from 1 and still gain.
    clip_ratio: float = 0.2
    #: Furthest advantage, in standard deviations of the batch.
    clip_advantage: float = 4.0
    #: Worth of a unit of entropy at the start, in standard deviations of advantage; it falls as steps do.
    entropy: float = 0.003
    #: Passes over the batch in a round.
    n_epochs: int = 3
    #: Steps of Adam in a pass.
    n_minibatches: int = 4
    #: Longest gradient of a step.
    longest_gradient: float = 0.5

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        self._check_positive(
            "n_replicas", "hidden", "learning_rate", "clip_ratio", "clip_advantage", "n_epochs",
            "n_minibatches", "longest_gradient",
        )  # fmt: skip

    def shape(self, sizes: Sizes) -> Shape:
        """What the variant's policy sees and decides."""
        raise NotImplementedError

    def critics(self) -> dict[str, Critic]:
        """The critic of each network of the policy."""
        raise NotImplementedError

    def learner(self, sizes: Sizes, generator: torch.Generator) -> "Ppo":
        """A policy that has learned nothing yet, with what teaches it."""
        return Ppo(self, sizes, generator)


@dataclass(slots=True)
class _Played:
    """Episodes step by step: what each network decided, at which steps, what the worlds were and gave."""

    decisions: dict[str, list[Decision]]
    steps: dict[str, list[int]]
    estates: list[torch.Tensor] = field(default_factory=list)
    rewards: list[NDArray[np.float64]] = field(default_factory=list)
    shares: list[NDArray[np.float64]] = field(default_factory=list)
    costs: list[NDArray[np.float64]] = field(default_factory=list)


class Ppo:
    """A policy, the critics of its networks, and their optimisers."""

    def __init__(self, settings: PpoSettings, sizes: Sizes, generator: torch.Generator) -> None:
        self.settings, self.prices = settings, Prices(settings)
        self.policy = Policy(settings.shape(sizes))
        self.optimisers: dict[str, Adam] = {}
        self.scales = {name: torch.zeros(()) for name in settings.critics()}
        for name, critic in settings.critics().items():
            actor = self.policy.networks[name]
            actor.initialise(generator, settings.neutral_action if name == "actor" else None)
            n_seen = actor.n_in if critic == "local" else self.policy.shape.n_estate_inputs
            judge = Mlp(n_seen, 1, settings.hidden).initialise(generator)
            self.optimisers |= {name: Adam(actor), f"{name}_critic": Adam(judge)}

    def tensors(self) -> dict[str, torch.Tensor]:
        """All that the next round depends on, to be kept."""
        kept = {f"{name}.scale": scale for name, scale in self.scales.items()} | self.prices.tensors()
        for name, optimiser in self.optimisers.items():
            kept |= optimiser.tensors(name)
        return kept

    def learn(self, simulator: BatchedSimulator, now: Round) -> tuple[float, NDArray[np.float64]]:
        """Play a round and improve; mean return of an episode, uncharged dollars, and its costs (C,)."""
        seeds = np.repeat(now.world_seeds(self.settings.n_estates), self.settings.n_replicas)
        generator = now.generator()
        played = self._play(simulator, seeds.tolist(), generator)
        rewards, costs = np.stack(played.rewards), np.stack(played.costs)
        charges = self.prices.charge(costs)
        shares = np.stack(played.shares)
        own = shares if self.settings.own_reward else np.broadcast_to(rewards[..., None], shares.shape)
        gains = {"local": own - charges[..., None], "central": rewards - charges}
        for name, critic in self.settings.critics().items():
            to_go = torch.from_numpy(np.cumsum(gains[critic][::-1], axis=0)[::-1].copy()).float()
            batch = self._batch(name, played, to_go[played.steps[name]], generator)
            self._improve(name, batch, now.left)
        returns, costs = rewards.sum(axis=0), costs.sum(axis=0)
        self.prices.learn(costs, returns)
        return float(returns.mean()), costs.mean(axis=0)

    def _play(self, simulator: BatchedSimulator, seeds: Sequence[int], generator: torch.Generator) -> _Played:
        names = list(self.settings.critics())
        played = _Played({name: [] for name in names}, {name: [] for name in names})
        simulator.reset(seeds)
        for step in range(simulator.n_steps):
            seen = simulator.observe()
            actions, decisions = self.policy.decide(seen, generator)
            for name, decision in decisions.items():
                played.decisions[name].append(decision)
                played.steps[name].append(step)
            outcome = simulator.step(actions)
            played.estates.append(torch.from_numpy(estate_view(seen)))
            played.rewards.append(outcome.rewards)
            played.shares.append(outcome.shares)
            played.costs.append(self.prices.costs(outcome))
        return played

    def _batch(self, name: str, played: _Played, to_go: torch.Tensor, generator: torch.Generator) -> "_Batch":
        """Rows in a random order: decisions of one network that had a choice, and what its critic judges.

        to_go : rewards from each decision to the end, (decisions, N) of the team or (decisions, N, A).
        """
        made, scale = played.decisions[name], self.scales[name]
        inputs, allowed = torch.stack([d.inputs for d in made]), torch.stack([d.allowed for d in made])
        chosen = torch.stack([d.chosen for d in made])
        old = torch.stack([d.log_chances for d in made]).gather(-1, chosen[..., None])[..., 0]
        if scale == 0:
            scale.copy_(to_go.square().mean().sqrt().clamp_min(1e-12))
        local = self.settings.critics()[name] == "local"
        shown = inputs if local else torch.stack([played.estates[step] for step in played.steps[name]])
        with torch.no_grad():
            surprise = to_go / scale - self.optimisers[f"{name}_critic"].network(shown)[..., 0]
        surprise = self._less_baseline(surprise)
        if surprise.dim() < chosen.dim():
            surprise = surprise[..., None].expand(chosen.shape)
        free = allowed.sum(dim=-1) > 1
        heard = free if local else torch.ones_like(to_go, dtype=torch.bool)
        gain = surprise / surprise[free].square().mean().sqrt().clamp_min(1e-12)
        gain = gain.clamp(-self.settings.clip_advantage, self.settings.clip_advantage)
        return _Batch(
            _shuffled(free, (inputs, allowed, chosen, old, gain), generator),
            _shuffled(heard, (shown, to_go / scale), generator),
        )

    def _less_baseline(self, surprise: torch.Tensor) -> torch.Tensor:
        """Less the mean of the replicas at the same step; of all worlds where each is played once."""
        group = self.settings.n_replicas if self.settings.n_replicas > 1 else surprise.shape[1]
        grouped = surprise.unflatten(1, (-1, group))
        return (grouped - grouped.mean(dim=2, keepdim=True)).flatten(1, 2)

    def _improve(self, name: str, batch: "_Batch", left: float) -> None:
        """Some passes over the batch, of the network and of its critic."""
        settings = self.settings
        actor, critic = self.optimisers[name], self.optimisers[f"{name}_critic"]

        def policy_loss(
            inputs: torch.Tensor, allowed: torch.Tensor, chosen: torch.Tensor, old: torch.Tensor,
            gain: torch.Tensor,
        ) -> torch.Tensor:  # fmt: skip
            chances = log_chances(actor.network(inputs), allowed)
            ratio = (chances.gather(-1, chosen[:, None])[:, 0] - old).exp()
            near = ratio.clamp(1 - settings.clip_ratio, 1 + settings.clip_ratio)
            entropy = -(chances.exp() * chances).sum(dim=-1).mean()
            return -torch.minimum(ratio * gain, near * gain).mean() - settings.entropy * left * entropy

        def value_loss(shown: torch.Tensor, to_go: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.smooth_l1_loss(critic.network(shown)[:, 0], to_go)

        for optimiser, loss, rows in ((actor, policy_loss, batch.actor), (critic, value_loss, batch.critic)):
            self._descend(optimiser, loss, rows, left)

    def _descend(
        self, optimiser: Adam, loss: Callable[..., torch.Tensor], rows: Sequence[torch.Tensor], left: float
    ) -> None:
        n_parts = min(self.settings.n_minibatches, len(rows[0]))
        for _ in range(self.settings.n_epochs if n_parts else 0):
            for some in zip(*(tensor.tensor_split(n_parts) for tensor in rows), strict=True):
                loss(*some).backward()
                optimiser.step(self.settings.learning_rate * left, self.settings.longest_gradient)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Rows to learn from: of the network (inputs, allowed, chosen, old log-chance, gain), of its critic."""

    actor: tuple[torch.Tensor, ...]
    critic: tuple[torch.Tensor, ...]


def _shuffled(
    keep: torch.Tensor, tensors: Sequence[torch.Tensor], generator: torch.Generator
) -> tuple[torch.Tensor, ...]:
    """Those entries of each tensor that are to be kept, as rows in one random order."""
    rows = keep.flatten().nonzero()[:, 0]
    rows = rows[torch.randperm(len(rows), generator=generator)]
    return tuple(tensor.flatten(0, keep.dim() - 1)[rows] for tensor in tensors)
