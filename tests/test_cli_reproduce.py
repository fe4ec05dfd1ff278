"""What `dti reproduce` ends with, and what a dry run says: the book beside this run, and nothing done."""

import csv
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dti_core.book.reference import Reference, Tolerance, reference_file, with_accepted, with_lacking
from dti_core.cli import app, batch, beside, comparing
from dti_core.lab.claims import judge
from dti_core.lab.config import load_experiment
from dti_core.lab.data import ABSENT
from dti_core.lab.errors import RunError
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


def lacking(values: dict[int, float], *absent: str) -> Record:
    """A run with these numbers that went without these published sets."""
    shown = [Estimate(f"number_{n}", value, value - 1, value + 1, "1", 9) for n, value in values.items()]
    record = make_record(shown, slug="toy").model_copy(update={"profile": "quick"})
    data = {"near": "d"} | {f"{name}/table.csv": ABSENT for name in absent}
    told = record.provenance.fingerprint
    told = told.model_copy(update={"numbers": told.numbers.model_copy(update={"data": data})})
    return record.model_copy(
        update={"provenance": record.provenance.model_copy(update={"fingerprint": told})}
    )


#: What the toy estimates with all sets, and without any: 8 is a sum over parts, 9 is of a set alone.
WITH_ALL = {n: float(n) for n in range(10)}
WITHOUT = {n: float(n) for n in range(8)} | {8: 80.0}


@pytest.fixture
def accepted(home: Path) -> Path:
    """Accepted numbers of a run with all sets, and of one without the sets `far` and `wide`."""
    file = reference_file("toy")
    file.parent.mkdir()
    rules = (Tolerance(match=".", absolute=0.5, why="so"),)
    file.write_text(Reference(slug="toy", tolerances=rules).text)
    with pytest.raises(RunError, match="went without far, wide, and no quick run with all sets is accepted"):
        with_lacking(lacking(WITHOUT, "far", "wide"))
    file.write_text(with_accepted(lacking(WITH_ALL)).text)
    file.write_text(with_lacking(lacking(WITHOUT, "far", "wide")).text)
    told = Reference.model_validate_json(file.read_bytes())
    assert told.accepted["quick"] == {f"number_{n}": value for n, value in WITH_ALL.items()}
    assert told.lacking["quick"]["far, wide"].moved == {"number_8": 80.0}
    assert told.lacking["quick"]["far, wide"].gone == ("number_9",)
    return file


ALL, NONE, ONE = (), ("far", "wide"), ("far",)


@pytest.mark.parametrize(
    ("values", "absent", "off", "apart"),
    [
        (WITH_ALL, ALL, [], 0),
        (WITHOUT, NONE, [], 1),
        (WITHOUT | {3: 30.0}, NONE, [3], 1),  # a wrong number is wrong, whatever is absent
        (WITHOUT | {8: 8.0}, NONE, [8], 1),  # that of a run with all sets, too
        ({n: value for n, value in WITHOUT.items() if n != 3}, NONE, [3], 1),  # and one that is missing
        (WITHOUT, ALL, [8, 9], 0),  # nothing is excused where all sets were read
        (WITH_ALL, ONE, [], 0),
        (WITH_ALL | {8: 50.0}, ONE, [], 1),  # in between: what may rest on the absent set is set apart
        (WITHOUT, ONE, [], 2),
        (WITHOUT | {3: 30.0}, ONE, [3], 2),
        ({n: value for n, value in WITHOUT.items() if n != 3}, ONE, [3], 2),
        (WITHOUT, ("other",), [8, 9], 0),  # nothing is known to rest on that set
    ],
)
def test_a_run_is_held_to_what_is_accepted_for_the_sets_at_hand(accepted, capsys, values, absent, off, apart):
    problems = comparing.compare_numbers([lacking(values, *absent)], "quick")
    names = ", ".join(f"number_{n}" for n in off)
    assert problems == ([f"toy: {len(off)} numbers off: {names}"] if off else [])
    shown = " ".join(capsys.readouterr().out.split())
    assert f"{len(WITH_ALL) - apart} published numbers compared, {len(off)} outside" in shown
    told = f"{apart} numbers that rest on sets that are not at hand were not compared."
    assert (told in shown) == bool(absent)
    assert (f"without {', '.join(absent)} (" in shown) == bool(absent)
    assert ("Nothing is accepted for a run without just these." in shown) == (absent not in (ALL, NONE))
    with (Path(os.environ["DTI_RESULTS"]) / "reproduced-quick.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert sum(row["within"].startswith("not compared: rests on") for row in rows) == apart
    assert len(rows) == len(WITH_ALL)


def test_a_larger_run_without_sets_is_told_what_the_quick_one_taught(accepted):
    """Nothing is accepted of it without them: what it left out and what is known to rest on them is apart."""
    told = Reference.model_validate_json(accepted.read_bytes())
    more = told.accepted["quick"] | {"number_10": 10.0}
    accepted.write_text(told.model_copy(update={"accepted": {"full": more}}).text)

    def run(values: dict[int, float]) -> list[str]:
        return comparing.compare_numbers(
            [lacking(values, *NONE).model_copy(update={"profile": "full"})], "full"
        )

    assert run(WITHOUT) == []
    assert run(WITHOUT | {3: 30.0}) == ["toy: 1 numbers off: number_3"]


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
