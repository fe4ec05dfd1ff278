"""The one budget at which trained models are compared: same sampling, rounds, delta and accountant."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from dti_core.bridges.privacy import Guarantee, noise_multiplier_for

#: Chance of a user (or record) to take part in a round, rounds, and delta of every model that is trained.
SAMPLING_RATE, ROUNDS, DELTA = 0.05, 60, 1e-6


@dataclass(frozen=True, slots=True)
class Budget:
    """What a model may give away: epsilon, infinite for no noise, and the noise that `ROUNDS` rounds need.

    noise_multiplier : standard deviation of the noise over the clipping norm, by PLD accounting.
    """

    epsilon: float
    noise_multiplier: float = 0.0

    @property
    def private(self) -> bool:
        """Whether there is a bound at all."""
        return math.isfinite(self.epsilon)

    def guarantee(self, unit: str, *, pure: bool = False) -> Guarantee:
        """The promise in full; `pure` for a table with Laplace noise."""
        delta, accountant = (0.0, "pure") if pure else (DELTA, "pld")
        return Guarantee(unit, "add or remove one", self.epsilon, delta, accountant)


def budgets(epsilons: Iterable[float]) -> tuple[Budget, ...]:
    """A budget for each epsilon; the noise takes seconds to find, so it is found once."""
    return tuple(
        Budget(epsilon, noise_multiplier_for(epsilon, SAMPLING_RATE, ROUNDS, DELTA))
        if math.isfinite(epsilon)
        else Budget(epsilon)
        for epsilon in epsilons
    )
