"""A client of masked sums: masks its vector, and refuses what would uncover it or a neighbour's."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dti_core.bridges.fields import SEED_BYTES, Share, expand_words, share_secret
from dti_core.bridges.secure_sum import messages
from dti_core.bridges.secure_sum.masks import agree, pair_masks, public_part, seal, unseal
from dti_core.bridges.secure_sum.refusals import ClientRefusal
from dti_core.bridges.secure_sum.settings import STAGES, MaskedSumSettings, Stage


@dataclass(slots=True)
class _Secrets:
    """What a client knows during one round, and forgets with it."""

    number: int
    sealing: bytes
    masking: bytes
    seed: bytes = b""
    keys: messages.Roster = field(default_factory=dict)
    #: Shares (of the masking key, of the own mask's seed) by their owner.
    shares: dict[int, tuple[Share, Share]] = field(default_factory=dict)
    stage: Stage = "keys"


class MaskedSumClient:
    """One client through the four stages of a round; each is taken once, in order.

    Source: Bonawitz et al. (2017), the protocol for honest but curious parties with double masking; Bell et
    al. (2020) for neighbours instead of everybody.

    Assumes: the server relays public keys unchanged (nobody signs them here) and is honest but curious; the
    refusals stop some of what a curious one might try, not all that a lying one might. Fewer than `threshold`
    of a client's holders collude with it. Nothing proves a vector valid: a malformed one moves the sum as it
    likes. Research code, not constant-time; Python does not wipe memory.

    Parameters
    ----------
    random_bytes : the system's source; another one is for simulations alone.
    """

    def __init__(
        self, identity: int, settings: MaskedSumSettings, random_bytes: Callable[[int], bytes] = os.urandom
    ) -> None:
        self.identity, self.settings = identity, settings
        self._neighbours = settings.neighbours(identity)
        self._random_bytes = random_bytes
        self._last_round = -1
        self._secrets: _Secrets | None = None

    def advertise_keys(self, round_number: int) -> messages.PublicKeys:
        """Fresh keys for a round. ClientRefusal unless its number is above that of every round before."""
        if round_number <= self._last_round:
            raise ClientRefusal(
                f"round {round_number} was used, the last was {self._last_round}: no key serves two rounds"
            )
        self._last_round = round_number
        sealing, masking = self._random_bytes(SEED_BYTES), self._random_bytes(SEED_BYTES)
        self._secrets = _Secrets(round_number, sealing, masking)
        return messages.PublicKeys(self.identity, round_number, public_part(sealing), public_part(masking))

    def share_keys(self, roster: messages.Roster) -> messages.SealedShares:
        """Shares of the masking key and of the own mask's seed, sealed for each neighbour in the roster.

        ClientRefusal for a roster that leaves too few holders, alters the own keys, or has a key twice.
        """
        secrets = self._advance("keys", "shares")
        own = public_part(secrets.sealing), public_part(secrets.masking)
        mine = messages.PublicKeys(self.identity, secrets.number, *own)
        near = {peer: keys for peer, keys in roster.items() if peer in self._neighbours | {self.identity}}
        texts = [text for keys in near.values() for text in (keys.sealing, keys.masking)]
        if near.get(self.identity) != mine or len(set(texts)) < len(texts):
            raise ClientRefusal("the roster alters the own keys, or holds one key twice")
        if any(keys.round_number != secrets.number or keys.sender != peer for peer, keys in near.items()):
            raise ClientRefusal(f"the roster holds keys of another client or round than {secrets.number}")
        self._check_enough(set(near), "are in the roster")
        secrets.keys, secrets.seed = near, self._random_bytes(SEED_BYTES)
        places = [peer + 1 for peer in near]
        threshold, draw = self.settings.threshold, self._random_bytes
        split = [
            share_secret(int.from_bytes(text, "little"), threshold, places, random_bytes=draw)
            for text in (secrets.masking, secrets.seed)
        ]
        pairs = dict(zip(near, zip(*split, strict=True), strict=True))
        secrets.shares[self.identity] = pairs.pop(self.identity)
        sealed = {peer: seal(pair, self._sealing_key(self.identity, peer)) for peer, pair in pairs.items()}
        return messages.SealedShares(self.identity, sealed)

    def mask_vector(self, inbox: Mapping[int, bytes], vector: messages.Words) -> messages.MaskedVector:
        """The vector under all masks.

        Parameters
        ----------
        inbox : sealed shares by their sender; those whose shares came are the peers to mask with.
        vector : (length,) words.

        ClientRefusal for too few senders, one that is no neighbour, shares that were changed, or a vector of
        another shape or type.
        """
        length = self.settings.length
        if wrong := messages.unlike_words(vector, length):
            raise ClientRefusal(f"the vector is {wrong}")
        secrets = self._advance("shares", "inputs")
        if strangers := sorted(set(inbox) - (set(secrets.keys) - {self.identity})):
            raise ClientRefusal(f"shares came from clients {strangers}, which are not in the roster")
        self._check_enough({*inbox, self.identity}, "have sent shares")
        place = self.identity + 1
        for peer, text in inbox.items():
            secrets.shares[peer] = unseal(text, self._sealing_key(peer, self.identity), place, peer)
        peers = {peer: secrets.keys[peer].masking for peer in inbox}
        pairs = pair_masks(self.identity, secrets.masking, peers, secrets.number, length)
        return messages.MaskedVector(self.identity, vector + expand_words(secrets.seed, length) + pairs)

    def reveal(self, request: messages.UnmaskingRequest) -> messages.RevealedShares:
        """Of each neighbour one share: of its own mask if its vector arrived, else of its masking key.

        Whatever comes of it, the round is forgotten. ClientRefusal if a client stands on both sides (its key
        and own mask uncover its vector), if this one's vector is called missing, or if too few arrived.
        """
        secrets = self._advance("inputs", "unmasking")
        self._secrets = None
        if both := sorted(request.arrived & request.missing):
            raise ClientRefusal(f"clients {both} are asked for both their key and their own mask")
        if self.identity not in request.arrived:
            raise ClientRefusal("this client's vector is called missing, although it was sent")
        self._check_enough(request.arrived & set(secrets.shares), "have sent vectors")
        masks = {peer: pair[1] for peer, pair in secrets.shares.items() if peer in request.arrived}
        keys = {peer: pair[0] for peer, pair in secrets.shares.items() if peer in request.missing}
        return messages.RevealedShares(self.identity, masks, keys)

    def _advance(self, done: Stage, following: Stage) -> _Secrets:
        """The round's secrets, if the stage before was just done; no stage is tried a second time."""
        if self._secrets is None or self._secrets.stage != done:
            at = "no round" if self._secrets is None else f"stage {self._secrets.stage} done"
            raise ClientRefusal(
                f"stage {following} was asked for with {at}; the order is {', '.join(STAGES)}, each once"
            )
        self._secrets.stage = following
        return self._secrets

    def _check_enough(self, present: set[int] | frozenset[int], what: str) -> None:
        if (n := len(present & (self._neighbours | {self.identity}))) < self.settings.threshold:
            raise ClientRefusal(f"only {n} holders {what}; the threshold is {self.settings.threshold}")

    def _sealing_key(self, sender: int, receiver: int) -> bytes:
        secrets = self._secrets
        assert secrets is not None
        peer = receiver if sender == self.identity else sender
        return agree(secrets.sealing, secrets.keys[peer].sealing, "seal", secrets.number, sender, receiver)
