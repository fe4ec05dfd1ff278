"""The network itself: one LSTM layer for several seeds at once, with its backward pass written out.

On windows this small, automatic differentiation spends much of its time on bookkeeping. Here all seeds stand
in one batched product, time runs outermost and windows innermost, and memory is allocated once.
"""

from collections.abc import Sequence
from typing import Any

import torch


class Lstm:
    """One layer and a linear head for each of S seeds, with memory for batches of B windows of L rows.

    theta : (S, n_weights) all weights; grad : the same for gradients. Gates stand in the order input, forget,
    output, candidate. Source: Hochreiter, Schmidhuber (1997) with the forget gate of Gers et al. (2000).
    """

    def __init__(
        self, n_seeds: int, batch: int, window_days: int, n_features: int, hidden: int,
        dtype: torch.dtype = torch.float32, device: torch.device | None = None,
    ) -> None:  # fmt: skip
        def zeros(*shape: int) -> torch.Tensor:
            return torch.zeros(*shape, dtype=dtype, device=device)

        self.hidden, self.window_days, self.n_features, self.batch = hidden, window_days, n_features, batch
        rows, gates = hidden + n_features + 1, 4 * hidden
        self.theta, self.grad = (zeros(n_seeds, gates * rows + hidden + 1) for _ in range(2))
        self.cell, self.head = self._views(self.theta)
        self.cell_grad, self.head_grad = self._views(self.grad)
        self._doubled, self._cell_grad = zeros(n_seeds, gates, rows), zeros(n_seeds, rows, gates)
        self._minus_one, self._minus_two = zeros(1) - 1.0, zeros(1) - 2.0
        self._row_factor = zeros(gates, 1)
        self._row_factor[:, 0] = torch.tensor([0.5, 0.5, 1.0, 4.0]).repeat_interleave(hidden)
        self._inputs = zeros(window_days + 1, n_seeds, rows, batch)
        self._inputs[:, :, -1] = 1.0
        self._gates = zeros(window_days, n_seeds, gates, batch)
        self._memory = zeros(window_days + 1, n_seeds, hidden, batch)
        self._candidate, self._tanh_memory = (zeros(window_days, n_seeds, hidden, batch) for _ in range(2))
        self._gate_grad = zeros(n_seeds, gates, batch)
        self._hidden_grad, self._memory_grad, self._scratch = zeros(3, n_seeds, hidden, batch)
        self._gate_grad_parts = self._gate_grad.split(hidden, dim=1)
        self._steps = [self._step_views(day) for day in range(window_days)]

    def _views(self, flat: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        rows = self.hidden + self.n_features + 1
        cut = 4 * self.hidden * rows
        return flat[:, :cut].view(-1, 4 * self.hidden, rows), flat[:, cut:]

    def _step_views(self, day: int) -> tuple[Any, ...]:
        inputs, gates, output = self._inputs[day], self._gates[day], self._inputs[day + 1][:, : self.hidden]
        memory = (self._memory[day], self._memory[day + 1], self._tanh_memory[day])
        return inputs, gates, gates.split(self.hidden, dim=1), self._candidate[day], *memory, output

    def initialise(self, generators: Sequence[torch.Generator]) -> None:
        """Uniform weights within one over the root of `hidden`, as torch's own; the head starts unbiased."""
        bound = self.hidden**-0.5
        for row, generator in zip(self.theta, generators, strict=True):
            row.copy_((2 * torch.rand(row.shape, generator=generator, dtype=row.dtype) - 1) * bound)
        self.head[:, -1] = 0.0

    def load(self, windows: torch.Tensor) -> None:
        """Put windows (S or 1, n <= B, length <= L, n_features) in place; the rest keeps what it held."""
        h, n, length = self.hidden, windows.shape[1], windows.shape[2]
        self._inputs[:length, :, h : h + self.n_features, :n] = windows.permute(2, 0, 3, 1)

    def forward(self, ends: Sequence[int]) -> torch.Tensor:
        """Forecasts (S, B, n_ends) made after the rows numbered `ends` (ascending) of the loaded windows.

        Memory is kept doubled and the candidate as sigmoid(2x), since tanh(x) = 2 sigmoid(2x) - 1 and torch's
        sigmoid is several times faster than its tanh on a CPU.
        """
        self._doubled.copy_(self.cell)[:, 3 * self.hidden :].mul_(2.0)
        for views in self._steps[: ends[-1] + 1]:
            inputs, gates, (i, f, o, sigmoid_g), double_g, memory, new_memory, tanh_memory, output = views
            torch.bmm(self._doubled, inputs, out=gates)
            gates.sigmoid_()
            torch.add(self._minus_two, sigmoid_g, alpha=4.0, out=double_g)
            torch.mul(f, memory, out=new_memory).addcmul_(i, double_g)
            torch.sigmoid(new_memory, out=tanh_memory)
            torch.add(self._minus_one, tanh_memory, alpha=2.0, out=tanh_memory)
            torch.mul(o, tanh_memory, out=output)
        columns = [(self.head[:, None, :-1] @ self._steps[end][-1])[:, 0] + self.head[:, -1:] for end in ends]
        return torch.stack(columns, dim=2)

    def backward(self, forecast_grad: torch.Tensor, ends: Sequence[int]) -> None:
        """Fill `grad` for a loss whose derivative by `forward(ends)`, (S, B, n_ends), is given."""
        self.grad.zero_()
        self._cell_grad.zero_()
        self._memory_grad.zero_()
        self._hidden_grad.zero_()
        recurrent = (self.cell[:, :, : self.hidden] * self._row_factor).transpose(1, 2).contiguous()
        columns = dict(zip(ends, forecast_grad.unbind(dim=2), strict=True))
        for day in range(ends[-1], -1, -1):
            if day in columns:
                self._head_backward(columns[day], self._steps[day][-1])
            self._step_backward(day, recurrent)
        torch.mul(self._cell_grad.transpose(1, 2), self._row_factor, out=self.cell_grad)

    def _head_backward(self, forecast_grad: torch.Tensor, output: torch.Tensor) -> None:
        self.head_grad[:, :-1] += (output @ forecast_grad[..., None])[..., 0]
        self.head_grad[:, -1] += forecast_grad.sum(dim=1)
        self._hidden_grad += self.head[:, :-1, None] * forecast_grad[:, None]

    def _step_backward(self, day: int, recurrent: torch.Tensor) -> None:
        """One row back; constant factors of the doubled quantities are left to `_row_factor`."""
        inputs, gates, (i, f, o, _), double_g, memory, _, tanh_memory, _ = self._steps[day]
        d_gates, scratch = self._gate_grad, self._scratch
        d_hidden, d_memory = self._hidden_grad, self._memory_grad
        d_i, d_f, d_o, d_g = self._gate_grad_parts
        torch.mul(d_hidden, o, out=scratch)
        d_memory.add_(torch.ops.aten.tanh_backward.grad_input(scratch, tanh_memory, grad_input=scratch))
        torch.mul(d_memory, double_g, out=d_i)
        torch.mul(d_memory, memory, out=d_f)
        torch.mul(d_hidden, tanh_memory, out=d_o)
        torch.mul(d_memory, i, out=d_g)
        torch.ops.aten.sigmoid_backward.grad_input(d_gates, gates, grad_input=d_gates)
        self._cell_grad.baddbmm_(inputs, d_gates.transpose(1, 2))
        torch.bmm(recurrent, d_gates, out=d_hidden)
        d_memory.mul_(f)

    def predict(self, windows: torch.Tensor) -> torch.Tensor:
        """Forecasts (S, n) made at the end of windows (n, length, n_features), the same for each seed."""
        return self.read(windows)[0]

    def read(self, windows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Forecasts (S, n) as `predict`, and the hidden states (S, n, hidden) that they are made of."""
        forecasts, states, end = [], [], windows.shape[1] - 1
        for part in windows.split(self.batch):
            self.load(part[None])
            forecasts.append(self.forward([end])[:, : len(part), 0])
            states.append(self._steps[end][-1][..., : len(part)].transpose(1, 2).clone())
        return torch.cat(forecasts, dim=1), torch.cat(states, dim=1)
