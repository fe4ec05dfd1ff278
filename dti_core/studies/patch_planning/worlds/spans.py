"""How assumptions that no data fix are drawn, and the published capacities of those who patch."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

#: Share of open vulnerabilities that organisations can close a month: lower quartile, median, upper quartile.
#: Source: Kenna Security and Cyentia (2022), Prioritization to Prediction 8, as quoted by others.
CAPACITIES = {"low": 0.066, "median": 0.152, "high": 0.271}


@dataclass(frozen=True, slots=True)
class Span:
    """From where to where an assumption is drawn: evenly, or with `ratio` evenly in its logarithm."""

    low: float
    high: float
    ratio: bool = False

    def draw(self, rng: np.random.Generator) -> float:
        """One value."""
        if self.ratio:
            return float(np.exp(rng.uniform(*np.log((self.low, self.high)))))
        return float(rng.uniform(self.low, self.high))


def draw_each(spans: Mapping[str, Span], rng: np.random.Generator) -> dict[str, float]:
    """A value of each, by name, drawn in their order."""
    return {name: span.draw(rng) for name, span in spans.items()}
