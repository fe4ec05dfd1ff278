"""The masks of a vector: one of its owner alone, and one with each neighbour that cancels in the sum."""

from collections.abc import Mapping

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from dti_core.bridges.fields import SECRET_FIELD, Share, derive_key, expand_words
from dti_core.bridges.secure_sum.messages import Words
from dti_core.bridges.secure_sum.refusals import ClientRefusal

#: A key of one message needs no nonce.
_NONCE = bytes(12)


def public_part(private: bytes) -> bytes:
    """The public X25519 key of a private one."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def agree(private: bytes, public: bytes, purpose: str, *numbers: int) -> bytes:
    """The key that both ends of a pair derive, of one purpose. ValueError for a public key of low order."""
    shared = X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))
    return derive_key(shared, purpose, *numbers)


def pair_masks(
    client: int, private: bytes, peers: Mapping[int, bytes], round_number: int, length: int
) -> Words:
    """What a client adds for all its `peers` together, (length,); of each pair one adds, one subtracts.

    Parameters
    ----------
    private : the client's masking key of this round. peers : masking keys by identity, without its own.
    """
    total = np.zeros(length, dtype=np.uint32)
    for peer, public in peers.items():
        pair = min(client, peer), max(client, peer)
        mask = expand_words(agree(private, public, "mask", round_number, *pair), length)
        total = total + mask if client < peer else total - mask
    return total


def seal(shares: tuple[Share, Share], key: bytes) -> bytes:
    """Two shares under a key that seals nothing else."""
    text = b"".join(SECRET_FIELD.to_bytes(share.y) for share in shares)
    return ChaCha20Poly1305(key).encrypt(_NONCE, text, None)


def unseal(text: bytes, key: bytes, place: int, sender: int) -> tuple[Share, Share]:
    """The two shares that `seal` sealed, at the holder's place. ClientRefusal for a text that was changed."""
    try:
        plain = ChaCha20Poly1305(key).decrypt(_NONCE, text, None)
    except InvalidTag:
        raise ClientRefusal(f"the shares that came as client {sender}'s were changed on their way") from None
    size = SECRET_FIELD.n_bytes
    first, second = (Share(place, SECRET_FIELD.from_bytes(part)) for part in (plain[:size], plain[size:]))
    return first, second
