"""Which bridge offers what, and which study uses it: read from the sources, without importing them."""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import dti_core

_PACKAGE = Path(dti_core.__file__).parent


@dataclass(frozen=True, slots=True)
class Bridge:
    """A module of dti_core.bridges: first words of its docstring, public names, studies that use it."""

    name: str
    summary: str
    offers: dict[str, str]
    users: tuple[str, ...]


def list_bridges(package: Path = _PACKAGE) -> list[Bridge]:
    """All bridges of the package in `package`, in alphabetical order."""
    sources = {
        path.stem: path for path in sorted((package / "bridges").glob("*.py")) if path.stem != "__init__"
    }
    steps = {name: _bridges_used([path]) for name, path in sources.items()}
    studies = {folder.name: _bridges_used(folder.rglob("*.py")) for folder in _folders(package / "studies")}
    reached = {slug: _closure(used, steps) for slug, used in studies.items()}
    bridges = []
    for name, path in sources.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        users = tuple(slug for slug, used in reached.items() if name in used)
        summary = (ast.get_docstring(tree) or "").split("\n\n")[0].replace("\n", " ")
        bridges.append(Bridge(name, summary, _offers(tree), users))
    return bridges


def _closure(start: set[str], steps: Mapping[str, set[str]]) -> set[str]:
    reached, waiting = set(start), list(start)
    while waiting:
        found = steps.get(waiting.pop(), set()) - reached
        reached |= found
        waiting.extend(found)
    return reached


def _folders(place: Path) -> list[Path]:
    return sorted(path for path in place.iterdir() if path.is_dir() and (path / "__init__.py").is_file())


def _offers(tree: ast.Module) -> dict[str, str]:
    kinds = (ast.FunctionDef, ast.ClassDef)
    public = [node for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")]
    return {node.name: (ast.get_docstring(node) or "").split("\n")[0] for node in public}


def _bridges_used(files: Iterable[Path]) -> set[str]:
    used: set[str] = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "dti_core.bridges":
                used |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dti_core.bridges."):
                used.add(str(node.module).split(".")[2])
            elif isinstance(node, ast.Import):
                used |= {a.name.split(".")[2] for a in node.names if a.name.startswith("dti_core.bridges.")}
    return used
