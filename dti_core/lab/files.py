"""Write files so that whoever reads after a crash finds the old content or the new, never between."""

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import FileLock

_STAGE = ".dti-stage"
_JOURNAL = "journal.json"
_LOCK_SECONDS = 60


def write(path: Path, content: str | bytes, *, durable: bool = True) -> None:
    """Replace `path` by `content` (text as UTF-8) in one step that survives a crash; makes missing folders.

    Parameters
    ----------
    durable : wait until the disk has it; without, a power cut may tear what a killed process would not.

    Raises
    ------
    OSError as the system gives it, such as for a full disk; `path` is unchanged then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        temporary.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    if durable:
        _sync_folder(path.parent)


def swap(root: Path, files: Mapping[str, str | bytes | None]) -> None:
    """Replace several files below `root` together: after a crash at any point, all are old or all are new.

    The new contents and a journal are staged beside the files; renaming the stage is the step that decides. A
    crash after it is made good by the next `recover(root)`, with which every swap begins.

    Parameters
    ----------
    files : paths relative to `root` -> new content, None to remove the file.

    Raises
    ------
    OSError as the system gives it; nothing has changed then, or the next `recover` finishes the work.
    """
    with _locked(root):
        _tidy(root)
        stage = Path(tempfile.mkdtemp(prefix=f"{_STAGE}-", dir=root))
        try:
            plan: dict[str, str | None] = {}
            for number, (name, content) in enumerate(files.items()):
                plan[name] = None if content is None else f"{number}"
                if content is not None:
                    write(stage / f"{number}", content)
            write(stage / _JOURNAL, json.dumps(plan))
            stage.replace(root / _STAGE)
        except BaseException:
            shutil.rmtree(stage, ignore_errors=True)
            raise
        _sync_folder(root)
        _roll_forward(root)


def recover(root: Path) -> bool:
    """Finish a swap below `root` that a crash cut short; whether there was one."""
    if not any(left.is_dir() for left in root.glob(f"{_STAGE}*")):
        return False
    with _locked(root):
        return _tidy(root)


def _tidy(root: Path) -> bool:
    """Finish what had been decided, remove what had not."""
    found = _roll_forward(root)
    for stage in root.glob(f"{_STAGE}-*"):
        shutil.rmtree(stage, ignore_errors=True)
    return found


def _roll_forward(root: Path) -> bool:
    stage = root / _STAGE
    if not stage.is_dir():
        return False
    for name, staged in json.loads((stage / _JOURNAL).read_bytes()).items():
        target = root / name
        if staged is None:
            target.unlink(missing_ok=True)
        elif (stage / staged).is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            (stage / staged).replace(target)
            _sync_folder(target.parent)
    stage.replace(done := Path(tempfile.mkdtemp(prefix=f"{_STAGE}-", dir=root)))
    shutil.rmtree(done)
    return True


def _locked(root: Path) -> "FileLock":
    from filelock import FileLock

    root.mkdir(parents=True, exist_ok=True)
    return FileLock(root / f"{_STAGE}.lock", timeout=_LOCK_SECONDS)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:  # some file systems cannot sync a folder
        pass
    finally:
        os.close(handle)
