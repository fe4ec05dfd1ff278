"""Killed at any moment, a batch leaves no ghost after the next command: marks, reaper, order and seals."""

import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Event
from typing import Any

import nbformat
import papermill
import psutil
import pytest

from dti_core.lab.data import DataCard
from dti_core.lab.paths import results_root
from dti_core.lab.record import Estimate, Provenance, Record
from dti_core.lab.running import batches
from dti_core.lab.running.dispatch import Dispatcher
from dti_core.lab.running.execute import execute
from dti_core.lab.running.history import finished_runs, latest_run
from dti_core.lab.running.reaper import reap
from dti_core.lab.running.runs import (
    RUN_DIR,
    RunSpec,
    RunState,
    begin_run,
    damage,
    is_finished,
    list_runs,
    read_state,
    seal,
    set_aside,
)
from dti_core.lab.running.track import sync
from tests.test_lab_run import terms_of, ticket_of
from tests.test_lab_track import runs_in_store
from tests.toy_project import CHECKOUT, build_toy_project, toy_plan
from tests.toy_runs import EMPTY_NOTEBOOK, dead_batch, leave_run, toy_fingerprint, toy_record, toy_state

DEEP = bool(os.environ.get("DTI_DEEP"))
FILE_KILLS, TIMED_KILLS, MUTATIONS = (160, 40, 2000) if DEEP else (16, 4, 200)
FORK = multiprocessing.get_context("fork")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_toy_project(tmp_path_factory.mktemp("toy"))


@pytest.fixture
def toy(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DTI_HOME", str(home))
    return home


def ghosts(results: Path, temporary: Path) -> list[str]:
    """All that a killed batch may have left, in words; and what the two stores say of each run, if unlike."""
    found = [f"open: {folder.name}" for folder in batches.open_folders()]
    found += [f"socket folder: {folder}" for folder in temporary.glob("dti-*")]
    for process in psutil.process_iter():
        try:
            carried = process.environ()
        except psutil.Error:
            continue
        if carried.get(RUN_DIR, "").startswith(f"{results}/"):
            found.append(f"process: {process.cmdline()}")
    told = {run.data.tags["dti.run"]: run.info.status for run in runs_in_store()}
    for folder in list_runs("toy"):
        state = read_state(folder)
        left = [path.name for path in folder.iterdir() if path.name in ("begun", "stop") or path.match(".*")]
        found += [f"{folder.name}: {name}" for name in left]
        if state is None or state.status == "running":
            found.append(f"{folder.name}: {state and state.status}")
        elif state.status == "finished":
            found += [why for why in [damage(folder, state)] if why]
        elif is_finished(folder):
            found.append(f"{folder.name}: {state.status}, but looks finished")
        if state and told.pop(folder.name, None) != state.status.upper():
            found.append(f"{folder.name}: {state.status} here, another state in MLflow")
    return found + [f"only in MLflow: {name} {status}" for name, status in told.items()]


# 1. Killed before each file operation and each call of MLflow, without kernels


class InlineSlots:
    """One slot that runs a notebook at once, in this process."""

    def __init__(self) -> None:
        self._outcomes: dict[int, RunState] = {}

    def count(self) -> int:
        return 1

    def submit(self, spec: RunSpec) -> int:
        self._outcomes[len(self._outcomes)] = execute(spec)
        return len(self._outcomes) - 1

    def finished(self, futures: list[int], within_seconds: float) -> list[int]:
        return futures

    def outcome(self, future: int, spec: RunSpec) -> RunState:
        return self._outcomes[future]

    def cancel(self, futures: list[int]) -> None: ...


def play_notebook(spec_of: dict[str, RunSpec]) -> Any:
    """Stands for papermill: writes what a notebook that runs leaves, or raises as one that fails."""

    def played(notebook: Path, output: Path, *, parameters: dict[str, Any], **_: Any) -> None:
        made = nbformat.read(notebook, as_version=4)
        for number, cell in enumerate(cell for cell in made.cells if cell.cell_type == "code"):
            cell.execution_count = number + 1
            Path(output).write_text(nbformat.writes(made))
        if parameters["behaviour"] == "fail":
            raise ValueError("told to")
        folder = Path(output).parent
        state = read_state(folder)
        source = Provenance(
            fingerprint=state.fingerprint, git_commit=None, git_dirty=None, python="3.11", machine="m"
        )
        card = DataCard("toy", "Toy", "simulated", "Simulated", "", "none", 1, 1, "0", "")
        Record(
            slug="toy", run=folder.name, profile="smoke", started=state.started, seconds=1.0,
            parameters=parameters, data=card, estimates=(Estimate("mean", 0, -1, 1, "1", 5),), series={},
            claims=(), provenance=source,
        ).save(folder / "result.json")  # fmt: skip

    return played


def die_at(moment: int, watched: tuple[str, ...], tally: Path) -> None:
    """From now on count each file operation below `watched` and each call of MLflow; end at that number."""
    from mlflow import MlflowClient

    count = 0

    def tick() -> None:
        nonlocal count
        count += 1
        if count == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, what: tuple[Any, ...]) -> None:
        changes = event in ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.utime") or (
            event == "open" and isinstance(what[2], int) and what[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        )
        if changes and str(what[0]).startswith(watched):
            tick()

    def around(call: Any) -> Any:
        def counted(*given: Any, **named: Any) -> Any:
            tick()
            answer = call(*given, **named)
            tick()
            return answer

        return counted

    for name in ("create_run", "log_batch", "log_artifact", "set_terminated", "set_experiment_tag"):
        setattr(MlflowClient, name, around(getattr(MlflowClient, name)))
    sys.addaudithook(hook)
    live_batch()
    tally.write_text(str(count))


