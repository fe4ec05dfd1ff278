"""The knobs of the experiment file, typed; each is explained there."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Parameters:
    """The knobs of the experiment file, typed; each is explained there."""

    campaign: Literal["simulated", "hillstrom", "yours"]
    world: str
    data_path: str
    map: str
    shares: str
    spend_clip: float
    epsilon: float
    n_users: int
    n_searchers: int
    model_epsilons: str
    n_campaigns: int
    n_draws: int
    n_runs: int
    n_resamples: int
    seed: int
