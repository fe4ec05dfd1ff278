"""Which process answers for a run: its mark lies below results/.open from its first step to its last."""

import os
import platform
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from dti_core.lab.files import write
from dti_core.lab.paths import results_root

if TYPE_CHECKING:
    from filelock import FileLock

#: Variable that all processes which a batch starts on this machine carry: the name of the batch's process.
OWNER = "DTI_OWNER"
#: Folders of marks below the results: of runs under way, and of those that only the tracking store lacks.
OPEN, UNLOGGED = ".open", ".unlogged"
_SILENT_SECONDS = 120.0


def lock(name: str, wait_seconds: float) -> "FileLock":
    """A lock beside the marks; TimeoutError if another process keeps it for that long."""
    from filelock import FileLock

    (results_root() / OPEN).mkdir(parents=True, exist_ok=True)
    return FileLock(results_root() / OPEN / f".{name}.lock", timeout=wait_seconds)


def mark_of(slug: str, run: str, place: str = OPEN) -> Path:
    """Where the mark of a run lies: it names its owner, who touches it now and then."""
    return results_root() / place / f"{slug}+{run}"


def marks(place: str = OPEN) -> list[Path]:
    """All marks, in the order of their names; quick if there are none."""
    try:
        names = os.listdir(results_root() / place)
    except FileNotFoundError:
        return []
    return [results_root() / place / name for name in sorted(names) if not name.startswith(".")]


def release(slug: str, run: str, *, logged: bool = True) -> None:
    """Nothing is left to do for a run, but to log it if it could not be."""
    if not logged:
        write(mark_of(slug, run, UNLOGGED), "")
    mark_of(slug, run).unlink(missing_ok=True)


def is_dead(mark: Path) -> bool:
    """Whether the owner of a run is gone; one on another machine is after two minutes without a touch."""
    import psutil

    try:
        machine, pid, started = mark.read_text(encoding="utf-8").rsplit(" ", 2)
        if machine != _machine():
            return abs(time.time() - mark.stat().st_mtime) > _SILENT_SECONDS
        process = psutil.Process(int(pid))
        same = abs(process.create_time() - float(started)) < 2  # the clock may have been set since
        return not same or process.status() == psutil.STATUS_ZOMBIE
    except FileNotFoundError:
        return False
    except (psutil.NoSuchProcess, ValueError):
        return True


def this_process() -> str:
    """A name for this process that no other ever has: machine, number, second of its start."""
    return _name_of(os.getpid())


@cache
def _name_of(pid: int) -> str:
    import psutil

    return f"{_machine()} {pid} {psutil.Process(pid).create_time():.0f}"


@cache
def _machine() -> str:
    """This boot of this machine, and the container, whose processes have numbers of their own."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return platform.node()
