"""Multi-agent PPO: agents act on what they see, a critic that sees the whole world teaches them."""

from dataclasses import dataclass

from dti_core.bridges.policies.policy import Shape
from dti_core.bridges.policies.ppo import Critic, PpoSettings
from dti_core.bridges.policies.settings import Sizes


@dataclass(frozen=True, slots=True, kw_only=True)
class Mappo(PpoSettings):
    """Central training, decentral execution: all agents are paid the team's reward.

    Source: Yu et al. (2022).
    """

    def shape(self, sizes: Sizes) -> Shape:
        """Agents that decide for themselves."""
        return Shape(sizes, hidden=self.hidden, graph=self.graph)

    def critics(self) -> dict[str, Critic]:
        """A central one."""
        return {"actor": "central"}
