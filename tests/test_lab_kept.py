"""What is kept comes back as it was, is never unpickled, and a damaged piece is none; a stage resumes."""

import io
import json
import os
import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dti_core.lab.config import load_experiment
from dti_core.lab.data import DataCard
from dti_core.lab.keep import glued
from dti_core.lab.kept import is_kept, keep, load_result, save_result
from dti_core.lab.parallel import run_keyed
from dti_core.lab.pieces import KEPT, PIECES, Stage, decode, encode, write_piece
from dti_core.lab.record import Estimate, Result
from tests.toy_runs import toy_record

CARD = DataCard("toy", "Toy", "simulated", "Simulated data", "Here.", "none", 2, 1, "0", "Toy.")
FLOATS = st.floats(allow_nan=False, width=64)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**80), 2**80) | FLOATS | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.tuples(st.text(), st.integers()), inner, max_size=3)
    ),
    max_leaves=8,
)


def sample_config():
    return load_experiment("lstm_portfolio").resolve("smoke")


def sample_result(value: float = 0.1) -> Result:
    estimates = (
        Estimate("mean", value, value - 1, value + 1, "1", 3, per_seed=(0.1, 0.2), std_error=1 / 3),
        Estimate("mean", 0.0, -1.0, 1.0, "1", 3, world="nothing"),
    )
    dates = pd.DatetimeIndex(["2020-01-01", "2020-02-03"], name="day")
    series = {
        "wealth": pd.DataFrame({"lstm": [1.0, 0.1 + 0.2]}, index=dates),
        "a/b @ ü": pd.DataFrame({"name": ["x", None], "n": [1, 2]}),
    }
    return Result(sample_config(), CARD, estimates, series)


def assert_same(one: Result, other: Result) -> None:
    assert (one.estimates, one.card, list(one.series)) == (other.estimates, other.card, list(other.series))
    for name, table in one.series.items():
        pd.testing.assert_frame_equal(table, other.series[name], check_exact=True, check_freq=False)


@settings(max_examples=100, deadline=None)
@given(PLAIN)
def test_plain_values_come_back_with_their_types(value):
    found = decode(encode(value))
    assert found == value
    assert repr(found) == repr(value)


def test_arrays_tables_and_our_dataclasses_come_back():
    piece = {
        ("two_way", 3): np.array([[1.5, np.nan], [np.inf, -0.0]]),
        "flags": np.array([True, False]),
        "scalar": np.float32(0.1),
        "made": sample_result().estimates,
        "table": pd.DataFrame({"a": [1, 2]}, index=["x", "y"]),
    }
    found = decode(encode(piece))
    np.testing.assert_array_equal(found["two_way", 3], piece["two_way", 3])
    assert found["two_way", 3].tobytes() == piece["two_way", 3].tobytes()
    assert (found["flags"].dtype, type(found["scalar"]), found["scalar"]) == (
        bool,
        np.float32,
        np.float32(0.1),
    )
    assert found["made"] == piece["made"]
    pd.testing.assert_frame_equal(found["table"], piece["table"])


@dataclass
class Foreign:
    n: int = 1


@pytest.mark.parametrize("value", [Foreign(), object(), {1, 2}, lambda: 1, np.array([object()])])
def test_what_would_need_pickle_is_refused(value):
    with pytest.raises((TypeError, ValueError), match=r"pickle|Object arrays"):
        encode(value)


def test_a_pickle_among_the_pieces_is_not_executed(tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "exploded"),)

    stream = io.BytesIO()
    np.savez(stream, np.array([Bomb()], dtype=object))
    for content in (stream.getvalue(), pickle.dumps(Bomb())):
        with pytest.raises((ValueError, OSError)):
            decode(content)
    tree = json.dumps({"made": "os:mkdir", "of": [str(tmp_path / "exploded")]}).encode()
    stream = io.BytesIO()
    np.savez(stream, np.frombuffer(tree, dtype=np.uint8))
    with pytest.raises(ValueError, match="no dataclass of ours"):
        decode(stream.getvalue())
    assert not (tmp_path / "exploded").exists()


def test_a_stage_goes_on_where_it_was_interrupted(tmp_path, monkeypatch):
    monkeypatch.setenv(KEPT, str(tmp_path))
    monkeypatch.setenv("DTI_CORES", "1")
    ran: list[int] = []

    def square(n: int) -> float:
        if n == 3 and len(ran) < 4:
            ran.append(-1)
            raise KeyboardInterrupt
        ran.append(n)
        return n**2 / 10

    six = {n: n for n in range(6)}
    with pytest.raises(KeyboardInterrupt):
        run_keyed(square, six, "squares")
    assert ran == [0, 1, 2, -1]
    assert run_keyed(square, six, "squares") == {n: n**2 / 10 for n in six}
    assert ran == [0, 1, 2, -1, 3, 4, 5]


def test_a_damaged_piece_is_computed_again_and_others_are_not(tmp_path, monkeypatch):
    monkeypatch.setenv(KEPT, str(tmp_path))
    monkeypatch.setenv("DTI_CORES", "1")
    assert run_keyed(float, {0: "0", 1: "1", 2: "2"}, "numbers") == {0: 0.0, 1: 1.0, 2: 2.0}
    (piece,) = (tmp_path / PIECES / "numbers").glob(f"{Stage.name(1)}.npz")
    content = piece.read_bytes()
    piece.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert Stage("numbers").load().keys() == {Stage.name(0), Stage.name(2)}
    assert run_keyed(float, {0: "0", 1: "7", 2: "2"}, "numbers") == {0: 0.0, 1: 7.0, 2: 2.0}


