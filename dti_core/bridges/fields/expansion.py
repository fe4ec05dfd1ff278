"""From few secret bytes to many: ChaCha20 as a generator, HKDF for keys of one purpose each."""

import struct
from typing import Final

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from numpy.typing import NDArray

from dti_core.bridges.fields.field64 import Elements, Field64

Bytes = NDArray[np.uint8]
#: Words that are added modulo 2^32.
Words = NDArray[np.uint32]

SEED_BYTES: Final = 32
_NONCE: Final = bytes(16)


def keystream(seed: bytes, n_bytes: int) -> bytes:
    """The first bytes of ChaCha20 under a key of 32 bytes, block 0 and nonce 0.

    Source: Bernstein (2008), RFC 8439. Assumes: a seed is drawn for one vector and used for no other.
    """
    return Cipher(algorithms.ChaCha20(seed, _NONCE), None).encryptor().update(bytes(n_bytes))


def expand_elements(seeds: Bytes, length: int) -> Elements:
    """Uniform elements of Field64, (n, length), a row a seed of (n, 32); words that are none are skipped."""
    keys = np.ascontiguousarray(seeds).tobytes()
    starts = range(0, len(keys), SEED_BYTES)
    rows = b"".join([keystream(keys[at : at + SEED_BYTES], 8 * length) for at in starts])
    words = np.frombuffer(rows, dtype="<u8").reshape(len(starts), length).astype(np.uint64)
    for row in np.flatnonzero((words >= Field64.modulus).any(axis=1)):
        words[row] = elements_of_stream(keys[SEED_BYTES * row : SEED_BYTES * (row + 1)], length)
    return words


def elements_of_stream(seed: bytes, length: int) -> Elements:
    """The first `length` words of a seed's stream that are elements; about one in 2^32 is not."""
    n_words = length
    while True:
        n_words = 2 * n_words + 1
        words = np.frombuffer(keystream(seed, 8 * n_words), dtype="<u8").astype(np.uint64)
        if len(found := Field64.uniform(words)) >= length:
            return found[:length]


def expand_words(seed: bytes, length: int) -> Words:
    """Uniform words (length,) modulo 2^32: a mask of that seed."""
    return np.frombuffer(keystream(seed, 4 * length), dtype="<u4").astype(np.uint32)


def derive_key(secret: bytes, purpose: str, *numbers: int) -> bytes:
    """32 bytes that depend on the purpose and on every number (round, parties), so that no key serves twice.

    Source: Krawczyk (2010), RFC 5869, with SHA-256.
    """
    info = b"dti_core " + purpose.encode() + struct.pack(f">{len(numbers)}Q", *numbers)
    return HKDF(algorithm=SHA256(), length=SEED_BYTES, salt=None, info=info).derive(secret)
