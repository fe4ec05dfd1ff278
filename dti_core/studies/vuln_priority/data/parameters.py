"""The parameters of the experiment file, with their types."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parameters:
    """As in experiments/vuln_priority.yaml, which says what each is."""

    scans: str
    data_path: str
    n_resamples: int
    n_sets: int
    n_controls: int
    n_control_sets: int
    n_draws: int
    weekly_hours: float
    seed: int
