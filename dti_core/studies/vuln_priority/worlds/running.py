"""What scanners cost a firm, by its size: hours a week for each kind of test, drawn from stated spans."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dti_core.studies.vuln_priority.worlds.assumptions import Span

#: Findings and packages of an estate, and hours a week for scanning and mending.
SIZES = {"small": 40, "middle": 200, "large": 1000}
WEEKLY_HOURS = (2.0, 10.0, 40.0)
#: A quarter.
WEEKS = 12
#: Hours a week of each kind of test: to keep it running, and for each hundred items. Ours; no source fixes
#: them. Static tests and package lists run by themselves; probing needs test accounts; an agent needs test
#: runs.
RUNNING: Mapping[str, tuple[Span, Span]] = {
    "sast": (Span(0.1, 0.5, ratio=True), Span(0.05, 0.3, ratio=True)),
    "dast": (Span(0.4, 2.0, ratio=True), Span(0.2, 1.0, ratio=True)),
    "iast": (Span(0.8, 4.0, ratio=True), Span(0.2, 0.8, ratio=True)),
    "sca": (Span(0.1, 0.4, ratio=True), Span(0.05, 0.2, ratio=True)),
}
#: How many times as long as looking into a report it takes to find out about code that nothing reports.
REVIEW = Span(2.0, 8.0, ratio=True)
Prices = Literal["drawn", "none", "steep"]


#: Share of an estate's items that are packages; in the planted world small firms have little code of their
#: own.
PACKAGES = Span(0.1, 0.5)
PLANTED_PACKAGES = {"small": 1.0, "middle": 0.0, "large": 0.0}
PLANTED_HOURS = 0.9
#: Share of advised packages whose flaw a service can be hit by.
PACKAGES_REAL = Span(0.05, 0.5, ratio=True)


@dataclass(frozen=True, slots=True)
class Running:
    """Hours a week by kind of test, fixed and for each item; share of packages, and of those that matter."""

    fixed: Mapping[str, float]
    each: Mapping[str, float]
    packages: Mapping[str, float]
    packages_real: float

    def hours(self, kinds: tuple[str, ...], n_items: int) -> float:
        """Hours a week of these kinds together."""
        return sum(self.fixed[kind] + self.each[kind] * n_items for kind in kinds)


def draw_running(prices: Prices, rng: np.random.Generator) -> Running:
    """Hours as drawn, none at all, or such that a small week holds one kind and sizes need another each."""
    packages, real = dict.fromkeys(SIZES, PACKAGES.draw(rng)), PACKAGES_REAL.draw(rng)
    if prices == "steep":
        return Running(
            dict.fromkeys(RUNNING, PLANTED_HOURS), dict.fromkeys(RUNNING, 0.0), PLANTED_PACKAGES, real
        )
    times = 1.0 if prices == "drawn" else 0.0
    fixed = {kind: times * fix.draw(rng) for kind, (fix, _) in RUNNING.items()}
    each = {kind: times * each.draw(rng) / 100 for kind, (_, each) in RUNNING.items()}
    return Running(fixed, each, packages, real)
