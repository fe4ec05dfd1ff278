"""What a failed run leaves: a partial notebook that says so, no record that looks finished, no kernel."""

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from dti_core.lab.files import write
from dti_core.lab.record import Record
from dti_core.lab.running import runs
from dti_core.lab.running.figure_page import write_figure_page

if TYPE_CHECKING:
    from nbformat import NotebookNode

#: Output under way; becomes executed.ipynb or partial.ipynb.
UNFINISHED = "executed.tmp.ipynb"
#: How the name of a folder of sockets begins.
SOCKETS = "dti-"
_KILLED = "the command that made this run was killed"


def end_processes(variable: str, value: str) -> None:
    """End all processes of this machine that carry a variable, such as a run's kernel and all it started."""
    import psutil

    for _ in range(20):
        others = (one for one in psutil.process_iter(["environ"]) if one.pid != os.getpid())
        found = [one for one in others if (one.info["environ"] or {}).get(variable) == value]
        if not found:
            return
        for process in found:
            with suppress(psutil.Error):
                process.kill()
        time.sleep(0.05)


def finished_record(folder: Path) -> Record | None:
    """The record of a run whose notebook was complete and sound, None if that did not come to pass."""
    try:
        record = Record.model_validate_json((folder / runs.RESULT).read_bytes())
    except (OSError, ValidationError):
        return None
    return record if (folder / runs.EXECUTED).is_file() and record.run == folder.name else None


def end_without_worker(
    folder: Path, state: runs.RunState, status: Literal["failed", "killed"], reason: str, seconds: float
) -> runs.RunState:
    """Last state of a run whose worker cannot report any more; its kernel ends, its sockets go."""
    end_processes(runs.RUN_DIR, str(folder))
    with suppress(OSError, ValueError):
        sockets = Path((folder / runs.BEGUN).read_text(encoding="utf-8"))
        if sockets.name.startswith(SOCKETS):
            shutil.rmtree(sockets, ignore_errors=True)
    if record := finished_record(folder):
        return state.ended("finished", "", record.seconds)
    end = state.ended(status, reason, seconds)
    keep_partial(folder, end.reason)
    return end


def end_abandoned(folder: Path, state: runs.RunState) -> runs.RunState:
    """End a run whose batch is dead, in its folder; its last state."""
    last_sign = max(path.stat().st_mtime for path in folder.rglob("*"))
    seconds = max(0.0, last_sign - state.started.timestamp())
    end = end_without_worker(folder, state, "killed", _KILLED, seconds)
    conclude(folder, end)
    return end


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


def conclude(folder: Path, state: runs.RunState) -> None:
    """Write a run's last state, a finished one's with its seal.

    Raises
    ------
    OSError of the disk, ValidationError for a record that is none.
    """
    if state.status == "finished":
        Record.model_validate_json((folder / runs.RESULT).read_bytes())
        if (folder / runs.EXECUTED).is_file():
            write_figure_page(folder / runs.EXECUTED, folder / runs.FIGURES)
        state = runs.seal(folder, state)
    state.save(folder)
    sweep_up(folder)


def sweep_up(folder: Path) -> None:
    """Remove the files by which runner and worker talked."""
    for left in (*(folder / name for name in (runs.BEGUN, runs.PROGRESS, runs.STOP)), *folder.glob(".*.tmp")):
        with suppress(OSError):
            left.unlink(missing_ok=True)
