"""A table as a page shows it: lean HTML made by great_tables, words, and a CSV of its unrounded numbers."""

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from statistics import median_high
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from markupsafe import Markup, escape

from dti_core.lab.publishing.sanitise import strip_html
from dti_core.lab.record import Estimate
from dti_core.lab.say import decimals_of, decimals_of_width, listed, number, percent

#: What stands in a cell that has nothing to say.
NOTHING = "–"
CSV = "text/csv"
#: Characters for which a phone has room in a row; a longer one becomes a card of its own there.
PHONE = 58
#: A table of more rows or cells is folded: its title stays, a click opens it.
UNFOLDED, UNFOLDED_CELLS = 14, 48
#: How the stub of a table begins of which the page's slider shows one column.
SWEPT = "swept:"
#: Significant digits, and most decimals, of a number without interval.
DIGITS, DECIMALS = 3, 4
#: How a spreadsheet knows a formula, which a table never holds.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Span(NamedTuple):
    """A number with its interval, where no Estimate holds it."""

    value: float
    low: float
    high: float
    unit: str = ""


class Number(NamedTuple):
    """A number without interval, and the decimals with which it is known."""

    value: float
    decimals: int


#: What a cell may be; a Markup is shown as it stands.
Cell = Estimate | Span | Number | str | float | bool | None
#: What names a row: its label, or the group that it stands in and its label.
Label = str | tuple[str, str]
Rows = Mapping[Label, Mapping[str, Cell]]
#: Group of rows and unit.
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """A table that notebooks and books show; `lab.tables.show_table` makes it.

    rows : each row's label and its cells by column; a column that a row lacks is shown as a dash.
    name : of its CSV. title : what it shows. stub : what the labels are. note : what one must know.
    empty : the sentence that stands in place of a table without rows.
    """

    rows: Rows
    name: str
    title: str
    stub: str = ""
    note: str = ""
    empty: str = ""

    @property
    def cells(self) -> dict[str, list[Cell]]:
        """The cells below each head, in the order in which rows bring them."""
        heads = dict.fromkeys(head for row in self.rows.values() for head in row)
        return {head: [row.get(head) for row in self.rows.values()] for head in heads}

    @property
    def html(self) -> str:
        """The table without style or ids, the same bytes each time; a sentence if it has no rows."""
        if not self.rows:
            return f"<p>{escape(self.empty or f'{self.title}: nothing to show.')}</p>"
        texts = self._texts()
        labels = cycle(f'<td data-label="{escape(head)}" class="gt_row' for head in texts)
        raw = re.sub(r'<td headers="[^"]*" class="gt_row', lambda _: next(labels), self._drawn(texts))
        pieces = {
            head: [*head.split(), *re.split("<br>|<small>", "<br>".join(texts[head]))] for head in texts
        }
        width = 14 + sum(max(map(len, found)) for found in pieces.values())
        kind = "gt_table dti-cards" if width > PHONE else "gt_table"
        opening = f'<table class="{kind}"><caption>{escape(self.title)}</caption>'
        drawn = strip_html(re.sub(r"<table [^>]*>", lambda _: opening, raw, count=1)).strip()
        short = len(self.rows) <= UNFOLDED and texts.size <= UNFOLDED_CELLS
        if short or self.stub.startswith(SWEPT):
            return drawn
        summary = f"{escape(self.title)} <small>({len(self.rows)} rows)</small>"
        return f"<details><summary>{summary}</summary>\n{drawn}\n</details>"

    @property
    def csv(self) -> str:
        """All cells unrounded; ends, unit and way of an interval in columns of their own."""
        records = [self._record(label, row) for label, row in self.rows.items()]
        heads = list(dict.fromkeys(head for record in records for head in record))
        stream = io.StringIO()
        writer = csv.DictWriter(stream, heads, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
        return stream.getvalue()

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        """The table as HTML and as words, and its numbers as a file of that name."""
        if not self.rows:
            return {"text/html": self.html, "text/plain": Markup(self.html).striptags()}, {}
        labels = [label if isinstance(label, str) else ": ".join(label) for label in self.rows]
        words = f"{self.title}\n{self._texts().map(_words).set_axis(labels).to_string()}"
        return {"text/html": self.html, "text/plain": words, CSV: self.csv}, {CSV: {"name": self.name}}

    def _texts(self) -> pd.DataFrame:
        """The cells as HTML."""
        digits = self._decimals()
        return pd.DataFrame(
            {
                head: [
                    _text(cell, digits.get(key, 0))
                    for cell, key in zip(column, self._keys(column), strict=True)
                ]
                for head, column in self.cells.items()
            },
            dtype=object,
        )

    def _keys(self, column: Sequence[Cell]) -> list[Key]:
        """What cells are read beside: those of one unit in one group of rows."""
        groups = ["" if isinstance(label, str) else label[0] for label in self.rows]
        return [(group, getattr(cell, "unit", "")) for group, cell in zip(groups, column, strict=True)]

    def _decimals(self) -> dict[Key, int]:
        """Decimals that most intervals among those read together deserve."""
        found: dict[Key, list[int]] = {}
        for column in self.cells.values():
            for cell, key in zip(column, self._keys(column), strict=True):
                if isinstance(cell, Span | Estimate) and cell.high > cell.low:
                    _, low, high = _ends(cell)
                    found.setdefault(key, []).append(decimals_of_width((high - low) / 2))
        return {key: median_high(digits) for key, digits in found.items()}

    def _drawn(self, texts: pd.DataFrame) -> str:
        """What great_tables makes of the cells; a column of one unit has it below its head."""
        import great_tables as gt

        heads: dict[str, Any] = {}
        names, right = [f"column{k}" for k in range(texts.shape[1])], []
        for name, (head, column) in zip(names, self.cells.items(), strict=True):
            units = {percent(cell.unit)[1] for cell in column if isinstance(cell, Span | Estimate)} - {""}
            shown = len(units) == 1 and not any(unit in head for unit in units)
            unit = Markup("<br><small>{}</small>").format(*units) if shown else ""
            heads[name] = gt.html(escape(head) + unit)
            right += [name] * (not any(isinstance(cell, str | bool | np.bool_) for cell in column))
        labels = pd.DataFrame([("", label) if isinstance(label, str) else label for label in self.rows])
        frame = texts.set_axis(names, axis=1).assign(
            row=labels[1], **({"group": labels[0]} if labels[0].any() else {})
        )
        made = gt.GT(
            frame, rowname_col="row", groupname_col="group" if "group" in frame else None, id="table"
        )
        made = made.tab_stubhead(self.stub).cols_label(heads).fmt_passthrough(escape=False)
        note = " ".join(filter(None, (self.note, self._ways())))
        made = made.tab_source_note(gt.html(escape(note))) if note else made
        return made.cols_align("left").cols_align("right", right).as_raw_html(inline_css=False)

    def _ways(self) -> str:
        """How the intervals were made, each way once."""
        cells = [cell for column in self.cells.values() for cell in column if isinstance(cell, Estimate)]
        wide = [one for one in cells if one.high > one.low]
        ways = listed(list(dict.fromkeys(one.how.split(",")[0] for one in wide)))
        return f"In brackets {100 * min(one.level for one in wide):g} % intervals: {ways}." if wide else ""

    def _record(self, label: Label, row: Mapping[str, Cell]) -> dict[str, Any]:
        """A row of the CSV, nothing of it a formula."""
        names = (self.stub or "row",) if isinstance(label, str) else ("group", self.stub or "row")
        record: dict[str, Any] = dict(zip(names, (label,) if isinstance(label, str) else label, strict=True))
        for head, cell in row.items():
            record[head] = cell.value if isinstance(cell, Number) else cell
            if isinstance(cell, Span | Estimate):
                scale, unit = percent(cell.unit)
                record |= {head: scale * cell.value, f"{head} low": scale * cell.low}
                record |= {f"{head} high": scale * cell.high, f"{head} unit": unit}
                record[f"{head} how"] = getattr(cell, "how", "")
        return {_harmless(head): _harmless(value) for head, value in record.items()}


def _words(text: str) -> str:
    return Markup(text.replace("<br>", " ")).striptags()


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or value == "" or (isinstance(value, float) and math.isnan(value))


def _ends(cell: Span | Estimate) -> list[float]:
    """Value and ends of an interval as they are read, shares in percent."""
    return [percent(cell.unit)[0] * one for one in (cell.value, cell.low, cell.high)]


def _decimals(low: float, high: float, usual: int) -> int:
    """The decimals that are usual, but one more or less where the width asks for it, and no end a false 0."""
    half = (high - low) / 2
    own = decimals_of_width(half)
    shown = min(max(usual, own - 1), own + 1)
    return shown + any(abs(end) > half / 20 and not round(end, shown) for end in (low, high))


def _text(cell: Any, digits: int) -> str:
    """A cell as HTML; intervals that are read together have `digits` decimals."""
    if _is_missing(getattr(cell, "value", cell)):
        return NOTHING
    if isinstance(cell, bool | np.bool_):
        return "yes" if cell else "no"
    if isinstance(cell, str):
        return str(escape(cell))
    if isinstance(cell, Span | Estimate):
        ends = _ends(cell)
        shown = _decimals(ends[1], ends[2], digits) if cell.high > cell.low else decimals_of(*ends)
        value, low, high = (number(one, shown) for one in ends)
        return f"{value} <small>[{low}, {high}]</small>" if cell.high > cell.low else value
    if not isinstance(cell, Number):
        enough = min(DECIMALS, max(0, DIGITS - 1 - math.floor(math.log10(abs(cell))))) if cell else 0
        cell = Number(cell, next((k for k in range(enough) if round(cell, k) == cell), enough))
    tiny = cell.value > 0 and not round(cell.value, cell.decimals)
    return f"&lt; {10**-cell.decimals:.{cell.decimals}f}" if tiny else number(cell.value, cell.decimals)


def _harmless(value: Any) -> Any:
    """`value` as a CSV holds it; a text that a spreadsheet would run begins with an apostrophe."""
    if _is_missing(value):
        return ""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, str):
        text = _words(value) if isinstance(value, Markup) else value
        return f"'{text}" if text.startswith(_FORMULA) else text
    return value.item() if isinstance(value, np.generic) else value
