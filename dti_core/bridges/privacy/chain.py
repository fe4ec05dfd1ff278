"""An append-only file of lines, each bound by a hash to all before it, that survives a killed writer."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_START = hashlib.sha256(b"").digest()
_DIGITS = 64
_RESTORE = "nothing was charged; restore a copy that holds the last head, and open it with that as witness"


class LedgerError(RuntimeError):
    """The file is not what this ledger wrote: changed, cut, or opened with other caps."""


class Chain:
    """Lines `<sha256 of all before and this> <payload>`, read on from where this object has read to.

    The caller holds `locked` around `read_on` and `append`; it locks the file itself, so that all names of it
    share one lock. A line without its line break was torn by a kill; it was never acknowledged, and the next
    reader cuts it off once all lines before it fit. Any other line that does not fit is refused, and so
    is a file that does not begin as `first`, the payload of the first line. A chain cannot tell that whole
    lines were cut off its end before it was opened: keep a `head` elsewhere and give it as a witness.
    """

    def __init__(self, path: Path, first: bytes) -> None:
        try:
            import fcntl  # noqa: F401
        except ImportError as error:
            raise LedgerError("a ledger needs POSIX file locks (fcntl); open it on Linux or macOS") from error
        self.path, self._first = path.absolute(), first
        self.n_lines, self._offset, self._digest = 0, 0, _START
        new = not path.exists()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        if new:
            _sync_folder(path.parent)

    @property
    def head(self) -> str:
        """Hash of the last line, which fixes all lines."""
        return self._digest.hex()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else reads or writes the file meanwhile. LedgerError if it is closed."""
        if self._file < 0:
            raise LedgerError(f"{self.path} is closed; open it anew")
        import fcntl

        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            if self._file >= 0:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def read_on(self) -> Iterator[bytes]:
        """Payloads of lines that came since, checked one by one; a torn end is cut off last."""
        size = self._size()
        data = os.pread(self._file, size - self._offset, self._offset)
        whole = data.rfind(b"\n") + 1
        if not whole + self._offset and not self._line(self._first)[1].startswith(data):
            raise LedgerError(f"{self.path} is no ledger of these caps and was left alone; name another file")
        for line in data[:whole].splitlines(keepends=True):
            payload = line[_DIGITS + 1 : -1]
            digest, fitting = self._line(payload)
            if line != fitting:
                raise LedgerError(
                    f"{self.path}: line {self.n_lines + 1} does not fit the hash chain: the file is no "
                    f"ledger or was changed by other hands; {_RESTORE}"
                )
            self._step(digest, len(line))
            yield payload
        if whole < len(data):
            os.ftruncate(self._file, self._offset)

    def append(self, payload: bytes) -> None:
        """Add a line and wait until it is on the disk; if this fails, the next `read_on` finds what is there.

        Raises
        ------
        OSError if the line could not be written; the caller must then release nothing.
        """
        digest, line = self._line(payload)
        written = 0
        while written < len(line):
            written += os.write(self._file, line[written:])
        os.fsync(self._file)
        self._step(digest, len(line))

    def close(self) -> None:
        """Close the file, once; its number may then be another file's, so it is forgotten."""
        number, self._file = self._file, -1
        if number >= 0:
            os.close(number)

    def _line(self, payload: bytes) -> tuple[bytes, bytes]:
        """Hash and line of what would come next."""
        digest = hashlib.sha256(self._digest + payload).digest()
        return digest, digest.hex().encode() + b" " + payload + b"\n"

    def _size(self) -> int:
        """Bytes of the file, if it is still the one that was opened."""
        here = os.fstat(self._file)
        if not self.path.exists() or not os.path.samestat(here, self.path.stat()):
            raise LedgerError(f"{self.path} was replaced while open; {_RESTORE}")
        if here.st_size < self._offset:
            raise LedgerError(f"{self.path} was cut short while open; {_RESTORE}")
        return here.st_size

    def _step(self, digest: bytes, length: int) -> None:
        self._digest = digest
        self._offset += length
        self.n_lines += 1


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
