"""The meaning of code: what moves a number is in the hash, what does not is not; who imports whom."""

import ast
import shutil
from pathlib import Path

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_notebook

from dti_core.lab.config import load_experiment
from dti_core.lab.running.cache import fingerprint_of
from dti_core.lab.running.inputs import Inputs, live
from dti_core.lab.running.sources import (
    Code,
    estimating_cells,
    imported_names,
    meaning_of,
    meaning_of_cells,
)
from dti_core.lab.running.versions import package_versions

ROOT = Path(__file__).resolve().parents[1]


def meaning(text: str) -> str:
    return meaning_of(ast.parse(text))


CODE = '"""Doc."""\n\nRATE = 0.5\n\n\ndef f(x):\n    """What f does."""\n    return x * RATE\n'


@pytest.mark.parametrize(
    "same",
    [
        CODE.replace("Doc.", "Another doc."),
        CODE.replace('    """What f does."""\n', ""),
        CODE.replace("RATE = 0.5", "# why one half\nRATE = 0.5  # here"),
        CODE.replace("x * RATE", "(\n        x\n        * RATE\n    )"),
        CODE.replace("\n\n\n", "\n"),
        CODE.replace("RATE = 0.5", "RATE = 5e-1"),
    ],
)
def test_comments_docstrings_and_layout_have_no_meaning(same):
    if "\n    return" in same and '"""What' not in same:
        assert meaning(same) == meaning(CODE.replace('    """What f does."""\n', ""))
    else:
        assert meaning(same) == meaning(CODE)


@pytest.mark.parametrize(
    "other",
    [
        CODE.replace("0.5", "0.25"),
        CODE.replace("x * RATE", "RATE * x"),
        CODE.replace("def f(x)", "def f(x=1)"),
        CODE.replace("RATE = 0.5", "RATE = '0.5'"),
        CODE + 'f.__doc__ += "x"\n',
        CODE.replace("    return x * RATE", '    "not a docstring"\n    return x * RATE')
        .replace('    """What f does."""\n', "    x = x\n"),
    ],
)  # fmt: skip
def test_everything_else_has(other):
    assert meaning(other) != meaning(CODE)


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\r\x0c"), max_size=20).map(
        lambda t: t.splitlines()
    )
)
def test_no_comment_ever_counts(lines):
    source = (ROOT / "dti_core/lab/intervals.py").read_text(encoding="utf-8")
    comments = "".join(f"# {line}\n" for line in lines if "\x00" not in line)
    assert meaning(comments + source + comments) == meaning(source)


def test_imports_are_read_from_cells_with_magics():
    code = "%matplotlib inline\n!ls\nfrom a.b import c\nimport d.e as f"
    assert imported_names(code) == {"a.b", "a.b.c", "d.e"}
    assert imported_names("this is no python") == set()


def test_imports_for_types_only_do_not_count():
    code = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a\nelse:\n    import b\n"
    assert imported_names(code) == {"typing", "typing.TYPE_CHECKING", "b"}


def notebook(tmp_path: Path, *cells: str) -> Path:
    made = [new_code_cell("seed: int = 1", metadata={"tags": ["parameters"]}), *map(new_code_cell, cells)]
    nbformat.write(new_notebook(cells=made), tmp_path / "toy.ipynb")
    return tmp_path / "toy.ipynb"


LOAD = "from dti_core.studies.toy.data import load\ndata = load(config)"
ESTIMATE = "from dti_core.studies.toy.estimate import estimate\nresult = estimate(config, data)"


def test_only_cells_up_to_the_estimate_make_numbers(tmp_path):
    path = notebook(tmp_path, LOAD, ESTIMATE, "figures.plot(result)")
    assert estimating_cells(path, "toy") == [LOAD, ESTIMATE]


def test_a_notebook_that_estimates_by_itself_makes_its_numbers_with_all_its_code(tmp_path):
    cells = [LOAD, "estimate = lambda *_: 1\nresult = estimate(config, data)", "figures.plot(result)"]
    assert estimating_cells(notebook(tmp_path, *cells), "toy") == cells


