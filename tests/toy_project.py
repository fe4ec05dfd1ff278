"""A small project in a temporary folder: one study whose notebook fails in whatever way a test asks for."""

import shutil
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

CHECKOUT = Path(__file__).resolve().parents[1]

EXPERIMENT = """\
slug: toy
title: Does the toy work?
source: "[6]"
question: Is the mean of a few numbers above zero?
kind: calibration
data: Numbers drawn by the notebook, or yours.
parameters:
  seed: {type: int, default: 1, min: 0, max: 1000, unit: root of all random numbers}
  cost_bps: {type: float, default: 10, min: 0, max: 500, unit: basis points per traded dollar}
  n_draws: {type: int, default: 50, min: 2, max: 1000, unit: numbers drawn}
  behaviour: {type: choice, default: calm, unit: how the notebook ends,
              allowed: [calm, fail, die, hang, quit, kill_worker, fill_disk]}
  data_path: {type: str, default: "", unit: "file with one number a line, or empty"}
profiles:
  smoke: {budget_seconds: 5, changes: {n_draws: 5}}
  quick: {budget_seconds: 17}
  full: {budget_seconds: 60, changes: {n_draws: 500}}
"""

PARAMETERS = """\
seed: int = 1  # root of all random numbers
cost_bps: float = 10.0  # basis points per traded dollar
n_draws: int = 50  # numbers drawn
behaviour: str = "calm"  # how the notebook ends
data_path: str = ""  # file with one number a line, or empty"""

BEHAVE = """\
import os, signal, sys, time
if behaviour == "fail":
    raise ValueError("the toy was told to fail")
if behaviour == "die":
    os.kill(os.getpid(), signal.SIGKILL)
if behaviour == "hang":
    time.sleep(300)
if behaviour == "kill_worker":
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(300)
if behaviour == "fill_disk":
    open("/dev/full", "w").write("x" * 10**6)
if behaviour == "quit":
    sys.exit(0)"""

ESTIMATE = """\
from pathlib import Path
from dti_core.lab.config import load_config
from dti_core.lab.data import DataCard
from dti_core.lab.parallel import available_cores, report_progress
from dti_core.lab.record import Estimate, Result
import numpy as np
config = load_config("toy", globals())
draw = config.stream("draws").normal
draws = [draw() for _ in report_progress(range(config.n_draws), "draws", config.n_draws)]
draws = [float(x) for x in Path(data_path).read_text().split()] if data_path else draws
about = ("toy", "Toy", "simulated", "Simulated data", "Drawn here.", "none")
card = DataCard(*about, len(draws), 1, "0", "Toy.")
mean, half = float(np.mean(draws)), float(2 * np.std(draws) / len(draws) ** 0.5)
shown = [Estimate("mean", mean, mean - half, mean + half, "1", len(draws)),
         Estimate("mean", 0.0, -half, half, "1", len(draws), world="permuted_returns"),
         Estimate("cores", available_cores(), 1, 99, "1", 1),
         Estimate("threads", int(os.environ["OMP_NUM_THREADS"]), 1, 99, "1", 1)]
result = Result(config, card, tuple(shown))"""

RECORD = """\
from dti_core.lab.keep import record
record(result)"""


def build_toy_project(home: Path) -> Path:
    """Write experiments/toy.yaml, notebooks/toy.ipynb and what they lean on below `home`."""
    for folder in ("experiments/data", "notebooks"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    shutil.copy(CHECKOUT / "experiments" / "claims.yaml", home / "experiments")
    (home / "experiments" / "toy.yaml").write_text(EXPERIMENT)
    (home / "requirements.lock").write_text("numpy==2.4\n")
    nbformat.write(toy_notebook(), home / "notebooks" / "toy.ipynb")
    return home


def toy_notebook() -> nbformat.NotebookNode:
    """The notebook of the toy study, without outputs."""
    cells = [
        new_markdown_cell("# Does the toy work?"),
        new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
        new_code_cell(BEHAVE),
        new_code_cell(ESTIMATE),
        new_code_cell(RECORD),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})


def edit_cell(home: Path, old: str, new: str) -> None:
    """Replace a piece of code in the toy notebook."""
    path = home / "notebooks" / "toy.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace(old, new)
    nbformat.write(notebook, path)


def toy_plan(*, profile: str = "smoke", force: bool = False, **changes: Any) -> Any:
    """A plan for the toy study; DTI_HOME must point to the toy project."""
    from dti_core.lab.config import load_experiment
    from dti_core.lab.running.runs import RunPlan

    return RunPlan("toy", load_experiment("toy").resolve(profile, changes), force)
