"""A copy of the book with one sample study in it, whose notebook a real kernel has executed."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

CHECKOUT = Path(__file__).resolve().parents[1]
SLUG = "sample_walk"
#: Where readers find the repository of that copy.
ADDRESS = "https://github.com/team/review"
#: Two runs in full size, then one in quick size.
RUN, SECOND, QUICK = (f"{at}-0badcafe" for at in ("20260102-030405", "20260102-040506", "20260103-030405"))

EXPERIMENT = f"""\
slug: {SLUG}
title: Does the sample walk drift?
source: "[7]"
question: Is the mean step of a simulated walk above zero?
kind: calibration
data: Simulated in the notebook.
parameters:
  n_days: {{type: int, default: 40, min: 10, max: 1000, unit: steps of the walk}}
  drift: {{type: float, default: 0.5, min: -5, max: 5, unit: mean step}}
  seed: {{type: int, default: 1, min: 0, max: 1000, unit: root of all random numbers}}
profiles:
  smoke: {{budget_seconds: 5, changes: {{n_days: 20}}}}
  quick: {{budget_seconds: 5}}
  full: {{budget_seconds: 5, changes: {{n_days: 400}}}}
"""

CLAIM = {
    "study": SLUG,
    "grade": "observed",
    "reading": "The mean step lies above zero.",
    "why": "A tenth of a step is what the eye can see.",
    "estimates": [
        {
            "estimate": "mean_step",
            "label": "Mean step",
            "direction": "greater",
            "than": 0.0,
            "smallest_effect": 0.1,
        }
    ],
    "control": {"world": "shuffled_signs", "must_not_be": "supported"},
    "positive_control": {"world": "planted_drift", "must_be": "supported"},
}

TITLE = """\
# Does the sample walk drift?

*Study [7], {cite}`yi2026targeting`.* The mean step is {glue:text}`mean_step:.2f`
({glue:text}`mean_step_low:.2f` to {glue:text}`mean_step_high:.2f`). C28a is {glue:text}`C28a_verdict`.

$$
\\bar x = \\frac{1}{n} \\sum_{t=1}^{n} x_t
$$"""
PARAMETERS = """\
n_days: int = 40  # steps of the walk
drift: float = 0.5  # mean step
seed: int = 1  # root of all random numbers"""
ESTIMATE = """\
import sys, numpy as np, pandas as pd
from dti_core.lab.config import load_config
from dti_core.lab.data import DataCard
from dti_core.lab.record import Estimate, Result
config = load_config("sample_walk", globals())
steps = config.stream("draws").normal(config.drift, 1.0, config.n_days)
n = config.n_days
card = DataCard("walk", "Walk", "simulated", "Simulated data", "Drawn here.", "none", n, 1, "0", "A sample.")
mean, half = float(steps.mean()), float(2 * steps.std() / len(steps) ** 0.5)
mixed = float((steps * np.resize([1, -1], len(steps))).mean())
found = (Estimate("mean_step", mean, mean - half, mean + half, "step", len(steps)),
         Estimate("mean_step", mixed, mixed - half, mixed + half, "step", len(steps), world="shuffled_signs"),
         Estimate("mean_step", 20.0, 20 - half, 20 + half, "step", len(steps), world="planted_drift"))
result = Result(config, card, found, {"walk": pd.DataFrame({"level": steps.cumsum()})})
print("progress that nobody needs", file=sys.stderr)"""
FIGURE = """\
import plotly.graph_objects as go
from dti_core.lab.theme import style
level = result.series["walk"]["level"]
lines = [go.Scatter(y=level, name="walk"), go.Scatter(y=config.drift * np.arange(n), name="drift alone")]
style(go.Figure(lines), title="The walk follows its drift and strays from it by no more than chance allows",
      x="day", y="level (steps)", caption="One simulated walk and its drift.",
      alt="Two rising lines close together.", card=result.card, series="walk")"""