def live_batch() -> None:
    """The whole life of a batch of three runs, one of which fails; the first has been made before."""
    papermill.execute_notebook = play_notebook({})
    plans = [toy_plan(seed=1), toy_plan(seed=2, behaviour="fail"), toy_plan(seed=3)]
    tickets = deque(
        ticket_of(n, plan, toy_fingerprint("toy", **plan.config.values)) for n, plan in enumerate(plans)
    )

    class Silence:
        def __getattr__(self, name: str) -> Any:
            return lambda *_: None

    with batches.open_batch() as batch:
        sync()
        Dispatcher(tickets, terms_of(batch), Silence(), Event()).run(InlineSlots())


@pytest.fixture
def places(tmp_path: Path, ready_store: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Fresh results and temporary folders, as many as wanted, in the same world otherwise."""
    store = results_root() / "mlflow.db"

    def fresh(name: str) -> tuple[Path, Path]:
        results, temporary = tmp_path / name, tmp_path / f"{name}-tmp"
        results.mkdir()
        temporary.mkdir()
        shutil.copy(store, results / "mlflow.db")
        monkeypatch.setenv("DTI_RESULTS", str(results))
        monkeypatch.setenv("TMPDIR", str(temporary))
        monkeypatch.setattr(tempfile, "tempdir", None)
        return results, temporary

    yield fresh
    tempfile.tempdir = None


def killed_batch(moment: int, results: Path, temporary: Path) -> int | None:
    """Let a child live a batch and die at `moment`; if it outlives it, the number of moments there were."""
    tally = temporary / "moments"
    watched = (str(results), str(temporary / "dti-"))
    child = FORK.Process(target=die_at, args=(moment, watched, tally))
    child.start()
    child.join(60)
    assert child.exitcode in (0, -signal.SIGKILL)
    return int(tally.read_text()) if tally.exists() else None


def test_batch_killed_at_any_file_operation_leaves_no_ghost(places: Any, toy: Path) -> None:
    import mlflow

    assert mlflow.__version__  # imported here, once for all children
    results, temporary = places("whole")
    moments = killed_batch(0, results, temporary)
    assert ghosts(results, temporary) == []
    assert sorted(run.info.status for run in runs_in_store()) == ["FAILED", "FINISHED", "FINISHED"]
    chance = random.Random(6)
    chosen = sorted(chance.sample(range(1, moments + 1), min(FILE_KILLS, moments)))
    mended = finished = killed = 0
    for moment in chosen:
        results, temporary = places(f"kill-{moment}")
        assert killed_batch(moment, results, temporary) is None
        before = ghosts(results, temporary)
        said = reap()
        assert (moment, ghosts(results, temporary)) == (moment, [])
        assert reap() == []
        assert said or all(ghost.startswith("open: ") for ghost in before)  # killed between two runs
        mended += bool(said)
        states = [read_state(folder) for folder in list_runs("toy")]
        finished += sum(state.status == "finished" for state in states)
        killed += sum(state.status == "killed" for state in states)
        assert sorted(state.sequence for state in states) == list(range(1, len(states) + 1))
    told = f"{mended} mended, {finished} finished and {killed} killed runs, 0 ghosts"
    print(f"{len(chosen)} of {moments} moments: {told}")
    assert mended > len(chosen) / 2
    assert finished
    assert killed


# 2. Killed at any time, with workers and kernels

SERVER = """
import os, signal, sys
import distributed, mlflow, nbformat, pandas, papermill, psutil
import dti_core.lab.running.dispatch, dti_core.lab.running.execute, dti_core.lab.running.reaper
from dti_core.lab.running.runner import run_all
from tests.toy_project import toy_plan

if __name__ == "__main__":
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        results, temporary, jobs = line.rstrip("\\n").split("\\t")
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.environ |= {"DTI_RESULTS": results, "TMPDIR": temporary}
            os.dup2(os.open(os.devnull, os.O_RDWR), 0)
            run_all([toy_plan(seed=seed) for seed in (1, 2)], jobs=int(jobs))
            os._exit(0)
        print(child, flush=True)
"""


@pytest.fixture
def start_batch(toy: Path, tmp_path: Path) -> Iterator[Any]:
    """Starts batches in children of a process that has imported all they need."""
    script = tmp_path / "server.py"
    script.write_text(SERVER)
    world = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    server = subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=world
    )

    def start(results: Path, temporary: Path, jobs: int) -> psutil.Process:
        server.stdin.write(f"{results}\t{temporary}\t{jobs}\n")
        server.stdin.flush()
        return psutil.Process(int(server.stdout.readline()))

    yield start
    server.stdin.close()
    server.wait(20)


def test_batch_killed_at_any_time_leaves_no_ghost(places: Any, start_batch: Any) -> None:
    """With one worker or two, real kernels, and a kill that falls where it falls.

    The last kill waits for a run that is under way: how long a batch takes depends on what else the machine
    does, so that all the others may fall before the first run or after the last.
    """
    results, temporary = places("whole")
    began = time.monotonic()
    assert start_batch(results, temporary, 1).wait(120) in (0, None)
    whole = time.monotonic() - began
    assert ghosts(results, temporary) == []
    assert [run.info.status for run in runs_in_store()] == ["FINISHED"] * 2
    chance = random.Random(12)
    ends: list[str] = []
    for number in range(TIMED_KILLS):
        seconds = whole * (number + chance.random()) / TIMED_KILLS
        results, temporary = places(f"time-{number}")
        batch = start_batch(results, temporary, 1 + number % 2)
        if number < TIMED_KILLS - 1:
            time.sleep(seconds)
        else:
            wait_for_a_running_run(batch)
        with suppress(psutil.NoSuchProcess):
            batch.kill()
            batch.wait(10)  # the system takes its time
        time.sleep(chance.choice([0.0, 0.3]))
        reap()
        assert (seconds, ghosts(results, temporary)) == (seconds, [])
        assert reap() == []
        ends += [read_state(folder).status for folder in list_runs("toy")]
    print(
        f"{TIMED_KILLS} kills within {whole:.1f} s: {ends.count('finished')} finished, "
        f"{ends.count('killed')} killed runs, 0 ghosts"
    )
    assert "killed" in ends


def wait_for_a_running_run(batch: psutil.Process) -> None:
    deadline = time.monotonic() + 90
    while not any(folder.joinpath("executed.tmp.ipynb").exists() for folder in list_runs("toy")):
        assert time.monotonic() < deadline
        assert batch.is_running(), "the batch ended before a run was seen"
        time.sleep(0.02)


def dti(*words: str, **options: Any) -> subprocess.Popen[str]:
    code = "from dti_core.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=CHECKOUT, **options,
    )  # fmt: skip


def test_command_after_a_killed_one_says_what_it_mended(places: Any, toy: Path) -> None:
    results, temporary = places("command")
    command = dti("run", "toy", "-p", "behaviour=hang")
    deadline = time.monotonic() + 90
    while not any(folder.joinpath("executed.tmp.ipynb").exists() for folder in list_runs("toy")):
        assert time.monotonic() < deadline
        assert command.poll() is None, command.stderr.read()
        time.sleep(0.1)
    command.kill()
    command.wait()
    [folder] = list_runs("toy")
    out, err = dti("list", "toy").communicate(timeout=90)
    assert f"toy {folder.name}: was killed; so it says now, here and in MLflow" in err
    assert "killed" in out
    assert ghosts(results, temporary) == []
    assert "the command that made this run was killed" in (folder / "partial.ipynb").read_text()
    assert dti("list", "toy").communicate(timeout=90)[1] == ""


# 3. Who is dead, and what belongs to it


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def begin_dead(number: float = 1.0, name: str = "dead") -> Path:
    """The folder of a run whose command is gone."""
    folder, _ = begin_run(dead_batch(name), toy_state(number))
    return folder


def test_run_of_a_living_process_is_left_alone(ready_store: None) -> None:
    with batches.open_batch() as batch:
        folder, state = begin_run(batch, toy_state())
        assert batches.is_alive(batch.folder)
        assert reap() == []
        assert read_state(folder) == state
        assert batches.open_folders() == [batch.folder]
    assert len(reap()) == 1
    assert read_state(folder).status == "killed"


HOLD = """
import os, subprocess, sys, time
from dti_core.lab.running.batches import OWNER, open_batch
with open_batch() as batch:
    kernel = subprocess.Popen(["sleep", "300"], env={**os.environ, OWNER: batch.folder.name}, close_fds=False)
    print(kernel.pid, batch.folder.name, flush=True)
    time.sleep(300)
"""


@pytest.mark.parametrize("stopped", [False, True])
def test_lock_lasts_as_long_as_its_process_not_its_kernels(ready_store: None, stopped: bool) -> None:
    """A command that is stopped for hours lives; a killed one is dead at once, even as a zombie."""
    command = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True)
    kernel, name = command.stdout.readline().split()
    folder, _ = begin_run(dead_batch(name), toy_state())
    try:
        if stopped:
            command.send_signal(signal.SIGSTOP)
        assert batches.is_alive(results_root() / ".open" / name)
        assert reap() == []
        command.kill()
        deadline = time.monotonic() + 10
        while psutil.Process(command.pid).status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline
        assert psutil.Process(int(kernel)).is_running()
        assert not batches.is_alive(results_root() / ".open" / name)
        assert len(reap()) == 1
        assert read_state(folder).status == "killed"
        assert not psutil.pid_exists(int(kernel)) or psutil.Process(int(kernel)).status() == "zombie"
    finally:
        command.kill()
        command.wait()


def test_only_processes_and_sockets_of_the_dead_are_ended(
    ready_store: None, tmp_path: Path, stack: ExitStack
) -> None:
    dead = begin_dead(1.0)
    living, _ = begin_run(stack.enter_context(batches.open_batch()), toy_state(2.0))
    sockets = tmp_path / "dti-0123"
    sockets.mkdir()
    (dead / "begun").write_text(str(sockets))
    loop = "sh -c 'sleep 300' & sleep 300"
    world = dict(os.environ)
    kernels = [
        subprocess.Popen(["sh", "-c", loop], env={**world, RUN_DIR: str(folder)}, start_new_session=True)
        for folder in (dead, living)
    ]
    worker = subprocess.Popen(["sleep", "300"], env={**world, batches.OWNER: "dead"})
    try:
        assert len(reap()) == 1
        assert kernels[0].wait(5) == worker.wait(5) == -signal.SIGKILL
        carried = [p.pid for p in psutil.process_iter() if _carries(p, RUN_DIR, str(dead))]
        assert carried == []
        assert kernels[1].poll() is None
        assert not sockets.exists()
        assert read_state(living).status == "running"
    finally:
        os.killpg(kernels[1].pid, signal.SIGKILL)
        kernels[1].wait()


def _carries(process: psutil.Process, variable: str, value: str) -> bool:
    try:
        return process.environ().get(variable) == value
    except psutil.Error:
        return False


def test_folder_that_holds_no_sockets_is_not_removed(ready_store: None, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    folder = begin_dead()
    (folder / "begun").write_text(str(precious))
    assert len(reap()) == 1
    assert precious.is_dir()


def test_partial_notebook_of_a_killed_run_is_kept(ready_store: None) -> None:
    folder = begin_dead()
    (folder / "executed.tmp.ipynb").write_text(EMPTY_NOTEBOOK)
    toy_record(folder.name).save(folder / "result.json")
    reap()
    assert read_state(folder).reason == "the command that made this run was killed"
    assert {path.name for path in folder.iterdir()} == {"run.json", "partial.ipynb", "partial.result.json"}
    assert "This run failed" in (folder / "partial.ipynb").read_text()


def test_run_whose_folder_was_deleted_leaves_nothing(ready_store: None) -> None:
    shutil.rmtree(begin_dead())
    assert reap() == []
    assert batches.open_folders() == runs_in_store() == []


def test_run_that_was_over_but_not_logged_is_logged(ready_store: None) -> None:
    folder = begin_dead()
    state = read_state(folder)
    state.ended("failed", "told to", 1.0).save(folder)
    (folder / "begun").touch()
    assert reap() == [
        f"toy {folder.name}: had ended before its command was killed; so it says now, here and in MLflow"
    ]
    assert [path.name for path in folder.iterdir()] == ["run.json"]


def test_store_that_is_away_costs_one_attempt_and_no_result(
    ready_store: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = begin_dead()
    toy_record(folder.name).save(folder / "result.json")
    (folder / "executed.ipynb").write_text(EMPTY_NOTEBOOK)
    with monkeypatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", "nonsense://dti:hunter22@nowhere")
        [said] = reap()
        assert "had finished before its command was killed; not logged: the MLflow store" in said
        assert "hunter22" not in said
        assert reap() == []
    assert read_state(folder).status == "finished"
    assert sync() == {folder: ""}
    assert [run.info.status for run in runs_in_store()] == ["FINISHED"]


def test_what_cannot_be_mended_is_said_and_stays(ready_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = begin_dead(1.0), begin_dead(2.0)
    from dti_core.lab.running import leftovers

    conclude = leftovers.conclude

    def refuse(folder: Path, *rest: Any) -> None:
        if folder == bad:
            raise OSError(28, "No space left on device")
        conclude(folder, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(leftovers, "conclude", refuse)
        said = reap()
    assert ["cannot be mended: OSError" in sentence for sentence in said] == [True, False]
    assert [read_state(folder).status for folder in (bad, good)] == ["running", "killed"]
    assert len(reap()) == 1
    assert read_state(bad).status == "killed"


def test_results_that_cannot_be_written_to_stop_no_command(
    ready_store: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_dead()

    def refuse(*_: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(batches, "lock", refuse)
    assert reap() == []


def test_two_commands_do_not_mend_one_run(ready_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second does not wait for the first."""

    def wait(_: float) -> None:
        pytest.fail("waits for the lock")

    begin_dead()
    with batches.lock_of(results_root() / ".open" / "dead"), monkeypatch.context() as patch:
        patch.setattr(time, "sleep", wait)
        assert reap() == []
    assert len(reap()) == 1


NOTHING_TO_DO = """
import os, pathlib, sys
import dti_core.lab.errors
before, seen = set(sys.modules), []
from dti_core.lab.running.reaper import reap
watched = ("open", "os.listdir", "os.scandir", "glob.glob", "pathlib.Path.glob", "subprocess.Popen")
sys.addaudithook(lambda event, given: seen.append(f"{event} {given[0]}") if event in watched else None)
assert reap() == []
print(*seen, *sorted({name.partition(".")[0] for name in set(sys.modules) - before}), sep="\\n")
"""


def test_nothing_to_do_costs_nothing(tmp_path: Path) -> None:
    """One folder is looked at, whatever number of runs there is, and no package of others is imported."""
    for number in range(300):
        (tmp_path / "results" / "toy" / f"run-{number}").mkdir(parents=True)
    (tmp_path / "results" / ".open").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", NOTHING_TO_DO], capture_output=True, text=True, check=True, cwd=CHECKOUT
    )
    looked, *imported = done.stdout.splitlines()
    assert looked == f"os.listdir {tmp_path / 'results' / '.open'}"
    assert set(imported) - sys.stdlib_module_names == {"dti_core"}


