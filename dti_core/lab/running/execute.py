"""Execute one notebook in a kernel of its own, and judge how that ended by more than the file it leaves."""

import errno
import logging
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import nbformat
import papermill
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError
from pydantic import ValidationError

from dti_core.lab.data import DATA_ROOT, READS_FILE, data_root
from dti_core.lab.files import write
from dti_core.lab.fingerprint import DATA_PATH
from dti_core.lab.kept import is_kept
from dti_core.lab.parallel import CORES, PROGRESS_FILE, THREADED
from dti_core.lab.pieces import KEPT
from dti_core.lab.record import Record
from dti_core.lab.running import runs
from dti_core.lab.running.cache import add_seconds
from dti_core.lab.running.inputs import OWN_DATA
from dti_core.lab.running.leftovers import SOCKETS, UNFINISHED, finished_record, keep_partial
from dti_core.lab.running.runs import RunSpec, RunState
from dti_core.lab.running.usage import EVERY_SECONDS, Reading, keep_usage, read_usage
from dti_core.lab.running.verify import READS, strange_input

_KERNEL_START_SECONDS = 120
_OUTPUT_SECONDS = 600
#: Characters in the path of a socket; systems allow 104 to 108.
_LONGEST_SOCKET = 100
#: Arrays of some MB are made and dropped thousands of times a second. Left to itself, glibc gives each back
#: to the system, which clears it for the next: two fifths of a full run's processor time, for nothing.
_MEMORY_KEPT = {"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**30)}


class NotebookClock:
    """Knows which cell runs, how long the whole notebook may still take, and the kernel's process.

    Cells are numbered as in a running notebook: code cells only, from 1. The limit counts from the first
    cell; the start of the kernel, which is not the notebook's fault if slow, has a limit of its own.
    """

    def __init__(self, timeout_seconds: float | None) -> None:
        self.timeout_seconds = timeout_seconds
        self._started = self._first_cell = time.monotonic()
        self.kernel_pid: int | None = None
        self.stopped = False
        self.usage: list[Reading] = []
        self._number = 0
        self._first_line = ""

    def begin_cell(self, cell: NotebookNode, cell_index: int) -> None:
        """Note that a code cell is about to run (hook of nbclient)."""
        if self._number == 0:
            self._first_cell = time.monotonic()
        self._number += 1
        self._first_line = _first_line(cell.source)

    def seconds_left(self, cell: NotebookNode) -> float | None:
        """What the cell may take before the notebook's time is up (hook of nbclient; 0 means no limit)."""
        if self.timeout_seconds is None:
            return None
        return max(0.01, self._first_cell + self.timeout_seconds - time.monotonic())

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    @property
    def place(self) -> str:
        """The cell that runs, in words."""
        return f"cell [{self._number}] `{self._first_line}`" if self._number else "the start of the kernel"

    def kill_kernel(self) -> None:
        """End the kernel and all processes it started; harmless if they are gone."""
        if self.kernel_pid is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.kernel_pid, signal.SIGKILL)


def execute(spec: RunSpec) -> RunState:
    """Run a notebook to its end and say how it ended; never raises for what the notebook does.

    The folder then holds either executed.ipynb and result.json, or partial.ipynb: a failed run cannot be
    mistaken for a finished one. The state is returned, not written.
    """
    state, clock = spec.state, NotebookClock(spec.timeout_seconds)
    if not spec.folder.is_dir():
        why = "the worker does not see the results folder; it must share the file system"
        return state.ended("failed", why)
    try:
        if not _take(spec.folder):
            if record := finished_record(spec.folder):
                return state.ended("finished", "", record.seconds)
            return state.ended("failed", runs.WORKER_DIED)
    except OSError as error:
        return state.ended("failed", _explain(error, clock))
    estimating = not is_kept(spec.kept)
    with _stop_on_request(spec.folder, clock):
        problem = _attempt(spec, clock)
    clock.kill_kernel()
    keep_usage(spec.folder, clock.usage)
    if estimating:
        with suppress(OSError):
            add_seconds(spec.kept, clock.seconds)
    if problem is None:
        return state.ended("finished", "", clock.seconds)
    end = state.ended("killed" if clock.stopped else "failed", problem, clock.seconds)
    keep_partial(spec.folder, end.reason)
    return end


def _take(folder: Path) -> bool:
    """Begin a run, unless it was begun or is over: a scheduler hands it out again when a worker dies."""
    state = runs.read_state(folder)
    if state is None or state.status != "running" or (folder / runs.BEGUN).exists():
        return False
    (folder / runs.BEGUN).touch(exist_ok=False)
    return True


def _attempt(spec: RunSpec, clock: NotebookClock) -> str | None:
    """Run the notebook and publish its output; None, or what went wrong."""
    unfinished = spec.folder / UNFINISHED
    try:
        _run_papermill(spec, clock, unfinished)
        if problem := _shortcoming(spec, unfinished):
            return problem
        unfinished.replace(spec.folder / runs.EXECUTED)
    except Exception as error:  # whatever a notebook or a disk can raise ends this run only
        return "interrupted" if clock.stopped else _explain(error, clock)
    return None


