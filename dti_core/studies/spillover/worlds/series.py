"""A world in which what a forecaster learns on one panel is worth something on another."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
#: Rows and series of the source; series of the target, its rows in the test, and rows at which a window can
#: end to learn from, which are too few to learn a bend from.
SOURCE_SIZE, TARGET_SERIES, TARGET_TESTED, TARGET_ENDS = (600, 20), 12, 80, 4
BURN_IN = 50


@dataclass(frozen=True, slots=True)
class Tent:
    """y' = top - slope |y| + noise: no straight line forecasts it, and a bend does.

    Source: a noisy tent map, the threshold autoregression of Tong (1983) with opposite slopes.
    """

    top: float = 1.0
    slope: float = 1.6
    noise: float = 0.15

    def draw(self, n_rows: int, n_series: int, rng: np.random.Generator) -> Array:
        """Levels (n_rows, n_series)."""
        level, rows = rng.normal(scale=0.1, size=n_series), []
        for _ in range(n_rows + BURN_IN):
            level = self.top - self.slope * np.abs(level) + self.noise * rng.normal(size=n_series)
            level = np.clip(level, -1.5, 1.5)
            rows.append(level)
        return np.array(rows[BURN_IN:])
