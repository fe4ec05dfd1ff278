"""Any torch module as a model of many clients at once, by torch.func.vmap."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from dti_core.bridges.federated.clients import Array

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class TorchModel:
    """A module from features (n, n_features) to logits (n,) or (n, 1); it starts with the weights it has.

    Weights are its parameters in their order, flat. Torch is imported when the model is first used.

    Raises
    ------
    ValueError when the module has buffers, which training would share between clients (batch statistics).
    """

    module: "nn.Module"
    _shapes: dict[str, tuple[int, ...]] = field(init=False)

    def __post_init__(self) -> None:
        if names := [name for name, _ in self.module.named_buffers()]:
            raise ValueError(
                f"the module has buffers ({', '.join(names)}); use layers without batch statistics"
            )
        shapes = {name: tuple(one.shape) for name, one in self.module.named_parameters()}
        object.__setattr__(self, "_shapes", shapes)

    @property
    def n_weights(self) -> int:
        """Length of a weight vector."""
        return int(sum(np.prod(shape, dtype=np.int64) for shape in self._shapes.values()))

    def start(self, rng: np.random.Generator) -> Array:
        """The weights that the module has now."""
        parts = [one.detach().cpu().numpy().ravel() for one in self.module.parameters()]
        return np.concatenate(parts).astype(np.float64)

    def logits(self, weights: Array, features: Array) -> Array:
        """Log odds (n, k)."""
        import torch

        with torch.no_grad():
            told = torch.from_numpy(weights), torch.from_numpy(features.astype(weights.dtype, copy=False))
            return torch.func.vmap(self._logits)(*told).numpy()

    def gradient(self, weights: Array, features: Array, labels: Array, shares: Array) -> Array:
        """Derivative (n, n_weights) of the weighted log loss."""
        import torch

        told = (torch.from_numpy(np.ascontiguousarray(one)) for one in (weights, features, labels, shares))
        return torch.func.vmap(torch.func.grad(self._loss))(*told).numpy()

    def _logits(self, flat: "Tensor", features: "Tensor") -> "Tensor":
        import torch

        parts = flat.split([int(np.prod(shape, dtype=np.int64)) for shape in self._shapes.values()])
        named = {
            name: part.view(shape) for (name, shape), part in zip(self._shapes.items(), parts, strict=True)
        }
        return torch.func.functional_call(self.module, named, (features,)).reshape(len(features))

    def _loss(self, flat: "Tensor", features: "Tensor", labels: "Tensor", shares: "Tensor") -> "Tensor":
        from torch.nn.functional import binary_cross_entropy_with_logits

        return binary_cross_entropy_with_logits(self._logits(flat, features), labels, shares, reduction="sum")
