"""Ways to learn from the rows of many clients: all in one place, federated, personal, each alone.

Source: McMahan et al. (2017) for FedAvg, Li et al. (2020), algorithm 2, for FedProx, Karimireddy et al.
(2020), option II, for SCAFFOLD, whose change of control is sent beside the update under one common bound.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from dti_core.bridges.federated.clients import Array, Clients, ClientSource, chunks
from dti_core.bridges.federated.models import Model
from dti_core.bridges.federated.settings import FederatedSettings
from dti_core.bridges.federated.training import Protect, Training, local_steps, train

#: Pull of FedProx where settings name none.
PROXIMAL = 0.1
Rng = np.random.Generator
Run = Callable[[Model, Clients, FederatedSettings, Rng, Protect | None], Training]


@dataclass(frozen=True, slots=True)
class Scheme:
    """A way to train: its title, what it does and what must hold for its answer to be right."""

    title: str
    run: Run
    assumes: tuple[str, ...] = ()


def fine_tune(
    training: Training, clients: ClientSource, settings: FederatedSettings, rng: Rng, steps: int
) -> Training:
    """A model for each client: `steps` more steps on its own rows from the model (n_weights,) of all.

    It returns weights (n_clients, n_weights); a client without rows keeps the model of all. Nothing is
    clipped or protected.

    Assumes: a personal model stays with its client, whose own rows it holds; the guarantee is not for it.
    """
    own = replace(settings, local_steps=steps, proximal=0.0, control=False)
    ids = np.arange(clients.n_clients)
    sizes = clients.n_rows(ids)
    ids, sizes = ids[sizes > 0], sizes[sizes > 0]
    weights: Array = np.tile(training.weights, (clients.n_clients, 1))
    for part in chunks(sizes, own.chunk_rows, own.local_batch):
        start = weights[ids[part]].astype(own.precision)
        weights[ids[part]] = local_steps(training.model, start, clients, ids[part], sizes[part], own, rng)
    return replace(training, weights=weights)


def _central(
    model: Model, clients: Clients, settings: FederatedSettings, rng: Rng, protect: Protect | None
) -> Training:  # fmt: skip
    if protect is not None:
        raise ValueError("rows in one place have no clients to protect; use train_record_level")
    alone = replace(settings, sampling_rate=1.0, expected_cohort=None, clipping_norm=None)
    return train(model, clients.pooled(), replace(alone, proximal=0.0, control=False), rng)


def _federated(
    model: Model, clients: Clients, settings: FederatedSettings, rng: np.random.Generator,
    protect: Protect | None, proximal: bool = False, control: bool = False,
) -> Training:  # fmt: skip
    pull = (settings.proximal or PROXIMAL) if proximal else 0.0
    return train(model, clients, replace(settings, proximal=pull, control=control), rng, protect)


def _personal(
    model: Model, clients: Clients, settings: FederatedSettings, rng: Rng, protect: Protect | None
) -> Training:  # fmt: skip
    common = _federated(model, clients, settings, rng, protect)
    return fine_tune(common, clients, settings, rng, settings.local_steps)


def _alone(
    model: Model, clients: Clients, settings: FederatedSettings, rng: Rng, protect: Protect | None
) -> Training:  # fmt: skip
    untrained = Training(model, model.start(rng), settings, {})
    return fine_tune(untrained, clients, settings, rng, settings.rounds * settings.local_steps)


#: Every way to train; each takes model, clients, settings, generator and protect.
SCHEMES: Mapping[str, Scheme] = {
    "central": Scheme("All rows in one place", _central, ("clients give their rows away, without privacy",)),
    "fedavg": Scheme("FedAvg", _federated, ("clients differ little, or take few local steps",)),
    "fedprox": Scheme("FedProx", partial(_federated, proximal=True), ("the pull is tuned",)),
    "scaffold": Scheme("SCAFFOLD", partial(_federated, control=True), ("clients keep a state",)),
    "personal": Scheme("FedAvg, then own steps", _personal, ("a personal model never leaves its client",)),
    "alone": Scheme("Each client alone", _alone, ("a client has rows enough",)),
}
