"""What a cell is asked: its effort and its random numbers."""

import zlib
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True, slots=True)
class Effort:
    """How much a cell may do.

    n_networks : networks trained an arm (the pool that control worlds draw from). n_draws : draws of each
    control world. n_instances : instances or resamples where no network is trained. n_steps : steps of
    training before the part is carried; it goes on for half as many in the target field.
    """

    n_networks: int
    n_draws: int
    n_instances: int
    n_steps: int


@dataclass(frozen=True, slots=True)
class Task:
    """One cell to be run.

    seed : root of its random numbers. root : that of what cells share. about : names that its function asks
    for, such as the panels that a forecaster is carried between. frozen : sha256 of other studies' files that
    it reads, so that another file makes another task.
    """

    seed: int
    effort: Effort
    root: int = 0
    about: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()

    def seeds(self, *names: str) -> np.random.SeedSequence:
        """Seeds for a named purpose; another purpose moves none of them."""
        return np.random.SeedSequence([self.seed, *(zlib.crc32(name.encode()) for name in names)])

    @property
    def shared(self) -> "Task":
        """This task with the random numbers that all cells share."""
        return replace(self, seed=self.root)

    def stream(self, *names: str) -> np.random.Generator:
        """Random numbers for a named purpose."""
        return np.random.default_rng(self.seeds(*names))
