"""Tables as a reader meets them: whatever is shown in rows, in words instead of names of the code."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pandas as pd

from dti_core.lab.paths import project_root
from dti_core.lab.publishing.sanitise import TABLE_NAME
from dti_core.lab.publishing.table import Cell, Label, Number, Rows, Span, Table
from dti_core.lab.record import OBSERVED, Estimate, Result
from dti_core.lab.say import decimals_of, percent, plain

__all__ = ["Cell", "Number", "Rows", "Span", "Table", "beside_published", "show_table"]

Titles = Mapping[str, str]
Row = tuple[Label, dict[str, Cell]]
#: What stands before the name of what an estimate is compared with.
_BEFORE = {"against": " less ", "null": " against "}
#: What a column of ends of intervals is called.
_END = re.compile(r"^(.*_)?(low|high)$")


def show_table(
    what: Rows | pd.DataFrame | Iterable[Estimate], *, name: str, title: str, measures: Sequence[str] = (),
    titles: Titles | None = None, groups: Sequence[str] = (), **texts: str,
) -> Table:  # fmt: skip
    """A table of estimates, of a frame or of cells, in the reader's words.

    Parameters
    ----------
    what : labels and their cells by column; or a frame, whose index or else first column holds the labels,
        and in which columns `low` and `high` behind a number, or its name and these, are its interval; or
        estimates, such as a Result's, those of `measures` (all without any), worlds side by side, or
        one below the other if there are more of them than rows.
    titles : words for names of the code: methods, worlds, columns. groups : columns that group rows.
    name, title, texts : as in `Table`.

    Raises
    ------
    ValueError for a name that is no file's, and for two rows of one label.
    """
    if not re.fullmatch(TABLE_NAME, name):
        raise ValueError(f"a table's name is lower-case letters, digits and underscores, not {name!r}")
    if isinstance(what, Mapping) or (isinstance(what, pd.DataFrame) and not len(what.columns)):
        return Table(what if isinstance(what, Mapping) else {}, name, title, **texts)
    titles = titles or {}
    if isinstance(what, pd.DataFrame):
        what = what if isinstance(what.index, pd.RangeIndex) else what.reset_index()
        texts = {"stub": next(_said(str(head), titles) for head in what if head not in groups)} | texts
        found = _of_frame(what, titles, groups)
    else:
        found = _of_estimates(what, measures, titles)
    rows: dict[Label, dict[str, Cell]] = {}
    for label, cells in found:
        if cells.keys() & rows.setdefault(label, {}).keys():
            raise ValueError(f"table {name}: two rows have one label, {label}")
        rows[label] |= cells
    table = Table(rows, name, title, **texts)
    if isinstance(what, pd.DataFrame) or len(table.cells) <= len(rows):
        return table
    turned: dict[Label, dict[str, Cell]] = {}
    for label, row in rows.items():
        for head, cell in row.items():
            turned.setdefault(head, {})[label if isinstance(label, str) else ": ".join(label)] = cell
    return Table(turned, name, title, **texts)


def beside_published(result: Result, **texts: str) -> Table:
    """What others published, as experiments/reference has it, beside our estimates; `texts` as in `Table`."""
    path = project_root() / "experiments" / "reference" / f"{result.config.slug}.json"
    outside = json.loads(path.read_bytes())["outside"] if path.is_file() else []
    ours = {one.key: one.value for one in result}
    rows: dict[Label, dict[str, Cell]] = {}
    for one in outside:
        name, theirs, allowed = one["estimate"], one["published"], one["tolerance"]
        if name in ours:
            digits = decimals_of(theirs, theirs - allowed, theirs + allowed)
            numbers = {"ours": ours[name], "difference": ours[name] - theirs, "allowed": allowed}
            rows[one["source"], one.get("label") or plain(name)] = {
                "published": Number(theirs, max(0, digits - 2)),
                **{head: Number(cell, digits) for head, cell in numbers.items()},
            }
    return Table(rows, empty="No number that others published is at hand.", **texts)


def _of_estimates(estimates: Iterable[Estimate], measures: Sequence[str], titles: Titles) -> Iterator[Row]:
    """Each estimate and its world; several measures are groups, each with its unit."""
    chosen = [one for one in estimates if not measures or one.at.get("measure") in measures]
    chosen.sort(key=lambda one: measures.index(str(one.at["measure"])) if measures else 0)
    units, places = {one.unit for one in chosen}, {_where(one, titles) for one in chosen}
    for one in chosen:
        measure, unit = _said(str(one.at.get("measure", one.name)), titles), percent(one.unit)[1]
        where = _where(one, titles) if len(places) > 1 else ""
        measure += f" ({unit})" if len(units) > 1 and unit.lower() != measure.lower() else ""
        label = (measure, where) if where and len(measures) != 1 else where or measure
        yield label, {_said(one.world, {OBSERVED: "as observed"} | dict(titles)): one}


def _where(one: Estimate, titles: Titles) -> str:
    """Where an estimate stands on each dimension: its method, what it is compared with, the others."""
    words = {
        key: _said(at, titles) if isinstance(at, str) else f"{plain(key)} {at:g}"
        for key, at in one.at.items()
    }
    compared = "".join(_BEFORE[key] + words[key] for key in _BEFORE if key in words)
    others = [word for key, word in words.items() if key not in ("measure", "method", *_BEFORE)]
    return ", ".join(filter(None, [words.get("method", "") + compared, *others]))


def _of_frame(frame: pd.DataFrame, titles: Titles, groups: Sequence[str]) -> Iterator[Row]:
    """Each row; the ends of an interval go into the cell of the number before them."""
    stub, *heads = (str(column) for column in frame.columns if column not in groups)
    in_threes = zip(heads, heads[1:], heads[2:], strict=False)
    ends = {head: [low, high] for head, low, high in in_threes if _END.search(low) and _END.search(high)}
    shown = [head for head in heads if not any(head in pair for pair in ends.values())]
    for row in frame.rename(columns=str).to_dict("records"):
        words = {key: _said(cell, titles) if isinstance(cell, str) else cell for key, cell in row.items()}
        cells = {
            _said(head, titles): Span(row[head], *(row[end] for end in ends[head]))
            if head in ends
            else words[head]
            for head in shown
        }
        label, heading = str(words[stub]), "; ".join(f"{_said(one, titles)}: {words[one]}" for one in groups)
        yield (heading, label) if heading else label, cells


def _said(name: str, titles: Titles) -> str:
    return titles.get(name, plain(name))
