"""What was really read: the sha256 of the very bytes that were parsed, by the name of the data set."""

import hashlib
import json
import os
import time
from functools import cache
from pathlib import Path

#: A file to which every process of a run adds a line for each read; set by the runner.
READS_FILE = "DTI_READS_FILE"
#: A file younger than this may be written again without its time telling.
_SETTLED_NS = 2 * 10**9

_noted: set[tuple[str, str]] = set()


def note(name: str, sha256: str) -> None:
    """Enter one read, in this process's memory and in the file that DTI_READS_FILE names."""
    _noted.add((name, sha256))
    if target := os.environ.get(READS_FILE):
        handle = os.open(target, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(handle, (json.dumps({"name": name, "sha256": sha256}) + "\n").encode())
        finally:
            os.close(handle)


def reads() -> dict[str, str]:
    """Name -> sha256 of each file that this process and its fellow workers have read.

    A name under which different bytes were read has all their hashes, joined by "+", and so equals none.
    """
    pairs = set(_noted)
    target = Path(os.environ.get(READS_FILE) or os.devnull)
    if target.is_file():
        lines = target.read_text(encoding="utf-8").splitlines()
        pairs |= {(row["name"], row["sha256"]) for row in map(json.loads, lines)}
    names = sorted({name for name, _ in pairs})
    return {name: "+".join(sorted(sha for other, sha in pairs if other == name)) for name in names}


def forget_reads() -> None:
    """Begin a new ledger; the file of DTI_READS_FILE is emptied too."""
    _noted.clear()
    target = os.environ.get(READS_FILE)
    if target and Path(target).is_file():
        os.truncate(target, 0)


def read_noted(path: Path, name: str) -> tuple[bytes, str]:
    """The bytes of a file and their sha256, which is noted under `name`."""
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    note(name, sha256)
    return content, sha256


def sha256_of(path: Path) -> str:
    """Content hash of a file; remembered while it stays the same file of the same size and times."""
    stat = path.stat()
    if time.time_ns() - max(stat.st_mtime_ns, stat.st_ctime_ns) < _SETTLED_NS:
        return _hash(path)
    return _settled(path, (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns))


def _hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@cache
def _settled(path: Path, seen: tuple[int, ...]) -> str:
    return _hash(path)
