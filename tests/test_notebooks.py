"""Notebooks: the same knobs as their experiment files, and nothing that these do not know."""

import ast
import re
from pathlib import Path

import nbformat
import papermill as pm
import pytest
from papermill.exceptions import PapermillExecutionError

from dti_core.lab.config import load_experiment
from dti_core.lab.running.history import finished_runs

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


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
def test_bare_papermill_refuses_a_misspelt_parameter(path, tmp_path):
    said = f"{path.stem}: unknown parameter 'seeds'. Did you mean 'seed'"
    with pytest.raises(PapermillExecutionError, match=re.escape(said)):
        pm.execute_notebook(str(path), str(tmp_path / "out.ipynb"), {"seeds": 3}, progress_bar=False)
    assert not list(finished_runs(path.stem))
