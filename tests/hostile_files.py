"""Small files that would grow without end, and what must be said of each. Run as a script, it reads them."""

import gzip
import io
import json
import re
import sys
import time
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

_SHEET = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
_END = b"</sheetData></worksheet>"
_CORNER = b'<row r="1"><c r="XFD1"><v>1</v></c></row><row r="1048576"><c r="A1048576"><v>1</v></c></row>'
_LAUGH = b'<row><c t="str"><v>&a11;</v></c></row>'
_ENTITIES = b"".join(b'<!ENTITY a%d "%s">' % (i, b"&a%d;" % (i - 1) * 10) for i in range(1, 12))
_LAUGHS = b"<!DOCTYPE l [<!ENTITY a0 'ha'>" + _ENTITIES + b"]>"


def _packed(piece: bytes, times: int) -> bytes:
    return gzip.compress(piece, 6) * times


def _workbook(sheet: Iterable[bytes], shared: Iterable[bytes] = ()) -> bytes:
    plain, made = io.BytesIO(), io.BytesIO()
    openpyxl.Workbook().save(plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for part in source.namelist():
            if part != "xl/worksheets/sheet1.xml":
                target.writestr(part, source.read(part))
        for name, pieces in (("xl/worksheets/sheet1.xml", sheet), ("xl/extra.xml", shared)):
            with target.open(name, "w", force_zip64=True) as stream:
                for piece in pieces:
                    stream.write(piece)
    return made.getvalue()


def _many_rows() -> bytes:
    made = io.BytesIO()
    table = pa.table({"a": np.zeros(10_000_000, dtype=np.int8)})
    with pq.ParquetWriter(made, table.schema, compression="zstd") as writer:
        for _ in range(5):
            writer.write_table(table)
    return made.getvalue()


def _one_text_often() -> bytes:
    made = io.BytesIO()
    codes = pa.array(np.zeros(1_000_000, dtype=np.int32))
    table = pa.table({"a": pa.DictionaryArray.from_arrays(codes, pa.array(["x" * 100_000]))})
    pq.write_table(table, made, compression="zstd", store_schema=False)
    return made.getvalue()


def _lists() -> bytes:
    made = io.BytesIO()
    pq.write_table(pa.table({"a": [[0] * 1000] * 1000}), made)
    return made.getvalue()


#: File name -> how to make it, and words of the refusal.
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "zeros.csv.gz": (lambda: _packed(b"\0" * (1 << 24), 1200), "a line of more than 1 MB"),
    "rows.csv.gz": (lambda: _packed(b"1,2,3\n" * (1 << 20), 3000), "more than 2,000,000 rows"),
    "mac_rows.csv.gz": (lambda: _packed(b"1,2,3\r" * (1 << 20), 3000), "more than 2,000,000 rows"),
    "cells.csv.gz": (lambda: _packed((b"1," * 999 + b"1\n") * 20, 2_000), "32,000,000 cells"),
    "open_quote.csv.gz": (
        lambda: gzip.compress(b'a,b\n"') + _packed((b"x" * 999 + b"\n") * 1000, 600),
        "a quotation mark that stays open",
    ),
    "columns.csv": (
        lambda: b",".join(b"c%d" % i for i in range(1_000_000)) + b"\n1\n",
        "columns; at most 5,000",
    ),
    "hidden_columns.csv": (lambda: b"a,b\n" + b"1," * 100_000 + b"1\n", "100,001 columns; at most 5,000"),
    "late_columns.csv": (
        lambda: b"a,b\n" + b"1,2\n" * 400_000 + b"," * 900_000 + b"\n",
        "could not be read as csv",
    ),
    "huge_sheet.xlsx": (
        lambda: _workbook([_SHEET, *[b"<row><c><v>1</v></c></row>" * 40_000] * 300, _END]),
        "MB when unpacked; at most 256 MB",
    ),
    "many_cells.xlsx": (
        lambda: _workbook([_SHEET, *[b"<row><c/></row>" * 10_000] * 90, _END]),
        "too many cells",
    ),
    "one_long_row.xlsx": (
        lambda: _workbook([_SHEET, b"<row>" + b"<c/>" * 450_000 + b"</row>", _END]),
        "450,000 columns; at most 5,000",
    ),
    "far_corner.xlsx": (lambda: _workbook([_SHEET, _CORNER, _END]), "16,384 columns; at most 5,000"),
    "huge_texts.xlsx": (
        lambda: _workbook([_SHEET, _END], [b"<si><t>a</t></si>" * 60_000] * 60),
        "MB when unpacked; at most 8 MB",
    ),
    "laughs.xlsx": (lambda: _workbook([_LAUGHS, _SHEET, _LAUGH, _END]), "could not be read as xlsx"),
    "rows.parquet": (_many_rows, "more than 2,000,000 rows"),
    "one_text.parquet": (_one_text_often, "MB of texts; at most 640 MB"),
    "lists.parquet": (_lists, "column a holds list"),
    "no_zip.xlsx": (lambda: b"PK\3\4" + b"\0" * 1000, "could not be read as xlsx"),
}


def _peak_kb() -> int:
    """Most memory that this program has held; getrusage would count the process that started it too."""
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])


def main(folder: Path) -> None:
    """Try to read every file; print what was said, processor seconds, and the peak of memory in kB so far."""
    from dti_core.lab.data import read_user_table
    from dti_core.lab.errors import DataError

    found = {}
    for name in HOSTILE:
        start, said = time.process_time(), "was read"
        try:
            read_user_table(folder / name)
        except DataError as error:
            said = str(error)
        found[name] = {"said": said, "seconds": time.process_time() - start, "peak_kb": _peak_kb()}
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
