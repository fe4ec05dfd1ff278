"""A batch of runs is under way while its process holds a lock, which the system frees however that ends."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from dti_core.lab.paths import results_root

if TYPE_CHECKING:
    from filelock import FileLock

#: Variable that all processes which a batch starts on this machine carry: the name of the batch.
OWNER = "DTI_OWNER"
#: Below the results: a lock and a folder for each batch that is under way, or died.
OPEN = ".open"
_LOCK_SECONDS = 60


@dataclass(slots=True)
class Batch:
    """Runs of one command: a folder for what they need while they last, and those that have not ended."""

    folder: Path
    under_way: set[Path] = field(default_factory=set)


def lock(file: Path, wait_seconds: float = _LOCK_SECONDS) -> "FileLock":
    """A lock that goes when its process does; TimeoutError if another one holds it for that long."""
    from filelock import FileLock

    file.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(file, timeout=wait_seconds)


def lock_of(folder: Path, wait_seconds: float = 0) -> "FileLock":
    """The lock that the process of a batch holds: whoever gets it knows that the batch is dead."""
    return lock(folder.with_suffix(".lock"), wait_seconds)


def open_folders() -> list[Path]:
    """Folders of all batches that are under way or died, in the order of their names; quick without any."""
    try:
        names = os.listdir(results_root() / OPEN)
    except OSError:  # there is none, or it cannot be read
        return []
    return sorted({results_root() / OPEN / name.removesuffix(".lock") for name in names})


@contextmanager
def open_batch() -> Iterator[Batch]:
    """A new batch, under way while this is open.

    It stays behind, as if it had died, if the end of a run could not be written: the next command mends that.
    """
    batch = Batch(results_root() / OPEN / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid4().hex[:8]}")
    with lock_of(batch.folder, _LOCK_SECONDS):
        try:
            batch.folder.mkdir()
            yield batch
        finally:
            if not batch.under_way:
                close(batch.folder)


def close(folder: Path) -> None:
    """Remove what is left of a batch; its lock must be held, and goes last."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.with_suffix(".lock").unlink(missing_ok=True)


def is_alive(folder: Path) -> bool:
    """Whether a process answers for a batch."""
    try:
        with lock_of(folder):
            return False
    except TimeoutError:
        return True
