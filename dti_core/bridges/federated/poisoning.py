"""Malicious clients, who send something else than their update."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from dti_core.bridges.federated.clients import Array, Ids
from dti_core.bridges.federated.training import Tamper

#: Name -> what malicious clients multiply their update by. Under a bound on its length, `reverse_boost` is
#: the strongest sign flip that the bound allows.
POISONS: Mapping[str, float] = {"boost": 100.0, "reverse_boost": -100.0, "reverse": -1.0, "malformed": np.nan}


def malicious_clients(n_clients: int, share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which clients (n_clients,) are malicious: `share` of them, rounded, at random."""
    if not 0 <= share <= 1:
        raise ValueError(f"share = {share} must lie between 0 and 1")
    chosen = np.zeros(n_clients, dtype=bool)
    chosen[rng.permutation(n_clients)[: round(share * n_clients)]] = True
    return chosen


def poisoned(malicious: NDArray[np.bool_], factor: float) -> Tamper:
    """A `tamper` by which malicious clients (n_clients,) multiply their update by `factor`.

    It acts before the bound on the length of an update is enforced, as by an aggregator that checks it.
    """

    def tamper(ids: Ids, updates: Array) -> Array:
        return updates * np.where(malicious[ids], factor, 1.0).astype(updates.dtype)[:, None]

    return tamper
