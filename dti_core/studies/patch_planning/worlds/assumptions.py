"""What the upload calendar does not say and a plan needs: losses, exploits, work, prices and hands."""

from dataclasses import dataclass

import numpy as np

from dti_core.studies.patch_planning.model.estates import Exploits
from dti_core.studies.patch_planning.worlds.spans import CAPACITIES, Span, draw_each


@dataclass(frozen=True, slots=True)
class Assumptions:
    """One set of assumptions; none of it is observed.

    exploit_factor, weekly_chance : see `Exploits`. risk_usd, risk_spread : median weekly loss by one open
    vulnerability at an entry, and standard deviation of its logarithm. likely_share : share of that variance
    that is chance of exploitation, the rest being impact. hours, hours_spread : median work of an upgrade and
    standard deviation of its logarithm. hours_follow_risk : correlation of the logarithms of work and risk
    of an upgrade. wage_usd : of an hour. traffic_usd : median price of a minute of downtime of a service, its
    callers aside. capacity : share of open work that can be done a month.
    """

    exploit_factor: float = 15.0
    weekly_chance: float = 0.03
    risk_usd: float = 60.0
    risk_spread: float = 1.5
    likely_share: float = 0.8
    hours: float = 3.0
    hours_spread: float = 0.8
    hours_follow_risk: float = 0.0
    wage_usd: float = 95.0
    traffic_usd: float = 0.4
    capacity: float = CAPACITIES["median"]

    @property
    def exploits(self) -> Exploits:
        """How risk moves."""
        return Exploits(self.exploit_factor, self.weekly_chance)


#: What is drawn. Losses reach a factor of ten to both sides of the values above and factors of exploits
#: three, as no source fixes them; weekly chances go down to where some 2 % of flaws are exploited in a year,
#: the least that is published (FIRST, EPSS model: 2-7 % ever); capacities from the lower to the upper
#: published quartile.
SPANS = {
    "exploit_factor": Span(5.0, 45.0, ratio=True),
    "weekly_chance": Span(0.0005, 0.03, ratio=True),
    "risk_usd": Span(6.0, 600.0, ratio=True),
    "risk_spread": Span(0.8, 2.2),
    "hours_spread": Span(0.4, 1.2),
    "hours_follow_risk": Span(-0.5, 0.5),
    "wage_usd": Span(60.0, 150.0, ratio=True),
    "traffic_usd": Span(0.1, 10.0, ratio=True),
    "capacity": Span(CAPACITIES["low"], CAPACITIES["high"], ratio=True),
}


def draw_assumptions(n_sets: int, rng: np.random.Generator, **fixed: float) -> list[Assumptions]:
    """Sets of assumptions, each drawn from the spans; what is `fixed` is the same in all."""
    return [Assumptions(**(draw_each(SPANS, rng) | fixed)) for _ in range(n_sets)]
