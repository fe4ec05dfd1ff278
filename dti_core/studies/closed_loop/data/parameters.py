"""The knobs of the experiment file, typed; each is explained there."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Parameters:
    """The knobs of the experiment file, typed; each is explained there."""

    arrows: Literal["packaged", "yours"]
    data_path: str
    arrows_off: str
    n_draws: int
    n_assumptions: int
    n_worlds: int
    n_controls: int
    n_permutations: int
    n_firms: int
    n_quarters: int
    seed: int
