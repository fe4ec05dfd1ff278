"""The prime field of 2^64 - 2^32 + 1 elements, on whole arrays at once."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Elements = NDArray[np.uint64]

_MODULUS: Final = 2**64 - 2**32 + 1
_P, _LOW, _HALF_WORD = np.uint64(_MODULUS), np.uint64(2**32 - 1), np.uint64(32)
_LARGEST: Final = _MODULUS // 2
#: Words wrap around on purpose; only of scalars NumPy would warn.
_WRAPS = np.errstate(over="ignore")


class Field64:
    """Arithmetic modulo 2^64 - 2^32 + 1: arrays in, arrays out, shapes broadcast as NumPy's do.

    An element is a uint64 below the modulus. Two facts make the reduction cheap: 2^64 = 2^32 - 1 and
    2^96 = -1 in this field.

    Assumes: elements come from these functions or `encode`; only `multiply` also takes larger words.
    """

    modulus: Final = _MODULUS
    n_bytes: Final = 8

    @staticmethod
    @_WRAPS
    def add(a: Elements, b: Elements) -> Elements:
        """a + b."""
        total = np.add(a, b)
        return np.where((total < a) | (total >= _P), total - _P, total)

    @staticmethod
    @_WRAPS
    def subtract(a: Elements, b: Elements) -> Elements:
        """a - b."""
        difference = np.subtract(a, b)
        return np.where(np.less(a, b), difference + _P, difference)

    @staticmethod
    def negate(a: Elements) -> Elements:
        """-a."""
        return np.where(a == 0, a, _P - a)

    @staticmethod
    @_WRAPS
    def multiply(a: Elements, b: Elements) -> Elements:
        """a * b, also of words that are not reduced: the product of 128 bits from halves, then folded."""
        a_high, a_low, b_high, b_low = a >> _HALF_WORD, a & _LOW, b >> _HALF_WORD, b & _LOW
        low, cross, other = a_low * b_low, a_low * b_high, a_high * b_low
        middle = (low >> _HALF_WORD) + (cross & _LOW) + (other & _LOW)
        high = a_high * b_high + (cross >> _HALF_WORD) + (other >> _HALF_WORD) + (middle >> _HALF_WORD)
        return _fold((middle << _HALF_WORD) | (low & _LOW), high)

    @staticmethod
    def power(a: Elements, exponent: int) -> Elements:
        """`a` multiplied with itself `exponent` times; ValueError for a negative exponent."""
        if exponent < 0:
            raise ValueError(f"exponent = {exponent} must not be negative; take the power of the inverse")
        result, square = np.ones_like(a), a
        while exponent:
            if exponent & 1:
                result = Field64.multiply(result, square)
            exponent >>= 1
            if exponent:
                square = Field64.multiply(square, square)
        return result

    @staticmethod
    def inverse(a: Elements) -> Elements:
        """1 / a by Fermat's theorem; ZeroDivisionError if any element is 0."""
        if np.any(np.equal(a, 0)):
            raise ZeroDivisionError("0 has no inverse")
        return Field64.power(a, _MODULUS - 2)

    @staticmethod
    def total(a: Elements, axis: int = 0) -> Elements:
        """The sum along one axis of up to 2^32 elements; of none it is 0."""
        low: Elements = np.sum(a & _LOW, axis=axis, dtype=np.uint64, keepdims=True)
        high: Elements = np.sum(a >> _HALF_WORD, axis=axis, dtype=np.uint64, keepdims=True)
        weighted = Field64.multiply(high, np.full_like(high, 2**32))
        return np.squeeze(Field64.add(weighted, low % _P), axis=axis)

    @staticmethod
    def encode(values: ArrayLike) -> Elements:
        """Elements of signed integers; a negative one stands as the modulus less its size.

        Raises
        ------
        TypeError for what is no array of integers; ValueError for a size that `decode` could not give back.
        """
        integers = np.asarray(values)
        if integers.size and integers.dtype.kind not in "iub":
            raise TypeError(f"values of type {integers.dtype} are not integers; round them first")
        if integers.size and (int(integers.max()) > _LARGEST or int(integers.min()) < -_LARGEST):
            raise ValueError(f"values must lie within {_LARGEST} of 0")
        signed = integers.astype(np.int64)
        words = signed.view(np.uint64)
        return np.where(signed < 0, words + _P, words)

    @staticmethod
    def decode(a: Elements) -> NDArray[np.int64]:
        """Signed integers of elements: those above half the modulus are negative."""
        return np.where(a > np.uint64(_LARGEST), a - _P, a).view(np.int64)

    @staticmethod
    def uniform(words: NDArray[np.uint64]) -> Elements:
        """The words that are elements, in their order: uniform words give uniform elements."""
        return words[words < _P]


@_WRAPS
def _fold(low: Elements, high: Elements) -> Elements:
    """low + 2^64 high in the field; no step can wrap around twice."""
    top, middle = high >> _HALF_WORD, high & _LOW
    partial = low - top
    partial = np.where(low < top, partial - _LOW, partial)
    total = partial + middle * _LOW
    total = np.where(total < partial, total + _LOW, total)
    return np.where(total >= _P, total - _P, total)
