"""Real updates as whole steps, so that sums of masked words are exact."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dti_core.bridges.secure_sum.messages import Words


@dataclass(frozen=True, slots=True)
class FixedPoint:
    """Numbers within `bound` of 0, in steps so fine that the sum of `n_clients` of them fits 32 bits."""

    bound: float
    n_clients: int

    def __post_init__(self) -> None:
        if not 0 < self.bound < np.inf or not 1 <= self.n_clients < 2**31:
            raise ValueError(f"bound must be positive and finite, n_clients in 1 ... 2^31 - 1: {self}")

    @property
    def levels(self) -> int:
        """Steps from 0 to the bound."""
        return int((2**31 - 1) // self.n_clients)

    @property
    def step(self) -> float:
        """Distance of two numbers that can be told apart; one number errs by at most half of it."""
        return self.bound / self.levels

    @property
    def largest_error(self) -> float:
        """Most by which a coordinate of the sum of all clients may err, apart from the rounding of floats."""
        return self.n_clients * self.step / 2

    def encode(self, values: ArrayLike) -> Words:
        """Words of numbers, rounded to the nearest step. ValueError beyond the bound: clip before."""
        numbers = np.asarray(values, dtype=np.float64)
        if not (np.abs(numbers) <= self.bound).all():
            raise ValueError(f"a number of size {np.abs(numbers).max()} is beyond the bound, {self.bound}")
        return self.words(np.rint(numbers / self.step).astype(np.int64))

    @staticmethod
    def words(steps: NDArray[np.int64]) -> Words:
        """Whole steps as words; negative ones wrap around. Noise in whole steps is added before."""
        return steps.astype(np.uint32)

    def decode_sum(self, total: Words) -> NDArray[np.float64]:
        """The sum of clients' numbers, from the sum of their words."""
        return total.view(np.int32).astype(np.float64) * self.step
