"""Histograms from two aggregators: each sees shares that say nothing, and only their two sums give counts.

A report v of integers becomes a seed of 32 bytes for the one and v less the seed's expansion for the other.

Assumes: the two are honest but curious and do not collude; clients reach each over a channel of its own. No
report is proved valid: a malformed client moves the counts as it likes, and only `implausible` looks, at the
sums alone. Research code, not constant-time.

Source: additive sharing with a compressed share as in Prio (Corrigan-Gibbs, Boneh 2017, appendix I).
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dti_core.bridges.fields import SEED_BYTES, Field64, expand_elements
from dti_core.bridges.secure_sum.refusals import RoundAborted

Bytes = NDArray[np.uint8]
Elements = NDArray[np.uint64]
Integers = NDArray[np.int64]
#: Gives whole-number noise for so many buckets; asked once by each aggregator.
Noise = Callable[[int], ArrayLike]
#: Reports that are shared at once: with 64 buckets half a megabyte, which stays near the processor.
CHUNK = 1024


@dataclass(frozen=True, slots=True)
class SharedReports:
    """What n clients send: seeds (n, 32) to one aggregator, elements (n, length) of Field64 to the other."""

    seeds: Bytes
    shares: Elements

    @property
    def bytes_a_client(self) -> int:
        """Bytes that one client sends, to both together."""
        return self.seeds.shape[1] + self.shares.shape[1] * Field64.n_bytes


def share_reports(reports: ArrayLike, random_bytes: Callable[[int], bytes] = os.urandom) -> SharedReports:
    """Split reports (n, length) of integers, what n clients do, each for itself.

    Parameters
    ----------
    random_bytes : the system's source; a seeded one is for simulations alone.

    Raises
    ------
    ValueError for another shape; TypeError for values that are not integers.
    """
    values = np.asarray(reports)
    if values.ndim != 2:
        raise ValueError(f"reports have shape {values.shape}; needed: a row a client, (n, length)")
    seeds = np.frombuffer(random_bytes(SEED_BYTES * len(values)), dtype=np.uint8).reshape(-1, SEED_BYTES)
    masks = expand_elements(seeds, values.shape[1])
    return SharedReports(seeds, Field64.subtract(Field64.encode(values), masks))


class Aggregator:
    """One of the two: adds up what reaches it, and releases its sum once, with its own noise.

    length : buckets of a report. noise : called once, at the release; None adds none.
    """

    def __init__(self, length: int, noise: Noise | None = None) -> None:
        self.length, self.n_reports = length, 0
        self._noise, self._sum, self._released = noise, np.zeros(length, dtype=np.uint64), False

    def add_seeds(self, seeds: Bytes) -> None:
        """Expand and add seeds (n, 32)."""
        self.add_shares(expand_elements(seeds, self.length))

    def add_shares(self, shares: Elements) -> None:
        """Add shares (n, length). RoundAborted after the release."""
        if self._released:
            raise RoundAborted("the sum is released: what comes later belongs into another batch")
        self._sum = Field64.add(self._sum, Field64.total(shares))
        self.n_reports += len(shares)

    def release(self, minimum_batch: int = 0) -> Elements:
        """The sum (length,) with noise. RoundAborted for too few reports, or when asked a second time.

        Two releases of one batch would differ by their noise alone, and their mean hold less of it.
        """
        if self._released:
            raise RoundAborted("the sum was released already: a second one would uncover the noise")
        if self.n_reports < minimum_batch:
            raise RoundAborted(f"{self.n_reports} reports are fewer than the minimum batch, {minimum_batch}")
        self._released = True
        if self._noise is None:
            return self._sum
        noise = np.asarray(self._noise(self.length))
        if noise.shape != (self.length,):
            raise ValueError(f"noise has shape {noise.shape}; needed: one number a bucket, ({self.length},)")
        return Field64.add(self._sum, Field64.encode(noise))


def secure_histogram(
    reports: ArrayLike | Iterable[ArrayLike], noise: Noise | None = None, *, minimum_batch: int = 0,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> Integers:  # fmt: skip
    """Sums (length,) of reports that pass two aggregators; without noise exactly the plain sums.

    Parameters
    ----------
    reports : integers (n, length), or an iterable of such pieces, such as `one_hot_reports`; memory is
        bounded by the larger of a piece and `CHUNK` rows.
    noise : each aggregator adds its own, so that counts hold two draws of it.

    Raises
    ------
    RoundAborted for fewer reports than `minimum_batch`. ValueError for no piece at all, pieces of unequal
    length, or sums that could leave the range of the field, 2^63.
    """
    both: tuple[Aggregator, Aggregator] | None = None
    largest = 0
    for piece in _pieces(reports):
        if both is None:
            both = Aggregator(piece.shape[1], noise), Aggregator(piece.shape[1], noise)
        if piece.shape[1] != both[0].length:
            raise ValueError(f"reports of {piece.shape[1]} buckets follow reports of {both[0].length}")
        largest += len(piece) * max(abs(int(piece.min(initial=0))), abs(int(piece.max(initial=0))))
        if largest > Field64.modulus // 2:
            raise ValueError(f"sums up to {largest} leave the range of the field, +-{Field64.modulus // 2}")
        sent = share_reports(piece, random_bytes)
        both[0].add_seeds(sent.seeds)
        both[1].add_shares(sent.shares)
    if both is None:
        raise ValueError("no reports: not even their number of buckets is known")
    return decode_sum(*(one.release(minimum_batch) for one in both))


def decode_sum(first: Elements, second: Elements) -> Integers:
    """Signed counts of the two aggregators' sums."""
    return Field64.decode(Field64.add(first, second))


def one_hot_reports(buckets: ArrayLike, n_buckets: int, size: int = CHUNK) -> Iterator[NDArray[np.int8]]:
    """Reports with a single 1 at the bucket of each client (n,), in pieces of `size` rows.

    Raises
    ------
    ValueError for buckets outside 0 ... n_buckets - 1.
    """
    places = np.asarray(buckets)
    if places.size and not 0 <= places.min() <= places.max() < n_buckets:
        raise ValueError(f"buckets run from {places.min()} to {places.max()}, not 0 to {n_buckets - 1}")
    for start in range(0, max(1, len(places)), size):
        part = places[start : start + size]
        rows = np.zeros((len(part), n_buckets), dtype=np.int8)
        rows[np.arange(len(part)), part] = 1
        yield rows


def implausible(counts: ArrayLike, n_reports: int) -> tuple[str, ...]:
    """Why these noiseless sums cannot be those of so many one-hot reports; () if nothing can be seen.

    A client that moves a count from one bucket to another stays unseen as long as every count stays between
    0 and `n_reports`.
    """
    sums = np.asarray(counts)
    looks = {
        "a count is negative": bool((sums < 0).any()),
        "a count exceeds the number of reports": bool((sums > n_reports).any()),
        "counts do not add up to the number of reports": sum(map(int, sums)) != n_reports,
    }
    return tuple(reason for reason, seen in looks.items() if seen)


def _pieces(reports: ArrayLike | Iterable[ArrayLike]) -> Iterator[NDArray[np.integer]]:
    whole = isinstance(reports, np.ndarray)
    for piece in [reports] if whole else reports:  # type: ignore[union-attr]
        rows = np.asarray(piece)
        if rows.ndim != 2:
            raise ValueError(f"reports have shape {rows.shape}; needed: a row a client, (n, length)")
        for start in range(0, max(1, len(rows)), CHUNK):
            yield rows[start : start + CHUNK]
