"""Clients and their rows: in one table, or made on the fly by any source with the same three members."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Ids = NDArray[np.int64]


class ClientSource(Protocol):
    """Whatever can tell how many rows clients hold and fetch some of them."""

    @property
    def n_clients(self) -> int:
        """Number of clients, taken to be public."""

    def n_rows(self, ids: Ids) -> Ids:
        """Rows (n,) that clients `ids` (n,) hold; 0 is allowed."""

    def rows(self, ids: Ids, picks: Ids) -> tuple[Array, Array]:
        """Features (n, k, n_features) and 0/1 labels (n, k) of rows `picks` (n, k) of clients `ids` (n,)."""


@dataclass(frozen=True, slots=True)
class Clients:
    """Clients of one table whose rows stand client by client.

    features : (n_rows, n_features). labels : (n_rows,) 0 or 1. starts : (n_clients + 1,), rows
    starts[i] to starts[i + 1] are of client i; equal neighbours are a client without rows.
    """

    features: Array
    labels: Array
    starts: Ids

    def __post_init__(self) -> None:
        if len(self.features) != len(self.labels) or self.features.ndim != 2:
            raise ValueError(f"features {self.features.shape} and labels {self.labels.shape} do not fit")
        if self.starts[0] != 0 or self.starts[-1] != len(self.labels) or (np.diff(self.starts) < 0).any():
            raise ValueError(f"starts must rise from 0 to the number of rows, {len(self.labels)}")

    @classmethod
    def from_table(
        cls, features: Array, labels: Array, owner: Ids, n_clients: int | None = None
    ) -> "Clients":
        """Clients 0 to n_clients - 1 from rows in any order, of which `owner` (n_rows,) names the client."""
        order = np.argsort(owner, kind="stable")
        counts = np.bincount(owner, minlength=n_clients or 0)
        if n_clients is not None and len(counts) > n_clients:
            raise ValueError(f"owner names client {owner.max()}, beyond the {n_clients} clients")
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return cls(features[order], labels[order], starts)

    @property
    def n_clients(self) -> int:
        """Number of clients."""
        return len(self.starts) - 1

    def n_rows(self, ids: Ids) -> Ids:
        """Rows (n,) that clients hold."""
        return self.starts[ids + 1] - self.starts[ids]

    def rows(self, ids: Ids, picks: Ids) -> tuple[Array, Array]:
        """Features (n, k, n_features) and labels (n, k) of the picked rows."""
        at = self.starts[ids][:, None] + picks
        return self.features[at], self.labels[at]

    def pooled(self) -> "Clients":
        """The same rows as those of one client."""
        return Clients(self.features, self.labels, np.array([0, len(self.labels)], dtype=np.int64))


def chunks(sizes: Ids, chunk_rows: int, width: int | None) -> Iterator[Ids]:
    """Positions of clients that are computed together: alike in size, padded to at most `chunk_rows` rows.

    Parameters
    ----------
    sizes : (n,) rows of each client. width : rows that every client is given; None pads to the largest.
    """
    if width is not None:
        sizes = np.full(len(sizes), width)
    order, first = np.argsort(sizes, kind="stable"), 0
    while first < len(order):
        window = sizes[order[first : first + chunk_rows]]
        padded = np.arange(1, len(window) + 1) * window
        last = first + max(1, int(np.searchsorted(padded, chunk_rows, side="right")))
        yield order[first:last]
        first = last
