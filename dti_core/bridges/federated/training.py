"""Federated training in rounds: sample clients, sum their clipped updates, protect the sum, step.

Source: McMahan, Ramage, Talwar, Zhang (2018), algorithm 1, with Poisson sampling and a fixed denominator.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from dti_core.bridges.federated.clients import Array, ClientSource, Ids, chunks
from dti_core.bridges.federated.models import Model
from dti_core.bridges.federated.settings import FederatedSettings

#: Sum of updates (n_weights,) and a generator -> the sum that leaves, e.g. with noise.
Protect = Callable[[Array, np.random.Generator], Array]
#: Clients (n,) and their updates (n, n_weights) -> the updates that they send instead.
Tamper = Callable[[Ids, Array], Array]
#: Computes what `sum_of_updates` does, of the same arguments, e.g. on several machines.
SumUpdates = Callable[..., tuple[Array, dict[str, int], float]]
#: What is counted in each round; of use to a simulation, and not covered by the guarantee.
COUNTS = ("cohort", "without_rows", "malformed", "clipped")


@dataclass(frozen=True, slots=True)
class Training:
    """A trained model.

    weights : (n_weights,) of the one model for all, or (n_clients, n_weights) of one each.
    counts : for each name in COUNTS, (rounds,): clients that came, had no rows, sent something that is not
        finite (and were left out), were clipped. They come from raw data: the guarantee is of `weights`.
    """

    model: Model
    weights: Array
    settings: FederatedSettings
    counts: dict[str, NDArray[np.int64]]

    def predict(self, features: Array, owner: Ids | None = None) -> Array:
        """Chance (n,) of label 1 for features (n, n_features); `owner` (n,) where clients have own models."""
        if self.weights.ndim == 2 and owner is None:
            raise ValueError("each client has a model of its own: tell the owner of each row")
        found = np.empty(len(features))
        for first in range(0, len(features), 8192):
            part = slice(first, first + 8192)
            if self.weights.ndim == 1 or owner is None:
                found[part] = self.model.logits(self.weights[None], features[None, part])[0]
            else:
                found[part] = self.model.logits(self.weights[owner[part]], features[part, None])[:, 0]
        return expit(found)


@dataclass(slots=True)
class Controls:
    """SCAFFOLD's control variates: of each client (n_clients, n_weights) and of the server (n_weights,)."""

    own: Array
    shared: Array


def train(
    model: Model, clients: ClientSource, settings: FederatedSettings, rng: np.random.Generator,
    protect: Protect | None = None, tamper: Tamper | None = None, start: Array | None = None,
    summed_by: SumUpdates | None = None,
) -> Training:  # fmt: skip
    """Train one model for all clients.

    Parameters
    ----------
    clients : a `Clients` table or any source. start : weights (n_weights,), else those the model starts with.
    protect : called once a round with the sum of the clipped updates (float64, with SCAFFOLD twice n_weights
        long) and a generator of its own; also called when nobody came. None adds nothing.
    tamper : what malicious clients do with updates before the bound on their length is enforced.
    summed_by : who computes the updates of a round, e.g. `on_workers(client)` of Dask; None does it here.

    Assumes: under add-or-remove-one client, Poisson sampling at `sampling_rate`, and a number of clients that
    is public, the sum of a round has sensitivity `clipping_norm`, and the accountant composes `rounds` of it.

    Raises
    ------
    ValueError when there is no client, or `protect` is given without a bound on the sensitivity.
    """
    _check(clients, settings, protect)
    starting, sampling, local, noise = rng.spawn(4)
    weights = np.array(model.start(starting) if start is None else start, dtype=np.float64)
    size, expected = model.n_weights, settings.expected_cohort or settings.sampling_rate * clients.n_clients
    controls = None
    if settings.control:
        controls = Controls(np.zeros((clients.n_clients, size)), np.zeros(size))
    counts = {name: np.zeros(settings.rounds, dtype=np.int64) for name in COUNTS}
    add = summed_by or sum_of_updates
    for t in range(settings.rounds):
        ids = np.flatnonzero(sampling.random(clients.n_clients) < settings.sampling_rate)
        total, seen, rows = add(model, weights, clients, ids, settings, local, controls, tamper)
        for name, value in seen.items():
            counts[name][t] = value
        if protect is not None:
            total = protect(total, noise)
        denominator = max(rows, 1.0) if settings.weighting == "rows" else expected
        weights += settings.server_rate * total[:size] / denominator
        if controls is not None:
            scale = settings.local_steps * settings.learning_rate * clients.n_clients
            controls.shared += total[size:] / scale
    return Training(model, weights, settings, counts)


