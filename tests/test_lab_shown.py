"""What the tracking store's pages show: a study as classic machine learning, few metrics, data, sweeps."""

import base64
import json
import os
import subprocess
import sys
import time
import zlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from dti_core.cli import sweeping, views
from dti_core.lab.paths import results_root
from dti_core.lab.record import Estimate, Verdict
from dti_core.lab.running import track
from dti_core.lab.running.batches import open_batch
from dti_core.lab.running.execute import NotebookClock, _stop_on_request
from dti_core.lab.running.leftovers import conclude
from dti_core.lab.running.runs import BEGUN, Outcome, RunPlan, begin_run, read_state
from dti_core.lab.running.shown import data_of, describe, headline, metrics_of, run_name
from dti_core.lab.running.sweeps import kept
from dti_core.lab.running.usage import USAGE, keep_usage, read_usage, usage_of
from tests.test_lab_track import client, runs_in_store
from tests.toy_project import build_toy_project, toy_plan
from tests.toy_runs import NOW, toy_record, toy_state

BAR = Estimate("sharpe", 0.1, -0.2, 0.4, "1", 9)
QUOTED = Estimate("turnover", 2.0, 1.5, 2.5, "1", 9)
OTHER = Estimate("drawdown", 0.3, 0.2, 0.4, "1", 9)
CONTROL = Estimate("sharpe", 9.0, 8.0, 10.0, "1", 9, world="permuted_returns")
PROSE = '{"cells": [{"source": ["It trades {glue:text}`turnover:.1f`, not {glue:text}`sharpe@x:.1f`."]}]}'


def full_record(run: str, word: str = "refuted"):
    judged = Verdict(claim="C16a", verdict=word, because="x", estimates=("sharpe",))
    return toy_record(run).model_copy(
        update={"estimates": (OTHER, CONTROL, QUOTED, BAR), "claims": (judged,)}
    )


def leave_full_run(minutes: float = 0.0, word: str = "refuted", **parameters: object) -> Path:
    """A sealed run of the toy with a bound estimate, a quoted one and a control world."""
    with open_batch() as batch:
        folder, state = begin_run(batch, toy_state(minutes=minutes, parameters=parameters))
        record = full_record(folder.name, word).model_copy(update={"parameters": parameters})
        record.save(folder / "result.json")
        (folder / "executed.ipynb").write_text(PROSE)
        keep_usage(folder, [(2.0, 100.0, 1.0), (4.0, 300.0, 2.0), (6.0, 200.0, 4.0), (7.0, 0.0, 0.0)])
        conclude(folder, state.ended("finished", "", 60.0))
        batch.under_way.clear()
    return folder


def read_table(run: Any, name: str) -> pd.DataFrame:
    """A table as MLflow's pages read it."""
    assert name in run.data.tags["mlflow.loggedArtifacts"]
    return pd.read_json(client().download_artifacts(run.info.run_id, name), orient="split")


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DTI_HOME", str(tmp_path / "home"))
    return build_toy_project(tmp_path / "home")


def test_metrics_are_what_decides_a_claim_and_what_the_prose_prints(tmp_path: Path) -> None:
    record = full_record("r")
    (tmp_path / "executed.ipynb").write_text(PROSE)
    assert headline(record, tmp_path) == [BAR, QUOTED]
    metrics = metrics_of(record, tmp_path)
    assert next(iter(metrics)) == "sharpe/value"  # what the page of a comparison opens on
    assert {name for name in metrics if not name.startswith("system/")} == {
        f"{name}/{end}" for name in ("sharpe", "turnover") for end in ("value", "low", "high")
    }
    bare = record.model_copy(update={"claims": ()})
    (tmp_path / "executed.ipynb").write_text('{"cells": []}')
    assert headline(bare, tmp_path) == [OTHER, QUOTED, BAR]


@pytest.mark.parametrize("slug", ["lstm_portfolio", "esg_constraint"])
def test_the_frozen_studies_have_few_metrics_and_no_control_world_among_them(slug: str) -> None:
    from dti_core.lab.frozen import frozen_record

    record = frozen_record(slug)
    shown = headline(record, results_root())
    assert 5 <= len(shown) <= 90
    assert {one.world for one in shown} == {"observed"}
    deciding = {name for verdict in record.claims for name in verdict.estimates}
    assert deciding & {one.name for one in record.estimates if one.world == "observed"} <= {
        one.name for one in shown
    }


def test_a_run_is_called_by_what_differs_from_its_profile(toy: Path) -> None:
    usual = dict(toy_plan().config.values)
    state = toy_state(profile="smoke", parameters=usual)
    assert run_name(state) == "toy smoke"
    changed = usual | {"cost_bps": 50.0, "data_path": "/home/me/secret/mine.csv"}
    assert run_name(state.model_copy(update={"parameters": changed})) == (
        "toy smoke cost_bps=50 data_path=mine.csv"
    )
    many = usual | {"behaviour": "x" * 500}
    assert len(run_name(state.model_copy(update={"parameters": many}))) == 160


