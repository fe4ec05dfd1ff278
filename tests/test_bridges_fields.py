"""The bridge `fields`: products against Python's integers, the laws of a field, Shamir's threshold."""

import itertools
from collections import Counter

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from dti_core.bridges.fields import SECRET_FIELD, Field64, PrimeField, Share, recover_secret, share_secret
from tests.growth import steps

P = Field64.modulus
#: Words at which carries, borrows and folds happen.
EDGES = [0, 1, 2, 2**31, 2**32 - 2, 2**32 - 1, 2**32, 2**32 + 1, 2**63 - 1, 2**63, P // 2, P // 2 + 1,
         P - 2**32, P - 2, P - 1]  # fmt: skip
WORDS = [*EDGES, P, P + 1, 2**64 - 2, 2**64 - 1]
elements = st.one_of(st.sampled_from(EDGES), st.integers(0, P - 1))


def array(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.uint64)


def random_elements(n: int, seed: int = 1) -> np.ndarray:
    return Field64.uniform(np.random.default_rng(seed).integers(0, 2**64, n, dtype=np.uint64))


# Field64


def test_the_modulus_is_prime_and_has_the_roots_of_unity_that_transforms_need():
    """VDAF draft, Field64: 2^64 - 2^32 + 1, whose multiplicative group has a subgroup of order 2^32."""
    assert P == 18446744069414584321
    assert sympy.isprime(P)
    assert (P - 1) % 2**32 == 0


def test_products_of_all_pairs_of_edges_are_those_of_python():
    pairs = np.array(list(itertools.product(WORDS, WORDS)), dtype=np.uint64)
    found = Field64.multiply(pairs[:, 0], pairs[:, 1])
    assert found.tolist() == [int(a) * int(b) % P for a, b in pairs.tolist()]


def test_a_million_random_products_are_those_of_python():
    a, b = random_elements(1_000_000, 2), random_elements(1_000_000, 3)
    n = min(len(a), len(b))
    found = Field64.multiply(a[:n], b[:n]).tolist()
    assert found == [x * y % P for x, y in zip(a[:n].tolist(), b[:n].tolist(), strict=True)]


def test_no_step_of_python_is_taken_for_each_product():
    """Facts measured 89 ns an element; element by element it would be ten times that."""
    few, many = random_elements(1_000), random_elements(4_000)
    assert steps(lambda: Field64.multiply(many, many)) == steps(lambda: Field64.multiply(few, few)) > 0
    assert Field64.multiply(many, many).dtype == np.uint64


@given(elements, elements)
def test_sums_differences_and_negatives_are_those_of_python(a: int, b: int):
    assert Field64.add(array(a), array(b)).tolist() == [(a + b) % P]
    assert Field64.subtract(array(a), array(b)).tolist() == [(a - b) % P]
    assert Field64.negate(array(a)).tolist() == [-a % P]


@given(st.lists(elements, max_size=40))
def test_totals_do_not_overflow(values: list[int]):
    assert int(Field64.total(array(*values))) == sum(values) % P


def test_totals_go_along_the_axis_that_is_asked_for():
    table = np.array([[P - 1, 1], [P - 1, 2], [P - 1, 3]], dtype=np.uint64)
    assert Field64.total(table).tolist() == [P - 3, 6]
    assert Field64.total(table, axis=1).tolist() == [0, 1, 2]


@given(elements, st.integers(0, 2**70))
@settings(max_examples=40)
def test_powers_are_those_of_python(a: int, exponent: int):
    assert Field64.power(array(a), exponent).tolist() == [pow(a, exponent, P)]


def test_every_element_but_0_has_an_inverse():
    a = np.concatenate([array(*EDGES[1:]), random_elements(500)])
    assert set(Field64.multiply(a, Field64.inverse(a)).tolist()) == {1}
    with pytest.raises(ZeroDivisionError, match="no inverse"):
        Field64.inverse(array(3, 0))


def test_shapes_broadcast_and_numpy_scalars_do():
    a = random_elements(12).reshape(3, 4)
    found = Field64.multiply(a, np.uint64(P - 1))
    assert found.shape == (3, 4)
    assert np.array_equal(found, Field64.negate(a))


