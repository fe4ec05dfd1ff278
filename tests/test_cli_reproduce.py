"""What `dti reproduce` ends with, and what a dry run says: the book beside this run, and nothing done."""

import csv
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dti_core.book.reference import Reference, Tolerance
from dti_core.cli import app, batch, beside, comparing
from dti_core.lab.claims import judge
from dti_core.lab.config import load_experiment
from dti_core.lab.frozen import frozen_record
from dti_core.lab.kept import save_result
from dti_core.lab.record import Estimate, Record, Result
from dti_core.lab.running.cache import fingerprint_of, kept_store
from dti_core.lab.running.runner import foresee
from tests.test_lab_cache import keep_run
from tests.test_lab_compare import CARD, make_record
from tests.toy_project import build_toy_project, edit_cell, toy_plan

SLUG = "lstm_portfolio"


def run_like(chapter: Record, *, known: bool, profile: str = "full") -> Record:
    """A run of a frozen study; unless its numbers are known, no interval of it says anything."""
    estimates = chapter.estimates
    if not known:
        estimates = tuple(replace(one, low=-1e9, high=1e9) for one in estimates)
    values = dict(load_experiment(chapter.slug).resolve(profile).values)
    numbers = chapter.provenance.fingerprint.numbers.model_copy(update={"parameters": values})
    told = chapter.provenance.fingerprint.model_copy(update={"numbers": numbers})
    provenance = chapter.provenance.model_copy(update={"fingerprint": told})
    update = {"run": "r1", "profile": profile, "parameters": values, "estimates": estimates}
    return chapter.model_copy(update=update | {"provenance": provenance})


def pairs(record: Record) -> list[beside.Pair]:
    return list(beside.pairs_of([record]))


def test_the_same_numbers_give_the_verdicts_of_the_book():
    chapter = frozen_record(SLUG)
    found = pairs(run_like(chapter, known=True))
    assert [pair.here.claim for pair in found] == [one.claim for one in judge(chapter)]
    assert not any(pair.differs for pair in found)
    assert beside.sentence(found) == f"All {len(found)} verdicts that the book holds too are the same here."


def test_a_smaller_run_names_the_claims_that_differ_and_the_data_that_it_lacks(capsys):
    run = run_like(frozen_record(SLUG), known=False, profile="quick")
    decided = [one.claim for one in judge(frozen_record(SLUG)) if one.verdict != "inconclusive"]
    assert decided, "without a decided claim this test sees nothing"
    beside.show_beside_book([run], "quick")
    shown = " ".join(capsys.readouterr().out.split())
    assert re.search(rf"{len(decided)} of \d+ verdicts? differs? from the book, which decides: ", shown)
    full, quick = (load_experiment(SLUG).resolve(size).values for size in ("full", "quick"))
    assert f"{', '.join(decided)} ({SLUG}: less data, n_folds {quick['n_folds']} instead of" in shown
    assert f"other settings, refit_months {quick['refit_months']} instead of {full['refit_months']})" in shown
    assert shown.count("differs") >= len(decided)


def test_equal_parameters_point_at_code_data_and_packages():
    run = run_like(frozen_record(SLUG), known=False)
    assert "although parameters, code, data and packages are the same" in beside.sentence(pairs(run))
    moved = run.provenance.fingerprint.numbers.model_copy(update={"packages": {"numpy": "0.1"}})
    told = run.provenance.fingerprint.model_copy(update={"numbers": moved})
    other = run.model_copy(update={"provenance": run.provenance.model_copy(update={"fingerprint": told})})
    assert f"other code, data or packages: `dti compare {SLUG} r1`" in beside.sentence(pairs(other))


def test_a_study_without_a_chapter_has_nothing_to_differ_from(monkeypatch):
    monkeypatch.setattr(beside, "frozen_slugs", list)
    found = pairs(run_like(frozen_record(SLUG), known=False))
    assert found
    assert all(pair.book is None and not pair.differs for pair in found)
    assert beside.sentence(found).startswith("All 0 verdicts")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DTI_HOME", str(tmp_path))
    return build_toy_project(tmp_path)


