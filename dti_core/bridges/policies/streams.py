"""Random numbers of a training: each round has its own, so that one that resumes meets the same ones."""

from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True, slots=True)
class Round:
    """One round of a training: its number from 0, of how many, and the seed of the training."""

    number: int
    n_rounds: int
    seed: int

    @property
    def left(self) -> float:
        """What a step length is multiplied by: 1 in the first round, evenly down to a tenth in the last."""
        return 1.0 - 0.9 * self.number / max(1, self.n_rounds - 1)

    def world_seeds(self, n: int) -> list[int]:
        """Seeds of n worlds that no other round of this training is likely to draw."""
        root = np.random.SeedSequence((self.seed, self.number, 0))
        return [int(word) for word in root.generate_state(n)]

    def generator(self) -> torch.Generator:
        """What actions or candidates are drawn from."""
        return torch_generator(self.seed, self.number, 1)


def torch_generator(*words: int) -> torch.Generator:
    """A generator that these words alone decide."""
    return torch.Generator().manual_seed(
        int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0]) >> 1
    )
