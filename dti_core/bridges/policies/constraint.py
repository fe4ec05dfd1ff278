"""Limits on what an episode may cost: prices that move until they hold, or prices that stay."""

import numpy as np
import torch
from numpy.typing import NDArray

from dti_core.bridges.policies.settings import Settings
from dti_core.bridges.simulators import Outcome


class Prices:
    """Dollars for a unit of each limited cost; dual ascent moves them, unless `constraint` is "shaping".

    To the multiplier, which sums what was over the limits, comes a part for what is over them now: alone it
    swings about its goal, for policies follow late. Steps are shares of (return / limit), so that they mean
    the same whatever the units.

    Source: Stooke, Achiam, Abbeel (2020), without the derivative.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        start = settings.prices or (0.0,) * len(settings.limits)
        self.multipliers = torch.tensor(start, dtype=torch.float64)
        self.dollars = self.multipliers.clone()
        self.unit = torch.zeros((), dtype=torch.float64)

    def costs(self, outcome: Outcome) -> NDArray[np.float64]:
        """The limited costs of a step, (N, C)."""
        n_worlds, n_limits = len(outcome.rewards), len(self.settings.limits)
        if not n_limits:
            return np.zeros((n_worlds, 0))
        if outcome.costs.shape != (n_worlds, n_limits):
            raise ValueError(
                f"limits = {self.settings.limits} need as many costs of each world; the simulator gives "
                f"{outcome.costs.shape} for {n_worlds} worlds"
            )
        return outcome.costs

    def charge(self, costs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Dollars (...) of costs (..., C)."""
        return costs @ self.dollars.numpy()

    def learn(self, costs: NDArray[np.float64], returns: NDArray[np.float64]) -> None:
        """Move the prices after episodes with costs (N, C), returns (N,); the first set the unit of steps."""
        if not self.settings.limits or self.settings.constraint == "shaping":
            return
        if self.unit == 0:
            self.unit.fill_(float(np.abs(returns).mean()))
        limits = np.array(self.settings.limits)
        over = self.unit * torch.from_numpy((costs.mean(axis=0) / limits - 1.0) / limits)
        self.multipliers.add_(self.settings.dual_rate * over).clamp_min_(0.0)
        self.dollars.copy_(self.multipliers + self.settings.dual_damping * over).clamp_min_(0.0)

    def tensors(self) -> dict[str, torch.Tensor]:
        """All that the next round depends on, to be kept."""
        parts = {"multipliers": self.multipliers, "dollars": self.dollars, "unit": self.unit}
        return {f"prices.{name}": tensor for name, tensor in parts.items()}
