"""Size and training of the forecaster's network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dti_core.bridges.forecaster.sequences import SCALE_FLOOR

Seeds = Sequence[int] | np.random.SeedSequence


@dataclass(frozen=True, slots=True)
class LstmSettings:
    """Size and training of the network.

    hidden : units.
    shared_windows, shared_spacing_days : training windows that share one run of the network, rows between
        their ends; all begin on the same row, so later ones see more than `window_days`. 1 runs each alone.
    window_days, horizon_days : rows seen and rows forecast.
    n_steps, batch : most Adam steps, windows in each (a multiple of `shared_windows`).
    check_every, patience : steps between looks at the validation loss, looks without a better one before the
        end; patience 0 trains all steps and keeps the last weights.
    validation_stride_days : every how many days the validation slice is used; neighbouring targets overlap.
    scale_floor : smallest daily volatility by which a window is divided.
    n_seeds : networks trained when the seeds come as a SeedSequence.
    device : "auto" takes CUDA where there is one.
    """

    hidden: int = 32
    window_days: int = 60
    horizon_days: int = 21
    n_steps: int = 200
    batch: int = 256
    learning_rate: float = 1e-3
    check_every: int = 20
    patience: int = 3
    validation_stride_days: int = 5
    scale_floor: float = SCALE_FLOOR
    shared_windows: int = 4
    shared_spacing_days: int = 5
    n_seeds: int = 3
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        lengths = (self.window_days, self.horizon_days, self.check_every, self.validation_stride_days)
        counts = (self.hidden, self.n_steps, self.batch, self.n_seeds)
        if min(lengths + counts) < 1 or self.patience < 0:
            raise ValueError(f"lengths and counts must be at least 1, patience at least 0: {self}")
        if min(self.shared_windows, self.shared_spacing_days) < 1 or self.batch % self.shared_windows:
            raise ValueError(f"batch = {self.batch} must be a multiple of shared_windows, both at least 1")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate = {self.learning_rate} must be positive")
