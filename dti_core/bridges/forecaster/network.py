"""The network itself: one LSTM layer for several seeds at once, with its backward pass written out.

On windows this small, automatic differentiation spends much of its time on bookkeeping. Here all seeds stand
in one batched product, time runs outermost and windows innermost, and memory is allocated once.
"""

from collections.abc import Sequence
from typing import Any

import torch

#: Most numbers of a block of days whose slopes are laid out at once: what stays in a core's own cache.
BLOCK_CELLS = 2**17


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
        self._doubled = zeros(n_seeds, gates, rows)
        self._minus_one, self._minus_two = zeros(1) - 1.0, zeros(1) - 2.0
        self._row_factor = zeros(gates, 1)
        self._row_factor[:, 0] = torch.tensor([0.5, 0.5, 1.0, 4.0]).repeat_interleave(hidden)
        self._inputs = zeros(window_days + 1, n_seeds, rows, batch)
        self._inputs[:, :, -1] = 1.0
        self._gates = zeros(window_days, n_seeds, gates, batch)
        self._memory = zeros(window_days + 1, n_seeds, hidden, batch)
        self._candidate, self._tanh_memory = (zeros(window_days, n_seeds, hidden, batch) for _ in range(2))
        self._hidden_grad, self._memory_grad = (zeros(n_seeds, hidden, batch) for _ in range(2))
        self._steps = [self._step_views(day) for day in range(window_days)]
        n_days = max(1, BLOCK_CELLS // (n_seeds * gates * batch))
        self._gate_grad, self._bend = zeros(n_days, n_seeds, gates, batch), zeros(n_days, *self._memory.shape[1:])

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
        self._memory_grad.zero_()
        self._hidden_grad.zero_()
        recurrent = (self.cell[:, :, : self.hidden] * self._row_factor).transpose(1, 2).contiguous()
        columns = dict(zip(ends, forecast_grad.unbind(dim=2), strict=True))
        for stop in range(ends[-1] + 1, 0, -len(self._bend)):
            days = range(max(0, stop - len(self._bend)), stop)
            gate_grads, bends = self._slopes(days)
            for day, gate_grad, bend in reversed([*zip(days, gate_grads, bends, strict=False)]):
                if day in columns:
                    self._head_backward(columns[day], self._steps[day][-1])
                self._step_backward(day, gate_grad, bend, recurrent)
            inputs = self._inputs[days.start : days.stop]
            self.cell_grad += (gate_grads @ inputs.transpose(2, 3)).sum(dim=0)
        self.cell_grad.mul_(self._row_factor)

    def _head_backward(self, forecast_grad: torch.Tensor, output: torch.Tensor) -> None:
        self.head_grad[:, :-1] += (output @ forecast_grad[..., None])[..., 0]
        self.head_grad[:, -1] += forecast_grad.sum(dim=1)
        self._hidden_grad += self.head[:, :-1, None] * forecast_grad[:, None]

    def _slopes(self, days: range) -> tuple[torch.Tensor, torch.Tensor]:
        """What does not run through time, for some days at once: by how much each gate moves what it feeds.

        And by how much memory moves the output. Constant factors are left to `_row_factor`.
        """
        n, span = len(days), slice(days.start, days.stop)
        gates, tanh_memory, slopes, bend = self._gates[span], self._tanh_memory[span], self._gate_grad[:n], self._bend[:n]
        i, _, o, _ = gates.split(self.hidden, dim=2)
        torch.mul(gates, gates, out=slopes)
        torch.sub(gates, slopes, out=slopes)
        fed = self._candidate[span], self._memory[span], tanh_memory, i
        for slope, other in zip(slopes.split(self.hidden, dim=2), fed, strict=True):
            slope.mul_(other)
        torch.mul(tanh_memory, tanh_memory, out=bend)
        torch.addcmul(o, o, bend, value=-1.0, out=bend)
        return slopes, bend

    def _step_backward(
        self, day: int, gate_grad: torch.Tensor, bend: torch.Tensor, recurrent: torch.Tensor
    ) -> None:
        """One row back through time; slopes become gradients in their place."""
        d_hidden, d_memory = self._hidden_grad, self._memory_grad
        d_memory.addcmul_(d_hidden, bend)
        d_i_f, d_o, d_g = gate_grad.split((2 * self.hidden, self.hidden, self.hidden), dim=1)
        d_i_f.unflatten(1, (2, self.hidden)).mul_(d_memory[:, None])
        d_o.mul_(d_hidden)
        d_g.mul_(d_memory)
        torch.bmm(recurrent, gate_grad, out=d_hidden)
        d_memory.mul_(self._steps[day][2][1])

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
