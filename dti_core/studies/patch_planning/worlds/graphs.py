"""Who calls whom: generated call graphs, and what follows from them for exposure and outages."""

from dataclasses import dataclass

import numpy as np

from dti_core.studies.patch_planning.model.estates import NONE, Array, Flags, Ints

#: What is left of exposure to the outside one call further in.
EXPOSURE_A_CALL = 0.6
#: Share of a caller's traffic that stands still when what it calls is down.
CASCADE_A_CALL = 0.3
#: Calls over which exposure and outages are followed.
_REACH = 12


@dataclass(frozen=True, slots=True)
class Graph:
    """Services of N estates. callers : (N, S, D), NONE beyond. entry : (N, S) open to users."""

    callers: Ints
    entry: Flags

    def exposure(self) -> Array:
        """(N, S) in (0, 1]: 1 at an entry, less with every call; what nobody reaches gets the least."""
        exposed = self.entry.astype(float)
        for _ in range(_REACH):
            exposed = np.maximum(exposed, EXPOSURE_A_CALL * self._of_callers(exposed).max(axis=-1))
        return np.maximum(exposed, EXPOSURE_A_CALL**_REACH)

    def cascade(self, traffic: Array) -> Array:
        """(N, S) traffic lost while a service is down: its own, and a share of its callers', theirs included.

        A caller that is reached over several ways, or over a cycle, counts once for each way of at most
        _REACH calls; CASCADE_A_CALL makes the long ones small.
        """
        lost, wave = traffic.copy(), traffic
        for _ in range(_REACH):
            wave = CASCADE_A_CALL * self._of_callers(wave).sum(axis=-1)
            lost = lost + wave
        return lost

    def _of_callers(self, array: Array) -> Array:
        rows = np.arange(len(array))[:, None, None]
        return np.where(self.callers == NONE, 0.0, array[rows, np.maximum(self.callers, 0)])


def heavy_tailed(n_estates: int, n_services: int, rng: np.random.Generator) -> Graph:
    """Graphs without cycles whose services are called by one or two earlier ones, busy ones more often.

    Source: Barabasi and Albert (1999), preferential attachment; one service in eight, and the first, is an
    entry.
    """
    callers = np.full((n_estates, n_services, 2), NONE, dtype=np.int64)
    rows, ends = np.arange(n_estates), np.zeros((n_estates, 4 * n_services), dtype=np.int64)
    for service in range(1, n_services):
        filled = 3 * service - 2  # each service stands once for itself and once for each callee
        first = ends[rows, rng.integers(0, filled, n_estates)]
        second = ends[rows, rng.integers(0, filled, n_estates)]
        two = (rng.random(n_estates) < 0.4) & (second != first)
        callers[:, service, 0], callers[:, service, 1] = first, np.where(two, second, NONE)
        ends[:, filled], ends[:, filled + 1] = service, first
        ends[:, filled + 2] = np.where(two, second, service)
    entry = rng.random((n_estates, n_services)) < 0.125
    entry[:, 0] = True
    return Graph(callers, entry)
