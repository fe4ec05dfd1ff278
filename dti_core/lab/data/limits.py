"""How much a table may hold, so that a hostile file is refused with a message before it fills the machine."""

import io
from typing import Any, BinaryIO

from dti_core.lab.errors import DataError

MEGABYTE = 1 << 20
#: Of a file, and of its text unpacked: 1,000,000 firm-years of 30 columns take about 560 MB.
MAX_BYTES = 640 * MEGABYTE
MAX_ROWS = 2_000_000
MAX_COLUMNS = 5_000
MAX_CELLS = 32_000_000
#: Of one line of text, and of text behind a quotation mark that is not closed.
MAX_LINE = MEGABYTE
MAX_QUOTED = 64 * MEGABYTE


def refuse(name: str, what: str, most: str) -> DataError:
    """The error for a file that holds more than it may."""
    return DataError(
        f"{name}: holds {what}; at most {most} are read. Give a part of it that the study needs."
    )


def check_shape(name: str, n_rows: int, n_columns: int) -> None:
    """Raise DataError if a table of that size is more than is read."""
    if n_columns > MAX_COLUMNS:
        raise refuse(name, f"{n_columns:,} columns", f"{MAX_COLUMNS:,}")
    if n_rows > MAX_ROWS:
        raise refuse(name, f"more than {MAX_ROWS:,} rows", f"{MAX_ROWS:,}")
    if n_rows * n_columns > MAX_CELLS:
        raise refuse(name, f"{n_rows:,} rows x {n_columns:,} columns", f"{MAX_CELLS:,} cells")


def check_size(name: str, n_bytes: int, what: str) -> None:
    """Raise DataError if `n_bytes` are more than are read; `what` follows their number in the message."""
    if n_bytes > MAX_BYTES:
        raise refuse(name, f"{n_bytes // MEGABYTE:,} MB {what}", f"{MAX_BYTES // MEGABYTE} MB")


class CountedText(io.RawIOBase):
    """The text of a table, counted while it is read: reading ends as soon as there is too much of it."""

    def __init__(self, name: str, source: BinaryIO) -> None:
        self._name, self._source = name, source
        self._bytes = self._rows = self._columns = self._open_line = self._quotes = self._quoted = 0
        self.refusal: DataError | None = None

    def readable(self) -> bool:
        """Reading is all that it can do."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into `buffer`; DataError once the text is too long, also kept as `refusal`."""
        part = self._source.read(len(buffer))
        try:
            self._count(part)
        except DataError as error:
            self.refusal = error
            raise
        buffer[: len(part)] = part
        return len(part)

    def _count(self, part: bytes) -> None:
        if not self._bytes:
            self._columns = 1 + max((line.count(b",") for line in part.splitlines()), default=0)
        self._bytes += len(part)
        self._rows += max(part.count(b"\n"), part.count(b"\r"))
        ends = [place for place in (part.find(b"\n"), part.find(b"\r")) if place >= 0]
        if self._open_line + min(ends, default=len(part)) > MAX_LINE:
            raise refuse(self._name, "a line of more than 1 MB", "1 MB a line")
        last = max(part.rfind(b"\n"), part.rfind(b"\r"))
        self._open_line = len(part) - last - 1 if ends else self._open_line + len(part)
        self._quotes += part.count(b'"')
        self._quoted = self._quoted + len(part) if self._quotes % 2 else 0
        if self._quoted > MAX_QUOTED:
            raise refuse(
                self._name,
                "a quotation mark that stays open (close or remove it)",
                f"{MAX_QUOTED // MEGABYTE} MB behind it",
            )
        check_size(self._name, self._bytes, "of text or more")
        check_shape(self._name, self._rows, self._columns)


def check_parquet(name: str, content: bytes) -> None:
    """Raise DataError if a Parquet file says, or its texts would come to, more than is read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(pa.BufferReader(content))
    about = file.metadata
    groups = [about.row_group(i) for i in range(about.num_row_groups)]
    columns = [[group.column(i) for group in groups] for i in range(about.num_columns)]
    n_rows = max((sum(chunk.num_values for chunk in column) for column in columns), default=0)
    check_shape(name, n_rows, about.num_columns)
    check_size(name, sum(group.total_byte_size for group in groups), "when unpacked")
    n_bytes = 0
    for field, column in zip(file.schema_arrow, columns, strict=False):
        if pa.types.is_nested(field.type):
            raise DataError(
                f"{name}: column {field.name} holds {field.type}. Give numbers, dates and texts only."
            )
        if not (pa.types.is_primitive(field.type) or pa.types.is_dictionary(field.type)):
            # A text stands once in a chunk but in many rows: no value is longer than its chunk.
            longest = max(chunk.total_uncompressed_size for chunk in column)
            for batch in file.iter_batches(max(1, MAX_BYTES // 8 // longest), columns=[field.name]):
                check_size(name, n_bytes := n_bytes + batch.nbytes, "of texts")
