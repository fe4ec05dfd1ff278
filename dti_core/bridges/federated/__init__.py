"""Federated training with many clients at once: private averaging, rivals for unlike sites, attacks on both.

The no-noise result is that of a loop over clients, without the loop. Privacy comes from outside: `protect` is
whatever makes a sum of clipped updates safe to show, and `guarantee_of` says what Gaussian noise promises.

Assumes: an honest server that forgets what it received and `counts`; Poisson sampling of clients; a public
number of clients; a seeded generator, so that noise made here is for simulation alone.

Source: McMahan et al. (2017, 2018), Li et al. (2020), Karimireddy et al. (2020), Carlini et al. (2022).
"""

from dti_core.bridges.federated.clients import Clients, ClientSource
from dti_core.bridges.federated.membership import advantage_limit, attack_by_score, log_losses
from dti_core.bridges.federated.models import Logistic, Mlp, Model
from dti_core.bridges.federated.poisoning import POISONS, malicious_clients, poisoned
from dti_core.bridges.federated.protection import gaussian_noise, guarantee_of
from dti_core.bridges.federated.record_level import RecordSettings, RecordTraining, train_record_level
from dti_core.bridges.federated.schemes import SCHEMES, Scheme, fine_tune
from dti_core.bridges.federated.settings import FederatedSettings
from dti_core.bridges.federated.torch_module import TorchModel
from dti_core.bridges.federated.training import Protect, Tamper, Training, sum_of_updates, train
from dti_core.bridges.federated.workers import on_workers

__all__ = [
    "POISONS", "SCHEMES", "ClientSource", "Clients", "FederatedSettings", "Logistic", "Mlp", "Model",
    "Protect", "RecordSettings", "RecordTraining", "Scheme", "Tamper", "TorchModel", "Training",
    "advantage_limit", "attack_by_score", "fine_tune", "gaussian_noise", "guarantee_of", "log_losses",
    "malicious_clients", "on_workers", "poisoned", "sum_of_updates", "train", "train_record_level",
]  # fmt: skip
