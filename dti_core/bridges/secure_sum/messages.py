"""What is sent in the four stages of a masked sum."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dti_core.bridges.fields import SECRET_FIELD, Share

#: Words that are added modulo 2^32.
Words = NDArray[np.uint32]
_IDENTITY_BYTES = 4


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """Stage keys, to the server: two fresh X25519 keys of one round, for sealing shares and for masks."""

    sender: int
    round_number: int
    sealing: bytes
    masking: bytes

    @property
    def n_bytes(self) -> int:
        """Bytes on the wire."""
        return _IDENTITY_BYTES + 8 + len(self.sealing) + len(self.masking)


@dataclass(frozen=True, slots=True)
class SealedShares:
    """Stage shares, to the server: for each neighbour its two shares, which only it can open."""

    sender: int
    sealed: Mapping[int, bytes]

    @property
    def n_bytes(self) -> int:
        """Bytes on the wire."""
        return _IDENTITY_BYTES + sum(_IDENTITY_BYTES + len(text) for text in self.sealed.values())


@dataclass(frozen=True, slots=True)
class MaskedVector:
    """Stage inputs, to the server: the vector under all its masks, (length,) uniform words."""

    sender: int
    values: Words

    @property
    def n_bytes(self) -> int:
        """Bytes on the wire."""
        return _IDENTITY_BYTES + self.values.nbytes


@dataclass(frozen=True, slots=True)
class UnmaskingRequest:
    """Stage unmasking, to each client: whose vector arrived, and whose is missing but masks are used."""

    arrived: frozenset[int]
    missing: frozenset[int]


@dataclass(frozen=True, slots=True)
class RevealedShares:
    """Stage unmasking, to the server: shares of the own masks of who arrived, of the keys of who did not."""

    sender: int
    mask_shares: Mapping[int, Share]
    key_shares: Mapping[int, Share]

    @property
    def n_bytes(self) -> int:
        """Bytes on the wire."""
        n_shares = len(self.mask_shares) + len(self.key_shares)
        return _IDENTITY_BYTES + n_shares * (_IDENTITY_BYTES + SECRET_FIELD.n_bytes)


Message = PublicKeys | SealedShares | MaskedVector | RevealedShares
#: Keys of a client's holders by identity.
Roster = Mapping[int, PublicKeys]


def unlike_words(values: object, length: int) -> str:
    """What is wrong with a vector that is to be (length,) words, "" if nothing."""
    if isinstance(values, np.ndarray) and values.shape == (length,) and values.dtype == np.uint32:
        return ""
    kind = f"{getattr(values, 'dtype', type(values).__name__)}, {getattr(values, 'shape', 'no array')}"
    return f"{kind}; needed: uint32, ({length},)"


def by_sender(messages: Sequence[Message]) -> list[int]:
    """Senders in their order; ValueError if one has sent two messages of a stage."""
    senders = [message.sender for message in messages]
    if len(set(senders)) < len(senders):
        raise ValueError(f"a client has sent twice in one stage: {sorted(senders)}")
    return senders
