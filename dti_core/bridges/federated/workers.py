"""Chunks of a round on the workers of a Dask cluster: the same weights as on one machine, to the last digit.

Neither chunks nor their random numbers depend on the workers, and sums are added in the order of the chunks,
so one worker or many give what `train` gives alone, on processors and numerical libraries of the same kind.
"""

import copy
from typing import Any

import numpy as np

from dti_core.bridges.federated.clients import Array, ClientSource, Ids, chunks
from dti_core.bridges.federated.models import Model
from dti_core.bridges.federated.settings import FederatedSettings
from dti_core.bridges.federated.training import Controls, SumUpdates, Tamper, sum_of_updates


def on_workers(client: Any) -> SumUpdates:
    """`summed_by` of `train`, by the workers of a `distributed.Client`.

    A source of clients goes to each worker once; of a table larger than a worker's memory, give a source that
    fetches rows where it is asked. Chunks of a lost worker are computed on others; while there is no worker
    Dask waits for one. SCAFFOLD is refused, as its clients keep a state between rounds.

    Raises
    ------
    RuntimeError, in training, with the chunk that failed and why; ValueError for SCAFFOLD.
    """
    held: list[Any] = [None, None]

    def summed(
        model: Model, weights: Array, clients: ClientSource, ids: Ids, settings: FederatedSettings,
        rng: np.random.Generator, controls: Controls | None = None, tamper: Tamper | None = None,
    ) -> tuple[Array, dict[str, int], float]:  # fmt: skip
        if controls is not None:
            raise ValueError("control variates are kept by clients between rounds; train without workers")
        if held[0] is not clients:
            held[:] = clients, client.scatter(clients, broadcast=True, hash=False)
        sizes = clients.n_rows(ids)
        present, empty = ids[sizes > 0], ids[sizes == 0]
        parts = [present[at] for at in chunks(sizes[sizes > 0], settings.chunk_rows, settings.local_batch)]
        own = [_own(rng, settings, len(part)) for part in parts]
        told = {"model": model, "weights": weights, "settings": settings, "tamper": tamper}
        futures = client.map(_part, [*parts, empty], [*own, rng], clients=held[1], pure=False, **told)
        totals, seen, rows = zip(*(_result(futures, k) for k in range(len(futures))), strict=True)
        return sum(totals), {name: sum(one[name] for one in seen) for name in seen[0]}, sum(rows)

    return summed


def _part(ids: Ids, rng: np.random.Generator, **told: Any) -> tuple[Array, dict[str, int], float]:
    return sum_of_updates(ids=ids, rng=rng, **told)


def _own(rng: np.random.Generator, settings: FederatedSettings, n: int) -> np.random.Generator:
    """A copy of `rng`, which itself moves past what a chunk of n clients draws from the copy."""
    own = copy.deepcopy(rng)
    rng.random((settings.local_steps, n, settings.local_batch or 0))
    return own


def _result(futures: list[Any], k: int) -> Any:
    try:
        return futures[k].result()
    except Exception as error:
        raise RuntimeError(
            f"chunk {k + 1} of {len(futures)} failed on the workers: {type(error).__name__}: {error}; mend "
            "that or start workers anew, and train again: the same seed gives the same weights"
        ) from error
