"""Which bridge offers what, and which study uses it: read from the sources, without importing them."""

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import grimp


@dataclass(frozen=True, slots=True)
class Bridge:
    """A module or package of bridges: first words of its docstring, public names, studies that use it."""

    name: str
    summary: str
    offers: dict[str, str]
    users: tuple[str, ...]


def list_bridges(package: str = "dti_core") -> list[Bridge]:
    """All bridges of `package`, in alphabetical order; a study uses what it imports, also through others."""
    graph = _imports(package)
    studies = sorted(graph.find_children(f"{package}.studies"))
    reached = {study: graph.find_upstream_modules(study, as_package=True) for study in studies}
    bridges = []
    for bridge in sorted(graph.find_children(f"{package}.bridges")):
        modules = {bridge, *graph.find_descendants(bridge)}
        users = tuple(_last(study) for study, used in reached.items() if used & modules)
        face, *rest = [_parse(module) for module in sorted(modules)]
        summary = (ast.get_docstring(face) or "").split("\n\n")[0].replace("\n", " ")
        bridges.append(Bridge(_last(bridge), summary, _offers(face, rest), users))
    return bridges


@cache
def _imports(package: str) -> grimp.ImportGraph:
    """Who imports whom, read once a process: grimp's threads do not survive a fork, its graph does."""
    return grimp.build_graph(package, cache_dir=None)


def _offers(face: ast.Module, rest: Iterable[ast.Module]) -> dict[str, str]:
    """What each public name is for: those that `face` defines, or imports from the `rest` of its package."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    defined = {node.name: node for tree in (*rest, face) for node in tree.body if isinstance(node, kinds)}
    named = [node.name for node in face.body if isinstance(node, kinds)]
    named += [alias.name for node in face.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    public = [name for name in named if name in defined and not name.startswith("_")]
    return {name: (ast.get_docstring(defined[name]) or "").split("\n")[0] for name in public}


def _parse(module: str) -> ast.Module:
    """The source of a module, which is found without importing the packages above it."""
    package, *inner = module.split(".")
    spec = find_spec(package)
    path = Path(spec.origin if spec and spec.origin else "").parent.joinpath(*inner)
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(path.read_text(encoding="utf-8"))


def _last(module: str) -> str:
    return module.rpartition(".")[2]
