"""MLflow keeps every run, in the right experiment, whoever writes at the same time and whatever breaks."""

import json
import multiprocessing
import os
import shutil
import signal
import socketserver
import sqlite3
import subprocess
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dti_core.lab.errors import RunError
from dti_core.lab.paths import results_root
from dti_core.lab.running import track
from dti_core.lab.running.batches import open_batch
from dti_core.lab.running.runs import begin_run, read_state
from dti_core.lab.running.shown import metric_names
from dti_core.lab.running.store import redact, tracking_uri
from dti_core.lab.running.track import rebuild, sync, ui_command
from tests.toy_runs import dead_batch, leave_run, toy_record, toy_state

DEEP = bool(os.environ.get("DTI_DEEP"))
WRITERS, RUNS_EACH, SLUGS = 4, 15 if DEEP else 10, ("toy", "lstm_portfolio", "closed_loop")
ODD_NAMES = ("50%", "50%25", "a#b", "a?b=c", "a b", "a+b&c", "'q' \"z\"", "[x];:@~", "日本é", "file:x")
ARTIFACTS = {"result.json", "executed.ipynb", "estimates.json"}


def client():
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri())


def runs_in_store(slug: str = "toy") -> list:
    found = client().get_experiment_by_name(slug)
    return client().search_runs([found.experiment_id]) if found else []


WRITE = """
import multiprocessing, sys
import mlflow.store.tracking.sqlalchemy_store  # once for all writers, who then begin at the same time
from dti_core.lab.running.track import sync
from tests.toy_runs import leave_run

SLUGS = {slugs}

def write(writer):
    for number in range({runs}):
        leave_run(number, SLUGS[number % len(SLUGS)], "failed" if number % 5 == 4 else "finished")
        sync()

if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=write, args=(writer,)) for writer in range({writers})]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sys.exit(max(process.exitcode for process in processes))
"""


def test_parallel_writers_on_a_fresh_store_lose_and_misfile_nothing(tmp_path: Path) -> None:
    """Nor do they give one number to two runs of a study."""
    script = tmp_path / "write.py"
    script.write_text(WRITE.format(slugs=SLUGS, runs=RUNS_EACH, writers=WRITERS))
    world = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=180, check=False, env=world
    )
    assert done.returncode == 0, done.stderr
    assert client().search_runs(["0"]) == []
    found = Counter()
    for slug in SLUGS:
        names = set()
        for run in runs_in_store(slug):
            number = int(run.data.params["number"])
            assert SLUGS[number % len(SLUGS)] == slug
            names.add(run.data.tags["dti.run"])
            assert run.data.tags["mlflow.source.git.commit"] == "c"
            assert run.data.tags["dti.git_dirty"] == "true"
            if run.info.status == "FAILED":
                assert run.data.tags["dti.reason"] == "told to"
            else:
                metrics = run.data.metrics
                assert (metrics["value/low"], metrics["value/value"], metrics["value/high"]) == (
                    number - 1, number, number + 1,
                )  # fmt: skip
                assert not [name for name in metrics if "permuted_returns" in name]
                assert run.data.tags["claim.C1"] == "not yet tested"
            found[run.info.status] += 1
        states = [read_state(results_root() / slug / name) for name in names]
        assert sorted(state.sequence for state in states) == list(range(1, len(states) + 1))
    failed = WRITERS * RUNS_EACH // 5
    assert found == {"FINISHED": WRITERS * RUNS_EACH - failed, "FAILED": failed}


def test_metric_names_are_those_mlflow_takes() -> None:
    assert metric_names("sharpe") == ("sharpe/value", "sharpe/low", "sharpe/high")
    assert metric_names("r2 (%)/b") == ("r2 ____b/value", "r2 ____b/low", "r2 ____b/high")


