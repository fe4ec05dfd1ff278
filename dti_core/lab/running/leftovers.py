"""What a failed run leaves: a partial notebook that says so, no record that looks finished, no kernel."""

import os
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from dti_core.lab.errors import RunError
from dti_core.lab.files import write
from dti_core.lab.record import Record
from dti_core.lab.running import owners, runs, track
from dti_core.lab.running.figure_page import write_figure_page

if TYPE_CHECKING:
    from nbformat import NotebookNode

#: Output under way; becomes executed.ipynb or partial.ipynb.
UNFINISHED = "executed.tmp.ipynb"
#: How the name of a folder of sockets begins.
SOCKETS = "dti-"


def first_line(code: str) -> str:
    """First line of a cell that is not blank, shortened for a message."""
    line = next((line.strip() for line in code.splitlines() if line.strip()), "")
    return line if len(line) <= 60 else f"{line[:57]}..."


def take(folder: Path) -> bool:
    """Begin a run, unless it was begun or is over: a scheduler hands it out again when a worker dies."""
    state = runs.read_state(folder)
    if state is None or state.status != "running" or (folder / runs.BEGUN).exists():
        return False
    (folder / runs.BEGUN).touch(exist_ok=False)
    return True


def kill_group(kernel_pid: int) -> None:
    """End a kernel and all processes it started; harmless if they are gone."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(kernel_pid, signal.SIGKILL)


def end_processes(variable: str, value: str) -> None:
    """End all processes of this machine that carry a variable, such as a run's kernel and all it started."""
    import psutil

    for _ in range(20):
        found = False
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.pid != os.getpid() and process.environ().get(variable) == value:
                    process.kill()
                    found = True
        if not found:
            return
        time.sleep(0.05)


def end_kernel(folder: Path) -> None:
    """End the kernel of a run whose worker cannot, and remove its sockets."""
    end_processes(runs.RUN_DIR, str(folder))
    with suppress(OSError, ValueError):
        sockets = Path((folder / runs.BEGUN).read_text(encoding="utf-8"))
        if sockets.name.startswith(SOCKETS):
            shutil.rmtree(sockets, ignore_errors=True)


def finished_record(folder: Path) -> Record | None:
    """The record of a run whose notebook was complete and sound, None if that did not come to pass."""
    try:
        record = Record.model_validate_json((folder / runs.RESULT).read_bytes())
    except (OSError, ValidationError):
        return None
    return record if (folder / runs.EXECUTED).is_file() and record.run == folder.name else None


def keep_partial(folder: Path, problem: str) -> None:
    """Turn what a run left into partial.ipynb, marked as failed, and set its record aside."""
    import nbformat

    with suppress(OSError):
        (folder / runs.RESULT).replace(folder / f"partial.{runs.RESULT}")
    unfinished = folder / UNFINISHED
    if not unfinished.is_file():
        return
    try:
        notebook = nbformat.read(unfinished, as_version=4)
        _mark_failed(notebook, problem)
        write(folder / runs.PARTIAL, nbformat.writes(notebook))
    except (OSError, ValueError):
        pass
    unfinished.unlink(missing_ok=True)


def _mark_failed(notebook: "NotebookNode", problem: str) -> None:
    """Undo papermill's "completed" on cells that never ran, and say on top what happened."""
    from nbformat.v4 import new_markdown_cell

    notebook.metadata.setdefault("papermill", {})["exception"] = True
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.execution_count is None and "papermill" in cell.metadata:
            cell.metadata.papermill["status"] = "pending"
    banner = new_markdown_cell(f"**This run failed: {problem}**", metadata={"tags": ["failed-run"]})
    notebook.cells.insert(0, banner)


def conclude(folder: Path, state: runs.RunState, experiment_id: str = "") -> str:
    """Write a run's last state, log it, answer for it no more; why it could not be logged, '' if it was."""
    if state.status == "finished" and not state.seal:
        Record.model_validate_json((folder / runs.RESULT).read_bytes())
        if (folder / runs.EXECUTED).is_file():
            write_figure_page(folder / runs.EXECUTED, folder / runs.FIGURES)
        state = runs.seal(folder, state)
    state.save(folder)
    sweep_up(folder)
    problem = ""
    try:
        track.log_run(experiment_id or track.prepare_store([state.slug])[state.slug], folder, state)
    except RunError as error:
        problem = str(error)
    owners.release(folder.parent.name, folder.name, logged=not problem)
    return problem


def sweep_up(folder: Path) -> None:
    """Remove the files by which runner and worker talked."""
    for left in (*(folder / name for name in (runs.BEGUN, runs.PROGRESS, runs.STOP)), *folder.glob(".*.tmp")):
        with suppress(OSError):
            left.unlink(missing_ok=True)
