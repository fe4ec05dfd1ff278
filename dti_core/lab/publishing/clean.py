"""Turn an executed notebook into a chapter: the source's cells and the run's outputs, without noise."""

import ast
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dti_core.lab.config import Value
from dti_core.lab.errors import BookError
from dti_core.lab.paths import notebook_file
from dti_core.lab.publishing.plotly_mime import figure_texts
from dti_core.lab.publishing.sanitise import (
    IMAGES,
    TABLE_NAME,
    clean_figure,
    clean_html,
    clean_image,
    clean_markdown,
)
from dti_core.lab.record import Record
from dti_core.lab.running.figure_page import PLOTLY_MIME
from dti_core.lab.running.runs import EXECUTED

Notebook = dict[str, Any]
Cell = dict[str, Any]
Output = dict[str, Any]

#: No output and no whole chapter may be larger, in bytes.
LARGEST = 1_000_000
CSV = "text/csv"
#: Texts that an output may hold; the last is a glued value.
TEXTS = ("text/plain", "text/html", "text/markdown", CSV, "application/papermill.record/text/plain")
_LANGUAGE = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "pygments_lexer": "ipython3"},
}
#: Tags of a cell whose code is not folded away, or that say themselves what to hide.
_UNFOLDED = {"parameters", "hide-input", "hide-cell", "remove-input", "remove-cell", "show-input"}
_ADDRESS = re.compile(r"\bat 0x[0-9a-f]+")
#: Colours, links and moves that only a terminal obeys, and other invisible characters.
_CONTROL = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")


def text_of(lines: str | Iterable[str]) -> str:
    """Source or output text, which a notebook stores as one string or as a list of lines."""
    return lines if isinstance(lines, str) else "".join(lines)


def tags_of(cell: Cell) -> list[str]:
    """Tags of a cell."""
    return list(cell.get("metadata", {}).get("tags", []))


def code_cells(notebook: Notebook) -> list[Cell]:
    """Code cells that the author wrote: all but those that papermill injected."""
    cells = notebook["cells"]
    return [c for c in cells if c["cell_type"] == "code" and "injected-parameters" not in tags_of(c)]


def figures_of(notebook: Notebook) -> list[Any]:
    """All plotly figures that a notebook shows, in their order."""
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    return [output["data"][PLOTLY_MIME] for output in outputs if PLOTLY_MIME in output.get("data", {})]


def read_notebook(path: Path) -> Notebook:
    """A notebook as plain JSON. BookError if it cannot be read."""
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise BookError(f"{path.name}: not a readable notebook ({error}).") from error


def chapter_text(folder: Path, record: Record) -> str:
    """The chapter of a run as it is written to the book, from the notebook and what its folder holds."""
    source, executed = read_notebook(notebook_file(record.slug)), read_notebook(folder / EXECUTED)
    return dump(freeze(source, executed, record.slug, record.parameters), record.slug)


def written(source: Notebook, parameters: Mapping[str, Value]) -> list[str]:
    """Text of each cell that the author wrote, with a run's values in the cell of parameters."""
    texts = []
    for cell in source["cells"]:
        text = text_of(cell["source"])
        texts.append(with_values(text, parameters) if "parameters" in tags_of(cell) else text)
    return texts


def freeze(source: Notebook, executed: Notebook, slug: str, parameters: Mapping[str, Value]) -> Notebook:
    """The chapter of a run: prose and code of `source`, outputs of `executed`, parameter values of the run.

    Code is folded away except the parameters; a cell whose tags already say what to hide is left alone.
    Two runs with the same outcome give the same chapter, byte by byte: execution metadata, progress bars and
    memory addresses are left out, cells are numbered `<slug>-NN`.

    Raises
    ------
    BookError if the code differs, a cell failed or did not run, or an output does not belong in a book.
    """
    ran = code_cells(executed)
    code = [text_of(cell["source"]) for cell in code_cells(source)]
    if [text_of(cell["source"]) for cell in ran] != code:
        raise BookError(
            f"{slug}: the notebook's code has changed since this run. Run `dti run {slug}` again in the "
            f"profile of this book, then publish it if that is the full one."
        )
    cells: list[Cell] = []
    outcomes = enumerate(ran, start=1)
    for number, (cell, text) in enumerate(zip(source["cells"], written(source, parameters), strict=True)):
        frozen: Cell = {
            "cell_type": cell["cell_type"],
            "id": f"{slug}-{number:02d}",
            "metadata": dict(cell.get("metadata", {})),
            "source": text,
        }
        if cell["cell_type"] == "code":
            frozen |= _outcome(*next(outcomes), slug)
            if not _UNFOLDED & {*tags_of(cell)}:
                frozen["metadata"]["tags"] = [*tags_of(cell), "hide-input"]
        cells.append(frozen)
    for output in _tables(cells):  # chapters lie beside the folders of their files
        link = f"{slug}/{_table_file(output['metadata']['table'])}"
        output["data"]["text/html"] += f'\n<p><a href="{link}">This table as CSV</a></p>'
    return {"cells": cells, "metadata": _LANGUAGE, "nbformat": 4, "nbformat_minor": 5}


def table_files(record: Record, chapter: Notebook) -> dict[str, bytes]:
    """The CSV of each table of a chapter: path below book/studies/<slug> -> bytes.

    Raises
    ------
    BookError if two tables have one name.
    """
    tables = [output["metadata"]["table"] for output in _tables(chapter["cells"])]
    found = {_table_file(table): table["csv"].encode() for table in tables}
    if len(found) < len(tables):
        names = sorted(table["name"] for table in tables)
        raise BookError(f"{record.slug}: two tables have one name among {', '.join(names)}. Name each apart.")
    return found


