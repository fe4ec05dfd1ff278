"""The knobs of the experiment file, typed; each is explained there."""

from dataclasses import dataclass
from typing import Literal

Solver = Literal["exact", "priced", "rule", "agents"]


@dataclass(frozen=True, slots=True)
class Parameters:
    """The knobs of the experiment file, typed; each is explained there."""

    estate: Literal["shop", "yours"]
    data_path: str
    solver: Solver
    n_small: int
    n_large: int
    n_exact: int
    n_draws: int
    n_sets: int
    n_policies: int
    n_resamples: int
    largest: int
    solver_seconds: float
    seed: int
