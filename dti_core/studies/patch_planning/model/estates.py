"""Estates side by side: services that call each other, and the bundles that patch them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

#: A week that never comes: of a bundle that is not known, or not exploited, within the quarter; of no patch.
NEVER = 10_000
#: Index of no bundle and of no service.
NONE = -1


@dataclass(frozen=True, slots=True)
class Exploits:
    """How risk moves over time; an assumption, stated where results are.

    factor : what the weekly loss of an open flaw is multiplied by once an exploit is out. weekly_chance : of
    an exploit coming out in a week, known to planners. tail_weeks : weeks after the last one in which what is
    still open counts.
    """

    factor: float = 15.0
    weekly_chance: float = 0.03
    tail_weeks: int = 4


@dataclass(frozen=True, slots=True)
class Estates:
    """N estates of S services with B bundles over T weeks; what one lacks of B is never known.

    A bundle is one upgrade of one service that mends one or more vulnerabilities.

    service : (N, B) index of the service. after : (N, B) bundle that must be in before it, or in the same
    week and service; NONE without. known : (N, B) first week in which planners know it. exploited : (N, B)
    week from which an exploit is out, which planners see only then. risk_usd : (N, B) expected loss a week
    while it is open and no exploit is out. hours, cost_usd, minutes : (N, B) work, money (labour and expected
    regressions) and downtime. setup_hours, setup_usd, setup_minutes : (N, S) once a service and week.
    open : (N, S, T) whether the week has a window. outage_usd : (N, S, T) cost of a minute of downtime in it,
    callers' included. weekly_hours : (N, T). budget_usd : (N,) of the quarter. minutes_allowed : (N, S) of
    the quarter, from the service's objective. window_minutes : of one window. callers : (N, S, D) services
    that call it, NONE beyond. exploits : how risk moves.
    """

    service: Ints
    after: Ints
    known: Ints
    exploited: Ints
    risk_usd: Array
    severity: Array
    hours: Array
    cost_usd: Array
    minutes: Array
    setup_hours: Array
    setup_usd: Array
    setup_minutes: Array
    open: Flags
    outage_usd: Array
    weekly_hours: Array
    budget_usd: Array
    minutes_allowed: Array
    window_minutes: float
    callers: Ints
    exploits: Exploits

    def __len__(self) -> int:
        return len(self.service)

    @property
    def n_services(self) -> int:
        """S, services of each estate."""
        return self.open.shape[1]

    @property
    def n_bundles(self) -> int:
        """B, bundles of each estate, known within the quarter or not."""
        return self.service.shape[1]

    @property
    def n_weeks(self) -> int:
        """T, weeks in which patches can be made."""
        return self.open.shape[2]

    def take(self, which: Ints | slice) -> Self:
        """Some of the estates, in that order."""
        held = {one.name: getattr(self, one.name) for one in fields(self)}
        taken: dict[str, Any] = {
            name: one[which] for name, one in held.items() if isinstance(one, np.ndarray)
        }
        return replace(self, **taken)

    def of_service(self, array: Array) -> Array:
        """(N, B) of an (N, S) array: each bundle's service's value."""
        return np.take_along_axis(array, self.service, axis=1)

    def by_service(self, array: Array | Flags) -> Array:
        """(N, S) sums of an (N, B) array over the bundles of each service."""
        n, s = len(self), self.n_services
        flat = (self.service + s * np.arange(n)[:, None]).ravel()
        return cast(Array, np.bincount(flat, weights=array.ravel(), minlength=n * s).reshape(n, s))

    def of_predecessor(self, array: Array, otherwise: float) -> Array:
        """(N, B) of an (N, B) array: the value of the bundle that must come before, `otherwise` without."""
        found = np.take_along_axis(array, np.maximum(self.after, 0), axis=1)
        return np.where(self.after == NONE, otherwise, found)


def join(parts: Sequence[Estates]) -> Estates:
    """Estates of equal sizes, windows and exploits, one after the other."""
    first = parts[0]
    names = [one.name for one in fields(first) if isinstance(getattr(first, one.name), np.ndarray)]
    joined: dict[str, Any] = {name: np.concatenate([getattr(one, name) for one in parts]) for name in names}
    return replace(first, **joined)
