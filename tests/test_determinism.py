"""The same parameters give the same numbers to the last bit, whatever the threads, cores, hash seed, folder.

With DTI_DEEP=1 whole notebooks run too, in papermill and through `dti run`, in the smoke profile.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from dti_core.lab.config import load_experiment
from dti_core.lab.parallel import CORES, THREADED, run_parallel

ROOT = Path(__file__).resolve().parents[1]
DEEP = pytest.mark.skipif(not os.environ.get("DTI_DEEP"), reason="takes minutes: set DTI_DEEP=1")
#: The smallest sizes at which every estimator of a study still runs.
SIZES = {
    "lstm_portfolio": {"n_folds": 1, "refit_months": 6, "n_seeds": 2, "n_steps": 3, "hidden": 4,
                       "control_folds": 1, "n_resamples": 100},
    "esg_constraint": {"n_draws": 4, "n_power_draws": 4, "n_resamples": 19},
}  # fmt: skip
#: Threads that a user allows, processes, seed of Python's hashes.
FIRST, *OTHERS = [(1, 1, 0), (2, 2, 1), (2, 1, 1), (4, 4, 0)]
ESTIMATE = """\
import importlib, json, sys
from dataclasses import asdict
from dti_core.lab.config import load_config
config = load_config(sys.argv[1], json.loads(sys.argv[2]))
room = lambda name: importlib.import_module(f"dti_core.studies.{sys.argv[1]}.{name}")
result = room("estimate").estimate(config, *room("data").load(config))
print(json.dumps({one.key: asdict(one) for one in result.estimates}))"""


def surroundings(threads: int, cores: int, hash_seed: int, home: Path = ROOT) -> dict[str, str]:
    """Variables of a process that may use so many threads and cores; everything else is as here."""
    told = {f"{name}_NUM_THREADS": str(threads) for name in THREADED}
    return os.environ | told | {CORES: str(cores), "PYTHONHASHSEED": str(hash_seed), "DTI_HOME": str(home)}


def copy_of_the_project(place: Path) -> Path:
    """What runs need of the project, in a folder whose name asks for quoting."""
    home = place / "ä copy #2"
    for name in ("experiments", "notebooks"):
        shutil.copytree(ROOT / name, home / name)
    shutil.copy(ROOT / "requirements.lock", home)
    return home


def estimates_of(slug: str, where: Path, environment: Mapping[str, str]) -> dict[str, object]:
    """Estimates as another process finds them, working in the folder `where`."""
    command = [sys.executable, "-c", ESTIMATE, slug, json.dumps(SIZES[slug])]
    done = subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads(done.stdout))


def differing(first: Mapping[str, object], second: Mapping[str, object]) -> list[str]:
    """Keys of estimates that are not the same in every part."""
    return [key for key in {**first, **second} if first.get(key) != second.get(key)]


@pytest.mark.parametrize("slug", SIZES)
def test_a_study_finds_the_same_numbers_everywhere(slug, tmp_path):
    """In one surrounding and in another that differs in all respects; DTI_DEEP tries more."""
    home = copy_of_the_project(tmp_path)
    first = estimates_of(slug, ROOT, surroundings(*FIRST))
    assert len(first) > 100
    for other in OTHERS if os.environ.get("DTI_DEEP") else OTHERS[:1]:
        found = estimates_of(slug, home, surroundings(*other, home))
        assert differing(first, found) == [], other


def test_a_difference_would_be_seen():
    first = {"a": {"value": 1.0}, "b": {"value": 2.0}}
    assert differing(first, {"a": {"value": 1.0}, "b": {"value": float(np.nextafter(2.0, 3.0))}}) == ["b"]
    assert differing(first, {"a": {"value": 1.0}}) == ["b"]


def _sum_of(rows: np.ndarray) -> float:
    return float(rows.sum())


def test_a_piece_adds_up_in_the_same_order_on_one_core_and_on_two(monkeypatch):
    """A slice of a wide table is laid out anew on its way to a worker, which changes the order of sums."""
    table = np.random.default_rng(3).lognormal(0, 9, size=(4000, 40))
    slices = [table[:, start : start + 7] for start in range(0, 35, 7)]
    found = {}
    for cores in ("1", "2"):
        monkeypatch.setenv(CORES, cores)
        found[cores] = run_parallel(_sum_of, slices, "sums")
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
        found[cores] = run_parallel(partial(_scaled, 2.0), [[given], [given]], "scaled")
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
@pytest.mark.parametrize("slug", SIZES)
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
    for jobs, slugs in (("1", [slug]), ("2", list(SIZES))):
        results = tmp_path / f"jobs {jobs}"
        subprocess.run(
            [*run, *slugs, "--jobs", jobs], check=True, capture_output=True,
            env={**os.environ, "OMP_NUM_THREADS": "2", "DTI_RESULTS": str(results)},
        )  # fmt: skip
        found[f"jobs {jobs}"] = record_of(results, slug)
    first = found.pop(str(FIRST))
    assert {name: differing(first, other) for name, other in found.items()} == {name: [] for name in found}