def test_a_study_opens_as_classic_machine_learning_with_its_question(ready_store: None, toy: Path) -> None:
    leave_full_run()
    track.sync()
    found = client().get_experiment_by_name("toy")
    assert found.tags["mlflow.experimentKind"] == "custom_model_development"
    note = found.tags["mlflow.note.content"]
    assert "Is the mean of a few numbers above zero?" in note
    assert "http://127.0.0.1:8000/studies/toy.html" in note
    client().set_experiment_tag(found.experiment_id, "mlflow.note.content", "mine")
    leave_full_run(minutes=1)
    track.sync()
    assert client().get_experiment_by_name("toy").tags["mlflow.note.content"] == "mine"
    assert describe("no_such_study") == {"mlflow.experimentKind": "custom_model_development"}


def test_a_logged_run_has_verdict_tags_data_tables_and_what_it_took(ready_store: None, toy: Path) -> None:
    folder = leave_full_run()
    leave_full_run(minutes=1, word="supported")
    assert set(track.sync().values()) == {""}
    experiment = client().get_experiment_by_name("toy").experiment_id
    [run] = client().search_runs([experiment], "tags.`claim.C16a` = 'refuted'")
    assert run.data.tags["dti.run"] == folder.name
    [item] = run.inputs.dataset_inputs
    assert (item.dataset.name, item.dataset.digest) == ("toy", "0")
    table = read_table(run, "estimates.json")
    assert list(table["name"]) == ["drawdown", "sharpe", "turnover", "sharpe"]
    assert list(table["world"]) == ["observed", "permuted_returns", "observed", "observed"]
    assert run.data.metrics["system/peak_memory_megabytes"] == 300.0
    history = client().get_metric_history(run.info.run_id, "system/cpu_percent")
    assert [(one.step, one.value) for one in history] == [(0, 50.0), (1, 50.0), (2, 100.0)]
    assert history[1].timestamp - history[0].timestamp == 2000


def test_the_whole_digest_of_each_data_set_is_kept(tmp_path: Path) -> None:
    """MLflow takes 36 characters of it."""
    state, sha256 = toy_state(), "ab" * 32
    numbers = state.fingerprint.numbers.model_copy(update={"data": {"toy": sha256, "vix": "cd" * 32}})
    state = state.model_copy(
        update={"fingerprint": state.fingerprint.model_copy(update={"numbers": numbers})}
    )
    record = toy_record("r")
    card = {"sha256": "0", "source": "", "origin": "simulated", "licence": "none"}
    assert data_of(state, record, tmp_path) == {"toy": card, "vix": {"sha256": "cd" * 32}}
    assert data_of(state, None, tmp_path)["toy"] == {"sha256": sha256}
    read = '{"name": "vix", "sha256": "really"}\n'
    (tmp_path / "reads.jsonl").write_text(read)
    assert data_of(state, None, tmp_path) == {"vix": {"sha256": "really"}}
    [one] = track._inputs({"vix": {"sha256": sha256}})
    assert one.dataset.digest == sha256[:36]
    assert json.loads(one.dataset.source)["tags"]["sha256"] == sha256


