"""What all algorithms are told: how long and on how many worlds to learn, from where, within which limits."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much a simulator shows: features of an agent and of the world, actions of an agent."""

    n_features: int
    n_estate: int
    n_actions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Common to all algorithms; each of them adds its own in its own file."""

    #: Rounds of episodes on new worlds, after each of which the policy changes.
    n_iterations: int = 60
    #: Worlds drawn in each round; how often each is played is said by `n_replicas` or `n_candidates`.
    n_estates: int = 32
    #: Whether an agent sees the mean of its neighbours' features beside its own.
    graph: bool = False
    #: The action that the policy favours before it has learned, as that of the rule it starts from.
    neutral_action: int = 0
    #: Most that the costs of an episode may sum to on average, one a cost; () sets no limit.
    limits: tuple[float, ...] = ()
    #: "lagrange" moves the prices of the costs until the limits hold, "shaping" keeps them as they are.
    constraint: Literal["lagrange", "shaping"] = "lagrange"
    #: Dollars charged for a unit of each cost: where "lagrange" starts (() at 0), what "shaping" keeps.
    prices: tuple[float, ...] = ()
    #: Step of "lagrange" for a cost twice its limit, as a share of (return of an episode / limit).
    dual_rate: float = 0.1
    #: Part of its price that follows what is over the limit now, in the same unit; 0 lets prices swing.
    dual_damping: float = 0.5

    def __post_init__(self) -> None:
        self._check_positive("n_iterations", "n_estates", "dual_rate")
        if self.neutral_action < 0:
            raise ValueError(f"neutral_action = {self.neutral_action} must be at least 0")
        if not all(limit > 0 for limit in self.limits):
            raise ValueError(f"limits = {self.limits} must be positive; forbid with the mask of a simulator")
        if len(self.prices) != len(self.limits) and (self.prices or self.constraint == "shaping"):
            raise ValueError(f"prices = {self.prices} must have one price for each of limits = {self.limits}")

    def _check_positive(self, *names: str) -> None:
        for name in names:
            if not (value := getattr(self, name)) > 0:
                raise ValueError(f"{name} = {value} must be positive")
