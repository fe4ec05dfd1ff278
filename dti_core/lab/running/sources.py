"""Which source files a study's numbers rest on: read from the import graph, nothing is imported."""

import ast
import hashlib
import importlib.util
import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

from dti_core.lab.data import sha256_of
from dti_core.lab.errors import RunError
from dti_core.lab.paths import notebook_file

PACKAGE = "dti_core"
#: Modules that store a result but cannot change it: editing them makes no run stale.
STORING = frozenset({"dti_core.lab.keep"})


def notebook_code(notebook: Path) -> list[str]:
    """Sources of the code cells of a notebook, outputs and Markdown left aside. RunError if unreadable."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    except FileNotFoundError as error:
        raise RunError(f"no notebook notebooks/{notebook.name}. Each study needs one of its name.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"notebooks/{notebook.name} is not a readable notebook: {error!r}.") from error
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def hash_code(code: Iterable[str]) -> str:
    """One sha256 over the code cells of a notebook."""
    return hashlib.sha256(json.dumps(list(code)).encode()).hexdigest()


def imported_names(code: str) -> set[str]:
    """Dotted names that a cell may import; `from a import b` gives both `a` and `a.b`."""
    plain = "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in code.splitlines())
    names: set[str] = set()
    try:
        tree = ast.parse(plain)
    except SyntaxError:
        return names
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def needed_modules(slug: str, package: str = PACKAGE) -> set[str]:
    """Modules that the study and its notebook import, directly or not, ours and others' top-level names."""
    import grimp

    graph = grimp.build_graph(package, include_external_packages=True, cache_dir=None)
    study = f"{package}.studies.{slug}"
    names = set().union(*map(imported_names, notebook_code(notebook_file(slug))))
    outside = {name.split(".")[0] for name in names} - {package}
    roots = {module for module in graph.modules if module == study or module.startswith(f"{study}.")}
    roots |= (names & graph.modules) - STORING
    needed = roots.union(*(graph.find_upstream_modules(module) for module in roots))
    return needed | outside | {parent for name in needed for parent in _parents(name, package)}


def _parents(module: str, package: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:depth]) for depth in range(1, len(parts))] if parts[0] == package else []


def hash_sources(modules: Iterable[str], package: str = PACKAGE) -> dict[str, str]:
    """sha256 of each of our modules' files, by its path below the package, in alphabetical order."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise RunError(f"package {package} is not installed; run `pip install -e .` in the checkout.")
    root = Path(next(iter(spec.submodule_search_locations)))
    hashes: dict[str, str] = {}
    for module in sorted(modules):
        if module == package or module.startswith(f"{package}."):
            base = root.joinpath(*module.split(".")[1:])
            file = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
            hashes[file.relative_to(root).as_posix()] = sha256_of(file)
    return hashes


def package_versions(modules: Iterable[str]) -> Mapping[str, str]:
    """Versions of the distributions whose top-level names are among `modules`."""
    from importlib.metadata import version

    tops = {module.split(".")[0] for module in modules} - {PACKAGE}
    carriers = {name for top in tops for name in _distributions().get(top, ())}
    return {name: version(name) for name in sorted(carriers)}


@cache
def _distributions() -> Mapping[str, list[str]]:
    return packages_distributions()