def test_usage_counts_a_process_and_all_that_it_started() -> None:
    child = "x = bytearray(60_000_000); import time; time.sleep(60)"
    parent = (
        f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", parent], start_new_session=True)
    try:
        megabytes = 0.0
        for _ in range(100):
            seconds, megabytes, cpu = read_usage(process.pid, 1.5)
            if megabytes > 60:
                break
            time.sleep(0.1)
        assert megabytes > 60
        assert (seconds, cpu > 0) == (1.5, True)
    finally:
        os.killpg(process.pid, 9)
        process.wait()
    assert read_usage(process.pid, 2.0) == (2.0, 0.0, 0.0)


def test_a_run_is_measured_while_it_lasts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dti_core.lab.running.execute.EVERY_SECONDS", 0.2)
    (tmp_path / BEGUN).touch()
    clock = NotebookClock(None)
    with _stop_on_request(tmp_path, clock):
        time.sleep(0.1)
        clock.kernel_pid = os.getpid()
        for _ in range(100):
            if len(clock.usage) > 1:
                break
            time.sleep(0.1)
        clock.kernel_pid = None
    assert all(megabytes > 1 for _, megabytes, _ in clock.usage)
    keep_usage(tmp_path, clock.usage)
    assert len(usage_of(tmp_path)) == len(clock.usage) >= 2


def test_many_readings_are_thinned_and_none_leave_no_file(tmp_path: Path) -> None:
    keep_usage(tmp_path, [])
    assert not (tmp_path / USAGE).exists()
    assert usage_of(tmp_path) == []
    keep_usage(tmp_path, [(float(k), float(k), float(k)) for k in range(1, 1000)])
    shown = usage_of(tmp_path)
    assert 80 <= len(shown) <= 101
    assert shown[-1][1]["system/peak_memory_megabytes"] >= shown[-1][0]


def test_the_saved_view_shows_verdicts_then_intervals(ready_store: None, toy: Path) -> None:
    leave_full_run()
    track.sync()
    [(slug, place)] = list(views.save_views())
    found = client().get_experiment_by_name("toy")
    page = f"#/experiments/{found.experiment_id}/runs"
    assert (slug, place) == ("toy", f"{page}?viewStateShareKey=verdicts&workflowType=machine_learning")
    view = json.loads(found.tags["mlflow.sharedViewState.verdicts"])
    header, packed = view["state"].split(";")
    state = json.loads(zlib.decompress(base64.b64decode(packed)))
    assert (header, view["name"]) == ("deflate", "Verdicts and headline intervals")
    shown = [f"tags.`interval.{name}`" for name in ("sharpe", "turnover")]
    assert state["selectedColumns"] == ["tags.`claim.C16a`", *shown, "attributes.`Dataset`"]
    [run] = runs_in_store()
    assert run.data.tags["interval.sharpe"] == "0.100 [-0.200, 0.400]"
    assert state["searchFilter"] == "attributes.status = 'FINISHED'"
    assert client().search_runs([found.experiment_id], state["searchFilter"])
    charts = [chart for chart in state["compareRunCharts"] if not chart.get("deleted")]
    assert [chart["selectedMetricKeys"] for chart in charts] == [
        [f"{name}/{end}" for end in ("low", "value", "high")] for name in ("sharpe", "turnover")
    ]
    list(views.save_views())


def swept(*costs: float) -> tuple[list[RunPlan], list[Outcome]]:
    plans = [toy_plan(cost_bps=cost) for cost in costs]
    folders = [
        leave_full_run(minutes=k, word=("refuted", "supported")[k % 2], **plan.config.values)
        for k, plan in enumerate(plans)
    ]
    return plans, [Outcome.of(read_state(folder), folder) for folder in folders]


def test_a_sweep_is_a_parent_with_children_a_table_and_a_figure(ready_store: None, toy: Path) -> None:
    plans, outcomes = swept(0.0, 25.0)
    failed = Outcome.of(toy_state().ended("failed", "before it started"), None)
    assert (
        sweeping.keep_sweep([*plans, toy_plan()], [*outcomes, failed], NOW, NOW + timedelta(minutes=3)) == ""
    )
    for _ in range(2):  # logged, then logged anew from the folders
        runs = {run.data.tags["dti.run"]: run for run in runs_in_store()}
        [sweep] = kept("toy")
        parent = runs.pop(sweep.name)
        assert parent.info.run_name == "toy smoke: sweep of cost_bps (2 runs)"
        assert (parent.info.status, parent.info.end_time - parent.info.start_time) == ("FAILED", 180_000)
        assert set(runs) == {outcome.run for outcome in outcomes}
        for run in (parent, *runs.values()):
            assert run.data.tags["dti.sweep"] == sweep.name
        assert {run.data.tags["mlflow.parentRunId"] for run in runs.values()} == {parent.info.run_id}
        names = {item.path for item in client().list_artifacts(parent.info.run_id)}
        assert names == {"points.json", "sweep.json", "figures"}
        table = read_table(parent, "points.json")
        assert list(table["cost_bps"]) == [0.0, 25.0]
        assert list(table["C16a"]) == ["refuted", "supported"]
        assert list(table["sharpe/low"]) == [-0.2, -0.2]
        page = (sweep.folder / "figures" / "figures.html").read_text()
        words = page.replace("\\u003cbr\\u003e", " ").replace("<br>", " ")
        assert "cost_bps (basis points per traded dollar)" in words
        assert "sharpe over cost_bps with 95 % intervals: 0 +0.100 [-0.200, +0.400]; 25 +" in page
        assert track.rebuild() == 2
    assert track.sync() == {}


def test_a_resumed_sweep_takes_the_runs_over(ready_store: None, toy: Path) -> None:
    plans, outcomes = swept(0.0, 25.0, 50.0)
    assert sweeping.keep_sweep(plans[:2], outcomes[:2], NOW, NOW) == ""
    assert sweeping.keep_sweep(plans, outcomes, NOW, NOW + timedelta(minutes=1)) == ""
    assert sweeping.keep_sweep(plans, outcomes, NOW, NOW + timedelta(minutes=2)) == ""
    assert sweeping.keep_sweep(plans[:1], outcomes[:1], NOW, NOW) == ""
    first, second = sorted(kept("toy"), key=lambda sweep: len(sweep.runs))
    runs = runs_in_store()
    assert len(runs) == 5
    children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    assert {run.data.tags["dti.sweep"] for run in children} == {second.name}
    assert first.name != second.name


def test_a_sweep_that_no_store_takes_stops_no_run(
    ready_store: None, toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    plans, outcomes = swept(0.0, 25.0)
    with monkeypatch.context() as patch:
        patch.setattr(
            MlflowClient, "log_artifacts", lambda *_: (_ for _ in ()).throw(ConnectionError("gone"))
        )
        assert "does not work: gone" in sweeping.keep_sweep(plans, outcomes, NOW, NOW)
    assert len(runs_in_store()) == 3
    assert track.sync() == {}
    assert {run.data.tags.get("dti.sweep") for run in runs_in_store()} == {kept("toy")[0].name}
