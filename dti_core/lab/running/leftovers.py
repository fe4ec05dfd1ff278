"""What a failed run leaves: a partial notebook that says so, no record that looks finished, no kernel."""

import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dti_core.lab.running.runs import BEGUN, PARTIAL, PROGRESS, RESULT, STOP

if TYPE_CHECKING:
    from nbformat import NotebookNode

#: Output under way; becomes executed.ipynb or partial.ipynb.
UNFINISHED = "executed.tmp.ipynb"


def first_line(code: str) -> str:
    """First line of a cell that is not blank, shortened for a message."""
    line = next((line.strip() for line in code.splitlines() if line.strip()), "")
    return line if len(line) <= 60 else f"{line[:57]}..."


def kill_group(kernel_pid: int) -> None:
    """End a kernel and all processes it started; harmless if they are gone."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(kernel_pid, signal.SIGKILL)


def kill_orphan(folder: Path) -> None:
    """End the kernel of a run whose worker on this machine died, and remove its sockets."""
    with suppress(OSError, ValueError):
        pid, sockets = (folder / BEGUN).read_text(encoding="utf-8").splitlines()
        kill_group(int(pid))
        shutil.rmtree(sockets, ignore_errors=True)


def keep_partial(folder: Path, problem: str) -> None:
    """Turn what a run left into partial.ipynb, marked as failed, and set its record aside."""
    import nbformat

    with suppress(OSError):
        (folder / RESULT).replace(folder / f"partial.{RESULT}")
    unfinished = folder / UNFINISHED
    if not unfinished.is_file():
        return
    try:
        notebook = nbformat.read(unfinished, as_version=4)
        _mark_failed(notebook, problem)
        nbformat.write(notebook, unfinished)
        unfinished.replace(folder / PARTIAL)
    except (OSError, ValueError):
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


def sweep_up(folder: Path) -> None:
    """Remove the files by which runner and worker talked."""
    for name in (BEGUN, PROGRESS, f"{PROGRESS}.tmp", STOP):
        with suppress(OSError):
            (folder / name).unlink(missing_ok=True)
