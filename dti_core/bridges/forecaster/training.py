"""Training: Adam on all seeds at once, each with its own shuffled batches and its own early stopping."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

from dti_core.bridges.forecaster.network import Lstm
from dti_core.bridges.forecaster.sequences import Array
from dti_core.bridges.forecaster.settings import LstmSettings, Seeds

Samples = tuple[NDArray[np.float32], NDArray[np.float32]]
Pair = tuple[torch.Tensor, torch.Tensor]


def train_networks(
    train: Samples, validation: Samples, ends: tuple[int, ...], settings: LstmSettings, seeds: Seeds,
    start: NDArray[np.float32] | None = None,
) -> tuple[NDArray[np.float32], Array, NDArray[np.int64]]:  # fmt: skip
    """Best weights (n_seeds, n_weights) of each seed, their validation loss and their step.

    Parameters
    ----------
    train : windows (n, length, n_features) and targets (n, n_ends). validation : windows and targets (n,).
    ends : rows of a training window at which a forecast is made. seeds : one network each.
    start : weights (n_seeds, n_weights) to start from, else random ones.

    Raises
    ------
    ValueError when a validation loss is not finite, or `start` has another shape than these networks.
    """
    device, generators = _device(settings), torch_generators(seeds, settings.n_seeds)
    with _one_thread(), torch.inference_mode():
        _, length, n_features = train[0].shape
        size = settings.batch // len(ends), length, n_features, settings.hidden
        net = Lstm(len(generators), *size, device=device)
        net.initialise(generators)
        if start is not None:
            if start.shape != (shape := tuple(net.theta.shape)):
                raise ValueError(f"start has shape {start.shape}; these networks have {shape}")
            net.theta.copy_(torch.from_numpy(start))
        held = _tensors(validation, device)
        return _descend(net, _tensors(train, device), held, ends, settings, generators)


def run_networks(
    weights: NDArray[np.float32], windows: NDArray[np.float32], settings: LstmSettings
) -> tuple[Array, Array]:
    """Forecasts (n_seeds, n) and last hidden states (n_seeds, n, hidden) of trained networks.

    Parameters
    ----------
    windows : (n, window_days, n_features).
    """
    device = _device(settings)
    with _one_thread(), torch.inference_mode():
        _, length, n_features = windows.shape
        net = Lstm(len(weights), settings.batch, length, n_features, settings.hidden, device=device)
        net.theta.copy_(torch.from_numpy(weights))
        forecasts, states = net.read(torch.from_numpy(windows).to(device))
    return tuple(one.cpu().numpy().astype(np.float64) for one in (forecasts, states))  # type: ignore[return-value]


def torch_generators(seeds: Seeds, n_seeds: int) -> list[torch.Generator]:
    """One torch generator a seed; a SeedSequence gives the same `n_seeds` children each time it is asked."""
    if isinstance(seeds, np.random.SeedSequence):
        words = [int(word) for word in seeds.generate_state(n_seeds, np.uint64)]
    else:
        words = [int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]) for seed in seeds]
    if not words:
        raise ValueError("seeds is empty; give at least one")
    return [torch.Generator().manual_seed(word >> 1) for word in words]


def _device(settings: LstmSettings) -> torch.device:
    if settings.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(settings.device)


def _tensors(samples: Samples, device: torch.device) -> Pair:
    windows, targets = samples
    return torch.from_numpy(windows).to(device), torch.from_numpy(targets).to(device)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Run torch on one thread, as networks this small are slower on two; the former number comes back."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _descend(
    net: Lstm, train: Pair, validation: Pair, ends: tuple[int, ...], settings: LstmSettings,
    generators: Sequence[torch.Generator],
) -> tuple[NDArray[np.float32], Array, NDArray[np.int64]]:  # fmt: skip
    keeper, adam = _Keeper(net, validation, settings.patience), _Adam(net, settings.learning_rate)
    batches = [_shuffled_batches(len(train[0]), net.batch, generator) for generator in generators]
    for step in range(1, settings.n_steps + 1):
        chosen = torch.stack([next(stream) for stream in batches]).to(net.theta.device)
        net.load(train[0][chosen])
        error = net.forward(ends) - train[1][chosen]
        net.backward(error.mul_(2.0 / error[0].numel()), ends)
        adam.step()
        if step == settings.n_steps or (settings.patience and step % settings.check_every == 0):
            keeper.check(step)
            if keeper.all_stopped:
                break
    weights, loss, best_step = keeper.weights.cpu(), keeper.loss.cpu(), keeper.step.cpu()
    return weights.numpy(), loss.numpy().astype(np.float64), best_step.numpy()


class _Adam:
    """Kingma, Ba (2015), algorithm 1, on flat weights; torch's own imports a compiler first, for a second."""

    def __init__(self, net: Lstm, learning_rate: float) -> None:
        self.theta, self.grad, self.learning_rate = net.theta, net.grad, learning_rate
        self._mean, self._square = torch.zeros_like(net.theta), torch.zeros_like(net.theta)
        self._n_steps = 0

    def step(self, decay: float = 0.9, square_decay: float = 0.999, epsilon: float = 1e-8) -> None:
        """Move the weights against the gradient."""
        self._n_steps += 1
        self._mean.lerp_(self.grad, 1.0 - decay)
        self._square.mul_(square_decay).addcmul_(self.grad, self.grad, value=1.0 - square_decay)
        root = (self._square / (1.0 - square_decay**self._n_steps)).sqrt_().add_(epsilon)
        self.theta.addcdiv_(self._mean, root, value=-self.learning_rate / (1.0 - decay**self._n_steps))


class _Keeper:
    """Remembers each seed's weights with the least validation loss, until its patience is over."""

    def __init__(self, net: Lstm, validation: Pair, patience: int) -> None:
        self.net, self.validation, self.patience = net, validation, patience
        self.weights = net.theta.clone()
        self.loss = torch.full((len(net.theta),), torch.inf, device=net.theta.device)
        self.step = torch.zeros(len(net.theta), dtype=torch.int64, device=net.theta.device)
        self._checks_without = torch.zeros_like(self.step)

    @property
    def all_stopped(self) -> bool:
        """Whether every seed has run out of patience."""
        return bool(self.patience) and bool((self._checks_without >= self.patience).all())

    def check(self, step: int) -> None:
        """Measure the validation loss now; with patience 0 the last weights are kept whatever it says."""
        windows, targets = self.validation
        loss = (self.net.predict(windows) - targets).square().mean(dim=1)
        if not torch.isfinite(loss).all():
            raise ValueError(f"validation loss is not finite at step {step}; lower the learning rate")
        listening = self._checks_without < max(1, self.patience)
        better = listening & (loss < self.loss) if self.patience else torch.ones_like(listening)
        self._checks_without += (listening & ~better).long()
        self._checks_without[better] = 0
        self.weights[better], self.loss[better] = self.net.theta[better], loss[better]
        self.step[better] = step


def _shuffled_batches(n: int, batch: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """Endless batches of row numbers: each pass uses every window once, in a new order."""
    order = torch.empty(0, dtype=torch.int64)
    while True:
        while len(order) < batch:
            order = torch.cat([order, torch.randperm(n, generator=generator)])
        yield order[:batch]
        order = order[batch:]
