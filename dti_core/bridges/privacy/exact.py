"""Samplers for release: integers and fractions alone, randomness from the operating system.

A sampler on floating-point numbers leaks through the digits that it cannot produce (Mironov, 2012); these
produce the stated distribution exactly. Research code: not constant-time, so who can time a release learns
something about its noise.

Source: Canonne, Kamath, Steinke (2020), algorithms 1 to 3.
"""

import secrets
from collections.abc import Callable
from fractions import Fraction
from math import ceil, isqrt
from numbers import Rational

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
#: Uniform on the integers from 0 to below its argument.
Below = Callable[[int], int]


def release_discrete_laplace(
    counts: Ints, epsilon: Rational, sensitivity: Rational | int = 1, below: Below = secrets.randbelow
) -> Ints:
    """Counts with exact discrete Laplace noise of scale sensitivity / epsilon: epsilon-private, delta 0.

    Parameters
    ----------
    counts : integers of any shape. epsilon : int or Fraction, such as Fraction(1, 2).
    sensitivity : L1 distance of the counts of two adjacent data sets; see `sensitivity` for the adjacency.

    Raises
    ------
    TypeError for counts that are not integers, or an epsilon or sensitivity that is not rational (a float is
    refused: 0.1 is not a tenth). ValueError if either is not positive.
    """
    scale = _positive("sensitivity", sensitivity) / _positive("epsilon", epsilon)
    return _noised(counts, lambda: draw_discrete_laplace(scale, below))


def release_discrete_gaussian(counts: Ints, sigma: Rational, below: Below = secrets.randbelow) -> Ints:
    """Counts with exact discrete Gaussian noise of parameter `sigma`, an int or Fraction.

    Its zCDP is that of the Gaussian of the same sigma (theorem 4 of the source), but not its (epsilon,
    delta): on integers delta may be a tenth larger. Take rational_at_least(discrete_gaussian_sigma(...)).

    Raises
    ------
    TypeError, ValueError as for `release_discrete_laplace`.
    """
    square = _positive("sigma", sigma) ** 2
    return _noised(counts, lambda: draw_discrete_gaussian(square, below))


def rational_at_least(number: float, denominator: int = 1_000) -> Fraction:
    """Smallest fraction of that denominator that is not below `number`: noise may be more, never less."""
    return Fraction(ceil(Fraction(number) * denominator), denominator)


def draw_discrete_laplace(scale: Fraction, below: Below = secrets.randbelow) -> int:
    """One draw with P(k) proportional to exp(-|k| / scale)."""
    t, s = scale.numerator, scale.denominator
    while True:
        u = below(t)
        if not _bernoulli_exp(Fraction(u, t), below):
            continue
        v = 0
        while _bernoulli_exp(Fraction(1), below):
            v += 1
        magnitude = (u + t * v) // s
        negative = below(2) == 1
        if not (negative and magnitude == 0):
            return -magnitude if negative else magnitude


def draw_discrete_gaussian(square: Fraction, below: Below = secrets.randbelow) -> int:
    """One draw with P(k) proportional to exp(-k^2 / (2 square))."""
    t = isqrt(square.numerator // square.denominator) + 1
    while True:
        k = draw_discrete_laplace(Fraction(t), below)
        if _bernoulli_exp((abs(k) - square / t) ** 2 / (2 * square), below):
            return k


def _bernoulli_exp(gamma: Fraction, below: Below) -> bool:
    """True with probability exp(-gamma), gamma >= 0."""
    while gamma > 1:
        if not _bernoulli_exp(Fraction(1), below):
            return False
        gamma -= 1
    k = 1
    while below(gamma.denominator * k) < gamma.numerator:
        k += 1
    return k % 2 == 1


def _positive(name: str, number: Rational | int) -> Fraction:
    if not isinstance(number, Rational) or isinstance(number, bool):
        raise TypeError(
            f"{name} = {number!r} is not rational; give an int or a Fraction, such as Fraction(1, 2)"
        )
    if number <= 0:
        raise ValueError(f"{name} = {number} must be positive")
    return Fraction(int(number.numerator), int(number.denominator))


def _noised(counts: Ints, draw: Callable[[], int]) -> Ints:
    table = np.asarray(counts)
    if not np.issubdtype(table.dtype, np.integer):
        raise TypeError(f"counts must be integers, got {table.dtype}")
    noised = [int(count) + draw() for count in table.ravel()]
    return np.array(noised, dtype=np.int64).reshape(table.shape)