def sum_of_updates(
    model: Model, weights: Array, clients: ClientSource, ids: Ids, settings: FederatedSettings,
    rng: np.random.Generator, controls: Controls | None = None, tamper: Tamper | None = None,
) -> tuple[Array, dict[str, int], float]:  # fmt: skip
    """Sum of the clipped updates of clients `ids`, what was counted, and the rows behind the sum.

    Sums of disjoint parts of a cohort add up to that of the whole, so parts may be summed elsewhere. A client
    whose update is not finite is left out and counted, as is one without rows.
    """
    sizes = clients.n_rows(ids)
    present, sizes = ids[sizes > 0], sizes[sizes > 0]
    total = np.zeros(model.n_weights * (1 if controls is None else 2))
    seen = dict.fromkeys(COUNTS, 0) | {"cohort": len(ids), "without_rows": len(ids) - len(present)}
    rows = 0.0
    for part in chunks(sizes, settings.chunk_rows, settings.local_batch):
        here, own = present[part], sizes[part]
        with np.errstate(over="ignore", invalid="ignore"):
            updates = _local_updates(model, weights, clients, here, own, settings, rng, controls)
            updates = updates if tamper is None else tamper(here, updates)
            lengths = np.sqrt(np.einsum("ij,ij->i", updates, updates, dtype=np.float64))
        sound, bound = np.isfinite(lengths), settings.clipping_norm or np.inf
        updates = updates if sound.all() else np.where(sound[:, None], updates, 0.0)
        factors = np.minimum(1.0, bound / np.maximum(lengths, 1e-300, where=sound, out=np.ones(len(here))))
        if controls is not None:
            change = factors[:, None] * updates[:, model.n_weights :]
            controls.own[here] += change / (settings.local_steps * settings.learning_rate)
        total += (factors * own if settings.weighting == "rows" else factors) @ updates
        rows += float(own[sound].sum())
        seen["clipped"] += int((lengths[sound] > bound).sum())
        seen["malformed"] += int((~sound).sum())
    return total, seen, rows


def _local_updates(
    model: Model, weights: Array, clients: ClientSource, ids: Ids, sizes: Ids, settings: FederatedSettings,
    rng: np.random.Generator, controls: Controls | None,
) -> Array:  # fmt: skip
    """Updates (n, n_weights) after the local steps; with controls, beside them their scaled changes."""
    start = weights.astype(settings.precision)
    pull = None if controls is None else (controls.shared - controls.own[ids]).astype(settings.precision)
    moved = local_steps(model, np.tile(start, (len(ids), 1)), clients, ids, sizes, settings, rng, pull)
    updates = moved - start
    if controls is None:
        return updates
    change = -settings.local_steps * settings.learning_rate * controls.shared - updates
    return np.concatenate([updates, change], axis=1)


def local_steps(
    model: Model, weights: Array, clients: ClientSource, ids: Ids, sizes: Ids, settings: FederatedSettings,
    rng: np.random.Generator, pull: Array | None = None,
) -> Array:  # fmt: skip
    """Weights (n, n_weights) of clients `ids` after `settings.local_steps` steps; `weights` is changed.

    pull : (n, n_weights) added to each gradient.
    """
    start = weights.copy() if settings.proximal else weights
    batch = None
    for _ in range(settings.local_steps):
        if batch is None or settings.local_batch is not None:
            batch = _batch(clients, ids, sizes, settings, rng)
        gradient = model.gradient(weights, *batch)
        if settings.proximal:
            gradient += settings.proximal * (weights - start)
        if pull is not None:
            gradient += pull
        gradient *= settings.learning_rate
        weights -= gradient
    return weights


def _batch(
    clients: ClientSource, ids: Ids, sizes: Ids, settings: FederatedSettings, rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Features, labels and shares of rows: all rows, padded with share 0, or some drawn with replacement."""
    if settings.local_batch is None:
        places = np.arange(sizes.max())
        picks = np.minimum(places, sizes[:, None] - 1)
        shares = (places < sizes[:, None]) / sizes[:, None]
    else:
        picks = (rng.random((len(ids), settings.local_batch)) * sizes[:, None]).astype(np.int64)
        shares = np.full(picks.shape, 1 / settings.local_batch)
    features, labels = clients.rows(ids, picks)
    kind = settings.precision
    return features.astype(kind, copy=False), labels.astype(kind, copy=False), shares.astype(kind, copy=False)


def _check(clients: ClientSource, settings: FederatedSettings, protect: Protect | None) -> None:
    if clients.n_clients < 1:
        raise ValueError("there is no client to train with")
    if protect is not None and settings.clipping_norm is None:
        raise ValueError("protect needs clipping_norm: without it a client's update has no bound")
    if protect is not None and settings.weighting == "rows":
        raise ValueError("weighting = 'rows' reveals rows and has no bound; use 'uniform' with protect")
