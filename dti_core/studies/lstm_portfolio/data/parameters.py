"""Every knob of the study with its type; `experiments/lstm_portfolio.yaml` says what each one means."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Parameters:
    """The values of one run, made by `config.typed(Parameters)`, which refuses what the file has not."""

    universe: str
    data_path: str
    n_folds: int
    refit_months: int
    window_days: int
    horizon_days: int
    lookback_days: int
    validation_days: int
    hidden: int
    n_steps: int
    n_seeds: int
    cost_bps: float
    regime_by: Literal["realised", "vix"]
    control_folds: int
    control_seeds: int
    n_draws: int
    n_market_draws: int
    n_resamples: int
    device: Literal["auto", "cpu", "cuda"]
    seed: int
