"""Runs that end badly: each is named, kept and harmless to the others. Kernels and workers are real."""

import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import nbformat
import psutil
import pytest
from distributed.scheduler import KilledWorker

from dti_core.cli.ending import PLACE, ending
from dti_core.lab.errors import DataError, RunError
from dti_core.lab.fingerprint import Fingerprint
from dti_core.lab.record import Record
from dti_core.lab.running import batches, cluster
from dti_core.lab.running.cache import find_reusable, fingerprint_of
from dti_core.lab.running.cluster import LostRun, Slots
from dti_core.lab.running.dispatch import Dispatcher, Terms
from dti_core.lab.running.execute import execute
from dti_core.lab.running.inputs import live
from dti_core.lab.running.leftovers import UNFINISHED, sweep_up
from dti_core.lab.running.provenance import GitState
from dti_core.lab.running.runner import _interrupts, run_all
from dti_core.lab.running.runs import (
    RUN_DIR,
    Outcome,
    RunPlan,
    RunSpec,
    RunState,
    Ticket,
    damage,
    is_finished,
    read_state,
    seal,
)
from tests.conftest import copy_store
from tests.toy_project import CHECKOUT, build_toy_project, edit_cell, toy_plan
from tests.toy_runs import EMPTY_NOTEBOOK, dead_batch, toy_record

ENDS = ("calm", "fail", "die", "kill_worker", "quit", "fill_disk")