TABLE = """\
from dti_core.lab.tables import show_table
show_table(result, name="steps", title="Mean step, as observed and in the control worlds")"""
RECORD = """\
from dti_core.lab.keep import record
record(result)"""


def build_house(home: Path) -> Path:
    """Copy book, experiments and notebooks below `home`, add the sample study and bind claim C28a to it.

    Its citation has an address of the repository too, which that of the checkout lacks.
    """
    unwanted = shutil.ignore_patterns("_build", "__pycache__", "benchmarks")
    for folder in ("book", "experiments", "notebooks"):
        shutil.copytree(CHECKOUT / folder, home / folder, ignore=unwanted)
    citation = (CHECKOUT / "CITATION.cff").read_text(encoding="utf-8")
    (home / "CITATION.cff").write_text(f"{citation}repository-code: {ADDRESS}\n", encoding="utf-8")
    path = home / "experiments" / "claims.yaml"
    register = yaml.safe_load(path.read_text(encoding="utf-8"))
    register["claims"]["C28a"] |= {"test": CLAIM}
    text = yaml.safe_dump(register, sort_keys=False).replace("verified_ads", SLUG)
    path.write_text(text, encoding="utf-8")
    (home / "experiments" / f"{SLUG}.yaml").write_text(EXPERIMENT, encoding="utf-8")
    reference = {"slug": SLUG, "tolerances": [{"match": ".", "absolute": 0.001, "why": "Rounding."}]}
    (home / "experiments" / "reference" / f"{SLUG}.json").write_text(json.dumps(reference), encoding="utf-8")
    nbformat.write(sample_notebook(), home / "notebooks" / f"{SLUG}.ipynb")
    return home


def sample_notebook() -> nbformat.NotebookNode:
    """The sample study as it is rerun, without outputs."""
    cells = [
        new_markdown_cell(TITLE),
        new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
        new_code_cell(ESTIMATE),
        new_code_cell(TABLE),
        new_code_cell(FIGURE),
        new_code_cell("from dti_core.lab.claims import judge\njudge(result)"),
        new_code_cell(RECORD),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


def run_sample(home: Path, results: Path, run: str = RUN, n_days: int = 400) -> Path:
    """Execute the sample notebook in a kernel of its own, as the runner would; returns the run's folder."""
    from nbclient import NotebookClient

    folder = results / SLUG / run
    folder.mkdir(parents=True)
    notebook = nbformat.read(home / "notebooks" / f"{SLUG}.ipynb", as_version=4)
    injected = new_code_cell(f"# Parameters\nn_days = {n_days}", metadata={"tags": ["injected-parameters"]})
    notebook.cells.insert(2, injected)
    places = {"DTI_HOME": str(home), "DTI_RESULTS": str(results), "DTI_RUN_DIR": str(folder)}
    client = NotebookClient(notebook, kernel_name="python3", timeout=120)
    client.execute(env=os.environ | places)
    nbformat.write(notebook, folder / "executed.ipynb")
    seal_run(folder)
    return folder


@contextmanager
def at_home(place: Path) -> Iterator[None]:
    """Work on the project and the results below `place`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DTI_HOME", str(place / "home"))
        patch.setenv("DTI_RESULTS", str(place / "results"))
        yield


def seal_run(folder: Path, sequence: int | None = None) -> None:
    """Leave the state that the runner leaves of a finished run; runs count up in the order of their names."""
    from dti_core.lab.record import Record
    from dti_core.lab.running.runs import RunState, seal

    record = Record.model_validate_json((folder / "result.json").read_bytes())
    state = RunState(
        slug=record.slug, run=record.run, sequence=sequence or int(record.run[:15].replace("-", "")),
        status="finished", profile=record.profile, started=record.started, seconds=record.seconds,
        parameters=record.parameters, fingerprint=record.provenance.fingerprint,
    )  # fmt: skip
    seal(folder, state).save(folder)
