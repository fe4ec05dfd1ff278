"""Models as array kernels over many clients at once, each with weights of its own."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import expit

from dti_core.bridges.federated.clients import Array


class Model(Protocol):
    """A model of a 0/1 label; `weights` are flat vectors, one a client."""

    @property
    def n_weights(self) -> int:
        """Length of a weight vector."""

    def start(self, rng: np.random.Generator) -> Array:
        """Weights (n_weights,) to start from."""

    def logits(self, weights: Array, features: Array) -> Array:
        """Log odds (n, k) by weights (n, n_weights) of features (n, k, n_features)."""

    def gradient(self, weights: Array, features: Array, labels: Array, shares: Array) -> Array:
        """Derivative (n, n_weights) of the log loss summed over rows with `shares` (n, k)."""


@dataclass(frozen=True, slots=True)
class Logistic:
    """Logistic regression: a weight a feature, the intercept; `ridge` times half the squares is added."""

    n_features: int
    ridge: float = 0.0

    @property
    def n_weights(self) -> int:
        """Length of a weight vector."""
        return self.n_features + 1

    def start(self, rng: np.random.Generator) -> Array:
        """Zeros."""
        return np.zeros(self.n_weights)

    def logits(self, weights: Array, features: Array) -> Array:
        """Log odds (n, k)."""
        return (features @ weights[:, :-1, None])[..., 0] + weights[:, -1:]

    def gradient(self, weights: Array, features: Array, labels: Array, shares: Array) -> Array:
        """Derivative (n, n_weights) of the weighted log loss."""
        error = (expit(self.logits(weights, features)) - labels) * shares
        found = np.empty_like(weights)
        np.matmul(error[:, None], features, out=found[:, None, :-1])
        error.sum(axis=1, out=found[:, -1])
        if self.ridge:
            found[:, :-1] += self.ridge * weights[:, :-1]
        return found


@dataclass(frozen=True, slots=True)
class Mlp:
    """One hidden layer of rectified units, then a logit.

    Weights in order: (n_features, hidden) of the layer, its intercepts, (hidden,) of the logit, and its.
    """

    n_features: int
    hidden: int = 32

    @property
    def n_weights(self) -> int:
        """Length of a weight vector."""
        return (self.n_features + 2) * self.hidden + 1

    def start(self, rng: np.random.Generator) -> Array:
        """Uniform within one over the root of the inputs of a unit, as torch's linear layers."""
        inner = (self.n_features + 1) * self.hidden
        bounds = np.repeat([self.n_features**-0.5, self.hidden**-0.5], [inner, self.hidden + 1])
        return rng.uniform(-bounds, bounds)

    def logits(self, weights: Array, features: Array) -> Array:
        """Log odds (n, k)."""
        return self._forward(weights, features)[1]

    def gradient(self, weights: Array, features: Array, labels: Array, shares: Array) -> Array:
        """Derivative (n, n_weights) of the weighted log loss."""
        active, logits = self._forward(weights, features)
        error = (expit(logits) - labels) * shares
        found = np.empty_like(weights)
        layer, intercepts, out, last = self._split(found)
        np.matmul(error[:, None], active, out=out[:, None])
        error.sum(axis=1, out=last)
        inner = error[..., None] * self._split(weights)[2][:, None]
        inner *= active > 0
        np.matmul(features.transpose(0, 2, 1), inner, out=layer)
        inner.sum(axis=1, out=intercepts)
        return found

    def _forward(self, weights: Array, features: Array) -> tuple[Array, Array]:
        layer, intercepts, out, last = self._split(weights)
        active = features @ layer
        active += intercepts[:, None]
        np.maximum(active, 0, out=active)
        return active, (active @ out[..., None])[..., 0] + last[:, None]

    def _split(self, weights: Array) -> tuple[Array, Array, Array, Array]:
        """Views of the parts of weights (n, n_weights)."""
        cut, h = self.n_features * self.hidden, self.hidden
        layer = weights[:, :cut].reshape(len(weights), self.n_features, h)
        return layer, weights[:, cut : cut + h], weights[:, cut + h : cut + 2 * h], weights[:, -1]
