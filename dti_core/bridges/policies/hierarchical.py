"""Hierarchical PPO: a manager sets a level for the whole estate now and then, and the agents see it."""

from dataclasses import dataclass

from dti_core.bridges.policies.policy import Shape
from dti_core.bridges.policies.ppo import Critic, PpoSettings
from dti_core.bridges.policies.settings import Sizes


@dataclass(frozen=True, slots=True, kw_only=True)
class Hierarchical(PpoSettings):
    """Multi-agent PPO on two time scales; what a level means is for both to find out.

    Source: Ahilan, Dayan (2019), with levels in the place of goals.
    """

    #: Levels that the manager picks among.
    n_levels: int = 3
    #: Steps for which a level holds.
    period_steps: int = 4

    def __post_init__(self) -> None:
        PpoSettings.__post_init__(self)
        self._check_positive("n_levels", "period_steps")

    def shape(self, sizes: Sizes) -> Shape:
        """A manager above agents."""
        return Shape(sizes, "agents", self.hidden, self.graph, self.n_levels, self.period_steps)

    def critics(self) -> dict[str, Critic]:
        """Central ones: manager and agents are paid the team's reward."""
        return {"manager": "central", "actor": "central"}
