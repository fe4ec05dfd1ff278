"""The command as a user meets it: what it prints, what it refuses, how it exits."""

import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import typer
import yaml
from rich.console import Console
from typer.testing import CliRunner

from dti_core.book import build as book
from dti_core.book.reference import Outside, Reference, Row, Tolerance
from dti_core.cli import app, batch, comparing, display, doctor, listing, main, publishing
from dti_core.lab.compare import compare_records
from dti_core.lab.config import load_experiment
from dti_core.lab.errors import BookError, RunError
from dti_core.lab.paths import study_results
from dti_core.lab.record import Estimate, Record, Verdict
from dti_core.lab.running import track
from dti_core.lab.running.history import finished_runs, latest_run, newest_records, profile_run, read_record
from dti_core.lab.running.runs import Outcome, RunPlan
from tests.conftest import copy_store
from tests.sample_book import seal_run
from tests.test_lab_compare import make_record
from tests.toy_project import build_toy_project

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DTI_HOME", str(tmp_path / "home"))
    return build_toy_project(tmp_path / "home")


def dti_apart(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", "from dti_core.cli import main; main()", *arguments],
        capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def dti(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The same entry point in this process: what it prints and how it exits, without a start of Python."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["dti", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    code = ended.value.code
    assert isinstance(code, int)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def imported_by(code: str) -> tuple[set[str], str]:
    """Modules that a process has loaded in which this code ran, and what it printed."""
    code = f"import sys\ntry:\n    {code}\nexcept SystemExit:\n    pass\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.split()), done.stdout


def test_help_starts_without_heavy_packages():
    heavy = {
        "torch",
        "mlflow",
        "pandas",
        "papermill",
        "distributed",
        "skfolio",
        "pydantic",
        "numpy",
        "plotly",
    }
    loaded, shown = imported_by("sys.argv = ['dti', '--help']; from dti_core.cli import main; main()")
    assert "Usage: dti" in shown
    assert not heavy & loaded


GRID = ("toy", "--profile", "smoke", "-p", "behaviour=fail,calm", "-p", "seed=1,2")


@pytest.fixture(scope="module")
def swept(tmp_path_factory, empty_store):
    """Where a sweep of four runs has been, of which two fail; and how the command ended."""
    place = tmp_path_factory.mktemp("swept")
    build_toy_project(place / "home")
    copy_store(empty_store, place / "results")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DTI_HOME", str(place / "home"))
        patch.setenv("DTI_RESULTS", str(place / "results"))
        return place, dti("sweep", *GRID)


@pytest.fixture
def first_sweep(swept, monkeypatch):
    """Work in the folders of the sweep; how the command ended."""
    place, done = swept
    monkeypatch.setenv("DTI_HOME", str(place / "home"))
    monkeypatch.setenv("DTI_RESULTS", str(place / "results"))
    return done


def test_a_reused_run_starts_without_heavy_packages(first_sweep):
    record, *_ = finished_runs("toy")
    assert f"toy: {study_results('toy') / record.run}\n" in first_sweep.stdout
    heavy = {"torch", "mlflow", "papermill", "distributed", "skfolio", "plotly"}
    words = ["dti", "run", "toy", "--profile", "smoke", "-p", f"seed={record.parameters['seed']}"]
    loaded, shown = imported_by(f"sys.argv = {words}; from dti_core.cli import main; main()")
    assert not heavy & loaded
    assert "reused: nothing changed" in shown
    assert f"toy: {study_results('toy') / record.run}\n" in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("run", "toy", "-p", "cost_bp=3"),
            "unknown parameter 'cost_bp'. Did you mean 'cost_bps' (basis points",
        ),
        (
            ("run", "toy", "-p", "n_draws=many"),
            "n_draws = 'many' is not allowed. Give whole number from 2",
        ),
        (("run", "toy", "-p", "n_draws"), "write -p name=value"),
        (("run", "toi"), "no study 'toi'. Did you mean 'toy'?"),
        (("run", "toy", "--profile", "fast"), "no profile 'fast'. Allowed: smoke, quick, full"),
        (("run", "toy", "--data", "absent.csv"), "absent.csv: no such file"),
        (("run",), "name studies (or all)"),
        (("run", "toy", "--from", "result.json"), "--from repeats a run as it was"),
        (("run", "--from", "result.json", "-p", "seed=2"), "--from repeats a run as it was"),
        (("run", "--from", "result.json", "--profile", "quick"), "--from repeats a run as it was"),
        (("run", "--from", "result.json", "--data", "own.csv"), "--from repeats a run as it was"),
        (("schema", "toy"), "no schema 'toy'. Allowed: experiment, record, claims"),
        (("sweep", "toy"), "has no sweep of its own"),
        (("compare", "a", "b"), "no finished run has that name"),
        (("claims", "--verdict", "true"), "no verdict 'true'. Allowed: supported"),
    ],
)
def test_wrong_input_is_one_clear_message_and_leaves_nothing(home, arguments, words):
    done = dti(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not Path(os.environ["DTI_RESULTS"]).exists()


STUDY_COMMAND = '''\
"""Play the toy by hand.

More than the first line.
"""
import mailbox

import typer

app: typer.Typer = typer.Typer()


@app.command()
def throw(times: int = 1, fail: bool = False) -> None:
    """Throw it."""
    if fail:
        raise ZeroDivisionError("no toy")
    typer.echo("thrown " * times)


@app.command()
def lay() -> None:
    """Lay it down."""
'''


@pytest.fixture
def study_command(tmp_path):
    """Source of a process in which a study has a module of its own among the commands."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "toy_study.py").write_text(STUDY_COMMAND)
    (tmp_path / "more" / "no_command.py").write_text("raise ImportError('nobody may import me')\n")
    return f"import sys, dti_core.cli; dti_core.cli.__path__.append({str(tmp_path / 'more')!r}); "


def test_a_study_brings_a_command_which_does_not_slow_the_others(home, study_command):
    loaded, _ = imported_by(study_command + "sys.argv = ['dti', '--help']; dti_core.cli.main()")
    assert not {"mailbox", "numpy", "pandas", "dti_core.cli.toy_study", "dti_core.cli.no_command"} & loaded

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", study_command + "dti_core.cli.main()", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    shown = call("--help").stdout
    assert re.search(r"toy-study\W+Play the toy by hand\.", shown)
    assert "no-command" not in shown
    for name in ("toy-study", "toy_study"):
        done = call(name, "throw", "--times", "2")
        assert (done.returncode, done.stdout) == (0, "thrown thrown \n"), done.stderr
    assert "lay" in call("toy-study", "--help").stdout
    assert call("toy-study", "throw", "--times", "two").returncode == 2
    done = call("toy-study", "throw", "--fail")
    assert done.returncode == 4
    assert re.search(r"error: ZeroDivisionError: no toy \(.*toy_study.py, line 16\)", done.stderr)
    assert call("no-command").returncode == 2


@pytest.fixture
def rooms(monkeypatch):
    """Rooms of the lab that only note what they were asked."""
    asked: list[tuple[object, ...]] = []

    def answer(module: str, name: str, answers: object) -> None:
        def note(*arguments: object) -> object:
            asked.append((name, *arguments))
            return answers[arguments[0]] if isinstance(answers, dict) else answers

        monkeypatch.setattr(f"dti_core.{module}.{name}", note)

    answer("lab.running.reaper", "reap", ["toy r0: [/x] was killed\x1b[2J"])
    answer("lab.frozen", "frozen_slugs", ["one", "two"])
    answer("book.stale", "stale", {"one": [], "two": ["cost_bps 10 -> 25", "[/x] changed"]})
    answer("book.stale", "stale_pages", [])
    answer("book.redraw", "redraw", {"one": [], "two": ["cell 5"]})
    answer("book.publish", "refreeze", {"one": Path("book/one.ipynb")})
    answer("lab.running.track", "rebuild", 3)
    answer("lab.data", "get", None)
    return asked


REMEDY = "Numbers take a full run and `dti publish SLUG`; all else `dti publish SLUG --redraw`.\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (
            ["stale"],
            1,
            "one: fresh\ntwo: stale\n  cost_bps 10 -> 25\n  [/x] changed\ngenerated pages: fresh\n" + REMEDY,
        ),
        (["stale", "one"], 0, "one: fresh\n"),
        (["redraw", "all"], 1, "one: identical\ntwo: differs in cell 5\n"),
        (["redraw", "one"], 0, "one: identical\n"),
        (["publish", "one", "--redraw"], 0, "chapter frozen again: book/one.ipynb\n"),
        (["track", "rebuild"], 0, "3 runs are in the tracking store again.\n"),
        (["data", "get", "french", "--from", "."], 0, ""),
    ],
)
def test_commands_ask_one_room_and_say_what_it_answers(home, rooms, arguments, code, said):
    done = CliRunner().invoke(app, arguments)
    assert (done.exit_code, done.stdout) == (code, said), done.output
    assert done.stderr == "toy r0: [/x] was killed\\x1b[2J\n"
    assert rooms[0] == ("reap",)
    if arguments[0] == "data":
        assert rooms[1] == ("get", "french", Path("."), display.say)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"], ["schema", "record"]])
def test_what_reads_no_project_looks_for_no_dead_runs(home, rooms, arguments):
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert rooms == []


def test_a_store_that_cannot_be_reaped_stops_no_command(home, monkeypatch):
    def fail() -> list[str]:
        raise RunError("the store at http://me:s3cret@host is gone")

    monkeypatch.setattr("dti_core.lab.running.reaper.reap", fail)
    done = CliRunner().invoke(app, ["list"])
    assert done.exit_code == 0
    assert done.stderr == "could not look for runs that died: the store at http://***@host is gone\n"


FOREIGN = "[/x] [red]r[/red] [link=http://x]l[/link] \\[b] \x1b[31mred \x1b]0;title\x07 \x9b2J \r\u202e"
SHOWN = r"[/x] [red]r[/red] [link=http://x]l[/link] \[b] \x1b[31mred \x1b]0;title\x07 \x9b2J \r\u202e"


@pytest.fixture
def foreign_home(home):
    """The toy project with foreign text wherever a file lets one write some."""
    path = home / "experiments" / "toy.yaml"
    values = yaml.safe_load(path.read_text())
    for name in ("title", "question", "data"):
        values[name] = FOREIGN
    values["parameters"]["cost_bps"]["unit"] = FOREIGN
    path.write_text(yaml.safe_dump(values))
    register = home / "experiments" / "claims.yaml"
    claims = yaml.safe_load(register.read_text())
    claims["claims"]["C4"]["says"] = claims["claims"]["C4"]["not_testable"] = FOREIGN
    register.write_text(yaml.safe_dump(claims))
    return home


def foreign_record() -> Record:
    record = make_record([Estimate(f"m{FOREIGN}", 1.0, 0.0, 2.0, FOREIGN, 9)], data_path=FOREIGN)
    verdicts = (Verdict(claim="C50", verdict="supported", because=FOREIGN),)
    return record.model_copy(update={"run": FOREIGN, "claims": verdicts})


def print_everything() -> dict[str, Callable[[], object]]:
    one, other = foreign_record(), make_record([Estimate(f"m{FOREIGN}", 3.0, 0.0, 9.0, "", 9)])
    row = Row(FOREIGN, 1.0, 2.0, 0.1, FOREIGN)
    outcome = Outcome(FOREIGN, FOREIGN, "failed", FOREIGN, 1.0, None, FOREIGN)

    def progress() -> None:
        with display.ProgressLines({}) as lines:
            lines.started(RunPlan(FOREIGN, load_experiment("toy").resolve(), False), "r", FOREIGN)
            lines.progressed(RunPlan(FOREIGN, load_experiment("toy").resolve(), False), "r", FOREIGN, 1, 2)
            lines.noticed(FOREIGN)
            lines.ended(outcome)

    return {
        "progress": progress,
        "study": lambda: listing.show_study("toy"),
        "studies": listing.show_studies,
        "claims": lambda: listing.claims(None, None),
        "verdicts": lambda: display.show_verdicts(one.claims, FOREIGN),
        "reference": lambda: comparing.show_reference([row], FOREIGN),
        "comparison": lambda: comparing.show_comparison(compare_records(one, other), FOREIGN),
        "batch": lambda: display.table(FOREIGN, [FOREIGN], [(FOREIGN,)]),
    }


@pytest.mark.parametrize("what", print_everything())
@pytest.mark.parametrize("terminal", [False, True])
def test_foreign_text_is_shown_as_it_is_and_commands_no_terminal(
    foreign_home, monkeypatch, capsys, what, terminal
):
    monkeypatch.setattr(
        display, "console", Console(width=4000, force_terminal=terminal, color_system=None, _environ={})
    )
    print_everything()[what]()
    printed = capsys.readouterr().out
    if terminal:  # what rich itself writes: styles, and the cursor of its bars
        printed = re.sub(r"\x1b\[(\??[0-9;]*)[mhlAK]", "", printed).replace("\r", "")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", printed)
    assert SHOWN in printed


def test_debug_shows_the_traceback(home):
    done = dti_apart("--debug", "run", "toi")
    assert done.returncode == 2
    assert "Traceback" in done.stderr


def test_a_sweep_goes_on_after_a_failure_and_resumes(first_sweep):
    assert first_sweep.returncode == 1
    assert "2 of 4 runs did not finish" in first_sweep.stdout
    assert "the toy was told to fail" in first_sweep.stdout
    assert len(list(finished_runs("toy"))) == 2
    again = dti("sweep", *GRID)
    assert again.returncode == 1
    assert again.stdout.count("reused: nothing changed") == 2
    listed = dti("list", "toy").stdout
    assert listed.count("the toy was told to fail") == 4
    assert listed.count("finished") == 2


def test_two_runs_are_compared_and_one_is_repeated_from_its_record(first_sweep):
    second, first = (record.run for record in finished_runs("toy"))
    shown = dti("compare", first, second).stdout
    assert "seed" in shown
    assert "mean" in shown
    record = Path(os.environ["DTI_RESULTS"]) / "toy" / first / "result.json"
    assert "reused: nothing changed" in dti("run", "--from", str(record)).stdout


TIGHT = (Tolerance(match=".", absolute=1e-5, why="rounded"),)


def write_reference(home: Path, slug: str = "toy", tolerances=TIGHT, **parts) -> Path:
    folder = home / "experiments" / "reference"
    folder.mkdir(exist_ok=True)
    path = folder / f"{slug}.json"
    path.write_text(Reference(slug=slug, tolerances=tolerances, **parts).model_dump_json())
    return path


def keep_record(run: str, *estimates: Estimate, profile: str = "quick", **parameters) -> Record:
    """Leave the record of a toy run, without running it."""
    values = dict(load_experiment("toy").resolve(profile, parameters).values)
    shown = estimates or (Estimate("mean", 1.0, 0.0, 2.0, "1", 9),)
    record = make_record(shown, slug="toy").model_copy(
        update={"run": run, "profile": profile, "parameters": values, "claims": ()}
    )
    keep(record)
    return record


def keep(record: Record) -> None:
    folder = study_results(record.slug) / record.run
    (folder / "run.json").unlink(missing_ok=True)
    record.save(folder / "result.json")
    (folder / "executed.ipynb").write_text('{"cells": []}')
    seal_run(folder, sequence=int(record.run[1:]))


@pytest.fixture
def reproduced(home, monkeypatch):
    """`dti reproduce` with runs that lie there already and a book that is not built; collects its runs."""
    printed: list[list[str]] = []

    def outcomes(plans, **_):
        last = {record.slug: record for record in finished_runs("toy")}
        return [
            Outcome(p.slug, last[p.slug].run, "reused", "", 3.0, study_results(p.slug) / last[p.slug].run, "")
            if p.slug in last
            else Outcome(p.slug, "", "failed", "no luck", 0.0, None, "")
            for p in plans
        ]

    def build(profile, runs):
        printed.append([record.run for record in runs])
        return home

    monkeypatch.setattr(batch, "run_plans", outcomes)
    monkeypatch.setattr(book, "build_book", build)
    return printed


def reproduced_well() -> bool:
    with pytest.raises(typer.Exit) as ended:
        comparing.reproduce("quick", jobs=1, timeout=60)
    return ended.value.exit_code == 0


def test_reproduce_names_each_study_without_a_compared_number(home, reproduced, capsys):
    keep_record("r1")
    assert not reproduced_well()
    assert "toy: no file experiments/reference/toy.json" in capsys.readouterr().out
    path = write_reference(home)
    assert not reproduced_well()
    assert "toy: no number to compare is accepted for the profile quick" in capsys.readouterr().out
    publishing.publish("toy", "quick")
    assert reproduced_well()
    shown = capsys.readouterr().out
    assert "1 published numbers compared, 0 outside" in shown
    assert re.search(r"toy\W+reused\W+3\W+17\b", shown), "seconds beside the budget"
    other = (home / "experiments" / "toy.yaml").read_text().replace("slug: toy", "slug: toy_two")
    (home / "experiments" / "toy_two.yaml").write_text(other)
    assert not reproduced_well()
    assert "not reproduced toy_two: failed: no luck" in capsys.readouterr().out
    assert path.is_file()


def test_reproduce_fails_when_a_number_is_off(home, reproduced, capsys):
    keep_record("r1")
    write_reference(home, outside=(Outside(estimate="mean", published=9.0, tolerance=0.1, source="nobody"),))
    assert not reproduced_well()
    assert "1 numbers off: mean" in capsys.readouterr().out


def test_reproduce_prints_the_comparison_of_its_own_runs_even_without_a_book(
    home, reproduced, monkeypatch, capsys
):
    keep_record("r1")
    write_reference(home)
    publishing.publish("toy", "quick")
    assert reproduced_well()
    assert reproduced == [["r1"]]

    def broken(profile, runs):
        raise BookError("the book did not build")

    monkeypatch.setattr(book, "build_book", broken)
    capsys.readouterr()
    with pytest.raises(BookError, match="did not build"):
        reproduced_well()
    assert "1 published numbers compared, 0 outside" in capsys.readouterr().out


@pytest.mark.usefixtures("ready_store")
def test_reproduce_runs_and_compares_even_if_the_book_has_no_sources(home):
    """The whole way through the command."""
    write_reference(home)
    done = dti("reproduce", "--profile", "smoke")
    assert done.returncode == 1
    assert "no number to compare is accepted for the profile smoke" in done.stdout
    assert dti("publish", "toy", "--profile", "smoke").returncode == 0
    done = dti("reproduce", "--profile", "smoke")
    assert "4 published numbers compared, 0 outside" in done.stdout
    assert done.stderr.startswith("error: the book did not build: FileNotFoundError")
    assert done.returncode == 1


def test_a_number_without_a_tolerance_stops_publishing(home, capsys):
    keep_record("r1")
    before = write_reference(home, tolerances=()).read_text()
    with pytest.raises(RunError, match="no tolerance matches 'mean'"):
        publishing.publish("toy", "quick")
    assert write_reference(home, tolerances=()).read_text() == before
    write_reference(home)
    publishing.publish("toy", "quick")
    assert "1 numbers accepted for toy, profile quick, from run r1" in capsys.readouterr().out


def test_publishing_without_a_run_says_what_to_do(home):
    done = dti_apart("publish", "toy")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no finished full run on the study's own data. Run `dti run toy --profile full`" in done.stderr
    done = dti("publish", "toy", "--redraw", "--run", "r1")
    assert done.returncode == 2
    assert "--redraw uses the numbers of the frozen chapter" in done.stderr


def test_only_a_run_with_the_parameters_of_the_profile_stands_for_it(home, capsys):
    keep_record("r1")
    keep_record("r2", cost_bps=3.0)
    own = keep_record("r3")
    keep(own.model_copy(update={"data": replace(own.data, origin="yours")}))
    keep_record("r4", profile="smoke")
    assert latest_run("toy").run == "r4"
    assert profile_run("toy", "quick").run == "r1"
    assert [record.run for record in newest_records()] == ["r1"]
    write_reference(home)
    for run, words in {
        "r2": "its cost_bps differ from the quick",
        "r3": "file of yours",
        "r4": "smoke",
    }.items():
        with pytest.raises(BookError, match=f"{run} cannot be published: .*{words}"):
            publishing.publish("toy", "quick", run)
    keep_record("r5", profile="full")
    assert [record.run for record in newest_records()] == ["r5"]


def test_smoke_and_custom_runs_decide_no_claim(home):
    keep_record("r1", profile="smoke")
    keep_record("r2", n_draws=77)
    assert newest_records() == []


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'{"slug": "toy"}', b"[]"])
def test_one_damaged_record_hides_no_other(home, content):
    keep_record("r1")
    folder = Path(os.environ["DTI_RESULTS"]) / "toy" / "r2"
    folder.mkdir()
    (folder / "result.json").write_bytes(content)
    assert [record.run for record in finished_runs("toy")] == ["r1"]
    with pytest.raises(RunError, match="not a readable record"):
        read_record(folder / "result.json")


def test_listing_survives_a_damaged_record(home):
    keep_record("r1")
    folder = Path(os.environ["DTI_RESULTS"]) / "toy" / "r2"
    folder.mkdir()
    (folder / "result.json").write_bytes(b"\xff\xfe")
    done = dti("list")
    assert done.returncode == 0, done.stderr
    assert re.search(r"\br1\b.*\n.*quick, 1 s", done.stdout)
    assert dti("compare", "r1", "r2").returncode == 2


@pytest.mark.usefixtures("ready_store")
def test_ctrl_c_says_what_is_kept(home):
    command = [sys.executable, "-c", "from dti_core.cli import main; main()"]
    process = subprocess.Popen(
        [*command, "run", "toy", "-p", "behaviour=hang"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout.readline().startswith("started")
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped; finished runs are kept, `dti list` shows them" in err
    assert "Traceback" not in err


def test_the_uis_return_code_is_passed_on(monkeypatch):
    monkeypatch.setattr(track, "ui_command", lambda port: [sys.executable, "-c", "raise SystemExit(3)"])
    assert CliRunner().invoke(app, ["ui"]).exit_code == 3


def test_schemas_describe_the_real_files(home):
    record = json.loads(keep_record("r1").model_dump_json())
    experiments = [path for path in (ROOT / "experiments").glob("*.yaml") if path.stem != "claims"]
    assert experiments
    files = {"experiment": [yaml.safe_load(path.read_text()) for path in experiments], "record": [record]}
    claims = yaml.safe_load((ROOT / "experiments" / "claims.yaml").read_text())
    files["claims"] = [json.loads(json.dumps(claims))]
    for name, instances in files.items():
        schema = json.loads(dti("schema", name).stdout)
        for instance in instances:
            jsonschema.Draft202012Validator(schema).validate(instance)
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.Draft202012Validator(schema).validate(instance | {"slug": 5, "claims": 5})


def test_mapping_is_refused_by_a_study_that_takes_none(tmp_path):
    prices = tmp_path / "prices.csv"
    prices.write_text("date,A,B\n2020-01-02,10,5\n")
    done = dti("data", "check", "lstm_portfolio", str(prices), "--map", "a=b")
    assert done.returncode == 2
    assert "lstm_portfolio: takes no --map" in done.stderr


def test_the_next_command_after_a_check_runs_as_printed(tmp_path, monkeypatch):
    """With the map, quoted for a shell, in one line on a narrow terminal too."""
    ads = tmp_path / "my ads.csv"
    rows = [f"{arm},{day % 2}" for arm in ("ohne Brief", "mit Brief") for day in range(200)]
    ads.write_text("\n".join(["Who got it,Bought", *rows]))
    mapping = "Who got it=arm,Bought=conversion,ohne Brief=control"
    monkeypatch.setattr(display, "console", Console(width=40))
    checked = dti("data", "check", "private_lift", str(ads), "--map", mapping)
    assert checked.returncode == 0, checked.stdout
    (line,) = [line for line in checked.stdout.splitlines() if line.startswith("Next: dti ")]
    words = shlex.split(line.removeprefix("Next: dti "))
    assert words == ["run", "private_lift", "--data", str(ads), "-p", f"map={mapping}"]
    done = dti(*words, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "What would be done" in done.stdout


def test_a_dirty_price_file_lists_all_problems(tmp_path):
    prices = tmp_path / "prices.csv"
    prices.write_text("date,A,B\n2020-01-02,10,5\n2020-01-02,11,-5\n2020-01-01,12,x\n")
    done = dti("data", "check", "lstm_portfolio", str(prices))
    assert done.returncode == 1
    assert done.stdout.count("error prices.csv") >= 3


def test_doctor_names_each_part(home):
    shown = dti("doctor").stdout
    assert all(part in shown for part in ("python", "packages", "cores", "memory", "disk", "MLflow store"))


def test_doctor_opens_the_store(home, monkeypatch):
    assert doctor._store() == doctor.Finding("MLflow store", "made by the first run")
    results = Path(os.environ["DTI_RESULTS"])
    results.mkdir(parents=True)
    (results / "mlflow.db").write_text("this is no database" * 99)
    found = doctor._store()
    assert "not a database" in found.found
    assert found.fix.startswith("move ")
    monkeypatch.setattr(doctor, "_STORE_SECONDS", 0.01)
    assert doctor._store().found == "did not answer within 0.01 s"


@pytest.mark.usefixtures("ready_store")
def test_doctor_is_content_with_a_good_store(home):
    assert doctor._store() == doctor.Finding("MLflow store", "results/mlflow.db answers")
