"""The worklist as CSV that no spreadsheet takes for formulas."""

import csv
import io
from collections.abc import Iterable

import pandas as pd

#: A cell that begins so is run as a formula by spreadsheets.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
#: Digits after the point of chances and of money.
_DIGITS = {"p_real": 4, "p_real_low": 4, "p_real_high": 4, "p_exploit": 6, "reach": 4, "effort_hours": 2,
           "severity": 1}  # fmt: skip


def worklist_csv(worklist: pd.DataFrame) -> bytes:
    """The worklist as UTF-8 CSV; its column `group` is what a labels file may name."""
    columns = [_column(name, worklist[name]) for name in worklist]
    return rows_as_csv([list(worklist), *zip(*columns, strict=True)])


def rows_as_csv(rows: Iterable[Iterable[object]]) -> bytes:
    """Rows as UTF-8 CSV, texts escaped."""
    made = io.StringIO()
    csv.writer(made, lineterminator="\n").writerows([escaped(cell) for cell in row] for row in rows)
    return made.getvalue().encode("utf-8")


def escaped(cell: object) -> object:
    """A cell as it is; a text that a spreadsheet would run gets an apostrophe before it."""
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip(" ").startswith(_FORMULA) else cell


def _column(name: str, column: pd.Series) -> list[object]:
    return column.round(_DIGITS.get(name, 2)).tolist() if column.dtype.kind == "f" else column.tolist()
