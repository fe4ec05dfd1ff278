"""The meaning of the code that a notebook runs: read from a folder of sources, nothing is imported.

Meaning is the syntax tree without comments, docstrings and layout: no number depends on those.
"""

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dti_core.lab.errors import RunError

PACKAGE = "dti_core"


@dataclass(frozen=True, slots=True)
class Module:
    """A source file: hash of its meaning, and dotted names that it may import."""

    meaning: str
    imports: frozenset[str]


class Code:
    """The package as it lies in one folder, which may be a copy of the installed one.

    Parameters
    ----------
    folder : holds the package's `__init__.py`.
    """

    def __init__(self, folder: Path, package: str = PACKAGE) -> None:
        self.folder = folder
        self.package = package

    def file(self, module: str) -> Path | None:
        """The source of a module, None if the folder has none of that name."""
        base = self.folder.joinpath(*module.split(".")[1:])
        for path in (base / "__init__.py", base.with_suffix(".py")):
            if module.split(".")[0] == self.package and path.is_file():
                return path
        return None

    def reached(self, roots: Iterable[str], leave_out: Sequence[str]) -> tuple[set[str], set[str]]:
        """Our modules that `roots` import, directly or not, and outside top-level names that they import.

        Parameters
        ----------
        roots : dotted names, as in an import. leave_out : modules, with all below them, that do not count.
        """
        ours: set[str] = set()
        outside: set[str] = set()
        waiting = list(roots)
        while waiting:
            name = waiting.pop()
            if name.split(".")[0] != self.package:
                outside.add(name.split(".")[0])
            elif name not in ours and (path := self.file(name)) and not _below(name, leave_out):
                ours.add(name)
                waiting += read_module(path, name).imports
            if "." in name and name.split(".")[0] == self.package:
                waiting.append(name.rpartition(".")[0])
        return ours, outside

    def meanings(self, modules: Iterable[str]) -> dict[str, str]:
        """Path below the package -> meaning, in alphabetical order."""
        files = {name: path for name in modules if (path := self.file(name)) is not None}
        found = {path.relative_to(self.folder).as_posix(): (name, path) for name, path in files.items()}
        return {place: read_module(path, name).meaning for place, (name, path) in sorted(found.items())}


def _below(module: str, others: Sequence[str]) -> bool:
    return any(f"{module}.".startswith(f"{other}.") for other in others)


def read_module(path: Path, name: str) -> Module:
    """Meaning and imports of a source file; remembered while its content stays the same."""
    content = path.read_bytes()
    return _read_module(content, name if path.name == "__init__.py" else name.rpartition(".")[0])


@cache
def _read_module(content: bytes, package: str) -> Module:
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):  # whoever imports it will be told; until then its text is its meaning
        return Module(hashlib.sha256(content).hexdigest()[:24], frozenset())
    return Module(meaning_of(tree), frozenset(_imported(tree, package)))


def meaning_of(tree: ast.Module) -> str:
    """Hash of a syntax tree; the tree loses its docstrings."""
    for node in _statements(tree):
        match node:
            case ast.Module() | ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                if ast.get_docstring(node, clean=False) is not None:
                    node.body[0] = ast.Pass()
    return hashlib.sha256(ast.dump(tree, annotate_fields=False).encode()).hexdigest()[:24]


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """The tree and all in it but expressions, which hold no import and no docstring."""
    yield tree
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.expr):
            yield from _statements(node)


def _imported(tree: ast.AST, package: str) -> Iterator[str]:
    """Names that may be imported when the code runs; `from a import b` gives both `a` and `a.b`."""
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.expr():
                continue
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                for other in node.orelse:
                    yield from _imported(ast.Module([other], []), package)
                continue
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom():
                above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
                module = ".".join([*above, *([node.module] if node.module else [])])
                yield module
                yield from (f"{module}.{alias.name}" for alias in node.names)
            case _:
                yield from _imported(node, package)


def read_cells(notebook: Path) -> list[tuple[str, list[str], str]]:
    """Kind, tags and source of each cell. RunError if the notebook is missing or unreadable."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        tags = [list(cell.get("metadata", {}).get("tags", [])) for cell in cells]
        return [(one["cell_type"], own, "".join(one["source"])) for one, own in zip(cells, tags, strict=True)]
    except FileNotFoundError as error:
        raise RunError(f"no notebook notebooks/{notebook.name}. Each study needs one of its name.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"notebooks/{notebook.name} is not a readable notebook: {error!r}.") from error


def estimating_cells(notebook: Path, slug: str) -> list[str]:
    """Code that makes the numbers: up to the cell that calls the study's `estimate`, without parameters.

    A notebook that calls none makes its numbers by itself, so all its code counts.
    """
    cells = [code for kind, tags, code in read_cells(notebook) if kind == "code" and "parameters" not in tags]
    imported = f"{PACKAGE}.studies.{slug}.estimate.estimate"
    known: set[str] = set()
    for number, source in enumerate(cells):
        known |= imported_names(source)
        if imported in known and _calls(source, "estimate"):
            return cells[: number + 1]
    return cells


def imported_names(source: str) -> set[str]:
    """Dotted names that a cell may import."""
    tree = _parsed(_plain(source))
    return set() if tree is None else set(_imported(tree, ""))


def meaning_of_cells(cells: Iterable[str]) -> str:
    """Hash of code cells; one that is not plain Python counts by its text."""
    trees = [(None if _plain(source) != source else _parsed(source), source) for source in cells]
    parts = [source if tree is None else meaning_of(tree) for tree, source in trees]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _plain(source: str) -> str:
    """The code without what only IPython understands."""
    return "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in source.split("\n"))


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        return None


def _calls(source: str, name: str) -> bool:
    tree = _parsed(_plain(source))
    nodes = ast.walk(tree) if tree else ()
    return any(isinstance(node, ast.Call) and getattr(node.func, "id", None) == name for node in nodes)