def _run_papermill(spec: RunSpec, clock: NotebookClock, output: Path) -> None:
    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    sockets = _new_socket_folder()
    write(spec.folder / runs.BEGUN, str(sockets))
    try:
        sockets.mkdir(mode=0o700)
        papermill.execute_notebook(
            spec.inputs.notebook(spec.state.slug),
            output,
            parameters=dict(spec.state.parameters) | ({DATA_PATH: spec.own_data} if spec.own_data else {}),
            progress_bar=False,
            start_timeout=_KERNEL_START_SECONDS,
            kernel_manager_class=_kernel_manager(spec, clock, sockets),
            resources={"metadata": {"path": str(spec.folder)}},
            on_cell_execute=clock.begin_cell,
            timeout_func=clock.seconds_left,
            iopub_timeout=_OUTPUT_SECONDS,
        )
    finally:
        shutil.rmtree(sockets, ignore_errors=True)


def _new_socket_folder() -> Path:
    """A name in the folder for temporary files, or in /tmp where that makes paths too long for sockets."""
    name = f"{SOCKETS}{uuid4().hex[:12]}"
    usual = Path(tempfile.gettempdir(), name)
    return usual if len(f"{usual}/kernel-ipc-5") <= _LONGEST_SOCKET else Path("/tmp", name)


def _environment(spec: RunSpec) -> dict[str, str]:
    """Variables of the kernel: where it is, how far it may spread, one thread a process, memory kept."""
    path = [str(spec.inputs.package.parent), os.environ.get("PYTHONPATH")]
    told = {
        runs.RUN_DIR: str(spec.folder),
        PROGRESS_FILE: str(spec.folder / runs.PROGRESS),
        CORES: str(spec.cores),
        "DTI_HOME": str(spec.inputs.home),
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        KEPT: str(spec.kept),
        READS_FILE: str(spec.folder / READS),
        DATA_ROOT: str(data_root()),
        "DTI_RESULTS": str(spec.folder.parents[1]),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    if spec.own_data:
        told[OWN_DATA] = str(spec.state.parameters[DATA_PATH])
    return told | {f"{library}_NUM_THREADS": "1" for library in THREADED} | _MEMORY_KEPT


def _kernel_manager(spec: RunSpec, clock: NotebookClock, sockets: Path) -> type[AsyncKernelManager]:
    """A kernel manager that gives variables to its kernel alone, and talks to it through sockets in a folder.

    Ports of the machine could be taken between choosing and opening them when many kernels start at once.
    """

    class RunKernelManager(AsyncKernelManager):
        def __init__(self, **options: Any) -> None:
            super().__init__(transport="ipc", connection_file=f"{sockets}/kernel.json", **options)

        async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]
            self.shutdown_wait_time = 1.0
            try:
                await super().start_kernel(env={**os.environ, **_environment(spec)}, **options)
            finally:  # a kernel whose sockets fail is a process all the same
                clock.kernel_pid = getattr(self.provisioner, "pid", None)

    return RunKernelManager


@contextmanager
def _stop_on_request(folder: Path, clock: NotebookClock) -> Iterator[None]:
    """While open, kill the kernel once the run's folder holds `stop`, or no `begun`: it was given up.

    In between, read what it takes of the machine.
    """
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            asked = (folder / runs.STOP).exists() or not (folder / runs.BEGUN).exists()
            if clock.kernel_pid is not None and asked:
                clock.stopped = True
                clock.kill_kernel()
                return
            if clock.kernel_pid is not None and clock.seconds >= EVERY_SECONDS * (1 + len(clock.usage)):
                clock.usage.append(read_usage(clock.kernel_pid, clock.seconds))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _first_line(code: str) -> str:
    """First line of a cell that is not blank, shortened for a message."""
    line = next((line.strip() for line in code.splitlines() if line.strip()), "")
    return line if len(line) <= 60 else f"{line[:57]}..."


def _explain(error: Exception, clock: NotebookClock) -> str:
    """One line that says what ended the run and where."""
    match error:
        case PapermillExecutionError():
            line = f"{error.ename}: {error.evalue}" if error.evalue else error.ename
            return f"{line} (cell [{error.exec_count or '?'}] `{_first_line(error.source)}`)"
        case CellTimeoutError() if "IOPub" not in str(error):
            return f"timeout: {clock.timeout_seconds:g} s were up in {clock.place}"
        case DeadKernelError():
            return f"the kernel died in {clock.place} (killed, or out of memory)"
        case OSError(errno=errno.ENOSPC):
            return f"the disk is full: {error.strerror} (in {clock.place})"
        case _:
            text = str(error).strip().splitlines() or [""]
            return f"{type(error).__name__}: {text[0]} (in {clock.place})"


def _shortcoming(spec: RunSpec, output: Path) -> str | None:
    """Why a notebook that ran without error still is no finished run; None if it is one."""
    for cell in nbformat.read(output, as_version=4).cells:
        if cell.cell_type == "code" and cell.source.strip() and cell.execution_count is None:
            return f"the notebook ended before `{_first_line(cell.source)}` ran"
    try:
        record = Record.model_validate_json((spec.folder / runs.RESULT).read_bytes())
    except FileNotFoundError:
        return "the notebook ran but wrote no result.json; its last cell must be `record(result)`"
    except ValidationError as error:
        return f"result.json is not a valid record: {error.errors()[0]['msg']}"
    if (record.slug, record.run) != (spec.state.slug, spec.state.run):
        return f"result.json belongs to {record.slug}, run {record.run}"
    wrong = [name for name, value in spec.state.parameters.items() if record.parameters.get(name) != value]
    if wrong:
        return f"result.json was made with other values of {', '.join(wrong)}"
    return strange_input(spec, record)
