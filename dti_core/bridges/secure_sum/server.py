"""The server of a masked sum: relays, counts who stayed, and takes masks off the sum or off nothing."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from dti_core.bridges.fields import SEED_BYTES, Share, expand_words, recover_secret
from dti_core.bridges.secure_sum import messages
from dti_core.bridges.secure_sum.masks import pair_masks, public_part
from dti_core.bridges.secure_sum.refusals import RoundAborted
from dti_core.bridges.secure_sum.settings import MaskedSumSettings


class MaskedSumServer:
    """One round on the side of the server, which learns the sum of the vectors that arrived and no vector.

    If those who arrived do not hang together through neighbours, each part would show a sum of its own, down
    to `threshold` clients: then the round is aborted.

    Each method takes what came in a stage and gives what goes out in the next. All raise RoundAborted when
    too few of any remaining client's holders are left, and ValueError for two received of one client.
    """

    def __init__(self, settings: MaskedSumSettings, round_number: int) -> None:
        self.settings, self.round_number = settings, round_number
        self._keys: dict[int, messages.PublicKeys] = {}
        self._sharers: frozenset[int] = frozenset()
        self._vectors: dict[int, messages.Words] = {}

    def collect_keys(self, received: Sequence[messages.PublicKeys]) -> dict[int, messages.Roster]:
        """To each client the keys of its holders, by identity."""
        messages.by_sender(received)
        self._keys = {one.sender: one for one in received if one.round_number == self.round_number}
        self._check_enough(self._keys, self._keys, "advertised keys")
        near = {client: sorted(self.settings.holders(client) & self._keys.keys()) for client in self._keys}
        return {client: {peer: self._keys[peer] for peer in peers} for client, peers in near.items()}

    def collect_shares(self, received: Sequence[messages.SealedShares]) -> dict[int, dict[int, bytes]]:
        """To each client the sealed shares meant for it, by their sender."""
        self._sharers = frozenset(messages.by_sender(received)) & set(self._keys)
        self._check_enough(self._sharers, self._sharers, "shared their keys")
        shared = [one for one in received if one.sender in self._sharers]
        return {
            client: {one.sender: one.sealed[client] for one in shared if client in one.sealed}
            for client in self._sharers
        }

    def collect_vectors(self, received: Sequence[messages.MaskedVector]) -> messages.UnmaskingRequest:
        """To all clients: whose vector arrived and whose is missing."""
        messages.by_sender(received)
        self._vectors = {one.sender: one.values for one in received if one.sender in self._sharers}
        arrived = frozenset(self._vectors)
        self._check_enough(self._sharers, arrived, "sent their vectors")
        for client, values in self._vectors.items():
            if wrong := messages.unlike_words(values, self.settings.length):
                raise RoundAborted(f"the vector of client {client} is {wrong}")
        if not self.settings.hang_together(arrived):
            raise RoundAborted("those who arrived fall into parts whose sums would show; none is unmasked")
        return messages.UnmaskingRequest(arrived, self._sharers - arrived)

    def recover_sum(self, received: Sequence[messages.RevealedShares]) -> messages.Words:
        """The sum (length,) of all vectors that arrived, masks removed.

        Raises
        ------
        RoundAborted : before any secret is put together if too few have answered; also for shares that do
            not belong together or give another key than was advertised.
        """
        arrived, missing = self._vectors.keys(), self._sharers - self._vectors.keys()
        revealed = [one for one in received if one.sender in arrived]
        self._check_enough(self._sharers, messages.by_sender(revealed), "revealed shares")
        total: messages.Words = np.sum(list(self._vectors.values()), axis=0, dtype=np.uint32)
        for client in arrived:
            seed = self._recovered(client, [one.mask_shares for one in revealed])
            total = total - expand_words(seed, self.settings.length)
        for client in missing:
            key = self._recovered(client, [one.key_shares for one in revealed])
            total = total + self._masks_left_by(client, key)
        return total

    def _masks_left_by(self, client: int, private: bytes) -> messages.Words:
        """What a missing client would have added for those who arrived: it cancels what they added."""
        if public_part(private) != self._keys[client].masking:
            raise RoundAborted(f"client {client}: the shares give another key than it advertised")
        near = self.settings.neighbours(client) & self._vectors.keys()
        peers = {peer: self._keys[peer].masking for peer in near}
        return pair_masks(client, private, peers, self.round_number, self.settings.length)

    def _recovered(self, client: int, revealed: Sequence[Mapping[int, Share]]) -> bytes:
        shares = [of[client] for of in revealed if client in of]
        try:
            return recover_secret(shares, self.settings.threshold).to_bytes(SEED_BYTES, "little")
        except (ValueError, OverflowError) as error:
            raise RoundAborted(f"the secret of client {client} cannot be recovered: {error}") from None

    def _check_enough(self, clients: Iterable[int], present: Iterable[int], what: str) -> None:
        """Whether of each client enough holders are present."""
        there = frozenset(present)
        counts = {client: len(self.settings.holders(client) & there) for client in clients}
        if (fewest := min(counts.values(), default=0)) < self.settings.threshold:
            raise RoundAborted(
                f"only {fewest} of {self.settings.n_holders} holders {what}, {self.settings.threshold} are "
                "needed; the round ends and no vector is unmasked"
            )
