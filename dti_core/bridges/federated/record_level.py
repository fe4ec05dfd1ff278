"""Training that protects single rows of one table: DP-SGD by opacus, which is imported when it is used."""

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.special import expit

from dti_core.bridges.federated.clients import Array
from dti_core.bridges.privacy import Guarantee

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.utils.data import Sampler, TensorDataset


@dataclass(frozen=True, slots=True)
class RecordSettings:
    """Settings of DP-SGD.

    batch : expected rows of a step; opacus samples at one over the number of batches.
    epochs, learning_rate : passes in expectation, step length. clipping_norm : of a row's gradient.
    noise_multiplier : noise over clipping norm; 0 trains with clipping alone, and epsilon is infinite.
    accountant : of opacus, by which the epsilon of a result is stated.
    """

    noise_multiplier: float
    batch: int = 256
    epochs: int = 5
    learning_rate: float = 0.5
    clipping_norm: float = 1.0
    delta: float = 1e-6
    accountant: Literal["rdp", "prv"] = "prv"


@dataclass(frozen=True, slots=True)
class RecordTraining:
    """A trained module and what an accountant needs to know.

    guarantee : for a row, by opacus' accountant. sampling_rate, steps : as they were run; another accountant
    takes them with `settings.noise_multiplier` and `settings.delta`.
    """

    module: "nn.Module"
    settings: RecordSettings
    guarantee: Guarantee
    sampling_rate: float
    steps: int

    @property
    def epsilon(self) -> float:
        """Epsilon of the guarantee."""
        return self.guarantee.epsilon

    def predict(self, features: Array) -> Array:
        """Chance (n,) of label 1 for features (n, n_features)."""
        import torch

        with torch.no_grad():
            found = self.module(torch.from_numpy(features.astype(np.float32))).reshape(len(features))
        return expit(found.numpy().astype(np.float64))


def train_record_level(
    module: "nn.Module", features: Array, labels: Array, settings: RecordSettings, seed: int,
    sampler: "Sampler[int] | None" = None,
) -> RecordTraining:  # fmt: skip
    """Train a module from features (n, n_features) to logits (n,) or (n, 1), in place, in float32.

    Rows come by Poisson sampling. The global generator of torch is left as it was; noise comes from a seeded
    one, which is for research: a model that leaves the house needs opacus' secure mode.

    Parameters
    ----------
    labels : (n,) 0 or 1. sampler : only to be refused when it is not uniform: opacus states the same epsilon
        for any, although rows that are drawn more often are protected less.

    Raises
    ------
    ValueError for such a sampler, an empty table, or values that are not finite.
    """
    import torch
    from opacus import PrivacyEngine
    from torch.utils.data import DataLoader

    _refuse_sampler(sampler)
    if not len(features) or not np.isfinite(features).all() or not np.isfinite(labels).all():
        raise ValueError("the table has no rows, or values that are not finite")
    table = _whole_batches()(*(torch.from_numpy(one.astype(np.float32)) for one in (features, labels)))
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Secure RNG turned off|Full backward hook is firing|Optimal order")
        torch.manual_seed(seed)
        engine = PrivacyEngine(accountant=settings.accountant)
        private, optimizer, loader = engine.make_private(
            module=module, optimizer=torch.optim.SGD(module.parameters(), lr=settings.learning_rate),
            data_loader=DataLoader(table, batch_size=min(settings.batch, len(table)), collate_fn=_as_fetched),
            noise_multiplier=settings.noise_multiplier, max_grad_norm=settings.clipping_norm,
            poisson_sampling=True,
        )  # fmt: skip
        steps = _descend(private, optimizer, loader, settings.epochs)
    with warnings.catch_warnings():  # that a Renyi order is the last tried; its bound holds all the same
        warnings.filterwarnings("ignore", message="Optimal order", category=UserWarning)
        epsilon = float(engine.get_epsilon(settings.delta)) if settings.noise_multiplier else float("inf")
    private.to_standard_module()
    named = f"opacus' {settings.accountant.upper()}"
    promised = Guarantee("record", "add or remove one", epsilon, settings.delta, named)
    return RecordTraining(module, settings, promised, 1 / len(loader), steps)


def _refuse_sampler(sampler: "Sampler[int] | None") -> None:
    """ValueError for a sampler that does not draw every row alike."""
    from torch.utils.data import RandomSampler, SequentialSampler

    uniform = isinstance(sampler, SequentialSampler | RandomSampler)
    if sampler is not None and (not uniform or getattr(sampler, "replacement", False)):
        name = type(sampler).__name__
        raise ValueError(
            f"{name} voids the accountant, which assumes Poisson sampling; leave the sampler out"
        )


def _whole_batches() -> "type[TensorDataset]":
    """A table of tensors of which a batch is fetched at once, not row by row, which took most of the time."""
    from torch.utils.data import TensorDataset

    class Rows(TensorDataset):
        def __getitems__(self, picks: list[int]) -> "list[Tensor]":
            return [tensor[picks] for tensor in self.tensors]

    return Rows


def _as_fetched(batch: "list[Tensor]") -> "list[Tensor]":
    return batch


def _descend(private: "nn.Module", optimizer: Any, loader: Any, epochs: int) -> int:
    """Train for some epochs and tell the number of steps."""
    from torch.nn.functional import binary_cross_entropy_with_logits

    steps = 0
    for _ in range(epochs):
        for rows, labels in loader:
            optimizer.zero_grad()
            binary_cross_entropy_with_logits(private(rows).reshape(len(rows)), labels).backward()
            optimizer.step()
            steps += 1
    return steps
