"""What several scanners say of the same places in code, beside what is true there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Cases as rows, tools as columns.

    flags : (n, n_tools) whether a tool reports the case's kind of flaw there. strength : (n, n_tools), the
    tool's own word on it from 0 to 1, 0 where it is silent. family : (n,) kind of flaw, an index into
    `families`. flow : (n,) template of data flow, the cluster that is held out. sink : (n,) call that a flaw
    ends in, the other cluster. real : (n,) whether the flaw
    is proven.
    """

    tools: tuple[str, ...]
    families: tuple[str, ...]
    flows: tuple[str, ...]
    flags: Flags
    strength: Floats
    family: Ints
    flow: Ints
    sink: Ints
    real: Flags

    def __post_init__(self) -> None:
        n = len(self.real)
        wide = (n, len(self.tools))
        if self.flags.shape != wide or self.strength.shape != wide:
            raise ValueError(f"flags {self.flags.shape} and strength {self.strength.shape} must be {wide}")
        if {len(self.family), len(self.flow), len(self.sink)} != {n}:
            raise ValueError(f"{len(self.family)} families and {len(self.flow)} flows for {n} cases")

    @property
    def n(self) -> int:
        """Number of cases."""
        return len(self.real)

    def of(self, tools: Sequence[str]) -> "Evidence":
        """The same cases as these tools alone see them."""
        at = [self.tools.index(tool) for tool in tools]
        return replace(self, tools=tuple(tools), flags=self.flags[:, at], strength=self.strength[:, at])

    def at(self, rows: Ints | Flags) -> "Evidence":
        """Some of the cases."""
        return replace(
            self, flags=self.flags[rows], strength=self.strength[rows], family=self.family[rows],
            flow=self.flow[rows], sink=self.sink[rows], real=self.real[rows],
        )  # fmt: skip

    def beside(self, tool: str, flags: Flags, strength: Floats | None = None) -> "Evidence":
        """The same cases with one more tool."""
        said = flags.astype(float) if strength is None else strength
        return replace(
            self, tools=(*self.tools, tool), flags=np.column_stack([self.flags, flags]),
            strength=np.column_stack([self.strength, said]),
        )  # fmt: skip


def flow_folds(evidence: Evidence) -> Ints:
    """(n,) fold of each case when every flow template is held out once."""
    return np.unique(evidence.flow, return_inverse=True)[1].astype(np.int64)


def row_folds(evidence: Evidence, n_folds: int, rng: np.random.Generator) -> Ints:
    """(n,) fold of each case when rows are dealt at random, whatever their flow."""
    return rng.permutation(np.arange(evidence.n) % n_folds)


def splits(folds: Ints) -> Iterator[tuple[Flags, Flags]]:
    """(learn, held out) of each fold, as masks."""
    for fold in np.unique(folds):
        yield folds != fold, folds == fold
