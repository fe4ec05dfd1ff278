"""JupyterLab: `make lab` opens the notebooks on this machine alone, and there they run as everywhere else."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from dti_core.lab.errors import ConfigError
from dti_core.lab.paths import results_root
from dti_core.lab.running.figure_page import PLOTLY_MIME
from dti_core.lab.running.history import finished_runs
from tests.test_lab_track import runs_in_store
from tests.toy_project import build_toy_project, toy_notebook

ROOT = Path(__file__).resolve().parents[1]

FIGURE = """\
import plotly.graph_objects as go
from dti_core.lab.theme import style
style(go.Figure(), title="Toy", x="number (1)", y="", caption="None.", alt="Nothing.", card=card)"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DTI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return build_toy_project(tmp_path / "home")


def run_as_jupyterlab_does(home: Path, **parameters: object) -> nbformat.NotebookNode:
    """Run the toy notebook, with another value set in its cell of parameters, in the folder it lies in."""
    notebook = toy_notebook()
    notebook.cells[1].source += "".join(f"\n{name} = {value!r}" for name, value in parameters.items())
    notebook.cells.insert(4, nbformat.v4.new_code_cell(FIGURE))
    place = {"metadata": {"path": str(home / "notebooks")}}
    return NotebookClient(notebook, kernel_name="python3", timeout=120, resources=place).execute()


@pytest.mark.usefixtures("ready_store")
def test_notebook_runs_in_its_own_folder_is_kept_and_logged(home: Path) -> None:
    notebook = run_as_jupyterlab_does(home, n_draws=7)
    kinds = {
        kind
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        for kind in output.get("data", {})
    }
    assert PLOTLY_MIME in kinds
    [record] = finished_runs("toy")
    assert record.parameters["n_draws"] == 7
    [run] = runs_in_store()
    assert (run.data.tags["dti.run"], run.info.run_name) == (record.run, "toy custom n_draws=7")
    assert run.data.metrics["mean/value"] == record.estimates[0].value
    assert [path.name for path in (home / "notebooks").iterdir()] == ["toy.ipynb"]


def test_a_refused_parameter_is_one_line_in_the_notebook(home: Path) -> None:
    with pytest.raises(CellExecutionError) as caught:
        run_as_jupyterlab_does(home, cost_bp=5)
    shown = str(caught.value).strip().splitlines()
    assert shown[-1].startswith("ConfigError: toy: unknown parameter 'cost_bp'. Did you mean 'cost_bps'")
    assert not any("lab/config.py" in line for line in shown)
    assert not list(results_root().glob("toy/*"))


def test_the_traceback_is_there_for_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError) as caught:
        raise ConfigError("toy: no; http://me:pass@host")
    assert caught.value._render_traceback_() == ["ConfigError: toy: no; http://***@host"]
    monkeypatch.setenv("DTI_DEBUG", "1")
    assert any("test_lab_jupyter.py" in line for line in caught.value._render_traceback_())


def test_make_lab_serves_this_machine_only_and_installs_a_range() -> None:
    command = ["make", "--no-print-directory", "--dry-run", "lab"]  # the suite may itself run under make
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    serve = done.stdout.splitlines()[-1]
    assert "--ServerApp.ip=127.0.0.1" in serve
    assert "--ServerApp.root_dir=notebooks" in serve
    assert re.search(r"import jupyterlab.*\|\| \{ echo .*pip install .*\[lab\]", done.stdout)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert re.fullmatch(r"jupyterlab>=\d+\.\d+,<\d+", project["optional-dependencies"]["lab"][0])
    assert not any(one.startswith("jupyterlab") for one in project["dependencies"])


def test_bare_papermill_ends_with_the_refusal_in_one_screen(home: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", str(home / "notebooks" / "toy.ipynb")]
    told = [str(tmp_path / "out.ipynb"), "-p", "cost_bp", "5"]
    done = subprocess.run([*command, *told], capture_output=True, text=True, timeout=120, check=False)
    lines = done.stderr.strip().splitlines()
    assert done.returncode != 0
    assert lines[-1].startswith("ConfigError: toy: unknown parameter 'cost_bp'. Did you mean 'cost_bps'")
    assert len(lines) <= 40
