"""Federated training with many clients at once: private averaging, rivals for unlike sites, attacks on them."""

from dti_core.bridges.federated.clients import Clients, ClientSource
from dti_core.bridges.federated.models import Logistic, Mlp, Model
from dti_core.bridges.federated.protection import Mechanism, gaussian_noise, mechanism
from dti_core.bridges.federated.settings import FederatedSettings
from dti_core.bridges.federated.training import Protect, Tamper, Training, sum_of_updates, train

__all__ = [
    "ClientSource", "Clients", "FederatedSettings", "Logistic", "Mechanism", "Mlp", "Model", "Protect",
    "Tamper", "Training", "gaussian_noise", "mechanism", "sum_of_updates", "train",
]  # fmt: skip