# 4. Order and seals


def test_latest_is_the_last_that_began_whatever_its_stamp() -> None:
    stamps = {"2099": 73 * 365 * 24 * 60.0, "now": 0.0, "earlier": -9999.0}
    folders = [leave_run(number, minutes=minutes) for number, minutes in enumerate(stamps.values())]
    assert list_runs("toy") == folders[::-1]
    assert [record.run for record in finished_runs("toy")] == [folder.name for folder in folders[::-1]]
    assert latest_run("toy").run == folders[-1].name
    shutil.rmtree(folders[-1])
    assert latest_run("toy").run == folders[1].name
    assert read_state(leave_run(7.0)).sequence == 3


def test_edited_record_is_no_longer_a_run_of_the_study() -> None:
    first, second = leave_run(1.0), leave_run(2.0, minutes=1)
    assert latest_run("toy").run == second.name
    text = (second / "result.json").read_text()
    (second / "result.json").write_text(text.replace('"value": 2.0', '"value": 3.0'))
    assert (second / "result.json").read_text() != text
    assert latest_run("toy").run == first.name


def leaves_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = False
    for key, inner in pairs:
        found = True
        yield from leaves_of(inner, (*path, key))
    if not found:
        yield path


def mutate(folder: Path, chance: random.Random) -> str:
    """Change one thing about a finished run, at random; what it was."""
    kind = chance.choice(["state", "state", "flip", "cut", "grow", "remove", "add", "swap"])
    file = folder / chance.choice(["result.json", "executed.ipynb", "result/series/wealth.parquet"])
    content = bytearray(file.read_bytes())
    match kind:
        case "state":
            state = json.loads((folder / "run.json").read_bytes())
            path = chance.choice(list(leaves_of(state)))
            place = state
            for key in path[:-1]:
                place = place[key]
            old = place[path[-1]]
            place[path[-1]] = old + 1 if isinstance(old, int | float) else f"{old}x" if old else "x"
            (folder / "run.json").write_text(json.dumps(state))
            return f"state {path}"
        case "flip":
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        case "cut":
            del content[chance.randrange(len(content)) :]
        case "grow":
            content += b"\n"
        case "add":
            file = folder / "result" / "more.json"
        case "remove":
            file.unlink()
            return f"remove {file.name}"
        case "swap":
            other = folder / chance.choice(["result.json", "executed.ipynb", "run.json"])
            content = bytearray(other.read_bytes() if other != file else b"")
    file.write_bytes(bytes(content))
    return f"{kind} {file.name}"