def test_a_task_more_leaves_the_pieces_of_the_others_as_they_were(tmp_path, monkeypatch):
    monkeypatch.setenv(KEPT, str(tmp_path))
    monkeypatch.setenv("DTI_CORES", "1")
    assert run_keyed(float, {("a", 1): "1", ("b", 2): "2"}, "cells") == {("a", 1): 1.0, ("b", 2): 2.0}
    grown = {("new", 0): "0", ("a", 1): "not asked", ("b", 2): "not asked"}
    assert run_keyed(float, grown, "cells") == {("new", 0): 0.0, ("a", 1): 1.0, ("b", 2): 2.0}


def test_two_keys_that_are_written_alike_are_refused():
    class Day(int):
        __slots__ = ()

        def __eq__(self, other):
            return self is other

        __hash__ = int.__hash__

    with pytest.raises(ValueError, match="cells: two keys are written alike"):
        run_keyed(float, {Day(1): "1", Day(1): "2"}, "cells")


def test_without_a_store_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.delenv(KEPT, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DTI_CORES", "1")
    assert run_keyed(float, {0: "0"}, "numbers") == {0: 0.0}
    assert keep(lambda config: sample_result())(sample_config()).estimates == sample_result().estimates
    assert list(tmp_path.iterdir()) == []


def test_a_result_comes_back_and_is_not_computed_twice(tmp_path, monkeypatch):
    monkeypatch.setenv(KEPT, str(tmp_path / "store"))
    calls: list[int] = []

    @keep
    def estimate(config):
        calls.append(1)
        Stage("worlds of 1").save(0, 1.0)
        return sample_result()

    first, second = estimate(sample_config()), estimate(sample_config())
    assert_same(first, sample_result())
    assert_same(second, sample_result())
    assert len(calls) == 1
    assert not (tmp_path / "store" / PIECES).exists()


@pytest.mark.parametrize("how", ["edit", "truncate", "garbage"])
def test_a_damaged_result_is_said_and_computed_again(tmp_path, monkeypatch, capsys, how):
    monkeypatch.setenv(KEPT, str(tmp_path))
    save_result(tmp_path, sample_result(0.1))
    (victim,) = tmp_path.iterdir()
    content = victim.read_bytes()
    match how:
        case "edit":
            victim.write_bytes(content.replace(b"0.1", b"0.2"))
            assert victim.read_bytes() != content
        case "truncate":
            victim.write_bytes(content[:40])
        case _:
            victim.write_text("}")
    found = keep(lambda config: sample_result(0.3))(sample_config())
    assert found["mean"].value == 0.3
    assert "is damaged" in capsys.readouterr().err
    assert_same(load_result(tmp_path, sample_config()), sample_result(0.3))


def test_a_result_of_another_form_is_said_and_computed_again(tmp_path, monkeypatch, capsys):
    """Whole, but written by code whose Result had other parts."""
    monkeypatch.setenv(KEPT, str(tmp_path))
    save_result(tmp_path, sample_result(0.1))
    (victim,) = tmp_path.iterdir()
    write_piece(victim, {"card": CARD, "numbers": ()})
    assert keep(lambda config: sample_result(0.3))(sample_config())["mean"].value == 0.3
    assert "is damaged" in capsys.readouterr().err


def test_a_torn_result_is_none(tmp_path: Path, monkeypatch):
    """A Result is one file, written in one step: a write that fails leaves nothing."""

    def die(handle):
        raise OSError("the disk is full")

    monkeypatch.setattr("os.fsync", die)
    with pytest.raises(OSError, match="full"):
        save_result(tmp_path, sample_result())
    assert not is_kept(tmp_path)
    assert load_result(tmp_path, sample_config()) is None


def test_only_numbers_that_the_prose_prints_are_glued():
    """A message each for thousands of numbers overflows the kernel's queue, and its last word gets lost."""
    kept = toy_record("a")
    name = kept.estimates[0].key
    asked = f"It is {{glue:text}}`{name}:.2f` (from {{glue:text}}`{name}_low:.2f`), {{glue:text}}`unknown:s`."
    assert set(glued(kept, asked)) == {name, f"{name}_low"}
    assert glued(kept, "no numbers") == {}


def test_numbers_of_files_that_a_run_lacked_are_nan_and_no_error_of_its_own() -> None:
    """A clone without published files builds and reproduces; where all were read, a missing number counts."""
    from dti_core.book import reference
    from dti_core.lab.data import ABSENT
    from dti_core.lab.frozen import frozen_record
    from dti_core.lab.keep import glued

    full = frozen_record("esg_constraint")
    few = tuple(one for one in full.estimates if one.name != "csr_ar1")
    numbers = full.provenance.fingerprint.numbers

    def having(sha256: str):
        data = dict.fromkeys(numbers.data, sha256)
        told = full.provenance.fingerprint.model_copy(
            update={"numbers": numbers.model_copy(update={"data": data})}
        )
        provenance = full.provenance.model_copy(update={"fingerprint": told})
        return full.model_copy(update={"estimates": few, "provenance": provenance})

    prose = "{glue:text}`csr_ar1:.2f`"
    without, whole = having(ABSENT), having("1" * 64)
    assert str(glued(without, prose)["csr_ar1"]) == "nan"
    assert glued(whole, prose) == {}
    off = [
        [row.key for row in reference.compare_with_reference(one).rows if not row.within]
        for one in (without, whole)
    ]
    assert off == [[], ["csr_ar1"]]