@given(st.lists(st.integers(-(P // 2), P // 2), min_size=1, max_size=9))
def test_signed_integers_come_back(values: list[int]):
    given_ = np.array(values, dtype=np.int64)
    words = Field64.encode(given_)
    assert words.tolist() == [value % P for value in values]
    assert Field64.decode(words).tolist() == values


def test_what_could_not_come_back_is_refused():
    with pytest.raises(ValueError, match="within"):
        Field64.encode(np.array([P // 2 + 1], dtype=np.uint64))
    with pytest.raises(ValueError, match="within"):
        Field64.encode(np.array([-(P // 2) - 1], dtype=np.int64))
    with pytest.raises(TypeError, match="not integers"):
        Field64.encode(np.array([0.5]))
    assert Field64.encode(np.zeros(0)).shape == (0,)


def test_words_that_are_no_elements_are_dropped():
    assert Field64.uniform(np.array([5, P, 2**64 - 1, P - 1], dtype=np.uint64)).tolist() == [5, P - 1]


def test_a_negative_exponent_is_refused():
    with pytest.raises(ValueError, match="exponent"):
        Field64.power(array(2), -1)


# The field of any size


def test_the_field_of_secrets_is_the_least_prime_that_holds_32_bytes():
    assert sympy.nextprime(2**256) == SECRET_FIELD.modulus
    assert SECRET_FIELD.n_bytes == 33


@pytest.mark.parametrize("modulus", [-7, 0, 1, 2, 9, 2**64, 561 * 5])
def test_a_modulus_that_is_no_odd_prime_is_refused(modulus: int):
    with pytest.raises(ValueError, match="no odd prime"):
        PrimeField(modulus)


def test_elements_are_written_and_read():
    field = PrimeField(257)
    assert field.from_bytes(field.to_bytes(256)) == 256
    with pytest.raises(ValueError, match="outside the field"):
        field.from_bytes((257).to_bytes(2, "little"))
    with pytest.raises(ValueError, match="needed: 2"):
        field.from_bytes(b"\x01")
    with pytest.raises(ZeroDivisionError):
        field.inverse(257)


def test_random_elements_are_uniform_and_below_the_modulus():
    """Chi-squared over the 11 elements, seeded; the 99.9 % point with 10 degrees of freedom is 29.6."""
    field, rng = PrimeField(11), np.random.default_rng(4)
    counts = Counter(field.random(rng.bytes) for _ in range(11_000))
    assert set(counts) == set(range(11))
    assert sum((count - 1000) ** 2 / 1000 for count in counts.values()) < 29.6


# Shamir


def test_a_line_by_hand():
    """Modulo 11 the line 7 + 3 x is 10 at 1, 2 at 2 and 5 at 3."""
    shares = [Share(1, 10), Share(2, 2), Share(3, 5)]
    for pair in itertools.combinations(shares, 2):
        assert recover_secret(pair, 2, PrimeField(11)) == 7
    assert recover_secret(shares, 2, PrimeField(11)) == 7


@given(st.integers(0, SECRET_FIELD.modulus - 1), st.integers(2, 8), st.data())
@settings(max_examples=60, deadline=None)
def test_any_threshold_of_the_shares_recover_the_secret(secret: int, n: int, data: st.DataObject):
    threshold = data.draw(st.integers(2, n))
    places = data.draw(st.lists(st.integers(1, 10**6), min_size=n, max_size=n, unique=True))
    shares = share_secret(secret, threshold, places)
    chosen = data.draw(st.permutations(shares))[: data.draw(st.integers(threshold, n))]
    assert recover_secret(chosen, threshold) == secret


def test_one_share_fewer_says_nothing():
    """Over all polynomials modulo 7, two of three needed shares have the same law whatever the secret."""
    field = PrimeField(7)
    views: dict[int, Counter[tuple[int, int]]] = {secret: Counter() for secret in range(7)}
    for secret, *rest in itertools.product(range(7), repeat=3):
        views[secret][field.evaluate([secret, *rest], 1), field.evaluate([secret, *rest], 2)] += 1
    assert all(view == views[0] for view in views.values())
    assert set(views[0].values()) == {1}


def test_as_many_shares_as_the_threshold_tell_everything():
    """The same count with a threshold of two: the check above can fail."""
    field, seen = PrimeField(7), {}
    for secret, slope in itertools.product(range(7), repeat=2):
        pair = field.evaluate([secret, slope], 1), field.evaluate([secret, slope], 2)
        assert seen.setdefault(pair, secret) == secret
    assert len(seen) == 49


def test_the_polynomial_is_drawn_from_the_source_that_is_given():
    shares = [share_secret(5, 3, (1, 2, 3), random_bytes=np.random.default_rng(9).bytes) for _ in range(2)]
    assert shares[0] == shares[1]
    assert share_secret(5, 3, (1, 2, 3)) != share_secret(5, 3, (1, 2, 3))


@pytest.mark.parametrize(
    ("threshold", "places", "why"),
    [
        (1, (1, 2), "at least 2"),
        (0, (1, 2), "at least 2"),
        (3, (1, 2), "above the 2 shares"),
        (2, (1, 1), "given twice: 1"),
        (2, (0, 1), "at 0 stands the secret"),
        (2, (1, SECRET_FIELD.modulus), "places must lie"),
        (2, (1, -1), "places must lie"),
    ],
)
def test_sharing_refuses(threshold: int, places: tuple[int, ...], why: str):
    with pytest.raises(ValueError, match=why):
        share_secret(5, threshold, places)


def test_recovery_refuses_too_few_doubles_and_strangers():
    shares = share_secret(5, 3, (1, 2, 3, 4))
    with pytest.raises(ValueError, match="below the threshold of 3"):
        recover_secret(shares[:2], 3)
    with pytest.raises(ValueError, match="given twice: 1"):
        recover_secret([*shares[:2], shares[0]], 3)
    with pytest.raises(ValueError, match="do not belong together"):
        recover_secret([*shares[:3], Share(4, shares[3].y + 1)], 3)
    with pytest.raises(ValueError, match="outside the field"):
        share_secret(SECRET_FIELD.modulus, 2, (1, 2))
