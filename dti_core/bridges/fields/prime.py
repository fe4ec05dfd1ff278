"""A prime field of any size on Python's integers, for a few large elements rather than many small ones."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

#: Gives so many random bytes: `os.urandom`, or a seeded source in a simulation.
RandomBytes = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class PrimeField:
    """Integers modulo a prime. ValueError for a modulus below 3 or one that Fermat's test finds composite."""

    modulus: int

    def __post_init__(self) -> None:
        bases = (base for base in (2, 3, 5, 7) if base < self.modulus)
        if self.modulus < 3 or any(pow(base, self.modulus - 1, self.modulus) != 1 for base in bases):
            raise ValueError(f"modulus = {self.modulus} is no odd prime")

    @property
    def n_bytes(self) -> int:
        """Bytes of an element as `to_bytes` writes it."""
        return (self.modulus.bit_length() + 7) // 8

    def inverse(self, a: int) -> int:
        """1 / a; ZeroDivisionError for 0."""
        if not a % self.modulus:
            raise ZeroDivisionError("0 has no inverse")
        return pow(a, -1, self.modulus)

    def evaluate(self, coefficients: Sequence[int], x: int) -> int:
        """The polynomial with these coefficients, the constant first, at x (Horner)."""
        value = 0
        for coefficient in reversed(coefficients):
            value = (value * x + coefficient) % self.modulus
        return value

    def random(self, random_bytes: RandomBytes = os.urandom) -> int:
        """A uniform element: words of as many bits as the modulus has, until one is below it."""
        spare = 8 * self.n_bytes - self.modulus.bit_length()
        while True:
            element = int.from_bytes(random_bytes(self.n_bytes), "little") >> spare
            if element < self.modulus:
                return element

    def to_bytes(self, a: int) -> bytes:
        """An element in `n_bytes` bytes, the least first; ValueError for what is none."""
        return self._checked(a).to_bytes(self.n_bytes, "little")

    def from_bytes(self, text: bytes) -> int:
        """The element that `to_bytes` wrote; ValueError for another length or a number that is no element."""
        if len(text) != self.n_bytes:
            raise ValueError(f"{len(text)} bytes are no element; needed: {self.n_bytes}")
        return self._checked(int.from_bytes(text, "little"))

    def _checked(self, a: int) -> int:
        if not 0 <= a < self.modulus:
            raise ValueError("a number outside the field; elements lie in 0 ... modulus - 1")
        return a


#: The least prime above 2^256: any 32 bytes are an element.
SECRET_FIELD = PrimeField(2**256 + 297)
