"""An append-only file of lines, each bound by a hash to all before it, that survives a killed writer."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

_START = hashlib.sha256(b"").digest()
_DIGITS = 64


class LedgerError(RuntimeError):
    """The file is not what this ledger wrote: changed, cut, or opened with other caps."""


class Chain:
    """Lines `<sha256 of all before and this> <payload>`, read on from where this object has read to.

    Nothing here locks: the caller holds a lock of all processes around `read_on` and `append`. A line without
    its line break was torn by a kill; it was never acknowledged, and the next reader cuts it off. Any other
    line that does not fit the chain is refused. A chain cannot tell that whole lines were cut off its end
    before it was opened: keep a `head` elsewhere and give it as a witness.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.n_lines, self._offset, self._digest = 0, 0, _START
        new = not path.exists()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        if new:
            _sync_folder(path.parent)

    @property
    def head(self) -> str:
        """Hash of the last line, which fixes all lines."""
        return self._digest.hex()

    def read_on(self) -> Iterator[bytes]:
        """Payloads of lines that came since, checked one by one; a torn end is cut off first."""
        size = os.fstat(self._file).st_size
        if size < self._offset:
            raise LedgerError(f"{self.path} was cut short while open; restore a copy, nothing was charged")
        if size == self._offset:
            return
        data = os.pread(self._file, size - self._offset, self._offset)
        whole = data.rfind(b"\n") + 1
        if not whole + self._offset and set(data[:_DIGITS]) - set(b"0123456789abcdef"):
            raise LedgerError(f"{self.path} is no ledger; name another file")
        if whole < len(data):
            os.ftruncate(self._file, self._offset + whole)
        for line in data[:whole].splitlines(keepends=True):
            payload = line[_DIGITS + 1 : -1]
            digest = hashlib.sha256(self._digest + payload).digest()
            if line[: _DIGITS + 1] != digest.hex().encode() + b" ":
                raise LedgerError(
                    f"{self.path}: line {self.n_lines + 1} does not fit the hash chain: the file was changed "
                    "by other hands; restore a copy, nothing was charged"
                )
            self._step(digest, len(line))
            yield payload

    def append(self, payload: bytes) -> None:
        """Add a line and wait until it is on the disk; if this fails, the next `read_on` finds what is there.

        Raises
        ------
        OSError if the line could not be written; the caller must then release nothing.
        """
        digest = hashlib.sha256(self._digest + payload).digest()
        line = digest.hex().encode() + b" " + payload + b"\n"
        written = 0
        while written < len(line):
            written += os.write(self._file, line[written:])
        os.fsync(self._file)
        self._step(digest, len(line))

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

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
