"""Shamir's sharing: any `threshold` of the shares give the secret, fewer give nothing at all."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from dti_core.bridges.fields.prime import SECRET_FIELD, PrimeField, RandomBytes


@dataclass(frozen=True, slots=True)
class Share:
    """The value `y` of the secret's polynomial at a holder's place `x`, which is never 0."""

    x: int
    y: int


def share_secret(
    secret: int, threshold: int, places: Sequence[int], field: PrimeField = SECRET_FIELD,
    random_bytes: RandomBytes = os.urandom,
) -> tuple[Share, ...]:  # fmt: skip
    """One share a place, of a random polynomial of degree `threshold` - 1 that is the secret at 0.

    Source: Shamir (1979).

    Parameters
    ----------
    threshold : how many shares recover the secret; with one fewer every secret is equally likely.
    places : distinct numbers in 1 ... modulus - 1, one a holder.

    Raises
    ------
    ValueError : a secret outside the field, places that are 0, outside it or given twice, a threshold below
        2 (each holder would have the secret) or above the number of places (nobody could recover it).
    """
    _check(threshold, places, field)
    if not 0 <= secret < field.modulus:
        raise ValueError("the secret lies outside the field")
    if threshold > len(places):
        raise ValueError(
            f"threshold = {threshold} is above the {len(places)} shares: nobody could recover it"
        )
    polynomial = [secret, *(field.random(random_bytes) for _ in range(threshold - 1))]
    return tuple(Share(x, field.evaluate(polynomial, x)) for x in places)


def recover_secret(shares: Sequence[Share], threshold: int, field: PrimeField = SECRET_FIELD) -> int:
    """The secret of at least `threshold` shares; those beyond must lie on the same polynomial.

    With exactly `threshold` shares a forged one goes unseen and gives another secret.

    Raises
    ------
    ValueError : fewer shares than the threshold, two of one place, or shares that do not belong together.
    """
    places = [share.x for share in shares]
    _check(threshold, places, field)
    if len(shares) < threshold:
        raise ValueError(f"{len(shares)} shares are below the threshold of {threshold}: nothing can be told")
    used, beyond = shares[:threshold], shares[threshold:]
    xs = tuple(share.x for share in used)
    if any(_interpolate(used, xs, share.x, field) != share.y for share in beyond):
        raise ValueError("the shares do not belong together: at least one is of another secret, or forged")
    return _interpolate(used, xs, 0, field)


def _interpolate(shares: Sequence[Share], xs: tuple[int, ...], at: int, field: PrimeField) -> int:
    weights = _weights(xs, at, field)
    return sum(weight * share.y for weight, share in zip(weights, shares, strict=True)) % field.modulus


@lru_cache(maxsize=256)
def _weights(xs: tuple[int, ...], at: int, field: PrimeField) -> tuple[int, ...]:
    """Lagrange's weights, by which values at `xs` give that at `at`."""
    p, weights = field.modulus, []
    for x in xs:
        above, below = 1, 1
        for other in xs:
            if other != x:
                above, below = above * (at - other) % p, below * (x - other) % p
        weights.append(above * field.inverse(below) % p)
    return tuple(weights)


def _check(threshold: int, places: Sequence[int], field: PrimeField) -> None:
    if threshold < 2:
        raise ValueError(f"threshold = {threshold} must be at least 2, or each holder has the secret")
    if not all(0 < place < field.modulus for place in places):
        raise ValueError("places must lie in 1 ... modulus - 1; at 0 stands the secret itself")
    if twice := sorted({place for place in places if list(places).count(place) > 1}):
        raise ValueError(f"places given twice: {', '.join(map(str, twice))}")
