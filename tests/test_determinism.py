"""The same parameters give the same numbers to the last bit, whatever the threads, cores, hash seed, folder.

The kit (tests/test_studies.py) holds every study to this in two surroundings. With DTI_DEEP=1 more are tried,
and whole notebooks run in papermill and through `dti run`, in the smoke profile.
"""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from dti_core.lab.config import list_slugs, load_experiment
from dti_core.lab.parallel import CORES, run_keyed
from tests.kit import ROOT, copy_of_the_project, differing, estimates_apart, surroundings

DEEP = pytest.mark.skipif(not os.environ.get("DTI_DEEP"), reason="takes minutes: set DTI_DEEP=1")
#: Threads that a user allows, processes, seed of Python's hashes.
FIRST, *OTHERS = [(1, 1, 0), (2, 2, 1), (2, 1, 1), (4, 4, 0)]


def _sum_of(rows: np.ndarray) -> float:
    return float(rows.sum())


def test_a_piece_adds_up_in_the_same_order_on_one_core_and_on_two(monkeypatch):
    """A slice of a wide table is laid out anew on its way to a worker, which changes the order of sums."""
    table = np.random.default_rng(3).lognormal(0, 9, size=(4000, 40))
    slices = [table[:, start : start + 7] for start in range(0, 35, 7)]
    found = {}
    for cores in ("1", "2"):
        monkeypatch.setenv(CORES, cores)
        found[cores] = list(run_keyed(_sum_of, dict(enumerate(slices)), "sums").values())
    assert found["1"] == found["2"]
    assert found["1"] != [_sum_of(part) for part in slices], "else this test could not fail"


def _scaled(factor: float, rows: list[np.ndarray]) -> np.ndarray:
    rows[0] *= factor
    return rows[0].T


def test_a_piece_may_change_what_it_was_given_without_harm(monkeypatch):
    given = np.arange(6.0).reshape(2, 3)
    found = {}
    for cores in ("1", "2"):
        monkeypatch.setenv(CORES, cores)
        found[cores] = list(run_keyed(partial(_scaled, 2.0), {0: [given], 1: [given]}, "scaled").values())
    assert np.array_equal(given, np.arange(6.0).reshape(2, 3))
    for one, two in zip(found["1"], found["2"], strict=True):
        assert np.array_equal(one, two)
        assert one.flags.c_contiguous == two.flags.c_contiguous


PRODUCT = """\
import sys, numpy as np
x = np.random.default_rng(1).normal(size=(3, 1_000_000))
if sys.argv[1] == "pin":
    from dti_core.lab.parallel import pin_threads
    pin_threads()
print((x @ x.T).tobytes().hex(), (x[0] @ x[1]).hex())"""


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two cores to spread over")
def test_pinned_threads_make_a_product_independent_of_the_threads_allowed():
    def product(pin: str, threads: int) -> str:
        command = [sys.executable, "-c", PRODUCT, pin]
        done = subprocess.run(
            command, env=surroundings(threads, 1, 0), capture_output=True, text=True, check=True
        )
        return done.stdout

    assert product("pin", 1) == product("pin", 2)
    assert product("", 1) != product("", 2), "else this test could not fail"


def record_of(results: Path, slug: str) -> dict[str, object]:
    """Estimates of the one run that lies below `results`."""
    [path] = results.glob(f"{slug}/*/result.json")
    return {f"{e['name']}@{e['world']}": e for e in json.loads(path.read_bytes())["estimates"]}


@DEEP
@pytest.mark.parametrize("slug", list_slugs())
def test_a_study_finds_the_same_numbers_in_every_surrounding(slug, tmp_path):
    home = copy_of_the_project(tmp_path)
    first = estimates_apart([slug], ROOT, surroundings(*FIRST))[slug]
    for other in OTHERS:
        found = estimates_apart([slug], home, surroundings(*other, home))[slug]
        assert differing(first, found) == [], other


@DEEP
@pytest.mark.parametrize("slug", list_slugs())
def test_a_notebook_finds_the_same_numbers_under_papermill_and_dti_run(slug, tmp_path):
    """Smoke profile: papermill over threads x cores x hash seed x folder, `dti run` over jobs."""
    home = copy_of_the_project(tmp_path)
    knobs = load_experiment(slug).profiles["smoke"].changes.items()
    options = [part for name, value in knobs for part in ("-p", name, str(value))]
    papermill = [str(Path(sys.executable).parent / "papermill"), "--no-progress-bar", *options]
    found = {}
    for place, surrounding in ((ROOT, FIRST), *((home, other) for other in OTHERS)):
        results = tmp_path / "-".join(map(str, surrounding))
        results.mkdir()
        notebook, output = place / "notebooks" / f"{slug}.ipynb", results / "out.ipynb"
        subprocess.run(
            [*papermill, str(notebook), str(output)], cwd=place, check=True, capture_output=True,
            env=surroundings(*surrounding, place) | {"DTI_RESULTS": str(results)},
        )  # fmt: skip
        found[str(surrounding)] = record_of(results, slug)
    run = [sys.executable, "-c", "from dti_core.cli import main; main()", "run", "--profile", "smoke"]
    for jobs, slugs in (("1", [slug]), ("2", list_slugs())):
        results = tmp_path / f"jobs {jobs}"
        subprocess.run(
            [*run, *slugs, "--jobs", jobs], check=True, capture_output=True,
            env={**os.environ, "OMP_NUM_THREADS": "2", "DTI_RESULTS": str(results)},
        )  # fmt: skip
        found[f"jobs {jobs}"] = record_of(results, slug)
    first = found.pop(str(FIRST))
    assert {name: differing(first, other) for name, other in found.items()} == {name: [] for name in found}