def _tables(cells: Iterable[Cell]) -> list[Output]:
    outputs = (output for cell in cells for output in cell.get("outputs", []))
    return [output for output in outputs if "table" in output.get("metadata", {})]


def _table_file(table: Mapping[str, str]) -> str:
    return f"tables/{table['name']}.csv"


def dump(notebook: Notebook, slug: str) -> str:
    """The chapter as text. BookError if it is too large to commit."""
    text = json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if (size := len(text.encode())) > LARGEST:
        raise BookError(
            f"{slug}: the chapter would have {size:,} bytes, {LARGEST:,} are allowed. "
            f"Thin the series behind its figures."
        )
    return text


def with_values(source: str, parameters: Mapping[str, Value]) -> str:
    """`source` of a parameters cell with the run's values for the defaults; comments and hints stay."""
    lines = [line.encode() for line in source.splitlines(keepends=True)]
    for node in reversed(ast.parse(source).body):
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if not isinstance(target, ast.Name) or value is None or target.id not in parameters:
            continue
        if value.lineno != value.end_lineno or ast.literal_eval(value) == parameters[target.id]:
            continue
        line = lines[value.lineno - 1]
        new = repr(parameters[target.id]).encode()
        lines[value.lineno - 1] = line[: value.col_offset] + new + line[value.end_col_offset :]
    return b"".join(lines).decode()


def _without_noise(lines: str | Iterable[str]) -> str:
    return _CONTROL.sub("", _ADDRESS.sub("at 0x…", text_of(lines)))


def _outcome(number: int, cell: Cell, slug: str) -> dict[str, Any]:
    """What the code cell of that number has come to."""
    place = f"{slug}: cell {number}"
    if text_of(cell["source"]).strip() and cell.get("execution_count") is None:
        raise BookError(f"{place} was never executed; the run did not finish.")
    outputs: list[Output] = []
    for output in cell.get("outputs", []):
        kept = _clean_output(output, cell, number, place)
        if kept is None:
            continue
        if kept["output_type"] == "stream" and outputs and outputs[-1]["output_type"] == "stream":
            outputs[-1]["text"] += kept["text"]
        else:
            outputs.append(kept)
    for output in outputs:
        if (size := len(json.dumps(output))) > LARGEST:
            raise BookError(f"{place} has an output of {size:,} bytes; {LARGEST:,} are allowed.")
    return {"execution_count": number, "outputs": outputs}


def _clean_output(output: Output, cell: Cell, number: int, place: str) -> Output | None:
    kind = output["output_type"]
    if kind == "error":
        raise BookError(f"{place} failed with {output.get('ename')}: {output.get('evalue')}")
    if kind == "stream":
        text = _without_noise(output["text"])
        return None if output["name"] == "stderr" else {"output_type": kind, "name": "stdout", "text": text}
    kept: Output = {
        "output_type": kind,
        "data": _clean_data(output["data"], cell, place),
        "metadata": _clean_metadata(output, place),
    }
    if kind == "execute_result":
        kept["execution_count"] = number
    return kept


def _clean_data(data: Mapping[str, Any], cell: Cell, place: str) -> dict[str, Any]:
    """What an output shows, each kind in its harmless form; Markdown becomes HTML unless there is some."""
    kept: dict[str, Any] = {}
    for mime, content in data.items():
        if mime == PLOTLY_MIME:
            kept[mime] = _clean_figure(content, place)
            continue
        if mime not in (*TEXTS, *IMAGES) or not isinstance(content, str | list):
            raise BookError(
                f"{place} shows {mime[:80]}, which a book does not take. Allowed are plotly figures and "
                f"{', '.join([*TEXTS, *IMAGES])}. Print or plot instead."
            )
        text = _without_noise(content)
        if mime in IMAGES:
            kept[mime] = _clean_image(mime, text, cell, place)
        elif mime == "text/html":
            kept[mime] = clean_html(text, place)
        elif mime not in ("text/markdown", CSV):
            kept[mime] = text
        elif mime != CSV and "text/html" not in data:
            kept["text/html"] = clean_markdown(text, place)
    return kept


def _clean_metadata(output: Output, place: str) -> dict[str, Any]:
    """The name under which a value is glued, or a table's CSV and name, nothing else."""
    metadata = output.get("metadata", {})
    if isinstance(table := metadata.get(CSV), Mapping) and {CSV, "text/html"} <= output["data"].keys():
        name = str(table.get("name"))
        if not re.fullmatch(TABLE_NAME, name):
            raise BookError(f"{place} shows a table named {name[:40]!r}, which is no name of a file.")
        return {"table": {"name": name, "csv": _without_noise(output["data"][CSV])}}
    glued = metadata.get("scrapbook")
    if not isinstance(glued, Mapping):
        return {}
    return {"scrapbook": {key: str(glued[key]) for key in ("name", "mime_prefix") if key in glued}}


def _clean_image(mime: str, data: str, cell: Cell, place: str) -> str:
    if not cell["metadata"].get("mystnb", {}).get("image", {}).get("alt"):
        raise BookError(
            f"{place} shows an image without alt text. Set mystnb.image.alt in the cell's metadata."
        )
    return clean_image(mime, data, place)


def _clean_figure(figure: Any, place: str) -> dict[str, Any]:
    cleaned = clean_figure(figure, place)
    texts = dict(zip(("a title", "a caption", "alt text"), figure_texts(cleaned), strict=True))
    if missing := [what for what, text in texts.items() if not text.strip()]:
        raise BookError(
            f"{place} shows a figure without {' and '.join(missing)}. Dress it with lab.theme.style."
        )
    return cleaned
