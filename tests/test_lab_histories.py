"""Random histories of edits, reverts and waiting runs: whatever is reused was made from what is there now."""

import json
import os
import re
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dti_core.lab.config import load_experiment
from dti_core.lab.data import DataCard, forget_reads, read_user_table, reads
from dti_core.lab.record import Estimate, Provenance, Record
from dti_core.lab.running import cache
from dti_core.lab.running.inputs import Inputs, copy_inputs, copy_own_data
from dti_core.lab.running.runs import RunSpec, RunState, begin_run, seal
from dti_core.lab.running.verify import READS, strange_input
from tests.toy_project import build_toy_project
from tests.toy_runs import dead_batch

EXAMPLES = 2000 if os.environ.get("DTI_DEEP") else 200
KNOBS = ("notebook", "module", "table", "parameter")
MODULE = "dti_core/studies/toy/model.py"
CELLS = "from dti_core.studies.toy.model import RATE\nfrom dti_core.lab.config import load_config\nSCALE = {}"


class Project:
    """A project whose one number is 1000 x notebook + 100 x module + 10 x table + parameter."""

    def __init__(self, home: Path) -> None:
        build_toy_project(home)
        self.home = home
        self.live = Inputs(home, home / "dti_core")
        for folder in ("dti_core", "dti_core/studies", "dti_core/studies/toy", "dti_core/lab"):
            (home / folder).mkdir(parents=True, exist_ok=True)
            (home / folder / "__init__.py").write_text("")
        (home / "dti_core/lab/config.py").write_text("")
        self.values = dict.fromkeys(KNOBS, 0)
        for knob in KNOBS:
            self.edit(knob, 0)

    def edit(self, knob: str, value: int) -> None:
        self.values[knob] = value
        match knob:
            case "notebook":
                path = self.home / "notebooks" / "toy.ipynb"
                notebook = json.loads(path.read_text())
                notebook["cells"][2]["source"] = CELLS.format(value)
                path.write_text(json.dumps(notebook))
            case "module":
                (self.home / MODULE).write_text(f"RATE = {value}\n")
            case "table":
                (self.home / "own.csv").write_text(f"x\n{value}\n")

    def config(self):
        changes = {"seed": self.values["parameter"], "data_path": str(self.home / "own.csv")}
        return load_experiment("toy").resolve("smoke", changes)

    @property
    def truth(self) -> int:
        return 1000 * self.values["notebook"] + 100 * self.values["module"] + self.small

    @property
    def small(self) -> int:
        return 10 * self.values["table"] + self.values["parameter"]


def plan(project: Project, stack: ExitStack) -> tuple:
    """What the runner makes when a run is planned: copies, and the fingerprint of the copies."""
    inputs = copy_inputs(Path(stack.enter_context(TemporaryDirectory())), project.live)
    config = project.config()
    own = copy_own_data(str(config.data_path), inputs)
    fingerprint = cache.fingerprint_of(config.replace(data_path=str(own)), inputs)
    return inputs, config, own, fingerprint, inputs.digest()