def numbers(values: Sequence[float]) -> Record:
    shown = [Estimate(f"number_{n}", value, value - 1, value + 1, "1", 9) for n, value in enumerate(values)]
    return make_record(shown, slug="toy").model_copy(update={"profile": "quick"})


def test_only_numbers_that_are_off_are_listed_and_all_are_in_a_file(home, capsys):
    folder = home / "experiments" / "reference"
    folder.mkdir()
    accepted = {"quick": {f"number_{n}": float(n) for n in range(40)}}
    rules = (Tolerance(match=".", absolute=0.5, why='=rounded, "so"'),)
    (folder / "toy.json").write_text(
        Reference(slug="toy", tolerances=rules, accepted=accepted).model_dump_json()
    )
    problems = comparing.compare_numbers([numbers([*range(39), 41.0])], "quick")
    assert problems == ["toy: 1 numbers off: number_39"]
    shown = capsys.readouterr().out
    assert set(re.findall(r"number_\d+", shown)) == {"number_39"}
    assert "40 published numbers compared, 1 outside their tolerance" in shown
    file = Path(os.environ["DTI_RESULTS"]) / "reproduced-quick.csv"
    assert str(file) in shown.replace("\n", "")
    with file.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["number"] for row in rows] == list(accepted["quick"])
    assert [row["number"] for row in rows if row["within"] != "True"] == ["number_39"]
    assert comparing.compare_numbers([numbers(range(40))], "quick") == []
    assert "number_" not in capsys.readouterr().out


@pytest.mark.parametrize("command", [["reproduce"], ["run", "toy"], ["sweep", "toy", "-p", "seed=1,2"]])
def test_a_dry_run_says_what_would_be_done_and_leaves_nothing(home, monkeypatch, command):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a dry run ran")

    monkeypatch.setattr(batch, "run_plans", refuse)
    done = CliRunner().invoke(app, [*command, "--dry-run"])
    assert done.exit_code == 0, done.output
    assert re.search(r"toy\W+quick\W+rerun\W+first run\W+about 17 s", done.stdout)
    assert "A dry run: nothing was run or changed." in done.stdout
    assert not Path(os.environ["DTI_RESULTS"]).exists()


def test_a_dry_run_tells_reused_redrawn_and_rerun_apart(home):
    keep_run(toy_plan())
    assert foresee(toy_plan()) == "reused: nothing changed"
    assert foresee(toy_plan(force=True)) == "rerun: forced"
    assert foresee(toy_plan(cost_bps=5)) == "rerun: cost_bps 10 -> 5"
    edit_cell(home, "# Does the toy work?", "# Does the toy still work?")
    store = kept_store(fingerprint_of(toy_plan().config).numbers)
    save_result(store, Result(toy_plan().config, CARD, (Estimate("mean", 0, 0, 0, "1", 3),)))
    assert foresee(toy_plan()) == "redrawn: notebook changed"


def test_a_dry_run_moves_no_damaged_run_and_copies_no_frozen_numbers(home, monkeypatch):
    folder = keep_run(toy_plan())
    (folder / "result.json").write_text("{ }")
    assert foresee(toy_plan()).startswith("rerun: ")
    assert folder.is_dir()
    asked = fingerprint_of(toy_plan().config)
    chapter = make_record([Estimate("mean", 1.0, 0.0, 2.0, "1", 9)], slug="toy")
    chapter = chapter.model_copy(
        update={"provenance": chapter.provenance.model_copy(update={"fingerprint": asked})}
    )
    monkeypatch.setattr("dti_core.lab.running.cache.frozen_record", lambda slug: chapter)
    assert foresee(toy_plan()).startswith("redrawn: ")
    assert not kept_store(asked.numbers).exists()
