"""What no scan tells and an order of work needs: values, chances and hours, drawn from stated spans."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from dti_core.studies.vuln_priority.model.evidence import Flags, Floats
from dti_core.studies.vuln_priority.model.work import Items, turned


@dataclass(frozen=True, slots=True)
class Span:
    """Bounds between which a number is drawn, evenly or, of a ratio, evenly by its logarithm."""

    low: float
    high: float
    ratio: bool = False

    def draw(self, rng: np.random.Generator) -> float:
        """One number."""
        if self.ratio:
            return float(np.exp(rng.uniform(np.log(self.low), np.log(self.high))))
        return float(rng.uniform(self.low, self.high))


@dataclass(frozen=True, slots=True)
class Assumptions:
    """One set of assumptions; none of it is observed. Spreads are standard deviations of logarithms.

    n_services : among which findings lie. impact_spread : of impacts between services. within_spread : of
    impacts within one. exploit : median chance of a year that a flaw is exploited. exploit_spread : of it.
    severity_tells : correlation of the tools' severity with the logarithm of that chance. told_exploit,
    told_impact, told_hours : errors of what is told, as spreads. triage_hours : to find out whether a finding
    is real. fix_hours, hours_spread : median work to mend one, and its spread. hours_follow_risk :
    correlation of work and risk. budget : hours at hand as a share of all work.
    prevalence : share of findings that are real.
    """

    n_services: float = 8
    impact_spread: float = 1.0
    within_spread: float = 0.4
    exploit: float = 0.03
    exploit_spread: float = 1.3
    severity_tells: float = 0.3
    told_exploit: float = 0.7
    told_impact: float = 0.4
    told_hours: float = 0.4
    triage_hours: float = 0.7
    fix_hours: float = 4.0
    hours_spread: float = 0.8
    hours_follow_risk: float = 0.0
    budget: float = 0.2
    prevalence: float = 0.2


#: What is drawn. A month's capacity is published as 6.6 to 27.1 % of what is open (Cyentia and Kenna, 2022):
#: a month's work at the least, two months' at the most. Other spans are ours; no source fixes them.
SPANS: Mapping[str, Span] = {
    "impact_spread": Span(0.4, 2.0),
    "within_spread": Span(0.2, 0.8),
    "exploit_spread": Span(0.6, 2.0),
    "severity_tells": Span(0.0, 0.6),
    "told_exploit": Span(0.3, 1.2),
    "told_impact": Span(0.1, 1.0),
    "told_hours": Span(0.2, 0.8),
    "triage_hours": Span(0.25, 2.0, ratio=True),
    "hours_spread": Span(0.4, 1.2),
    "hours_follow_risk": Span(-0.4, 0.4),
    "budget": Span(0.066, 0.5, ratio=True),
    "prevalence": Span(0.05, 0.5, ratio=True),
}


#: Logarithm of the median impact in US dollars, and the largest chance of a year.
MEDIAN_LOG_USD, MOST = 11.0, 0.9


def draw_assumptions(rng: np.random.Generator, fixed: Mapping[str, float]) -> Assumptions:
    """One set, each number drawn from its span unless it is `fixed`."""
    drawn = {name: span.draw(rng) for name, span in SPANS.items()}
    return replace(Assumptions(), **(drawn | dict(fixed)))


def fill(real: Flags, severity: Floats, assumed: Assumptions, rng: np.random.Generator) -> Items:
    """Findings with values, chances and hours under one set of assumptions.

    Parameters
    ----------
    real : (..., n), each row an estate with services of its own. severity : (..., n) the tools' word from 0
    to 10; flaws that nobody reports have 0.
    """
    services = (*real.shape[:-1], int(assumed.n_services))
    service = rng.integers(services[-1], size=real.shape)
    level = MEDIAN_LOG_USD + assumed.impact_spread * rng.standard_normal(services)
    told = level + assumed.told_impact * rng.standard_normal(services)
    within = assumed.within_spread * rng.standard_normal(real.shape)
    impact, told_impact, dealt = (
        np.exp(np.take_along_axis(one, service, -1) + within) for one in (level, told, turned(told, rng))
    )
    tells, follow = assumed.severity_tells, assumed.hours_follow_risk
    drive = tells * _standard(severity) + np.sqrt(1 - tells**2) * rng.standard_normal(real.shape)
    exploit = np.minimum(MOST, assumed.exploit * np.exp(assumed.exploit_spread * drive))
    work = follow * _standard(np.log(exploit * impact))
    work = work + np.sqrt(1 - follow**2) * rng.standard_normal(real.shape)
    hours = assumed.fix_hours * np.exp(assumed.hours_spread * work)
    return Items(
        real=real, service=service, severity=severity, exploit=exploit, impact_usd=impact,
        triage_hours=np.full(real.shape, assumed.triage_hours), fix_hours=hours,
        told_exploit=np.minimum(
            MOST, exploit * np.exp(assumed.told_exploit * rng.standard_normal(real.shape))
        ),
        told_impact_usd=told_impact, dealt_impact_usd=dealt,
        told_fix_hours=hours * np.exp(assumed.told_hours * rng.standard_normal(real.shape)),
    )  # fmt: skip


def budget_hours(items: Items, assumed: Assumptions) -> Floats:
    """(...,) hours at hand: a share of what looking at all findings and mending all real ones takes."""
    return np.asarray(assumed.budget * items.hours.sum(axis=-1))


def _standard(values: Floats) -> Floats:
    """(..., n) values less their mean, over their spread; 0 where they are all alike."""
    spread = values.std(axis=-1, keepdims=True)
    return np.divide(values - values.mean(axis=-1, keepdims=True), spread, out=np.zeros_like(values),
                     where=spread > 1e-12)  # fmt: skip
