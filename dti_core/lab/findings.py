"""What one question yields: estimates, tables, and what could not be asked."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pandas as pd

from dti_core.lab.record import Estimate

#: Values of an estimate that are kept one by one, as those of seeds are; of more draws the mean stays alone.
MOST_SEEDS = 20


@dataclass(slots=True)
class Findings:
    """What accumulates while one question is studied.

    left_out : rows (analysis, why) of what could not be asked. missed : rows (what was asked, what came out)
    of what was asked and did not hold.
    """

    estimates: list[Estimate] = field(default_factory=list)
    series: dict[str, pd.DataFrame] = field(default_factory=dict)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    missed: list[tuple[str, str]] = field(default_factory=list)

    def add(self, other: "Findings") -> None:
        """Take over what another question yielded."""
        self.estimates += [_light(one) for one in other.estimates]
        self.series |= other.series
        self.left_out += other.left_out
        self.missed += other.missed


def gather(parts: Iterable[Findings]) -> Findings:
    """All of several questions in one; with the tables `left_out` and `missed`."""
    together = Findings()
    for part in parts:
        together.add(part)
    together.series["left_out"] = pd.DataFrame(together.left_out, columns=["analysis", "why"])
    together.series["missed"] = pd.DataFrame(together.missed, columns=["what was asked", "what came out"])
    return together


def _light(one: Estimate) -> Estimate:
    return replace(one, per_seed=()) if len(one.per_seed) > MOST_SEEDS else one
