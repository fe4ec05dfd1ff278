"""The cells below the estimate run on panels that allow little: own ones, unrated, or without a measure."""

import json
from typing import Any

import pytest

from dti_core.lab.paths import project_root
from dti_core.lab.record import OBSERVED, Result
from dti_core.lab.tables import Table
from dti_core.studies.esg_constraint import estimate as study
from dti_core.studies.esg_constraint.measures.findings import Findings
from tests.test_esg_own_panels import AWKWARD, BESIDE, accounts, run, saved

LITTLE = (
    "everything", "three years", "no rating", "no rating, own constraint only", "no controls",
    "constraint missing everywhere",
)  # fmt: skip


#: Measures of the simulated worlds that stand under no world's name.
OF_ALL_WORLDS = {"firms_needed", "firms_needed_in", "effect_shown", "power"}


@pytest.fixture(scope="module")
def worlds(esg_result) -> Findings:
    """What does not hang on the panel at hand."""
    found = [one for one in esg_result if one.world != OBSERVED or one.at["measure"] in OF_ALL_WORLDS]
    return Findings(found, {"coverage": esg_result.series["coverage"]})


def cells() -> list[str]:
    """Code of the notebook below its estimate, without what keeps the record."""
    notebook = json.loads((project_root() / "notebooks" / "esg_constraint.ipynb").read_bytes())
    codes = ["".join(one["source"]) for one in notebook["cells"] if one["cell_type"] == "code"]
    below = next(k for k, code in enumerate(codes) if "result = estimate(" in code) + 1
    return [code.replace("record(result)", "") for code in codes[below:]]


@pytest.mark.parametrize("name", LITTLE)
def test_every_cell_runs_on_every_panel(name, worlds, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DTI_CORES", "1")
    table = AWKWARD[name](accounts())
    own = run(saved(table, tmp_path))
    found = [one for one in own.estimates if one not in BESIDE]
    result = Result(own.config, own.card, (*found, *worlds.estimates), dict(own.series) | worlds.series)
    displayed: list[Any] = []
    names = {"result": result, "display": lambda *what: displayed.extend(what)}
    names["worlds_in_words"] = study.worlds_in_words
    for code in cells():
        exec(code, names)
    assert len(displayed) > 15
    for one in displayed:
        table = getattr(one, "table", one)
        words = table.html if isinstance(table, Table) else one.layout.title.text
        assert words
        assert "nan" not in words.replace("nance", "")
