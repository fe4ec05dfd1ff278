"""Independent PPO: agents share weights, and each judges by what it sees itself."""

from dataclasses import dataclass

from dti_core.bridges.policies.policy import Shape
from dti_core.bridges.policies.ppo import Critic, PpoSettings
from dti_core.bridges.policies.settings import Sizes


@dataclass(frozen=True, slots=True, kw_only=True)
class Ippo(PpoSettings):
    """Each agent's critic sees what the agent sees, and foresees the team's reward, or the agent's share.

    Source: de Witt et al. (2020).
    """

    def shape(self, sizes: Sizes) -> Shape:
        """Agents that decide for themselves."""
        return Shape(sizes, hidden=self.hidden, graph=self.graph)

    def critics(self) -> dict[str, Critic]:
        """A local one."""
        return {"actor": "local"}