def test_every_change_of_a_finished_run_is_noticed(tmp_path: Path) -> None:
    folder, state = begin_run(dead_batch(), toy_state())
    toy_record(folder.name).save(folder / "result.json")
    (folder / "executed.ipynb").write_text(EMPTY_NOTEBOOK)
    (folder / "result" / "series").mkdir(parents=True)
    (folder / "result" / "series" / "wealth.parquet").write_bytes(bytes(range(256)))
    seal(folder, state.model_copy(update={"status": "finished"})).save(folder)
    whole = shutil.copytree(folder, tmp_path / "whole")
    chance, unnoticed = random.Random(3), []
    for _ in range(MUTATIONS):
        assert damage(folder, read_state(folder)) == ""
        what = mutate(folder, chance)
        found = read_state(folder)
        if found is not None and not damage(folder, found):
            unnoticed.append(what)
        shutil.rmtree(folder)
        shutil.copytree(whole, folder)
    print(f"{MUTATIONS} changes, {len(unnoticed)} unnoticed")
    assert unnoticed == []


def test_damage_is_told_in_words_and_the_run_set_aside() -> None:
    folder = leave_run(1.0)
    assert damage(folder, read_state(folder)) == ""
    moved = read_state(folder)
    (folder / "run.json").write_text(json.dumps(json.loads(moved.model_dump_json()) | {"mlflow_run": "1"}))
    assert damage(folder, moved) == "", "older runs have that, outside the seal"
    (folder / "executed.ipynb").write_text("garbage")
    (folder / "result").mkdir()
    (folder / "result" / "x.json").touch()
    assert damage(folder, moved) == "result/x.json is new, executed.ipynb changed"
    (folder / "result.json").unlink()
    assert damage(folder, moved).startswith("result.json is gone, ")
    moved.model_copy(update={"seconds": 1.0}).save(folder)
    assert damage(folder, read_state(folder)) == "run.json was edited"
    moved.model_copy(update={"seal": ""}).save(folder)
    assert damage(folder, read_state(folder)) == "it was made before runs were sealed"
    places = []
    for _ in range(2):
        places.append(set_aside(folder, "its record was edited"))
        assert not folder.exists()
        shutil.copytree(places[0], folder)
    assert places[0] == results_root() / "damaged" / "toy" / folder.name
    assert places[0] != places[1]
    assert places[1].joinpath("damage.txt").read_text() == "its record was edited\n"
