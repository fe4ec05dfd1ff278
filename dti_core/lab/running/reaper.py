"""Mend what a killed command left: its runs end in both stores, its kernels stop, what finished is kept."""

from contextlib import suppress
from pathlib import Path

from dti_core.lab.paths import study_results
from dti_core.lab.running import owners

_KILLED = "the command that made this run was killed"


def reap() -> list[str]:
    """End the runs of all processes that are gone; one sentence for each thing that was mended.

    Looks at one folder and returns if there is none. What cannot be mended is said, and tried again.
    """
    try:
        if not any(map(owners.is_dead, owners.marks())):
            return []
        with owners.lock("reaper", 0):
            return [_mend_safely(mark) for mark in owners.marks() if owners.is_dead(mark)]
    except OSError:  # another command is at it, or the results cannot be written to
        return []


def _mend_safely(mark: Path) -> str:
    """No old run may stand in the way of a new command."""
    slug, _, run = mark.name.partition("+")
    try:
        said = _mend(slug, run, mark.read_text(encoding="utf-8"), mark.stat().st_mtime)
    except Exception as error:
        said = f"was killed and cannot be mended: {type(error).__name__}: {error}"
    return f"{slug} {run}: {said}"


def _mend(slug: str, run: str, owner: str, last_touch: float) -> str:
    from dti_core.lab.running import leftovers, runs

    folder = study_results(slug) / run
    leftovers.end_processes(owners.OWNER, owner)
    leftovers.end_kernel(folder)
    state = runs.read_state(folder)
    if state is None or (state.seal and runs.damage(folder, state)):
        leftovers.sweep_up(folder)
        with suppress(OSError):
            folder.rmdir()
        owners.release(slug, run, logged=False)
        return "was killed and left nothing that can be used"
    if state.status == "running":
        if record := leftovers.finished_record(folder):
            update = {"status": "finished", "seconds": record.seconds}
        else:
            leftovers.keep_partial(folder, _KILLED)
            seconds = max(0.0, last_touch - state.started.timestamp())
            update = {"status": "killed", "reason": _KILLED, "seconds": seconds}
        state = state.model_copy(update=update)
    problem = leftovers.conclude(folder, state)
    ended = "had finished before its command was killed" if state.status == "finished" else "was killed"
    return f"{ended}; {f'not logged: {problem}' if problem else 'so it says now, here and in MLflow'}"