def run(ticket: tuple, project: Project, *, copies: bool = True) -> bool:
    """Make the number as a kernel would, from the copies (or, the fault to be found, from the live files)."""
    inputs, config, own, fingerprint, digest = ticket
    home, table = (inputs.home, own) if copies else (project.home, project.home / "own.csv")
    cell = json.loads((home / "notebooks" / "toy.ipynb").read_text())["cells"][2]["source"]
    scale = int(re.search(r"SCALE = (\d+)", cell).group(1))
    rate = int(re.search(r"RATE = (\d+)", (home / MODULE).read_text()).group(1))
    forget_reads()
    value = 1000 * scale + 100 * rate + 10 * int(read_user_table(table)[0]["x"][0]) + config.seed
    first = RunState(
        slug="toy", profile="smoke", started=datetime(2026, 1, 1, tzinfo=UTC),
        parameters=dict(config.values), fingerprint=fingerprint,
    )  # fmt: skip
    folder, state = begin_run(dead_batch(), first)
    (folder / READS).write_text(
        "".join(json.dumps({"name": n, "sha256": s}) + "\n" for n, s in reads().items())
    )
    card = DataCard("toy", "Toy", "simulated", "Simulated", "Here.", "none", 1, 1, "0", "Toy.")
    record = Record(
        slug="toy", run=state.run, profile="smoke", started=state.started, seconds=1.0,
        parameters=dict(config.values), data=card, estimates=(Estimate("x", value, value, value, "1", 1),),
        series={}, claims=(),
        provenance=Provenance(
            fingerprint=fingerprint, git_commit=None, git_dirty=None, python="3", machine="1"
        ),
    )  # fmt: skip
    record.save(folder / "result.json")
    (folder / "executed.ipynb").write_text("{}")
    spec = RunSpec(
        state=state, folder=folder, inputs=inputs, inputs_digest=digest, own_data=str(own),
        kept=folder / "kept",
    )  # fmt: skip
    problem = strange_input(spec, record) if copies else None
    end = state.model_copy(update={"status": "failed" if problem else "finished"})
    (end if problem else seal(folder, end)).save(folder)
    return problem is None


def wrong_reuses(history: list, home: Path, *, copies: bool = True) -> int:
    """Play a history; how often a number is reused that the project, as it is then, would not give."""
    project, waiting, wrong = Project(home), [], 0
    with ExitStack() as stack:
        for action, knob, value in history:
            match action:
                case "edit":
                    project.edit(knob, value)
                case "plan":
                    waiting.append(plan(project, stack))
                case "run" if waiting:
                    run(waiting.pop(0), project, copies=copies)
                case "tamper" if waiting:
                    target = waiting[0][0].home / MODULE
                    target.write_text(f"RATE = {9 - value}\n")
                case _:
                    pass
            found = cache.find_reusable(cache.fingerprint_of(project.config(), project.live))
            if found is not None:
                number = json.loads((found / "result.json").read_text())["estimates"][0]["value"]
                wrong += number != project.truth
    return wrong


ACTIONS = st.tuples(
    st.sampled_from(["edit", "edit", "plan", "run", "run", "tamper"]),
    st.sampled_from(KNOBS),
    st.integers(0, 1),
)


@pytest.fixture
def place(tmp_path_factory, monkeypatch):
    """A new project folder a history."""

    def new() -> Path:
        folder = tmp_path_factory.mktemp("history")
        monkeypatch.setenv("DTI_HOME", str(folder))
        monkeypatch.setenv("DTI_RESULTS", str(folder / "results"))
        return folder

    return new


QUICK = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)


@QUICK
@given(history=st.lists(ACTIONS, min_size=3, max_size=12))
def test_no_history_leads_to_a_wrong_reuse(place, record_property, history):
    record_property("histories", EXAMPLES)
    assert wrong_reuses(history, place()) == 0


EDITED_WHILE_WAITING = [
    ("plan", "module", 0), ("edit", "module", 1), ("run", "module", 0), ("edit", "module", 0),
]  # fmt: skip


def test_the_fault_is_found_where_runs_read_live_files(place):
    assert wrong_reuses(EDITED_WHILE_WAITING, place(), copies=False) > 0
    assert wrong_reuses(EDITED_WHILE_WAITING, place()) == 0


def test_a_whole_history_is_reused_rightly(place):
    """The check above would also pass if nothing were ever reused."""
    project = Project(place())
    with ExitStack() as stack:
        assert run(plan(project, stack), project)
        assert cache.find_reusable(cache.fingerprint_of(project.config(), project.live)) is not None
        project.edit("table", 1)
        assert cache.find_reusable(cache.fingerprint_of(project.config(), project.live)) is None
        project.edit("table", 0)
        assert cache.find_reusable(cache.fingerprint_of(project.config(), project.live)) is not None


def test_copies_that_were_tampered_with_fail_the_run(place):
    project = Project(place())
    with ExitStack() as stack:
        ticket = plan(project, stack)
        (ticket[0].home / MODULE).write_text("RATE = 8\n")
        assert not run(ticket, project)
