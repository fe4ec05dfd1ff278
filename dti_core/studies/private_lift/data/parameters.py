"""The knobs of the experiment file, typed; each is explained there."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Parameters:
    """The knobs of the experiment file, typed; each is explained there."""

    campaign: Literal["simulated", "hillstrom", "yours"]
    world: str
    n_users: int
    data_path: str
    map: str
    shares: str
    seed: int