@pytest.mark.parametrize("name", ODD_NAMES)
def test_store_lies_in_the_results_folder_whatever_its_name(
    ready_store: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The database, its artifacts and nothing else appear, and only there."""
    made = results_root() / "mlflow.db"
    results = tmp_path / "in" / name / "results"
    results.mkdir(parents=True)
    monkeypatch.setenv("DTI_RESULTS", str(results))
    monkeypatch.chdir(tmp_path / "in")
    shutil.copy(made, results / "mlflow.db")
    before = (results / "mlflow.db").read_bytes()
    folder = leave_run()
    assert sync() == {folder: ""}
    assert (results / "mlflow.db").read_bytes() != before
    [kept] = (results / "mlartifacts" / "toy").rglob("result.json")
    assert kept.read_bytes() == (folder / "result.json").read_bytes()
    [run] = runs_in_store()
    assert {item.path for item in client().list_artifacts(run.info.run_id)} == ARTIFACTS
    assert [path.name for path in (tmp_path / "in").iterdir()] == [name]
    assert [path.name for path in (tmp_path / "in" / name).iterdir()] == ["results"]


def test_fresh_store_is_made_in_an_odd_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The migrations that make the tables read the address once more."""
    results = tmp_path / "50% #1?" / "results"
    monkeypatch.setenv("DTI_RESULTS", str(results))
    sync()
    assert sqlite3.connect(results / "mlflow.db").execute("select count(*) from runs").fetchone() == (0,)
    assert not list(results.glob("mlflow.db.new*"))
    assert [path.name for path in tmp_path.iterdir()] == ["50% #1?"]


def test_folder_that_is_no_text_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    monkeypatch.setenv("DTI_RESULTS", results)
    with pytest.raises(RunError, match="not UTF-8; set DTI_RESULTS"):
        sync()
    assert not Path(results).exists()


def _sync_there(results: str) -> None:
    os.environ["DTI_RESULTS"] = results
    sync()


@pytest.mark.parametrize("seconds", [0.2, 0.6, 1.0, 1.4, 1.8, 2.2, 2.6, 3.0] if DEEP else [0.5, 1.5])
def test_store_killed_while_it_is_made_is_made_by_the_next(tmp_path: Path, seconds: float) -> None:
    import mlflow

    assert mlflow.__version__  # imported here, so that the time runs for the tables alone
    results = results_root()
    process = multiprocessing.get_context("fork").Process(target=_sync_there, args=(str(results),))
    process.start()
    time.sleep(seconds)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert list(results.glob("mlflow.db.new*")) or (results / "mlflow.db").exists() or seconds < 1
    folder = leave_run()
    assert sync() == {folder: ""}
    assert not list(results.glob("mlflow.db.new*"))


@pytest.fixture
def quick_tables(ready_store: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """New databases are copies of an empty one: making the tables takes seconds."""
    empty = Path(shutil.copy(results_root() / "mlflow.db", tmp_path / "empty.db"))
    monkeypatch.setattr(
        track,
        "_make_tables",
        lambda uri: shutil.copy(empty, unquote(uri.removeprefix("sqlite+pysqlite:///"))),
    )


def break_store(how: str) -> None:
    file = results_root() / "mlflow.db"
    if how == "garbage":
        file.write_bytes(b"garbage" * 1000)
    elif how == "half made":
        with sqlite3.connect(file) as database:
            for table in ("runs", "alembic_version"):
                database.execute(f"drop table {table}")
    elif how == "truncated":
        file.write_bytes(file.read_bytes()[:8192])


@pytest.mark.parametrize("how", ["garbage", "half made", "truncated"])
def test_broken_store_is_named_and_rebuilt_from_the_records(quick_tables: None, how: str) -> None:
    folders = [leave_run(1.0), leave_run(2.0, minutes=5), leave_run(3.0, status="failed", minutes=9)]
    folders.append(leave_run(4.0, status="killed", minutes=12))
    folders.append(leave_run(5.0, slug="closed_loop"))
    lost, _ = begin_run(dead_batch(), toy_state(6.0, minutes=20))
    damaged = leave_run(7.0, minutes=30)
    (damaged / "result.json").write_text(toy_record(damaged.name, 8.0).text)
    break_store(how)
    with pytest.raises(RunError, match=r"mlflow\.db does not work: .*`dti track rebuild`"):
        sync()
    assert rebuild() == 6
    assert (results_root() / "mlflow.db.broken-1").exists()
    found = {run.data.tags["dti.run"]: run for run in runs_in_store() + runs_in_store("closed_loop")}
    assert set(found) == {folder.name for folder in (*folders, lost)}
    for folder in folders:
        run, state = found[folder.name], read_state(folder)
        assert run.info.status == state.status.upper()
        assert run.info.start_time == state.started.timestamp() * 1000
        assert run.info.end_time == run.info.start_time + 60_000
        assert (run.data.metrics.get("value/value") is not None) == (state.status == "finished")
    assert found[lost.name].info.status == "KILLED"
    assert read_state(lost).status == "killed"
    assert rebuild() == 6
    assert (results_root() / "mlflow.db.broken-2").exists()


def test_rebuild_refuses_while_a_run_is_under_way_or_the_store_is_elsewhere(
    quick_tables: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_batch() as batch:
        folder, _ = begin_run(batch, toy_state())
        with pytest.raises(RunError, match="a batch of runs is under way"):
            rebuild()
        assert read_state(folder).status == "running"
    assert rebuild() == 1
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(RunError, match="MLFLOW_TRACKING_URI names another store"):
        rebuild()


def test_only_what_is_over_and_sound_is_logged(ready_store: None) -> None:
    over, damaged = leave_run(1.0), leave_run(2.0, minutes=1)
    (damaged / "result.json").write_text("{}")
    with open_batch() as batch:
        running, state = begin_run(batch, toy_state(3.0, minutes=2))
        assert sync() == {over: ""}
        state.ended("killed", "interrupted", 1.0).save(running)
        assert sync() == {running: ""}
    assert {run.data.tags["dti.run"]: run.info.status for run in runs_in_store()} == {
        over.name: "FINISHED", running.name: "KILLED"
    }  # fmt: skip
    assert sync() == {}


def test_run_whose_store_was_away_is_logged_by_the_next_sync(
    ready_store: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = leave_run(4.0)
    with monkeypatch.context() as patch:
        patch.setattr(track, "_client", lambda *_: (_ for _ in ()).throw(ConnectionError("gone")))
        with pytest.raises(RunError, match="does not work: gone"):
            sync()
    assert sync() == {folder: ""}
    [run] = runs_in_store()
    assert (run.data.tags["dti.run"], run.info.status, run.data.metrics["value/value"]) == (
        folder.name,
        "FINISHED",
        4.0,
    )


def test_run_that_no_store_takes_stops_no_other(ready_store: None) -> None:
    bad, state = begin_run(dead_batch(), toy_state(1.0))
    state = state.model_copy(update={"parameters": {"x" * 400: 1}})
    state.ended("failed", "told to", 1.0).save(bad)
    good = leave_run(2.0, minutes=5)
    for expected in ({bad, good}, {bad}):
        found = sync()
        assert set(found) == expected
        assert "does not work" in found[bad]
    assert found.get(good, "") == ""


@pytest.mark.parametrize(
    "fails", ["log_batch", "log_inputs", "log_artifact", "log_table", "set_terminated", "set_experiment_tag"]
)
def test_run_that_was_half_logged_is_completed_once(
    ready_store: None, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    """A command that is killed while it logs a run leaves the next to go on."""
    from mlflow import MlflowClient

    folder = leave_run(3.0)
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, fails, lambda *_, **__: (_ for _ in ()).throw(ConnectionError("gone")))
        assert "gone" in sync()[folder]
    assert sync() == {folder: ""}
    [run] = runs_in_store()
    assert (run.info.status, run.data.metrics["value/value"]) == ("FINISHED", 3.0)
    assert len(client().get_metric_history(run.info.run_id, "value/value")) == 1
    assert {item.path for item in client().list_artifacts(run.info.run_id)} == ARTIFACTS


def test_nothing_to_log_asks_little_of_the_store_and_opens_no_run(
    ready_store: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many runs there are, two questions for each study."""
    from mlflow import MlflowClient

    for number in range(12):
        leave_run(number, minutes=number)
    assert set(sync().values()) == {""}
    asked: list[str] = []
    opened: list[Path] = []

    def watched(self: Any, name: str) -> Any:
        if not name.startswith("_"):
            asked.append(name)
        return object.__getattribute__(self, name)

    def open_noted(path: Path, *words: Any, **options: Any) -> Any:
        opened.append(path)
        return open(path, *words, **options)

    monkeypatch.setattr(MlflowClient, "__getattribute__", watched)
    monkeypatch.setattr(Path, "open", open_noted)
    assert sync() == {}
    assert asked == ["search_experiments", "get_experiment_by_name"]
    assert [path for path in opened if path.is_relative_to(results_root() / "toy")] == []


def test_broken_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nonsense://nowhere")
    with pytest.raises(RunError, match=r"nonsense://nowhere does not work: .*Unset MLFLOW_TRACKING_URI"):
        sync()


def test_ui_serves_this_machine_only(ready_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ui_command(5001)
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--workers") + 1] == "1"
    assert command[command.index("--backend-store-uri") + 1] == tracking_uri()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://dti:s3cret@tracking.example.org")
    with pytest.raises(RunError, match=r"open http://\*\*\*@tracking\.example\.org") as caught:
        ui_command(5001)
    assert "s3cret" not in str(caught.value)


SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=4, max_size=12).filter(
    lambda text: text.strip("*") != "" and text not in "https://***@tracking.example.org/path?token=***"
)


@settings(max_examples=200, deadline=None)
@given(SECRETS, SECRETS, st.booleans())
def test_no_secret_of_an_address_is_shown(password: str, token: str, quoted: bool) -> None:
    """However it is written in a message: in the address, alone, as typed or as meant."""
    kept, shown = (quote(password, ""), quote(token, "")) if quoted else (password, quote(token, ""))
    address = f"https://dti:{kept}@tracking.example.org/path?token={shown}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", address)
        said = redact(
            f"no answer from {address}: user dti, password {password!s} or token '{token}' is wrong"
        )
    for secret in (password, kept, token, shown):
        assert secret not in said
    assert "tracking.example.org" in said or "*" in said


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://dti:pa/ss@wo@db.example.org:5432/x", "postgresql://dti:hunter22@nowhere.invalid/x",
        "http://dti:hunter22@127.0.0.1:9/x", "http://127.0.0.1:9/?token=hunter22",
        "mysql+nodriver://dti:hunter22@db/x", "nonsense://dti:hunter22@x",
    ],
)  # fmt: skip
def test_no_error_of_a_store_shows_a_secret_nor_its_cause(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], address: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(RunError, match="does not work") as caught:
        sync()
    shown = "".join(traceback.format_exception(caught.value)) + "".join(capfd.readouterr())
    for secret in ("hunter22", "pa/ss@wo", "ss@wo"):
        assert secret not in shown


class _Refusal(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"error_code": "INTERNAL_ERROR", "message": f"bad request {self.path}"}).encode()
        self.send_response(500)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def refusing_server() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Refusal) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_secret_reaches_no_file_of_a_run(
    refusing_server: int, ready_store: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store goes bad in the middle of a batch and answers with the address in its message."""
    from tests.test_lab_run import dispatch
    from tests.toy_project import build_toy_project, toy_plan

    home = build_toy_project(results_root().parent / "home")
    monkeypatch.setenv("DTI_HOME", str(home))
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv(
        "MLFLOW_TRACKING_URI", f"http://dti:hunter22@127.0.0.1:{refusing_server}/?token=opensesame"
    )
    outcomes, notes = dispatch([toy_plan()])
    outcome = outcomes[0]
    assert outcome.status == "finished"
    assert "not logged: the MLflow store" in outcome.reason
    assert "does not work" in outcome.reason
    said = [str(outcome), str(notes.outcomes)]
    said += [path.read_text() for path in results_root().rglob("*") if path.suffix in (".json", ".ipynb")]
    assert not [text for text in said if "hunter22" in text or "opensesame" in text]
