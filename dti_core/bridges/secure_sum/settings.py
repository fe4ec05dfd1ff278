"""Who takes part in a masked sum, with whom, and how many must stay."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import numpy as np

Stage = Literal["keys", "shares", "inputs", "unmasking"]
#: The stages in their order; a client may drop out before it sends in any of them.
STAGES: Final[tuple[Stage, ...]] = ("keys", "shares", "inputs", "unmasking")


@dataclass(frozen=True, slots=True)
class MaskedSumSettings:
    """Who may take part, and how many must stay.

    n_clients : identities 0 ... n_clients - 1. length : words of a vector.
    threshold : shares that recover a secret; among the holders of each (its owner and its neighbours) as many
        must stay to the end. More than half, as else a server that tells two stories could gather enough
        shares of both a client's key and its own mask.
    n_neighbours : even; None joins every client with every other. Fewer neighbours cost fewer bytes,
        but masks cancel within each connected part of those who arrive: a server can take the sum of
        such a part, of `threshold` clients or more. MaskedSumServer aborts a round with two parts.
    graph_seed : draws the neighbours. Assumes that identities do not depend on it (Bell et al. 2020).
    """

    n_clients: int
    threshold: int
    length: int
    n_neighbours: int | None = None
    graph_seed: int = 0

    def __post_init__(self) -> None:
        if self.n_clients < 3 or self.length < 1:
            raise ValueError(f"needs at least 3 clients and a length of 1: {self}")
        if (k := self.n_neighbours) is not None and not (2 <= k < self.n_clients and k % 2 == 0):
            raise ValueError(
                f"n_neighbours = {k} must be even, at least 2 and below {self.n_clients} clients"
            )
        if not self.n_holders < 2 * self.threshold <= 2 * self.n_holders:
            low, high = self.n_holders // 2 + 1, self.n_holders
            raise ValueError(
                f"threshold = {self.threshold} must lie in {low} ... {high}, more than half of all"
            )

    @property
    def n_holders(self) -> int:
        """Clients that hold a share of a client's secrets, itself among them."""
        return self.n_clients if self.n_neighbours is None else self.n_neighbours + 1

    def neighbours(self, client: int) -> frozenset[int]:
        """Clients with which this one shares masks and secrets; it is a neighbour of each of them too."""
        if not 0 <= client < self.n_clients:
            raise ValueError(f"client {client} is none of 0 ... {self.n_clients - 1}")
        return _graph(self.n_clients, self.n_neighbours, self.graph_seed)[client]

    def hang_together(self, clients: frozenset[int]) -> bool:
        """Whether neighbours lead from each of these clients to every other without leaving them."""
        reached, fresh = set[int](), set(sorted(clients)[:1])
        while fresh:
            reached |= fresh
            fresh = {peer for one in fresh for peer in self.neighbours(one) & clients} - reached
        return len(reached) == len(clients)

    def holders(self, client: int) -> frozenset[int]:
        """Its neighbours and the client itself."""
        return self.neighbours(client) | {client}


@lru_cache(maxsize=32)
def _graph(n_clients: int, n_neighbours: int | None, seed: int) -> tuple[frozenset[int], ...]:
    """Neighbours by client: all others, or those at most k / 2 seats away around a table in random order."""
    everybody = range(n_clients)
    if n_neighbours is None:
        return tuple(frozenset(everybody) - {client} for client in everybody)
    seated = [int(client) for client in np.random.default_rng(seed).permutation(n_clients)]
    away = [*range(-(n_neighbours // 2), 0), *range(1, n_neighbours // 2 + 1)]
    near = {client: frozenset(seated[(at + k) % n_clients] for k in away) for at, client in enumerate(seated)}
    return tuple(near[client] for client in everybody)
