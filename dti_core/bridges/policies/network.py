"""A small network with flat weights, what it is shown of a world, and how it is moved along a gradient."""

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from dti_core.bridges.simulators import Observation

#: Logit of a masked action; finite, so that its share of the entropy is 0 and not NaN.
MASKED = -1e9


class Mlp:
    """Two layers of `hidden` tanh units before a linear one; with hidden 0 the linear one alone.

    Each tanh(x) is computed as 2 sigmoid(2x) - 1, since torch's sigmoid is several times faster on a CPU; the
    2 and the -1 are left to the layer after it.

    theta, grad : all weights and their gradients as one vector each, which the layers are views of.
    """

    def __init__(self, n_in: int, n_out: int, hidden: int) -> None:
        sizes = (n_in, hidden, hidden, n_out) if hidden else (n_in, n_out)
        self.n_in = n_in
        n_weights = sum((a + 1) * b for a, b in pairwise(sizes))
        self.theta, self.grad = torch.zeros(n_weights), torch.zeros(n_weights)
        self.layers: list[tuple[torch.Tensor, torch.Tensor]] = []
        start = 0
        for a, b in pairwise(sizes):
            middle, end = start + a * b, start + (a + 1) * b
            self.layers.append((self._view(start, middle, a, b), self._view(middle, end, b)))
            start = end

    def _view(self, start: int, end: int, *shape: int) -> torch.Tensor:
        view = self.theta[start:end].view(shape).detach().requires_grad_()
        view.grad = self.grad[start:end].view(shape)
        return view

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """Outputs (..., n_out) of inputs (..., n_in)."""
        (weight, bias), *later = self.layers
        values = inputs.reshape(-1, inputs.shape[-1])
        for next_weight, next_bias in later:
            values = torch.addmm(2.0 * bias, values, 2.0 * weight).sigmoid()
            weight, bias = 2.0 * next_weight, next_bias - next_weight.sum(dim=0)
        return torch.addmm(bias, values, weight).view(*inputs.shape[:-1], -1)

    def initialise(self, generator: torch.Generator, favoured: int | None = None) -> "Mlp":
        """Orthogonal tanh layers and a small last one, whose output `favoured` begins one above the others.

        Source: Andrychowicz et al. (2021), on the last layer of actors.
        """
        with torch.no_grad():
            for weight, _ in self.layers[:-1]:
                torch.nn.init.orthogonal_(weight, 5 / 3, generator=generator)
            if self.layers[1:]:
                torch.nn.init.orthogonal_(self.layers[-1][0], 0.01, generator=generator)
            if favoured is not None:
                self.layers[-1][1][favoured] = 1.0
        return self


class Adam:
    """Kingma, Ba (2015), algorithm 1, on flat weights; torch's own imports a compiler first, for a second."""

    def __init__(self, network: Mlp) -> None:
        self.network = network
        self.mean, self.square = torch.zeros_like(network.theta), torch.zeros_like(network.theta)
        self.n_steps = torch.zeros((), dtype=torch.int64)

    def step(self, learning_rate: float, longest: float) -> None:
        """Move the weights against their gradient, shortened to `longest`, and clear it."""
        grad = self.network.grad
        grad.mul_((longest / grad.norm().clamp_min(1e-12)).clamp_max(1.0))
        self.n_steps += 1
        self.mean.lerp_(grad, 0.1)
        self.square.mul_(0.999).addcmul_(grad, grad, value=0.001)
        root = (self.square / (1.0 - 0.999**self.n_steps)).sqrt_().add_(1e-8)
        self.network.theta.addcdiv_(self.mean, root * (1.0 - 0.9**self.n_steps), value=-learning_rate)
        grad.zero_()

    def tensors(self, name: str) -> dict[str, torch.Tensor]:
        """All that the next step depends on, to be kept."""
        parts = {
            "theta": self.network.theta,
            "mean": self.mean,
            "square": self.square,
            "n_steps": self.n_steps,
        }
        return {f"{name}.{part}": tensor for part, tensor in parts.items()}


def agent_view(seen: Observation, graph: bool) -> NDArray[np.float32]:
    """What each agent sees, (N, A, F): its features; with `graph` twice as many, its neighbours' mean too."""
    if not graph:
        return seen.features
    total, worlds = np.zeros_like(seen.features), np.arange(len(seen.features))[:, None]
    for column in np.moveaxis(seen.neighbours, -1, 0):
        total += seen.features[worlds, column] * (column >= 0)[..., None]
    count = (seen.neighbours >= 0).sum(axis=-1, keepdims=True)
    return np.concatenate([seen.features, total / np.maximum(count, 1).astype(np.float32)], axis=-1)


def estate_view(seen: Observation) -> NDArray[np.float32]:
    """What is seen of a world as a whole, (N, F + G): the mean of its agents' features, then its own."""
    return np.concatenate([seen.features.mean(axis=1), seen.estate], axis=-1)


def log_chances(logits: torch.Tensor, allowed: torch.Tensor) -> torch.Tensor:
    """Log-probabilities of the actions, of which masked ones have practically none."""
    return logits.masked_fill(~allowed, MASKED).log_softmax(dim=-1)


def draw(log_chance: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
    """One action a row at its chance, or without a generator the likeliest (Gumbel's maximum)."""
    if generator is None:
        return log_chance.argmax(dim=-1)
    return (log_chance - torch.empty_like(log_chance).exponential_(generator=generator).log_()).argmax(dim=-1)
