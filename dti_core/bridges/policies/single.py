"""One planner in the place of agents: PPO that sets one action for the whole estate."""

from dataclasses import dataclass

from dti_core.bridges.policies.policy import Shape
from dti_core.bridges.policies.ppo import Critic, PpoSettings
from dti_core.bridges.policies.settings import Sizes


@dataclass(frozen=True, slots=True, kw_only=True)
class Single(PpoSettings):
    """Sees the mean of the agents and the estate's features; agents to whom its action is masked take 0.

    Source: Schulman et al. (2017).
    """

    def __post_init__(self) -> None:
        PpoSettings.__post_init__(self)
        if self.graph:
            raise ValueError("graph = True has no meaning for one planner: it sees no neighbours")

    def shape(self, sizes: Sizes) -> Shape:
        """One decision an estate."""
        return Shape(sizes, "estate", self.hidden)

    def critics(self) -> dict[str, Critic]:
        """A central one."""
        return {"actor": "central"}
