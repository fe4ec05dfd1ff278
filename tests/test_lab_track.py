"""MLflow keeps every run, in the right experiment, whoever writes at the same time."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from dti_core.lab.errors import RunError
from dti_core.lab.running.track import metric_name, prepare_store, tracking_uri, ui_command

WRITERS, RUNS_EACH, SLUGS = 4, 25, ("toy", "lstm_portfolio", "closed_loop")

WRITE = """
import multiprocessing, sys
from datetime import UTC, datetime
import mlflow
from dti_core.lab.data import DataCard
from dti_core.lab.record import Estimate, Provenance, Record, Verdict
from dti_core.lab.running.fingerprint import Fingerprint
from dti_core.lab.running.runs import RunState
from dti_core.lab.running.track import close_run, open_run, prepare_store

SLUGS = {slugs}
NOW = datetime(2026, 1, 1, tzinfo=UTC)

def record(slug, name, number):
    card = DataCard(slug, slug, "simulated", "Simulated", "", "none", 1, 1, "0", "")
    source = Provenance(fingerprint="f", sources={{}}, notebook_sha256="n", data_sha256="d", lock_sha256="l",
                        git_commit="c", git_dirty=True, python="3.11", packages={{}}, machine="m")
    found = (Estimate("value", number, number - 1, number + 1, "1", 1),
             Estimate("value", 0, -1, 1, "1", 1, world="permuted_returns"))
    verdicts = (Verdict(claim="C1", verdict="not yet tested", because="x"),)
    return Record(slug=slug, run=name, profile="quick", started=NOW, seconds=1.5,
                  parameters={{"number": number}}, data=card, estimates=found,
                  claims=verdicts, provenance=source)

def write(writer):
    ids = prepare_store(SLUGS)
    for number in range({runs}):
        slug, name = SLUGS[number % len(SLUGS)], f"{{writer}}-{{number}}"
        values = {{"number": number}}
        mark = Fingerprint(slug=slug, parameters=values, sources={{}}, notebook="n", data={{}}, lock="l")
        state = RunState(slug=slug, run=name, status="running", profile="quick", started=NOW,
                         parameters=values, fingerprint=mark, git_commit="c", git_dirty=True)
        run_id = open_run(ids[slug], state)
        if number % 5 == 4:
            close_run(run_id, "failed", reason="told to")
        else:
            close_run(run_id, "finished", record=record(slug, name, number))

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
    script = tmp_path / "write.py"
    script.write_text(WRITE.format(slugs=SLUGS, runs=RUNS_EACH, writers=WRITERS))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri())
    assert client.search_runs(["0"]) == []
    found = Counter()
    for slug in SLUGS:
        for run in client.search_runs([client.get_experiment_by_name(slug).experiment_id]):
            number = int(run.data.params["number"])
            assert SLUGS[number % len(SLUGS)] == slug
            assert run.info.run_name.endswith(f"-{number}")
            assert run.data.tags["mlflow.source.git.commit"] == "c"
            assert run.data.tags["dti.git_dirty"] == "true"
            if run.info.status == "FAILED":
                assert run.data.tags["dti.reason"] == "told to"
            else:
                metrics = run.data.metrics
                assert (metrics["value.low"], metrics["value"], metrics["value.high"]) == (
                    number - 1, number, number + 1,
                )  # fmt: skip
                assert metrics["permuted_returns/value"] == 0
                assert run.data.tags["dti.claims.not_yet_tested"] == "1"
            found[run.info.status] += 1
    failed = WRITERS * RUNS_EACH // 5
    assert found == {"FINISHED": WRITERS * RUNS_EACH - failed, "FAILED": failed}


def test_metric_names_are_those_mlflow_takes() -> None:
    assert metric_name("sharpe_difference") == "sharpe_difference"
    assert metric_name("sharpe@permuted_returns") == "permuted_returns/sharpe"
    assert metric_name("r2 (%)") == "r2 ___"


def test_default_store_lies_in_the_results_folder(tmp_path: Path) -> None:
    assert tracking_uri() == f"sqlite:///{tmp_path / 'results' / 'mlflow.db'}"


def test_broken_store_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nonsense://nowhere")
    with pytest.raises(RunError, match="nonsense://nowhere does not work"):
        prepare_store(["toy"])


def test_ui_serves_this_machine_only(monkeypatch: pytest.MonkeyPatch) -> None:
    command = ui_command(5001)
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--workers") + 1] == "1"
    assert command[command.index("--backend-store-uri") + 1] == tracking_uri()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking.example.org")
    with pytest.raises(RunError, match=r"open http://tracking\.example\.org"):
        ui_command(5001)
