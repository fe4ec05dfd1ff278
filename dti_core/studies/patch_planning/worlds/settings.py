"""What makes a world of estates: the dials of scarcity, and of how risk and downtime are spread."""

from dataclasses import dataclass, field

from dti_core.studies.patch_planning.model.estates import Exploits


@dataclass(frozen=True, slots=True)
class Setting:
    """Assumptions of a simulated world.

    n_weeks : of the quarter. slots : bundles of a service within the quarter. late : share of bundles that
    become known after the first week, at an even chance in each (arrivals are then Poisson, thinned).
    windows : share of weeks in which a service may be touched. hours : weekly hours, as a share of all work
    by the number of weeks. budget : as a share of what all bundles cost. minutes_allowed : downtime that a
    service's objective allows, as a share of what all its bundles need. chained : share of bundles that need
    another first. risk_usd, risk_spread : median of the weekly loss of an open flaw at an entry, and standard
    deviation of its logarithm. traffic_usd : median of a minute's traffic of a service. exploits : how risk
    moves.
    """

    n_weeks: int = 12
    slots: int = 6
    late: float = 0.0
    windows: float = 0.6
    hours: float = 1.0
    budget: float = 1.0
    minutes_allowed: float = 0.8
    chained: float = 0.1
    risk_usd: float = 60.0
    risk_spread: float = 1.5
    traffic_usd: float = 0.4
    exploits: Exploits = field(default_factory=Exploits)