class Notes:
    """A listener that remembers what it was told."""

    def __init__(self) -> None:
        self.started_runs: list[str] = []
        self.steps: list[tuple[str, int, int]] = []
        self.outcomes: list[Outcome] = []

    def started(self, plan: RunPlan, run: str, why: str) -> None:
        self.started_runs.append(run)

    def progressed(self, plan: RunPlan, run: str, label: str, done: int, total: int) -> None:
        self.steps.append((label, done, total))

    def noticed(self, sentence: str) -> None:
        raise AssertionError(sentence)

    def ended(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    place = build_toy_project(tmp_path_factory.mktemp("toy"))
    copy_store(empty_store, place / "results")
    return place


@pytest.fixture(scope="module")
def batch(home: Path) -> dict[str, Outcome]:
    """One batch on two workers in which every notebook but two ends badly, each in its own way."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DTI_HOME", str(home))
        patch.setenv("DTI_RESULTS", str(home / "results"))
        (home / "own.txt").write_text("1 2 3")
        patch.chdir(home)
        notes = Notes()
        plans = [toy_plan(behaviour=end) for end in ENDS] + [toy_plan(data_path="own.txt")]
        outcomes = run_all(plans, jobs=2, listener=notes)
    assert {outcome.run for outcome in notes.outcomes} == set(notes.started_runs)
    assert [outcome.slug for outcome in outcomes] == ["toy"] * len(plans)
    return dict(zip((*ENDS, "own data"), outcomes, strict=True))


@pytest.fixture
def toy(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DTI_HOME", str(home))
    monkeypatch.setenv("DTI_RESULTS", str(home / "results"))
    return home


def spec_of(folder: Path, home: Path, timeout_seconds: float | None = None, **changes: object) -> RunSpec:
    """A spec for a run outside any batch, which executes the project itself instead of copies."""
    folder.mkdir(parents=True)
    config, inputs = toy_plan(**changes).config, live()
    state = RunState(
        slug="toy", run=folder.name, profile=config.profile, started=config.created,
        parameters=dict(config.values), fingerprint=fingerprint_of(config),
    )  # fmt: skip
    state.save(folder)
    return RunSpec(
        state=state, folder=folder, inputs=inputs, inputs_digest=inputs.digest(), own_data="",
        kept=folder / "again", timeout_seconds=timeout_seconds,
    )  # fmt: skip


def looks_finished(folder: Path) -> bool:
    return is_finished(folder) or any((folder / name).exists() for name in ("executed.ipynb", "result.json"))


def test_good_run_keeps_record_and_notebook(batch):
    outcome = batch["calm"]
    record = Record.model_validate_json((outcome.folder / "result.json").read_bytes())
    assert (outcome.status, record.run, record.profile) == ("finished", outcome.run, "smoke")
    assert record.parameters["n_draws"] == 5
    state = read_state(outcome.folder)
    assert record.provenance.fingerprint == state.fingerprint
    assert {path.name for path in outcome.folder.iterdir()} - {"reads.jsonl", "usage.jsonl"} == {
        "executed.ipynb", "result.json", "run.json"
    }  # fmt: skip
    assert set(state.outputs) == {"executed.ipynb", "result.json"}
    assert damage(outcome.folder, state) == ""


def test_batch_leaves_nothing_behind_but_its_runs(batch, toy):
    assert batches.open_folders() == []
    assert sorted(read_state(o.folder).sequence for o in batch.values()) == list(range(1, len(batch) + 1))
    for outcome in batch.values():
        assert not list(outcome.folder.glob(".*")) + list(outcome.folder.glob("begun"))
    assert carriers(RUN_DIR, str(toy / "results")) == []
    assert carriers(batches.OWNER, read_state(batch["calm"].folder).batch) == []


def test_cores_are_shared_and_threads_are_one(batch):
    record = Record.model_validate_json((batch["calm"].folder / "result.json").read_bytes())
    shown = {estimate.key: estimate.value for estimate in record.estimates}
    assert shown["threads"] == 1
    assert shown["cores"] == max(1, os.cpu_count() // 2)


def test_relative_data_path_is_found_by_the_worker(batch):
    record = Record.model_validate_json((batch["own data"].folder / "result.json").read_bytes())
    assert {e.key: e.value for e in record.estimates}["mean"] == 2.0
    assert Path(str(record.parameters["data_path"])).is_absolute()


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("fail", r"ValueError: the toy was told to fail \(cell \[3\] `import os"),
        ("die", r"the kernel died in cell \[3\] `import os"),
        ("kill_worker", r"the worker process died"),
        ("quit", r"ended before `from pathlib import Path` ran"),
        ("fill_disk", r"No space left on device \(cell \[3\]"),
    ],
)
def test_bad_run_is_named_and_kept(batch, end, said):
    outcome = batch[end]
    state = read_state(outcome.folder)
    assert outcome.status == state.status == "failed"
    assert outcome.reason == state.reason
    assert re.search(said, outcome.reason)
    assert state.parameters["behaviour"] == end


@pytest.mark.parametrize("end", [end for end in ENDS if end != "calm"])
def test_bad_run_never_looks_complete(batch, end):
    """papermill itself marks every cell of a notebook with a dead kernel as completed."""
    folder = batch[end].folder
    assert not looks_finished(folder)
    notebook = nbformat.read(folder / "partial.ipynb", as_version=4)
    assert "This run failed" in notebook.cells[0].source
    unrun = [c for c in notebook.cells if c.cell_type == "code" and c.execution_count is None]
    assert unrun
    assert {cell.metadata.papermill.status for cell in unrun} <= {"pending", "failed"}


def test_mlflow_holds_each_run_with_its_end(batch, toy):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{toy / 'results' / 'mlflow.db'}")
    found = client.search_runs([client.get_experiment_by_name("toy").experiment_id])
    runs = {run.data.tags["dti.run"]: run for run in found}
    for end in (*ENDS, "own data"):
        run = runs[batch[end].run]
        finished = batch[end].status == "finished"
        assert run.info.status == ("FINISHED" if finished else "FAILED")
        assert run.data.tags.get("dti.reason", "") == batch[end].reason
        names = {artifact.path for artifact in client.list_artifacts(run.info.run_id)}
        complete = {"result.json", "executed.ipynb", "estimates.json"}
        assert names == (complete if finished else {"partial.ipynb"})
    calm = runs[batch["calm"].run].data
    shown = {f"{name}/{end}" for name in ("mean", "cores", "threads") for end in ("value", "low", "high")}
    system = {"system/cpu_seconds", "system/seconds_behind_numbers"}
    assert {name for name in calm.metrics if not name.startswith("system/")} == shown
    assert system <= set(calm.metrics)
    assert calm.params["cost_bps"] == "10.0"
    assert calm.tags["dti.profile"] == "smoke"
    assert len(calm.tags["dti.fingerprint"]) == len(calm.tags["dti.numbers"]) == 64


def test_timeout_names_the_cell(toy, tmp_path):
    outcome = execute(spec_of(tmp_path / "slow", toy, timeout_seconds=1.0, behaviour="hang"))
    assert outcome.status == "failed"
    assert outcome.reason == "timeout: 1 s were up in cell [3] `import os, signal, sys, time`"
    assert not looks_finished(tmp_path / "slow")
    assert (tmp_path / "slow" / "partial.ipynb").is_file()


def test_full_disk_is_named(toy, tmp_path):
    """/dev/full refuses every write as a full disk does."""
    spec = spec_of(tmp_path / "full", toy)
    (spec.folder / UNFINISHED).symlink_to("/dev/full")
    outcome = execute(spec)
    assert outcome.status == "failed"
    assert outcome.reason.startswith("the disk is full")
    assert not looks_finished(spec.folder)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("record(result)", "record(result); raise ValueError('late')", "ValueError: late"),
        ("\nrecord(result)", "", "wrote no result.json"),
        ("Result(config,", "Result(config.replace(cost_bps=1.0),", "made with other values of cost_bps"),
    ],
)
def test_record_without_a_sound_notebook_is_set_aside(monkeypatch, tmp_path, old, new, said):
    home = build_toy_project(tmp_path / "home")
    monkeypatch.setenv("DTI_HOME", str(home))
    edit_cell(home, old, new)
    spec = spec_of(tmp_path / "results" / "run", home)
    end = execute(spec)
    assert end.status == "failed"
    assert said in end.reason
    assert not looks_finished(spec.folder)


def test_files_that_a_study_makes_lie_in_the_run_and_are_sealed(monkeypatch, tmp_path):
    home = build_toy_project(tmp_path / "home")
    monkeypatch.setenv("DTI_HOME", str(home))
    edit_cell(home, "record(result)", "record(result, {'calendar.csv': b'week'})")
    spec = spec_of(tmp_path / "results" / "run", home)
    end = execute(spec)
    assert end.status == "finished", end.reason
    assert (spec.folder / "files" / "calendar.csv").read_bytes() == b"week"
    assert "files/calendar.csv" in seal(spec.folder, end).outputs


def terms_of(batch: batches.Batch, cores: int = 1, timeout_seconds: float | None = None) -> Terms:
    """Terms for runs that execute the project itself."""
    return Terms(batch, live(), live().digest(), GitState(None, None), cores, timeout_seconds)


def ticket_of(place: int, plan: RunPlan, fingerprint: Fingerprint | None = None) -> Ticket:
    """A run that must be made."""
    draft = RunState(
        slug=plan.slug, profile=plan.config.profile, started=plan.config.created,
        parameters=dict(plan.config.values), fingerprint=fingerprint or fingerprint_of(plan.config),
    )  # fmt: skip
    return Ticket(place, plan, draft)


class FlakySlots:
    """One slot whose worker is lost before it begins the first run, then reports that the run failed."""

    def __init__(self) -> None:
        self.specs: list[RunSpec] = []

    def count(self) -> int:
        return 1

    def submit(self, spec: RunSpec) -> object:
        self.specs.append(spec)
        return len(self.specs)

    def finished(self, futures: list[object], within_seconds: float) -> list[object]:
        return futures

    def outcome(self, future: object, spec: RunSpec) -> RunState:
        if future == 1:
            raise LostRun(begun=False)
        return spec.state.ended("failed", "told to", 1.0)


def test_run_that_never_began_is_handed_out_again(toy, monkeypatch, tmp_path):
    monkeypatch.setenv("DTI_RESULTS", str(tmp_path / "results"))
    monkeypatch.setattr("dti_core.lab.running.track.sync", dict)
    slots, notes = FlakySlots(), Notes()
    terms = terms_of(dead_batch(), cores=3, timeout_seconds=7.0)
    outcomes = Dispatcher(deque([ticket_of(0, toy_plan())]), terms, notes, Event()).run(slots)
    assert len(slots.specs) == 2
    assert slots.specs[0] == slots.specs[1]
    assert (slots.specs[0].cores, slots.specs[0].timeout_seconds) == (3, 7.0)
    assert len(notes.started_runs) == len(notes.outcomes) == 1
    assert outcomes[0].reason == "told to"


class ReadySlots(FlakySlots):
    """Slots whose runs have all finished as soon as they are handed out."""

    def submit(self, spec: RunSpec) -> object:
        toy_record(spec.state.run).save(spec.folder / "result.json")
        (spec.folder / "executed.ipynb").write_text(EMPTY_NOTEBOOK)
        return super().submit(spec)

    def outcome(self, future: object, spec: RunSpec) -> RunState:
        return spec.state.ended("finished", "", 1.0)


def dispatch(plans: list[RunPlan], notes: Notes | None = None) -> tuple[dict[int, Outcome], Notes]:
    """Dispatch plans to slots where everything finishes at once."""
    tickets, notes = deque(ticket_of(n, plan) for n, plan in enumerate(plans)), notes or Notes()
    with batches.open_batch() as batch:
        return Dispatcher(tickets, terms_of(batch), notes, Event()).run(ReadySlots()), notes


@pytest.mark.parametrize(("place", "real"), [("runs.seal", seal), ("leftovers.write_figure_page", None)])
def test_run_that_cannot_be_kept_fails_alone(toy, monkeypatch, tmp_path, place, real):
    monkeypatch.setenv("DTI_RESULTS", str(tmp_path / "results"))
    calls = []

    def fill_disk(folder, *rest):
        calls.append(folder)
        if len(calls) == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real and real(folder, *rest)

    monkeypatch.setattr("dti_core.lab.running.track.sync", dict)
    monkeypatch.setattr(f"dti_core.lab.running.{place}", fill_disk)
    plans = [toy_plan(seed=1), toy_plan(seed=2)]
    outcomes, notes = dispatch(plans)
    assert [outcomes[n].status for n in (0, 1)] == ["failed", "finished"]
    assert "could not be kept: OSError: [Errno 28] No space left on device" in outcomes[0].reason
    assert notes.outcomes == [outcomes[0], outcomes[1]]
    state = read_state(outcomes[0].folder)
    assert (state.status, state.reason) == ("failed", outcomes[0].reason)
    assert not looks_finished(outcomes[0].folder)
    assert find_reusable(fingerprint_of(plans[0].config)) is None
    assert find_reusable(fingerprint_of(plans[1].config)) == outcomes[1].folder


def test_unreadable_record_fails_its_run_alone(toy, monkeypatch, tmp_path):
    monkeypatch.setenv("DTI_RESULTS", str(tmp_path / "results"))
    monkeypatch.setattr("dti_core.lab.running.track.sync", dict)
    save, saved = Record.save, []

    def spoil_first(self: Record, path: Path) -> None:
        saved.append(path)
        path.write_bytes(b"\xff") if len(saved) == 1 else save(self, path)

    monkeypatch.setattr(Record, "save", spoil_first)
    outcomes, _ = dispatch([toy_plan(seed=1), toy_plan(seed=2)])
    assert [outcomes[n].status for n in (0, 1)] == ["failed", "finished"]
    assert "could not be kept: ValidationError" in outcomes[0].reason


def test_store_that_cannot_log_leaves_the_result(toy, monkeypatch, tmp_path):
    monkeypatch.setenv("DTI_RESULTS", str(tmp_path / "results"))

    def refuse(*_, **__):
        raise RunError("the store is away")

    monkeypatch.setattr("dti_core.lab.running.track.sync", refuse)
    outcomes, _ = dispatch([toy_plan(seed=1)])
    assert (outcomes[0].status, outcomes[0].reason) == ("finished", "not logged: the store is away")
    assert is_finished(outcomes[0].folder)


def test_run_handed_out_twice_is_not_run_twice(toy, tmp_path):
    """A scheduler that gives a dead worker's run to the next one would kill that as well."""
    spec = spec_of(tmp_path / "again", toy)
    (spec.folder / "begun").touch()
    assert execute(spec).reason == "the worker process died (killed, or out of memory)"


def test_run_handed_out_again_after_its_end_keeps_what_it_has(toy, tmp_path):
    """Its worker may die before the outcome is fetched, or, if the scheduler still keeps it, long after."""
    spec = spec_of(tmp_path / "again", toy)
    first = execute(spec)
    files = {path: path.read_bytes() for path in spec.folder.rglob("*") if path.is_file()}
    second = execute(spec)
    assert (first.status, second.status, second.reason) == ("finished", "finished", "")
    sweep_up(spec.folder)
    read_state(spec.folder).model_copy(update={"status": "finished"}).save(spec.folder)
    assert execute(spec).status == "finished"
    kept = {path for path in files if path.name not in ("run.json", "begun", "progress.json")}
    assert {path: path.read_bytes() for path in kept} == {path: files[path] for path in kept}
    assert not (spec.folder / "begun").exists()


class Kept:
    """A future whose outcome waits on a worker, or is lost."""

    def __init__(self, outcome: object) -> None:
        self.outcome, self.released = outcome, False

    def result(self, timeout: float) -> object:
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome

    def release(self) -> None:
        self.released = True


@pytest.mark.parametrize(
    "outcome", ["an outcome", KilledWorker("run", SimpleNamespace(address="tcp://gone"), 0), OSError("gone")]
)
def test_no_worker_keeps_an_outcome_that_was_fetched(toy, tmp_path, outcome):
    """Else its death makes the scheduler run the notebook once more, into the folder of the finished run."""
    future = Kept(outcome)
    with suppress(LostRun):
        assert Slots(None, 1).outcome(future, spec_of(tmp_path / "run", toy)) == outcome
    assert future.released


@pytest.mark.parametrize("depth", [1, 40])
def test_kernels_talk_wherever_temporary_files_lie(toy, tmp_path, monkeypatch, depth):
    """The path of a socket must be short, that of a folder for temporary files need not."""
    place = tmp_path / ("deep" * depth)
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    spec = spec_of(tmp_path / "run", toy)
    assert execute(spec).reason == ""
    assert list(place.iterdir()) == []


def test_nearly_full_disk_is_refused(toy, monkeypatch):
    monkeypatch.setattr("dti_core.lab.running.runner._LEAST_FREE_BYTES", 10**18)
    with pytest.raises(RunError, match="MB are needed") as caught:
        run_all([toy_plan(seed=77)])
    assert ending(caught.value)[0] == PLACE
    assert batches.open_folders() == []


def test_missing_data_file_is_refused_before_anything_runs(toy):
    with pytest.raises(DataError, match=r"nowhere\.csv: no such file"):
        run_all([toy_plan(data_path="nowhere.csv")])


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def outside_cluster(tmp_path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Address of a cluster with two workers, its scheduler and the parent of its workers."""
    port = _free_port()
    address = f"tcp://127.0.0.1:{port}"
    dask = [sys.executable, "-m", "dask"]
    scheduler = [*dask, "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    worker = [*dask, "worker", address, "--nworkers", "2", "--nthreads", "1", "--no-dashboard"]
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for command in (scheduler, worker):
            processes.append(
                subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            )
        yield address, processes
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(timeout=20)


def test_outside_cluster(toy, outside_cluster):
    plans = [toy_plan(seed=5), toy_plan(seed=6, behaviour="kill_worker")]
    good, bad = run_all(plans, cluster=outside_cluster[0])
    assert (good.status, good.reason) == ("finished", "")
    assert (bad.status, bad.reason) == ("failed", "the worker process died (killed, or out of memory)")


def test_scheduler_that_dies_leaves_every_run_with_an_outcome(toy, outside_cluster, monkeypatch):
    monkeypatch.setattr(cluster, "_CONNECT_SECONDS", 3)
    address, (scheduler, _) = outside_cluster
    kernels: list[int] = []

    def kill_scheduler() -> None:
        kernels.extend(wait_for_kernels(toy / "results", count=2))
        scheduler.kill()

    murder = threading.Thread(target=kill_scheduler)
    murder.start()
    notes = Notes()
    plans = [toy_plan(seed=seed, behaviour="hang") for seed in (20, 21, 22, 23)]
    outcomes = run_all(plans, cluster=address, listener=notes)
    murder.join()
    assert [outcome.status for outcome in outcomes] == ["failed"] * 4
    assert all(outcome.reason.startswith("the cluster failed") for outcome in outcomes)
    assert sorted(map(id, notes.outcomes)) == sorted(map(id, outcomes))
    for outcome in outcomes[:2]:
        assert read_state(outcome.folder).status == "failed"
        assert not looks_finished(outcome.folder)
    assert [outcome.folder for outcome in outcomes[2:]] == [None, None]
    assert not any(map(_alive, kernels))
    assert batches.open_folders() == []


def test_absent_cluster_is_named(toy, monkeypatch):
    monkeypatch.setattr(cluster, "_CONNECT_SECONDS", 1)
    address = f"tcp://127.0.0.1:{_free_port()}"
    with pytest.raises(RunError, match=f"no Dask scheduler answers at {address}"):
        run_all([toy_plan(seed=7)], cluster=address)
    with pytest.raises(RunError, match="give the scheduler's address"):
        run_all([toy_plan(seed=7)], cluster="127.0.0.1:8786")


BATCH = """
import json, signal, sys
sys.path.insert(0, sys.argv[1])
from tests.toy_project import toy_plan
from dti_core.lab.running.runner import run_all

class Lines:
    def started(self, plan, run, why): print("started", plan.config.behaviour, flush=True)
    def progressed(self, *step): pass
    def noticed(self, sentence): pass
    def ended(self, outcome): print("ended", outcome.status, flush=True)

if __name__ == "__main__":
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run where it is ignored
    plans = [toy_plan(seed=8, force=True), *(toy_plan(seed=seed, behaviour="hang") for seed in (9, 10, 11))]
    outcomes = run_all(plans, jobs=2, listener=Lines())
    print(json.dumps([(o.status, o.reason, str(o.folder)) for o in outcomes]))
"""


def _alive(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def carriers(variable: str, value: str) -> list[int]:
    """Processes that carry a variable, such as the kernels of a results folder or the workers of a batch."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(variable, "").startswith(value):
                found.append(process.pid)
    return found


def wait_for_kernels(results: Path, count: int) -> list[int]:
    """Process ids of the kernels that run there, as soon as there are `count`."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if len(pids := carriers(RUN_DIR, str(results))) >= count:
            return pids
        time.sleep(0.1)
    raise AssertionError(f"no {count} kernels within 60 s")


@pytest.fixture
def hanging_batch(toy, tmp_path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A batch in a session of its own: its first run has finished, two hang, one waits; and its kernels."""
    script = tmp_path / "batch.py"
    script.write_text(BATCH)
    process = subprocess.Popen(
        [sys.executable, script, str(CHECKOUT)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        lines = []
        while len([line for line in lines if line.startswith("started hang")]) < 2:
            lines.append(process.stdout.readline())
            assert lines[-1], process.stderr.read()
        yield process, wait_for_kernels(toy / "results", count=2)
    finally:
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_interrupt_keeps_the_finished_and_ends_the_kernels(hanging_batch, number):
    """Ctrl-C, like a terminal that closes, reaches every process of the group: the test signals them all."""
    process, pids = hanging_batch
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=40)
    assert process.returncode == 0, err
    if number == signal.SIGINT:  # a hang-up also ends Python's tracker of semaphores, which complains
        assert "Traceback" not in err
    outcomes = json.loads(out.splitlines()[-1])
    assert [status for status, _, _ in outcomes] == ["finished", "killed", "killed", "killed"]
    assert [reason for _, reason, _ in outcomes][1:] == ["interrupted"] * 2 + [
        "interrupted before it started"
    ]
    for _, _, folder in outcomes[1:3]:
        assert read_state(Path(folder)).status == "killed"
        assert not looks_finished(Path(folder))
    assert not any(map(_alive, pids))


def test_hangup_is_ignored_where_it_was_ignored():
    """As under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with _interrupts() as interrupted:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not interrupted.is_set()
            os.kill(os.getpid(), signal.SIGTERM)
            assert interrupted.wait(1)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        with _interrupts() as interrupted:
            os.kill(os.getpid(), signal.SIGHUP)
            assert interrupted.wait(1)
    finally:
        signal.signal(signal.SIGHUP, before)


class Deaf(Notes):
    """A listener whose terminal is gone."""

    def started(self, plan: RunPlan, run: str, why: str) -> None:
        raise OSError(errno.EIO, "Input/output error")

    progressed = started

    def ended(self, outcome: Outcome) -> None:
        super().ended(outcome)
        raise ValueError("closing tag '[/x]' doesn't match any open tag")


def test_listener_that_fails_ends_no_run(toy, monkeypatch, tmp_path):
    monkeypatch.setenv("DTI_RESULTS", str(tmp_path / "results"))
    monkeypatch.setattr("dti_core.lab.running.track.sync", dict)
    outcomes, notes = dispatch([toy_plan(seed=1), toy_plan(seed=2)], Deaf())
    assert [outcomes[n].status for n in (0, 1)] == ["finished", "finished"]
    assert notes.outcomes == [outcomes[0], outcomes[1]]