def test_cells_count_by_meaning_unless_they_hold_magics():
    assert meaning_of_cells(["x = 1  # one"]) == meaning_of_cells(["x = 1"])
    assert meaning_of_cells(["x = 2"]) != meaning_of_cells(["x = 1"])
    assert meaning_of_cells(["%run a.py"]) != meaning_of_cells(["%run b.py"])


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A package of the same shape as ours, to change its files at will."""
    root = tmp_path / "dti_core"
    files = {
        "__init__.py": "", "studies/__init__.py": "", "studies/toy/__init__.py": "",
        "bridges/__init__.py": "",
        "studies/toy/model.py": "import json\nfrom dti_core.bridges import sequences\n",
        "studies/other.py": "import dti_core.bridges.unused\n",
        "bridges/sequences.py": "def f():\n    from .windows import g\n",
        "bridges/windows.py": "import numpy\nimport dti_core.lab.theme\ng = 1\n", "bridges/unused.py": "",
        "lab/__init__.py": "", "lab/theme.py": "",
    }  # fmt: skip
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_sources_are_what_the_study_imports(house):
    ours, outside = Code(house).reached(["dti_core.studies.toy.model"], ["dti_core.lab.theme"])
    assert outside == {"json", "numpy"}
    assert list(Code(house).meanings(ours)) == [
        "__init__.py", "bridges/__init__.py", "bridges/sequences.py", "bridges/windows.py", "lab/__init__.py",
        "studies/__init__.py", "studies/toy/__init__.py", "studies/toy/model.py",
    ]  # fmt: skip


def test_a_file_that_is_no_python_counts_by_its_text(house):
    def found() -> dict[str, str]:
        return Code(house).meanings(["dti_core.bridges.windows"])

    (house / "bridges" / "windows.py").write_text("g = = 1")
    first = found()
    (house / "bridges" / "windows.py").write_text("g = = 2")
    assert found() != first


def test_versions_are_those_of_all_that_is_required():
    found = package_versions(["sklearn", "json", "no_such_package"])
    assert {"python", "scikit-learn", "numpy", "scipy", "joblib", "threadpoolctl"} <= set(found)
    assert found["python"] == "3.11"
    assert "no-such-package" not in found
    assert "+" not in package_versions(["torch"])["torch"]
    assert not any(name.startswith("nvidia") for name in package_versions(["torch"]))


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Inputs:
    """A copy of the checkout that a test may edit, and give back as it was."""
    home = tmp_path_factory.mktemp("copy")
    for folder in ("dti_core", "experiments", "notebooks"):
        shutil.copytree(ROOT / folder, home / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return Inputs(home, home / "dti_core")


def changed_by(copy: Inputs, name: str, old: str, new: str) -> dict[str, list[str]]:
    """study -> which of numbers and telling an edit changes."""
    configs = {slug: load_experiment(slug).resolve("full") for slug in ("lstm_portfolio", "esg_constraint")}
    before = {slug: fingerprint_of(config, copy) for slug, config in configs.items()}
    path = copy.home / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    try:
        after = {slug: fingerprint_of(config, copy) for slug, config in configs.items()}
    finally:
        path.write_text(text, encoding="utf-8")
    assert after.keys() == before.keys()
    return {
        slug: [
            part
            for part in ("numbers", "telling")
            if getattr(before[slug], part).digest != getattr(after[slug], part).digest
        ]
        for slug in configs
    }


def test_a_comment_in_any_file_changes_nothing(copy):
    """Of the lab, of studies and of bridges, all at once: if one counted, a digest would differ."""
    slugs = ("lstm_portfolio", "esg_constraint")
    before = [fingerprint_of(load_experiment(slug).resolve("full"), copy).digest for slug in slugs]
    files = sorted((copy.home / "dti_core").rglob("*.py"))
    texts = {path: path.read_text(encoding="utf-8") for path in files}
    assert len(texts) > 100
    for path, text in texts.items():
        path.write_text(f"# a comment\n{text}\n# another\n", encoding="utf-8")
    after = [fingerprint_of(load_experiment(slug).resolve("full"), copy).digest for slug in slugs]
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    assert after == before


@pytest.mark.parametrize(
    ("name", "old", "new", "lstm", "esg"),
    [
        ("dti_core/studies/lstm_portfolio/figures/wealth.py", "def plot_wealth",
         "LEGEND = 1\n\n\ndef plot_wealth", ["telling"], []),
        ("dti_core/studies/esg_constraint/figures/worlds.py", "import", "LEGEND = 1\nimport", [],
         ["telling"]),
        ("dti_core/lab/theme.py", "import", "LEGEND = 1\nimport", ["telling"], ["telling"]),
        ("dti_core/studies/esg_constraint/model/gmm.py", "import", "STEP = 1\nimport", [], ["numbers"]),
        ("dti_core/bridges/forecaster/training.py", "import", "STEP = 1\nimport", ["numbers"], []),
        ("dti_core/lab/intervals.py", "import math", "import math\nLEVEL = 1", ["numbers"], ["numbers"]),
        ("dti_core/lab/parallel.py", "import os", "import os\nCHUNK = 1", ["numbers"], ["numbers"]),
        ("dti_core/lab/errors.py", "class DtiError", "W = 1\n\n\nclass DtiError", ["telling"], ["telling"]),
        ("dti_core/lab/running/dispatch.py", "import json", "import json\nPOLL = 1", [], []),
        ("dti_core/cli/display.py", "import sys", "import sys\nWIDTH = 1", [], []),
        ("notebooks/lstm_portfolio.ipynb", "result = estimate(config, market, card)",
         "result = estimate(config, market.iloc[:99], card)", ["numbers", "telling"], []),
        ("notebooks/lstm_portfolio.ipynb", "figures.plot_wealth(result)", "figures.plot_skill(result)",
         ["telling"], []),
        ("notebooks/esg_constraint.ipynb", "## Limits", "## What limits it", [], ["telling"]),
    ],
)  # fmt: skip
def test_what_an_edit_costs(copy, name, old, new, lstm, esg):
    assert changed_by(copy, name, old, new) == {"lstm_portfolio": lstm, "esg_constraint": esg}


def test_the_copy_is_told_like_the_checkout(copy):
    for slug in ("lstm_portfolio", "esg_constraint"):
        config = load_experiment(slug).resolve("full")
        assert fingerprint_of(config, copy) == fingerprint_of(config, live())
