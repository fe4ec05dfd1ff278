"""The assumption set: worlds drawn from stated ranges, for what the chapter says of more than four worlds."""

from typing import Any

import numpy as np

from dti_core.studies.patch_planning.model.estates import Exploits
from dti_core.studies.patch_planning.worlds.settings import Setting

#: How many worlds are drawn, and what their names begin with.
N_ASSUMED, PREFIX = 30, "assumed_"
#: From where to where each dial is drawn, evenly, or evenly in its logarithm; no source fixes them.
EVEN = {"late": (0.2, 0.9), "windows": (0.3, 0.9), "hours": (0.4, 1.2), "minutes_allowed": (0.4, 1.0),
        "chained": (0.0, 0.2), "risk_spread": (1.0, 2.0)}  # fmt: skip
BY_RATIO = {"budget": (0.06, 0.6), "risk_usd": (20.0, 200.0), "traffic_usd": (0.2, 10.0)}
FACTOR, WEEKLY_CHANCE = (5.0, 40.0), (0.005, 0.06)


def assumed(number: int) -> Setting:
    """The world of a number: the same for all who ask."""
    rng = np.random.default_rng([number, N_ASSUMED])
    even: dict[str, Any] = {name: float(rng.uniform(*ends)) for name, ends in EVEN.items()}
    ratio: dict[str, Any] = {name: _by_ratio(rng, ends) for name, ends in BY_RATIO.items()}
    return Setting(**even, **ratio, exploits=Exploits(_by_ratio(rng, FACTOR), _by_ratio(rng, WEEKLY_CHANCE)))


def _by_ratio(rng: np.random.Generator, ends: tuple[float, float]) -> float:
    return float(np.exp(rng.uniform(*np.log(ends))))
