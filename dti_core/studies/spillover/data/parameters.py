"""The knobs of the experiment file, typed; each is explained there."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Parameters:
    """The knobs of the experiment file, typed; each is explained there."""

    series: Literal["packaged", "yours"]
    data_path: str
    map: str
    n_networks: int
    n_draws: int
    n_instances: int
    n_steps: int
    seed: int
