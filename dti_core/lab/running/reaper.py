"""Mend what a killed command left: its runs end in both stores, its kernels stop, what finished is kept."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dti_core.lab.running import batches

if TYPE_CHECKING:
    from dti_core.lab.running.runs import RunState


def reap() -> list[str]:
    """End the runs of all batches that died; one sentence for each run that was mended.

    Looks at one folder and returns if there is none. What cannot be mended is said, and tried again.
    """
    said: list[str] = []
    for batch in batches.open_folders():
        with suppress(OSError), batches.lock_of(batch):  # else it lives, or another command mends it
            said += _mend(batch)
    return said


def _mend(batch: Path) -> list[str]:
    from dti_core.lab.running import leftovers, runs, track

    leftovers.end_processes(batches.OWNER, batch.name)
    ends: dict[Path, str] = {}
    stuck: list[str] = []
    for folder in runs.all_runs():
        state = runs.read_state(folder)
        if state and state.batch == batch.name:
            try:
                ends[folder] = _end(folder, state)
            except Exception as error:  # no old run may stand in the way of a new command
                why = f"was killed and cannot be mended: {type(error).__name__}: {error}"
                stuck.append(f"{_name(folder)}: {why}")
    logged = track.try_sync(folder for folder, end in ends.items() if end) if ends else {}
    said = []
    for folder, end in ends.items():
        if end or folder in logged:
            problem = logged.get(folder)
            told = f"not logged: {problem}" if problem else "so it says now, here and in MLflow"
            said.append(f"{_name(folder)}: {end or 'had ended before its command was killed'}; {told}")
    if not stuck:
        batches.close(batch)
    return stuck + said


def _end(folder: Path, state: "RunState") -> str:
    """End a run of a dead batch; what became of it, '' if it was over."""
    from dti_core.lab.running import leftovers

    if state.status != "running":
        leftovers.sweep_up(folder)
        return ""
    end = leftovers.end_abandoned(folder, state)
    return "had finished before its command was killed" if end.status == "finished" else "was killed"


def _name(folder: Path) -> str:
    return f"{folder.parent.name} {folder.name}"
