"""A fresh clone answers from its frozen chapters, completes names, and refuses unknown ones."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dti_core.book.pages import frozen_records
from dti_core.cli import app
from dti_core.lab.claims import all_verdicts
from dti_core.lab.errors import ConfigError
from dti_core.lab.frozen import frozen_record, frozen_slugs
from dti_core.lab.paths import study_results
from dti_core.lab.running.history import find_record


def dti(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 0, done.output
    return done.stdout


def shown_claims(*arguments: str) -> list[str]:
    return re.findall(r"^\W+(C\d+[a-z]?)\b", dti("claims", *arguments), re.MULTILINE)


@pytest.mark.parametrize("word", ["supported", "refuted", "inconclusive"])
def test_claims_of_a_verdict_are_those_of_the_book(word):
    book = [one.claim for one in all_verdicts(frozen_records().values()) if one.verdict == word]
    assert shown_claims("--verdict", word) == book
    assert f"{len(book)} of " in dti("claims", "--verdict", word)


def test_runs_of_this_machine_move_the_claims_only_when_asked():
    chapter = frozen_record("lstm_portfolio")
    folder = study_results(chapter.slug) / "r1"
    bare = chapter.model_copy(update={"run": "r1", "estimates": ()})
    bare.save(folder / "result.json")
    decided = shown_claims("--verdict", "refuted", "--study", chapter.slug)
    assert decided
    assert shown_claims("--verdict", "refuted", "--study", chapter.slug, "--runs") == []


def test_studies_are_listed_with_the_verdicts_of_the_book():
    shown = dti("list")
    assert "never" not in shown
    assert shown.count("none yet") == len(frozen_slugs())
    for slug in frozen_slugs():
        assert slug in shown
        words = [one.verdict for one in frozen_record(slug).claims]
        assert all(f"{words.count(word)} {word}" in shown for word in words)


def test_one_study_shows_the_verdicts_of_its_chapter():
    record = frozen_record("lstm_portfolio")
    shown = dti("list", record.slug)
    assert f"The book says, by run {record.run}, profile full" in shown
    assert all(one.claim in shown for one in record.claims)


def test_the_name_of_a_study_means_its_chapter():
    assert find_record("lstm_portfolio") == frozen_record("lstm_portfolio")
    assert "No verdict differs." in dti("compare", "lstm_portfolio", "lstm_portfolio")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("--study", "lstm_portfoli"),
            "no study with claims 'lstm_portfoli'. Did you mean 'lstm_portfolio'?",
        ),
        (("--study", "zebra"), "no study with claims 'zebra'. Allowed: "),
        (("--verdict", "refutd"), "no verdict 'refutd'. Did you mean 'refuted'?"),
    ],
)
def test_an_unknown_filter_is_refused(arguments, words):
    done = CliRunner().invoke(app, ["claims", *arguments])
    assert isinstance(done.exception, ConfigError)
    assert words in str(done.exception)
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("dti re", "redraw\nreproduce\n"),
        ("dti run ls", "lstm_portfolio\n"),
        ("dti run all --profile f", "full\n"),
        ("dti claims --verdict re", "refuted\n"),
        ("dti data che", "check\n"),
    ],
)
def test_a_shell_completes_what_is_known(typed, offered, monkeypatch, tmp_path):
    told = {"_DTI_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    command = [sys.executable, "-c", "import sys; sys.argv = ['dti']; from dti_core.cli import main; main()"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=os.environ | told, cwd=tmp_path
    )
    assert sorted(done.stdout.split()) == sorted(offered.split()), done.stderr
    assert done.stderr == ""
    assert not Path(os.environ["DTI_RESULTS"]).exists()
