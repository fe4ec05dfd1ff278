"""Every knob of the study with its type; `experiments/lstm_portfolio.yaml` says what each one means."""

from dataclasses import dataclass, replace
from typing import Literal

#: What the covariance behind weights is estimated by; `model.frontier` says with which class.
Covariance = Literal["sample", "ledoit_wolf", "oas", "gerber", "denoised"]
#: Lengths of a table of months, in months: a year that forecasters see, the next month that they forecast,
#: and as in DeMiguel, Garlappi and Uppal (2009) ten years behind covariances and means.
MONTHLY_LENGTHS = {"window_days": 12, "horizon_days": 1, "lookback_days": 120, "validation_days": 60}


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
    max_weight: float
    max_sector_weight: float
    covariance: Covariance
    delisting_return: float
    regime_by: Literal["realised", "vix"]
    control_folds: int
    control_seeds: int
    n_draws: int
    n_market_draws: int
    n_resamples: int
    device: Literal["auto", "cpu", "cuda"]
    seed: int


def in_months(sizes: Parameters, n_months: int) -> Parameters:
    """The sizes of a study of `n_months` monthly rows: what counts days below counts months here.

    A fit serves twice as many months as in a daily table, for months add little to learn from; fewer where
    the table is too short for that.
    """
    months = replace(sizes, **MONTHLY_LENGTHS)  # type: ignore[arg-type]
    longest = (n_months - months.lookback_days) // sizes.n_folds
    return replace(months, refit_months=min(2 * sizes.refit_months, longest))
