"""How much a table may hold, so that a hostile file is refused with a message before it fills the machine."""

import io
import zipfile
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
#: Excel files are slow to read: cells of the sheet, bytes of the file, of its texts and of all parts.
MAX_SHEET_CELLS = 500_000
MAX_SHEET_FILE = 48 * MEGABYTE
MAX_SHEET_TEXTS = 8 * MEGABYTE
MAX_SHEET_BYTES = 256 * MEGABYTE


def refuse(
    name: str, what: str, most: str, advice: str = "Give a part of it that the study needs."
) -> DataError:
    """The error for a file that holds more than it may."""
    return DataError(f"{name}: holds {what}; at most {most} are read. {advice}")


def check_shape(name: str, n_rows: int, n_columns: int, most_cells: int | None = None) -> None:
    """Raise DataError if a table of that size is more than is read; `most_cells` is by default MAX_CELLS."""
    if n_columns > MAX_COLUMNS:
        raise refuse(name, f"{n_columns:,} columns", f"{MAX_COLUMNS:,}")
    if n_rows > MAX_ROWS:
        raise refuse(name, f"more than {MAX_ROWS:,} rows", f"{MAX_ROWS:,}")
    if n_rows * n_columns > (most := most_cells or MAX_CELLS):
        raise refuse(name, f"{n_rows:,} rows x {n_columns:,} columns", f"{most:,} cells")


class CountedText(io.RawIOBase):
    """The text of a table, counted while it is read: reading ends as soon as there is too much of it."""

    def __init__(self, name: str, source: BinaryIO) -> None:
        self._name, self._source = name, source
        self._bytes = self._rows = self._open_line = self._quotes = self._quoted = 0
        self._columns = 1
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

    def begin(self, head: bytes) -> None:
        """Take the number of columns from the first lines, before any reader sees them."""
        self._columns = 1 + max((line.count(b",") for line in head.splitlines()), default=0)
        check_shape(self._name, self._rows, self._columns)

    def _count(self, part: bytes) -> None:
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
            most = f"{MAX_QUOTED // MEGABYTE} MB"
            raise refuse(self._name, "a quotation mark that stays open", most, "Close it, or remove it.")
        if self._bytes > MAX_BYTES:
            raise refuse(self._name, "more text than fits", f"{MAX_BYTES // MEGABYTE} MB, unpacked,")
        check_shape(self._name, self._rows, self._columns)


def check_workbook(name: str, content: bytes) -> None:
    """Raise DataError if an Excel file would unpack, or its sheets would parse, to more than is read."""
    advice = "Save its first sheet as CSV."
    if len(content) > MAX_SHEET_FILE:
        raise refuse(name, f"{len(content) // MEGABYTE} MB", f"{MAX_SHEET_FILE // MEGABYTE} MB", advice)
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        sizes = {part.filename: part.file_size for part in parts.infolist()}
        sheets = {part for part in sizes if part.startswith("xl/worksheets/")}
        texts = sum(size for part, size in sizes.items() if part not in sheets)
        for size, most in ((texts, MAX_SHEET_TEXTS), (sum(sizes.values()), MAX_SHEET_BYTES)):
            if size > most:
                what = f"{size // MEGABYTE:,} MB when unpacked"
                raise refuse(name, what, f"{most // MEGABYTE} MB", advice)
        tags = cells = 0
        for sheet in sheets:
            with parts.open(sheet) as stream:
                while piece := stream.read(MEGABYTE):
                    tags += piece.count(b"<")
                    cells += sum(piece.count(tag) for tag in (b"<c", b":c", b"<row", b":row"))
    if tags > 5 * MAX_SHEET_CELLS or cells > MAX_SHEET_CELLS:
        raise refuse(name, "too many cells", f"{MAX_SHEET_CELLS:,} cells, rows counted too,", advice)


def check_parquet(name: str, content: bytes) -> None:
    """Raise DataError if a Parquet file says, or its texts would come to, more than is read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(pa.BufferReader(content))
    about = file.metadata
    check_shape(name, about.num_rows, about.num_columns)
    groups = [about.row_group(i) for i in range(about.num_row_groups)]
    chunks = [group.column(i) for group in groups for i in range(group.num_columns)]
    cells, size = (
        sum(getattr(chunk, fact) for chunk in chunks) for fact in ("num_values", "total_uncompressed_size")
    )
    if cells > MAX_CELLS:
        raise refuse(name, f"{cells:,} values", f"{MAX_CELLS:,}")
    if size > MAX_BYTES:
        raise refuse(name, f"{size // MEGABYTE:,} MB when unpacked", f"{MAX_BYTES // MEGABYTE} MB")
    _check_repeated_texts(name, content)


def _check_repeated_texts(name: str, content: bytes) -> None:
    """Raise DataError for lists, and for texts that stand once in the file but in a great many rows."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    schema = pq.read_schema(pa.BufferReader(content))
    for field in schema:
        if pa.types.is_nested(field.type) or pa.types.is_fixed_size_binary(field.type):
            raise DataError(
                f"{name}: column {field.name} holds {field.type}. Give numbers, dates and texts only."
            )
    texts = [
        field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_binary(field.type)
    ]
    table = pq.read_table(pa.BufferReader(content), columns=texts, read_dictionary=texts)
    chunks = [chunk for column in table.columns for chunk in column.chunks]
    sizes = [pc.sum(pc.binary_length(chunk.dictionary).take(chunk.indices)).as_py() or 0 for chunk in chunks]
    if sum(sizes) > MAX_BYTES:
        raise refuse(name, f"{sum(sizes) // MEGABYTE:,} MB of texts", f"{MAX_BYTES // MEGABYTE} MB")
