"""The rules of the house: sizes, names, arrows between rooms, one home for each outside tool."""

import ast
import importlib
import json
import re
import shutil
import statistics
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dti_core.book.ledger import code_lines, ledger
from dti_core.lab.config import list_slugs, load_experiment
from dti_core.lab.data.carriers import CARRIERS, LOCKS, pins
from dti_core.lab.methods import Method, World
from dti_core.lab.register import load_register

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted((ROOT / "dti_core").rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TOP_LEVEL = {
    "README.md", "Makefile", "pyproject.toml", "requirements.lock", "requirements-torch.lock",
    "requirements-data.lock",
    "environment.yml", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff", "LICENSE", ".ci", ".gitignore",
    "book", "notebooks", "experiments", "dti_core", "tests",
}  # fmt: skip
HOMES = {
    "papermill": "dti_core/lab/running/execute.py",
    "mlflow": "dti_core/lab/running/track.py",
    "dask": "dti_core/lab/running/cluster.py",
    "distributed": "dti_core/lab/running/cluster.py",
    "typer": "dti_core/cli/",
    "rich": "dti_core/cli/display.py",
}

#: Rooms of the lab that studies may use; bridges may use none.
ROOMS = {
    "bars", "cards", "config", "data", "described", "errors", "findings", "forest", "intervals", "kept",
    "methods", "parallel", "parts", "paths", "record", "say", "sweeps", "tables", "theme", "yaml_files",
}  # fmt: skip


#: Studies that read the frozen records of others, through one room of the lab.
SYNTHESES = ("spillover", "closed_loop")


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


@cache
def _tree(path: Path) -> ast.Module:
    """The syntax of a module, parsed once for all tests."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def _imported(path: Path) -> frozenset[str]:
    """Dotted names that a module names in an import; `from a import b` gives a.b."""
    names = set()
    package = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            names |= {f"{module}.{alias.name}" for alias in node.names}
    return frozenset(names)


def _tool(name: str) -> str:
    return shutil.which(name, path=str(Path(sys.executable).parent)) or name


def test_modules_are_small():
    sizes = {path: _lines(path) for path in MODULES if path.name != "__init__.py"}
    assert {str(path): size for path, size in sizes.items() if size > 300} == {}
    assert statistics.median(sizes.values()) <= 150


def test_module_names_say_something():
    empty_words = {"utils", "util", "helpers", "helper", "core", "manager", "common", "misc"}
    assert [str(path) for path in MODULES if path.stem in empty_words] == []


def test_functions_are_short():
    """At most one function in ten has more than 30 lines of code, none more than 60 (docstrings apart)."""
    sizes = {}
    for path in MODULES:
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                size = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
                sizes[f"{path.name}:{node.name}"] = size
    assert {name: size for name, size in sizes.items() if size > 60} == {}
    assert sum(size > 30 for size in sizes.values()) <= len(sizes) / 10


def test_public_names_have_docstrings():
    missing = []
    for path in MODULES:
        tree = _tree(path)
        missing += [] if ast.get_docstring(tree) else [f"{path.name}: module"]
        for node in tree.body:
            named = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
            if named and not ast.get_docstring(node):
                missing.append(f"{path.name}: {node.name}")
    assert missing == []


@pytest.mark.parametrize("tool", HOMES)
def test_each_tool_is_imported_in_one_place(tool):
    tops = {path: {name.split(".")[0] for name in _imported(path)} for path in MODULES}
    users = {str(path.relative_to(ROOT)) for path, names in tops.items() if tool in names}
    assert {user for user in users if not user.startswith(HOMES[tool])} == set()


def _ours(path: Path) -> set[str]:
    """Dotted names below dti_core that a module names in an import."""
    return {name for name in _imported(path) if name.split(".")[0] == "dti_core"}


def _is_module(name: str) -> bool:
    return len(name.split(".")) > 3 and (ROOT / name.replace(".", "/")).with_suffix(".py").is_file()


def _may_import(path: Path, name: str) -> bool:
    """Whether a study or bridge may name this; a new room of the lab is closed until it stands in ROOMS.

    Of a bridge others name only its face: what stands in its `__init__.py`.
    """
    side, *rest = path.relative_to(ROOT / "dti_core").parts
    match name.split(".")[1:]:
        case ["bridges", bridge, *below]:
            return (side, rest[0]) == ("bridges", bridge) or (len(below) < 2 and not _is_module(name))
        case ["lab", "frozen", read]:
            return rest[0] in SYNTHESES and read in ("frozen_series", "record_digest")
        case ["lab", "borrowed", "borrow"]:
            return (side, rest[0]) in {("studies", slug) for slug in SYNTHESES}
        case ["lab", "files", *_]:  # what runs by itself writes its own files
            return side == "studies" and rest[1] in APART
        case ["lab", room, *_]:
            return side == "studies" and room in ROOMS
        case ["studies", slug, *_]:
            return side == "studies" and slug == rest[0]
        case _:
            return False


SCIENCE = [path for path in MODULES if path.relative_to(ROOT / "dti_core").parts[0] in ("studies", "bridges")]


@cache
def _calls(path: Path) -> list[str]:
    """Calls in a module as they are written, without their arguments."""
    return [ast.unparse(node.func) for node in ast.walk(_tree(path)) if isinstance(node, ast.Call)]


def test_files_are_written_whole():
    """Through lab.files alone: a bare write would tear when the disk is full or the process killed."""
    bare = re.compile(
        r"(^|\.)(write_text|write_bytes|touch|to_csv|to_parquet|to_json|copyfile)$|^(nbformat|json)\.(write|dump)$"
    )
    found = {(path.name, call) for path in MODULES for call in _calls(path) if bare.search(call)}
    allowed = {
        ("inputs.py", "shutil.copyfile"),
        ("pieces.py", "table.to_parquet"),
        ("attachments.py", "table.to_csv"),
        ("exports.py", "table.to_csv"),  # text, no file
        ("calendar_files.py", "told.to_csv"),  # text, no file
    }
    allowed |= {(name, call) for name, call in found if call.endswith(".touch")}  # marks without content
    assert found - allowed == set()


def test_science_imports_nothing_by_a_made_up_name():
    """The digest of a study's code follows imports as they are written; a computed name would escape it."""
    assert not [
        (path, call)
        for path in SCIENCE
        for call in _calls(path)
        if call.endswith(("import_module", "__import__", "exec", "eval"))
    ]


def test_science_uses_only_the_rooms_meant_for_it():
    assert any(_ours(path) for path in SCIENCE)
    wrong = {
        (str(path.relative_to(ROOT)), n) for path in SCIENCE for n in _ours(path) if not _may_import(path, n)
    }
    assert wrong == set()


@pytest.mark.parametrize(
    ("place", "name", "allowed"),
    [
        ("studies/a/model/fit.py", "dti_core.lab.record.Result", True),
        ("studies/a/model/fit.py", "dti_core.studies.a.data", True),
        ("studies/a/model/fit.py", "dti_core.bridges.forecaster", True),
        ("studies/a/model/fit.py", "dti_core.bridges.forecaster.Fold", True),
        ("studies/a/model/fit.py", "dti_core.bridges.forecaster.sequences", False),
        ("studies/a/model/fit.py", "dti_core.bridges.forecaster.sequences.Fold", False),
        ("studies/a/model/fit.py", "dti_core.studies.b.data", False),
        ("studies/a/model/fit.py", "dti_core.lab.claims.judge", False),
        ("studies/a/model/fit.py", "dti_core.lab.some_new_room", False),
        ("studies/a/data/frozen.py", "dti_core.lab.frozen.frozen_series", False),
        ("studies/spillover/data/frozen.py", "dti_core.lab.frozen.frozen_series", True),
        ("studies/spillover/data/frozen.py", "dti_core.lab.frozen.frozen_record", False),
        ("studies/a/data/loop.py", "dti_core.lab.borrowed.borrow", False),
        ("studies/closed_loop/data/loop.py", "dti_core.lab.borrowed.borrow", True),
        ("studies/closed_loop/data/loop.py", "dti_core.lab.borrowed.record_file", False),
        ("bridges/closed_loop/b.py", "dti_core.lab.borrowed.borrow", False),
        ("studies/a/model/fit.py", "dti_core.cli", False),
        ("bridges/forecaster/lstm.py", "dti_core.bridges.forecaster.sequences.Fold", True),
        ("bridges/a/b.py", "dti_core.bridges.forecaster.Fold", True),
        ("bridges/a/b.py", "dti_core.bridges.forecaster.sequences.Fold", False),
        ("bridges/a/b.py", "dti_core.lab.errors.DataError", False),
        ("bridges/a/b.py", "dti_core.studies.a.data", False),
    ],
)
def test_rooms_are_closed_unless_named(place, name, allowed):
    assert _may_import(ROOT / "dti_core" / place, name) is allowed


def test_import_contracts_hold():
    done = subprocess.run(
        [_tool("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_ruff_finds_nothing():
    for command in (["check", "."], ["format", "--check", "."]):
        done = subprocess.run(
            [_tool("ruff"), *command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


def test_types_are_strict():
    """What mypy keeps in .mypy_cache holds as long as the sources are the same; a clean clone has none."""
    done = subprocess.run([_tool("mypy")], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_call_and_never_compute(path):
    cells = [c for c in json.loads(path.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"]
    assert len(cells) <= 12
    assert not any(cell["outputs"] or cell["execution_count"] for cell in cells)
    for cell in cells:
        source = "".join(cell["source"])
        if "parameters" in cell["metadata"].get("tags", []):
            continue
        assert len(source.splitlines()) <= 8, source
        assert not re.search(r"\b(def|class|for|while|lambda|mlflow)\b", source), source
        assert not re.search(r"\d\.\d|\.\./|/home|['\"][^'\"]+\.(csv|parquet)['\"]", source), source


def test_top_level_is_what_the_design_names():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    assert listed, "git lists no file, so nothing was looked at"
    assert {name.split("/")[0] for name in listed} <= TOP_LEVEL


def test_changelog_tells_which_numbers_moved():
    entries = re.split(r"^## ", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert entries
    assert all("### Numbers that moved" in entry for entry in entries)


INSTALL_STEPS = (
    "--no-deps --require-hashes -r requirements.lock",
    "-r requirements-torch.lock",
    "--no-deps --no-build-isolation -e .",
    "data get carriers",
)


def test_conda_users_get_the_same_lock():
    """`make packages` takes the steps in order; environment.yml names it and brings Python and tools."""
    command = ["make", "--dry-run", "packages", "PY=python", "DTI=dti"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    for steps in (shown, text):
        places = [" ".join(steps.split()).find(step) for step in INSTALL_STEPS]
        assert places == sorted(places)
        assert -1 not in places
    assert "conda activate dti && make packages" in text
    assert yaml.safe_load(text)["dependencies"] == ["python>=3.11.5,<3.12", "pip", "make"]


def test_every_locked_package_but_torch_has_hashes():
    """One line without a hash and pip refuses them all; torch among them and its builds would be refused."""
    for lock in ("requirements.lock", "requirements-data.lock"):
        asked = re.split(r"\n(?=\S)", (ROOT / lock).read_text(encoding="utf-8").strip())
        for one in asked:
            assert re.fullmatch(r"\S+==\S+( ; [^\\]+)?( \\\s+--hash=sha256:[0-9a-f]{64})+", one), one
    assert not any(line.startswith("torch==") for line in (ROOT / "requirements.lock").open())
    assert (ROOT / "requirements-torch.lock").read_text(encoding="utf-8") == "torch==2.13.0\n"


def test_the_lock_fits_what_is_asked_for():
    """Every requirement of pyproject.toml is pinned within its range, and nothing asked for is missing."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [*project["project"]["dependencies"], *project["dependency-groups"]["carriers"]]
    pinned = {canonicalize_name(name): pin for lock in (*LOCKS, CARRIERS) for name, pin in pins(lock).items()}
    for requirement in map(Requirement, asked):
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement


def test_nothing_committed_names_a_package_index():
    """Where packages come from is the business of the machine that installs them."""
    named = re.compile(
        r"(pypi|pythonhosted|anaconda|conda-forge|pytorch)\.(org|com)|find-links [/~]|index-url http"
    )
    files = [
        "Makefile",
        "pyproject.toml",
        "environment.yml",
        "README.md",
        ".ci/run",
        *map(str, ROOT.glob("*.lock")),
    ]
    assert [file for file in files if named.search((ROOT / file).read_text(encoding="utf-8"))] == []


#: Words of a study, and folders for a thing that runs by itself.
WORDS = {"data", "worlds", "model", "methods", "measures", "estimate", "figures"}
APART = {"service", "environment", "targets"}
STUDIES = sorted(path.parent for path in (ROOT / "dti_core" / "studies").glob("*/__init__.py"))


@pytest.mark.parametrize("study", STUDIES, ids=lambda path: path.name)
def test_the_anatomy_of_a_study_is_seven_words(study):
    found = {path.stem for path in study.iterdir() if path.name not in ("__init__.py", "__pycache__")}
    assert found - APART == WORDS


@pytest.mark.parametrize("study", STUDIES, ids=lambda path: path.name)
def test_a_study_has_registries_of_methods_and_of_worlds_with_controls(study):
    name = f"dti_core.studies.{study.name}"
    methods = importlib.import_module(f"{name}.methods").METHODS
    worlds = importlib.import_module(f"{name}.worlds").WORLDS
    assert all(isinstance(method, Method) for method in methods.values())
    assert all(isinstance(world, World) for world in worlds.values())
    assert {"negative", "positive"} <= {world.role for world in worlds.values()}
    titles = [method.title for method in methods.values()]
    assert len(set(titles)) == len(titles)


def test_no_claim_has_two_owners_and_experiments_name_what_they_own():
    register = load_register()
    for slug in list_slugs():
        assert list(load_experiment(slug).claims) == register.owned_by(slug), slug


def test_rooms_stay_small():
    """Within the limit, or the leave of a named exception that is not forgotten once the limit is met."""
    sizes = ledger()
    assert [(size.room, size.lines, size.leave) for size in sizes if size.lines > size.leave] == []
    assert [size.room for size in sizes if size.why and size.lines <= size.limit] == []


def test_the_ledger_counts_code_alone():
    documented = '"""Module."""\n\n# comment\n\n\ndef f():\n    """Doc.\n\n    More.\n    """\n'
    code = "x = [\n    1,  # one\n]\n"
    assert code_lines(documented + "    return 1\n" + code) == 2 + 3
    assert code_lines('y = """a\nb"""\n') == 2
    assert code_lines("y = '''a\n\n# no comment\n'''\n") == 4
    assert code_lines('y = (\n    "a"\n    # comment\n\n    "b"\n)\n') == 4
