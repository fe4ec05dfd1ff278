"""Notebooks: the same knobs as their experiment files, the same numbers however they are started."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import papermill as pm
import pytest
from nbclient import NotebookClient

from dti_core.lab.config import load_experiment
from dti_core.lab.running.history import finished_runs
from dti_core.lab.running.runner import run_all
from dti_core.lab.running.runs import RunPlan

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
#: Smaller than the smoke profile: these tests ask whether three ways agree, not what they find.
TINY = {
    "lstm_portfolio": {
        "n_folds": 1, "n_seeds": 1, "n_steps": 4, "hidden": 4, "control_folds": 1, "n_resamples": 100,
        "lookback_days": 120, "window_days": 20,
    },
    "esg_constraint": {"n_draws": 4, "n_power_draws": 4, "n_resamples": 19},
}  # fmt: skip


def papermill(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def parameter_cell_values(notebook: Path) -> dict[str, object]:
    """Names and plain values set in the cell tagged `parameters`, read without running it."""
    cells = nbformat.read(notebook, as_version=4).cells
    (cell,) = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    return {node.target.id: ast.literal_eval(node.value) for node in ast.parse(cell.source).body}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_papermill_shows_a_type_and_a_unit_for_every_knob(path):
    knobs = pm.inspect_notebook(str(path))
    assert set(knobs) == set(load_experiment(path.stem).parameters)
    assert [name for name, knob in knobs.items() if not (knob["help"] and knob["inferred_type_name"])] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_parameter_cell_repeats_the_experiment_file(path):
    defaults = {name: parameter.default for name, parameter in load_experiment(path.stem).parameters.items()}
    assert parameter_cell_values(path) == defaults


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_papermills_help_is_the_manual(path):
    shown = papermill("--help-notebook", str(path)).stdout
    for name in load_experiment(path.stem).parameters:
        assert name in shown


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_bare_papermill_refuses_a_misspelt_parameter(path, tmp_path):
    done = papermill(str(path), str(tmp_path / "out.ipynb"), "-p", "seeds", "3")
    assert done.returncode != 0
    assert f"{path.stem}: unknown parameter 'seeds'. Did you mean 'seed'" in done.stderr
    assert not list(finished_runs(path.stem))


@pytest.mark.usefixtures("ready_store")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_three_ways_to_run_give_identical_estimates(path, tmp_path):
    tiny = TINY[path.stem]
    pairs = [text for name, value in tiny.items() for text in ("-p", name, str(value))]
    done = papermill(str(path), str(tmp_path / "out.ipynb"), *pairs)
    assert done.returncode == 0, done.stderr[-2000:]

    notebook = nbformat.read(path, as_version=4)
    settings = "\n".join(f"{name} = {json.dumps(value)}" for name, value in tiny.items())
    tagged = next(cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    tagged.source += f"\n{settings}"
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute(cwd=str(tmp_path))

    plan = RunPlan(path.stem, load_experiment(path.stem).resolve("quick", tiny), force=True)
    (outcome,) = run_all([plan], jobs=1)
    assert outcome.succeeded, outcome.reason

    records = list(finished_runs(path.stem))
    assert len(records) == 3
    numbers = [{e.key: (e.value, e.low, e.high) for e in record.estimates} for record in records]
    assert numbers[0] == numbers[1] == numbers[2]
    assert os.path.samefile(outcome.folder.parent, Path(os.environ["DTI_RESULTS"]) / path.stem)
