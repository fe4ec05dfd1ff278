"""A study made by `dti new`: it obeys the house, runs, is published, compared, and grows by one line."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from dti_core.book.ledger import LIMITS, code_lines
from dti_core.cli.new import study_files
from dti_core.lab.errors import ConfigError
from dti_core.lab.register import load_register
from tests.conftest import copy_store

CHECKOUT = Path(__file__).resolve().parents[1]
SLUG = "toy_middle"
BIN = Path(sys.executable).parent
#: Tests of the house that hold for every study; those of types, packages, top level and of all rooms together
#: run on the checkout.
HOUSE = (
    "modules or functions or docstrings or imported or rooms_meant or rooms_are or notebooks or anatomy or "
    "registries or claims"
)
TRIMMED = '    "trimmed": Method("Trimmed mean", lambda sample, rng: mean(np.sort(sample)[1:-1], rng)),\n'


class House:
    """A copy of the checkout in a folder, with a command line that works on it alone."""

    def __init__(self, root: Path) -> None:
        self.root = root
        kept = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", ""), "OMP_NUM_THREADS": "1"}
        self.environment = kept | {"PYTHONPATH": str(root), "DTI_HOME": str(root), "DTI_CORES": "1"}

    def call(self, *command: str) -> str:
        done = subprocess.run(
            [str(BIN / command[0]), *command[1:]], cwd=self.root, env=self.environment, capture_output=True,
            text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def run(self) -> dict[str, tuple[float, float, float]]:
        """Run the study; value and interval of each estimate by its key."""
        self.call("dti", "run", SLUG, "--profile", "full")
        newest = max(
            self.root.glob(f"results/{SLUG}/*/result.json"), key=lambda path: path.stat().st_mtime_ns
        )
        estimates = json.loads(newest.read_bytes())["estimates"]
        return {f"{e['name']}@{e['world']}": (e["value"], e["low"], e["high"]) for e in estimates}

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.root / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.fixture(scope="module")
def house(tmp_path_factory, empty_store) -> House:
    root = tmp_path_factory.mktemp("house")
    skip = shutil.ignore_patterns("__pycache__", "_build", "_vendor", "studies")
    for folder in ("dti_core", "experiments", "notebooks", "tests"):
        shutil.copytree(CHECKOUT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(CHECKOUT / "book", root / "book", ignore=skip)
    for file in CHECKOUT.iterdir():
        if file.is_file():
            shutil.copy(file, root)
    copy_store(empty_store, root / "results")
    made = House(root)
    made.call("dti", "new", SLUG)
    return made


def test_a_new_study_obeys_the_house(house):
    house.call("ruff", "check", ".", "--no-cache")
    house.call("ruff", "format", "--check", ".", "--no-cache")
    files = (f"tests/test_{SLUG}.py", "tests/test_house.py")
    command = ("python", "-m", "pytest", *files, "-rp", "-p", "no:cacheprovider")
    passed = house.call(*command, "-k", f"{SLUG} or {HOUSE}")
    assert all(f"PASSED {file}::" in passed for file in files)
    modules = (house.root / "dti_core" / "studies" / SLUG).rglob("*.py")
    assert 0 < sum(code_lines(path.read_text(encoding="utf-8")) for path in modules) <= LIMITS["studies"]


def test_a_new_study_runs_is_published_and_grows_by_one_line(house):
    """A method more is one entry: it is in estimates and figure, and no other number moves."""
    house.edit(f"experiments/{SLUG}.yaml", "changes: {n_draws: 200}", "changes: {n_draws: 6}")
    before = house.run()
    house.call("dti", "publish", SLUG)
    assert f"{SLUG}: fresh" in house.call("dti", "stale", SLUG)
    house.edit(f"dti_core/studies/{SLUG}/methods.py", "\n}\n", f"\n{TRIMMED}}}\n")
    after = house.run()
    assert {key: after[key] for key in before} == before
    new = {key for key in after if key not in before}
    assert new == {f"location_trimmed@{world}" for world in ("observed", "no_effect", "effect", "outliers")}
    executed = max(house.root.glob(f"results/{SLUG}/*/executed.ipynb"), key=lambda p: p.stat().st_mtime_ns)
    assert "Trimmed mean, as observed" in executed.read_text(encoding="utf-8")
    first, second = sorted(path.parent.name for path in house.root.glob(f"results/{SLUG}/*/result.json"))
    shown = house.call("dti", "compare", first, second)
    assert f"studies/{SLUG}/methods.py" in shown
    assert re.search(rf"{len(before)} of {len(before)} estimates are identical", shown)


def test_three_ways_to_run_give_identical_numbers(house, tmp_path):
    """`dti run`, papermill, and Jupyter's own executor, on the smallest study there is."""
    told = house.run()
    values = {"n_rows": 100, "n_draws": 6}
    options = [word for name, value in values.items() for word in ("-p", name, str(value))]
    source = house.root / "notebooks" / f"{SLUG}.ipynb"
    house.call("papermill", "--no-progress-bar", *options, str(source), str(tmp_path / "out.ipynb"))
    notebook = nbformat.read(source, as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace("n_draws: int = 50", "n_draws: int = 6")
    nbformat.write(notebook, tmp_path / "lab.ipynb")
    house.call("jupyter", "execute", str(tmp_path / "lab.ipynb"))
    records = sorted(
        house.root.glob(f"results/{SLUG}/*/result.json"), key=lambda path: path.stat().st_mtime_ns
    )
    for path in records[-2:]:
        found = json.loads(path.read_bytes())["estimates"]
        assert {f"{e['name']}@{e['world']}": (e["value"], e["low"], e["high"]) for e in found} == told
    assert not (records[-1].parent / "executed.ipynb").exists()


def test_a_planned_study_starts_with_its_claims_and_its_place_in_the_review():
    files = study_files("private_lift")
    owned = load_register().owned_by("private_lift")
    assert owned
    experiment = files["experiments/private_lift.yaml"]
    assert f"claims: [{', '.join(owned)}]" in experiment
    assert 'source: "[1]"' in experiment


@pytest.mark.parametrize("slug", ["Bad", "a-b", "2x", "../x", "", "x" * 41])
def test_what_cannot_name_a_study_is_refused(slug, tmp_path, monkeypatch):
    from dti_core.cli.new import new

    monkeypatch.setenv("DTI_HOME", str(tmp_path))
    with pytest.raises(ConfigError, match="cannot name a study"):
        new(slug)
    assert not list(tmp_path.iterdir())


def test_what_is_there_is_not_written_over(tmp_path, monkeypatch):
    from dti_core.cli.new import new

    shutil.copytree(CHECKOUT / "experiments", tmp_path / "experiments")
    monkeypatch.setenv("DTI_HOME", str(tmp_path))
    before = (tmp_path / "experiments" / "lstm_portfolio.yaml").read_bytes()
    with pytest.raises(ConfigError, match=r"lstm_portfolio\.yaml exists already"):
        new("lstm_portfolio")
    assert (tmp_path / "experiments" / "lstm_portfolio.yaml").read_bytes() == before
    assert not (tmp_path / "dti_core").exists()
