"""Small files that would grow without end, and what must be said of each. Run as a script, it reads them."""

import gzip
import io
import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def _packed(piece: bytes, times: int) -> bytes:
    return gzip.compress(piece, 6) * times


def _many_rows() -> bytes:
    made = io.BytesIO()
    table = pa.table({"a": np.zeros(10_000_000, dtype=np.int8)})
    with pq.ParquetWriter(made, table.schema, compression="zstd") as writer:
        for _ in range(5):
            writer.write_table(table)
    return made.getvalue()


def _one_text_often(length: int) -> bytes:
    made = io.BytesIO()
    codes = pa.array(np.zeros(1_000_000, dtype=np.int32))
    table = pa.table({"a": pa.DictionaryArray.from_arrays(codes, pa.array(["x" * length]))})
    pq.write_table(table, made, compression="zstd", store_schema=False, write_statistics=False)
    return made.getvalue()


def _one_text_again(kind: pa.DataType, **options: Any) -> bytes:
    made = io.BytesIO()
    pieces = [pa.array(["x" * 100_000] * 1_000, kind)] * 30
    pq.write_table(pa.table({"a": pa.chunked_array(pieces)}), made, compression="zstd", **options)
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
    "rows.parquet": (_many_rows, "more than 2,000,000 rows"),
    "one_text.parquet": (lambda: _one_text_often(100_000), "MB of texts; at most 640 MB"),
    "one_huge_text.parquet": (lambda: _one_text_often(100_000_000), "MB of texts; at most 640 MB"),
    "one_text_by_pandas.parquet": (lambda: _one_text_again(pa.large_string()), "MB of texts; at most 640 MB"),
    "one_text_by_its_prefix.parquet": (
        lambda: _one_text_again(pa.string(), use_dictionary=False, column_encoding="DELTA_BYTE_ARRAY"),
        "MB of texts; at most 640 MB",
    ),
    "lists.parquet": (_lists, "column a holds list"),
    "workbook.xlsx": (lambda: b"PK\3\4", "save the sheet of a workbook as CSV"),
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
