"""A whole masked sum in one process, with clients that drop out at any stage."""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dti_core.bridges.secure_sum.client import MaskedSumClient
from dti_core.bridges.secure_sum.fixed_point import FixedPoint
from dti_core.bridges.secure_sum.messages import Message, Words
from dti_core.bridges.secure_sum.server import MaskedSumServer
from dti_core.bridges.secure_sum.settings import STAGES, MaskedSumSettings, Stage

Sent = TypeVar("Sent", bound=Message)
Drops = Mapping[Stage, Collection[int]]


@dataclass(frozen=True, slots=True)
class RoundOutcome:
    """The sum (length,) of the vectors of `arrived`, and the bytes that each client has sent."""

    total: Words
    arrived: frozenset[int]
    bytes_sent: Mapping[int, int]


def run_round(
    clients: Sequence[MaskedSumClient],
    vectors: Sequence[Words],
    round_number: int,
    drops: Drops | None = None,
) -> RoundOutcome:
    """All four stages among clients that share their settings; vector k is that of client k.

    Parameters
    ----------
    drops : by stage, who sends nothing in it or after it.

    Raises
    ------
    RoundAborted when too few stay; ClientRefusal for a round number that was used.
    """
    if unknown := set(drops or {}) - set(STAGES):
        raise ValueError(f"unknown stages {sorted(unknown)}; there are {', '.join(STAGES)}")
    gone: set[int] = set()
    sent = dict.fromkeys(range(len(clients)), 0)

    def ask(stage: Stage, among: Collection[int], act: Callable[[int], Sent]) -> list[Sent]:
        gone.update((drops or {}).get(stage, ()))
        messages = [act(client) for client in sorted(among) if client not in gone]
        for one in messages:
            sent[one.sender] += one.n_bytes
        return messages

    server = MaskedSumServer(clients[0].settings, round_number)
    keys = ask("keys", range(len(clients)), lambda k: clients[k].advertise_keys(round_number))
    rosters = server.collect_keys(keys)
    shares = ask("shares", rosters, lambda k: clients[k].share_keys(rosters[k]))
    inboxes = server.collect_shares(shares)
    masked = ask("inputs", inboxes, lambda k: clients[k].mask_vector(inboxes[k], vectors[k]))
    request = server.collect_vectors(masked)
    revealed = ask("unmasking", request.arrived, lambda k: clients[k].reveal(request))
    return RoundOutcome(server.recover_sum(revealed), request.arrived, sent)


def sum_updates(
    updates: ArrayLike, bound: float, threshold: int, drops: Drops | None = None, *,
    n_neighbours: int | None = None, random_bytes: Callable[[int], bytes] = os.urandom,
) -> NDArray[np.float64]:  # fmt: skip
    """The sum (length,) of the real updates (n_clients, length) of those who stayed, by one masked round.

    It errs by at most half a `FixedPoint` step a client: n_clients^2 bound / 2^32 a coordinate.

    Raises
    ------
    ValueError for an update beyond the bound; RoundAborted when fewer than `threshold` holders stay.
    """
    rows = np.asarray(updates, dtype=np.float64)
    n_clients, length = rows.shape
    settings = MaskedSumSettings(n_clients, threshold, length, n_neighbours=n_neighbours)
    code = FixedPoint(bound, n_clients)
    clients = [MaskedSumClient(client, settings, random_bytes) for client in range(n_clients)]
    return code.decode_sum(run_round(clients, [code.encode(row) for row in rows], 0, drops).total)
