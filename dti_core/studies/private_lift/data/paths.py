"""Paths of marketing channels with what they led to, for attribution."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dti_core.lab.data import DataCard, packaged

NAME = "mta_paths"


@dataclass(frozen=True, slots=True)
class Paths:
    """Distinct paths, n of them, each walked by many users.

    steps : (n,) a tuple of codes a path, first touch first. channels : names of the codes.
    converted, not_converted : (n,) int64 walks that ended with a conversion, or without. value : (n,) of the
    conversions of a path together; its currency is not stated.
    """

    steps: tuple[tuple[int, ...], ...]
    channels: tuple[str, ...]
    converted: NDArray[np.int64]
    not_converted: NDArray[np.int64]
    value: NDArray[np.float64]

    @property
    def conversion_rate(self) -> float:
        """Conversions over all walks."""
        return float(self.converted.sum() / (self.converted.sum() + self.not_converted.sum()))


def load_paths() -> tuple[Paths, DataCard]:
    """The paths and their card.

    Raises
    ------
    DataError if the carrier is absent, with the command that brings it, or its file has changed.
    """
    source = packaged(NAME)
    raw = source.table()
    texts = [str(path).split(" > ") for path in raw["path"]]
    channels = tuple(sorted({name for path in texts for name in path}))
    code = {name: i for i, name in enumerate(channels)}
    paths = Paths(
        steps=tuple(tuple(code[name] for name in path) for path in texts),
        channels=channels,
        converted=raw["total_conversions"].to_numpy(np.int64),
        not_converted=raw["total_null"].to_numpy(np.int64),
        value=raw["total_conversion_value"].to_numpy(np.float64),
    )
    return paths, source.card()
