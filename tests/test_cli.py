"""The command as a user meets it: what it prints, what it refuses, how it exits."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dti_core.lab.reference import Outside, Reference, Tolerance
from dti_core.lab.running.history import finished_runs
from tests.toy_project import build_toy_project

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DTI_HOME", str(tmp_path / "home"))
    return build_toy_project(tmp_path / "home")


def dti(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from dti_core.cli import main; main()", *arguments],
        capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def imported_by(code: str) -> set[str]:
    code = f"import sys\ntry:\n    {code}\nexcept SystemExit:\n    pass\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_help_starts_without_heavy_packages():
    heavy = {
        "torch",
        "mlflow",
        "pandas",
        "papermill",
        "distributed",
        "skfolio",
        "pydantic",
        "numpy",
        "plotly",
    }
    assert not heavy & imported_by("sys.argv = ['dti', '--help']; from dti_core.cli import main; main()")


@pytest.mark.usefixtures("ready_store")
def test_a_reused_run_starts_without_heavy_packages(home):
    first = dti("run", "toy", "--profile", "smoke")
    assert first.returncode == 0, first.stdout + first.stderr
    heavy = {"torch", "mlflow", "papermill", "distributed", "skfolio", "plotly"}
    run_again = (
        "sys.argv = ['dti', 'run', 'toy', '--profile', 'smoke']; from dti_core.cli import main; main()"
    )
    assert not heavy & imported_by(run_again)
    assert "reused: nothing changed" in dti("run", "toy", "--profile", "smoke").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("run", "toy", "-p", "cost_bp=3"),
            "unknown parameter 'cost_bp'. Did you mean 'cost_bps' (basis points",
        ),
        (
            ("run", "toy", "-p", "n_draws=many"),
            "n_draws = 'many' is not allowed. Give whole number from 2",
        ),
        (("run", "toy", "-p", "n_draws"), "write -p name=value"),
        (("run", "toi"), "no study 'toi'. Did you mean 'toy'?"),
        (("run", "toy", "--profile", "fast"), "no profile 'fast'. Allowed: smoke, quick, full"),
        (("run", "toy", "--data", "absent.csv"), "absent.csv: no such file"),
        (("run",), "name studies (or all)"),
        (("sweep", "toy"), "has no sweep of its own"),
        (("compare", "a", "b"), "no finished run has that name"),
        (("claims", "--verdict", "true"), "no verdict 'true'. Allowed: supported"),
        (("publish", "toy"), "no finished full run to publish"),
    ],
)
def test_wrong_input_is_one_clear_message_and_leaves_nothing(home, arguments, words):
    done = dti(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not Path(os.environ["DTI_RESULTS"]).exists()


def test_debug_shows_the_traceback(home):
    assert "Traceback" in dti("--debug", "run", "toi").stderr


@pytest.mark.usefixtures("ready_store")
def test_a_sweep_goes_on_after_a_failure_and_resumes(home):
    grid = ("sweep", "toy", "--profile", "smoke", "-p", "behaviour=fail,calm", "-p", "seed=1,2")
    first = dti(*grid)
    assert first.returncode == 1
    assert "2 of 4 runs did not finish" in first.stdout
    assert "the toy was told to fail" in first.stdout
    assert len(list(finished_runs("toy"))) == 2
    again = dti(*grid)
    assert again.returncode == 1
    assert again.stdout.count("reused: nothing changed") == 2
    listed = dti("list", "toy").stdout
    assert listed.count("the toy was told to fail") == 4
    assert listed.count("finished") == 2


@pytest.mark.usefixtures("ready_store")
def test_two_runs_are_compared_and_one_is_repeated_from_its_record(home):
    assert dti("sweep", "toy", "--profile", "smoke", "-p", "n_draws=50,400").returncode == 0
    second, first = (record.run for record in finished_runs("toy"))
    shown = dti("compare", first, second).stdout
    assert "n_draws" in shown
    assert "mean" in shown
    record = Path(os.environ["DTI_RESULTS"]) / "toy" / first / "result.json"
    assert "reused: nothing changed" in dti("run", "--from", str(record)).stdout


@pytest.mark.usefixtures("ready_store")
def test_reproduce_fails_when_a_number_is_off(home, monkeypatch, capsys):
    from dti_core.lab.publishing import book
    from dti_core.lab.terminal import batch

    monkeypatch.setattr(book, "build_book", lambda profile: home)
    folder = home / "experiments" / "reference"
    folder.mkdir()
    rules = (Tolerance(match=".", absolute=1e-5, why="rounded"),)
    reference = Reference(slug="toy", tolerances=rules)
    (folder / "toy.json").write_text(reference.model_dump_json())
    assert not batch.reproduce("smoke", jobs=1, timeout_seconds=60), "nothing to compare is no success"
    batch.publish_run("toy", "smoke", None)
    assert batch.reproduce("smoke", jobs=1, timeout_seconds=60)
    assert "4 published numbers compared, 0 outside" in capsys.readouterr().out
    off = Outside(estimate="mean", published=9.0, tolerance=0.1, source="nobody")
    moved = Reference.model_validate_json((folder / "toy.json").read_text()).model_copy(
        update={"outside": (off,)}
    )
    (folder / "toy.json").write_text(moved.model_dump_json())
    assert not batch.reproduce("smoke", jobs=1, timeout_seconds=60)


def test_a_dirty_price_file_lists_all_problems(tmp_path):
    prices = tmp_path / "prices.csv"
    prices.write_text("date,A,B\n2020-01-02,10,5\n2020-01-02,11,-5\n2020-01-01,12,x\n")
    done = dti("data", "check", "lstm_portfolio", str(prices))
    assert done.returncode == 1
    assert done.stdout.count("error prices.csv") >= 3


def test_doctor_names_each_part(home):
    shown = dti("doctor").stdout
    assert all(part in shown for part in ("python", "packages", "cores", "memory", "disk", "MLflow store"))
