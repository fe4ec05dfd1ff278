"""MLflow: a view of the runs that are over, derived from their folders. Nothing else imports mlflow."""

import json
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from dti_core.lab.errors import RunError
from dti_core.lab.paths import results_root
from dti_core.lab.running import batches, runs, shown, store, sweeps
from dti_core.lab.running.history import read_record
from dti_core.lab.running.inputs import FILES_FOLDER
from dti_core.lab.running.leftovers import end_abandoned
from dti_core.lab.running.runs import RunState
from dti_core.lab.running.store import ADDRESS, is_ours, redact, tracking_uri
from dti_core.lab.running.usage import usage_of

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput, Experiment, Run

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")

#: Characters of a digest that MLflow takes; the whole of it stands in the source of the data set.
_DIGEST = 36
_TABLE = "estimates.json"
#: Tag of an experiment for each run that it holds, as looking for runs reads all their metrics. The pages of
#: MLflow do not show tags that begin with its name.
_LOGGED = "mlflow.dti."


def _client(uri: str | None = None) -> "MlflowClient":
    from mlflow import MlflowClient

    for chatty in ("mlflow", "alembic", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
    return MlflowClient(tracking_uri=uri or tracking_uri())


@contextmanager
def _store_errors() -> Iterator[None]:
    """Whatever a store raises becomes RunError with a remedy; a cause that shows a secret is left out."""
    try:
        yield
    except RunError:
        raise
    except Exception as error:  # of MLflow, SQLAlchemy, alembic, the driver, the network or the disk
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        named, remedy = redact(tracking_uri()), f"Unset {ADDRESS} to use the one in the results folder."
        if is_ours():
            named = str(store.database())
            remedy = "If it stays so, `dti track rebuild` makes it anew from the records of all runs."
        hidden = store.shows_secret("".join(traceback.format_exception(error)))
        raise RunError(f"the MLflow store {named} does not work: {redact(line)[:300]}. {remedy}") from (
            None if hidden else error
        )


def sync() -> dict[Path, str]:
    """Log all runs that are over and not in the store yet; folder of each -> '', or why it cannot be logged.

    The store is made if there is none; processes take turns. RunError if the store does not work.
    """
    found: dict[Path, str] = {}
    with store.locked(), _store_errors():
        store.make_database(_make_tables)
        client = _client()
        client.search_experiments(max_results=1)
        for slug, folders in groupby(runs.all_runs(), key=lambda folder: folder.parent.name):
            experiment = _experiment(client, slug)
            for folder in folders:
                if _LOGGED + folder.name not in experiment.tags and (state := _state_if_over(folder)):
                    found[folder] = _problem(_log, client, experiment.experiment_id, folder, state)
            for sweep in sweeps.kept(slug):
                new = _LOGGED + sweep.name not in experiment.tags
                if new and (why := _problem(_log_sweep, client, sweep)):
                    found[sweep.folder] = why
    return found


def try_sync(wanted: Iterable[Path]) -> dict[Path, str]:
    """`sync`, but a store that does not work is why none of the `wanted` runs could be logged."""
    try:
        return sync()
    except RunError as error:
        return dict.fromkeys(wanted, str(error))


def _make_tables(uri: str) -> None:
    _client(uri).search_experiments(max_results=1)
    _let_go(uri)


def _let_go(uri: str) -> None:
    """Close this process's connections to a database whose file gets another name."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    if engine := SqlAlchemyStore._engine_map.get(uri):
        engine.dispose()


def _state_if_over(folder: Path) -> RunState | None:
    """State of a run that is over, None if there is none or the run is damaged."""
    state = runs.read_state(folder)
    if state is None or state.status == "running" or state.run != folder.name:
        return None
    return None if state.status == "finished" and runs.damage(folder, state) else state


def check_store() -> None:
    """Open the store and read from it. RunError if it does not work; may wait for a server for long."""
    with _store_errors():
        _client().search_experiments(max_results=1)


def _experiment(client: "MlflowClient", slug: str) -> "Experiment":
    told = shown.describe(slug)
    found = client.get_experiment_by_name(slug)
    if found is None:
        place = results_root() / "mlartifacts" / slug if is_ours() else None
        made = client.create_experiment(slug, None if place is None else place.as_uri(), told)
        return client.get_experiment(made)
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    for name in told.keys() - found.tags.keys():  # what somebody wrote there stays
        client.set_experiment_tag(found.experiment_id, name, told[name])
    return found


def tag_experiment(slug: str, tags: Mapping[str, str]) -> str:
    """Set tags of a study's experiment, whatever stood there; its id."""
    with _store_errors():
        client = _client()
        found = _experiment(client, slug)
        for name in (name for name, value in tags.items() if found.tags.get(name) != value):
            client.set_experiment_tag(found.experiment_id, name, tags[name])
    return str(found.experiment_id)


def _problem(log: Callable[..., None], *given: object) -> str:
    """Why one thing was not logged, '' if it was: one that no store takes must not stop the others."""
    try:
        with _store_errors():
            log(*given)
    except RunError as error:
        return str(error)
    return ""


def _log(client: "MlflowClient", experiment_id: str, folder: Path, state: RunState) -> None:
    """Log a run; one that a killed process left half logged is completed: all steps can be repeated."""
    from mlflow.entities import Metric, Param
    from mlflow.utils import chunk_list
    from mlflow.utils.validation import MAX_METRICS_PER_BATCH, MAX_PARAMS_TAGS_PER_BATCH

    record = read_record(folder / runs.RESULT) if state.status == "finished" else None
    began = int(state.started.timestamp() * 1000)
    ended = began + int(state.seconds * 1000)
    tags = shown.tags_of(state, record, folder)
    run = _begun(client, experiment_id, state.run, shown.run_name(state), tags, began)
    run_id = str(run.info.run_id)
    if run.info.status == "RUNNING":
        params = [Param(name, str(value)) for name, value in state.parameters.items()]
        found = shown.metrics_of(record, folder) if record else {}
        metrics = [Metric(name, value, ended, 0) for name, value in found.items()]
        for step, (seconds, taken) in enumerate(usage_of(folder)):
            when = began + int(seconds * 1000)
            metrics += [Metric(name, value, when, step) for name, value in taken.items()]
        some = MAX_METRICS_PER_BATCH - MAX_PARAMS_TAGS_PER_BATCH  # of both together no more than that
        chunks = chunk_list(metrics, some), chunk_list(params, MAX_PARAMS_TAGS_PER_BATCH)
        for numbers, values in zip_longest(*chunks):
            client.log_batch(run_id, numbers or (), values or ())
        client.log_inputs(run_id, _inputs(shown.data_of(state, record, folder)))
        made = [f"{FILES_FOLDER}/{one.name}" for one in sorted((folder / FILES_FOLDER).glob("*"))]
        for name in (runs.RESULT, runs.EXECUTED, runs.PARTIAL, runs.FIGURES, *made):
            if (folder / name).is_file():
                client.log_artifact(run_id, str(folder / name), os.path.dirname(name))
        if record and _TABLE not in {item.path for item in client.list_artifacts(run_id)}:
            client.log_table(run_id, shown.table_of(record), _TABLE)  # twice would append
        client.set_terminated(run_id, status=state.status.upper(), end_time=ended)
    client.set_experiment_tag(experiment_id, _LOGGED + state.run, run_id)


def _begun(
    client: "MlflowClient", experiment_id: str, key: str, name: str, tags: Mapping[str, str], began: int
) -> "Run":
    """The run that was begun under this key, else a new one."""
    found = client.search_runs([experiment_id], f"tags.`dti.run` = '{key}'", max_results=1)
    tags = {"dti.run": key, "mlflow.user": "dti", **tags}
    return found[0] if found else client.create_run(experiment_id, began, tags, run_name=name)


def _inputs(data: Mapping[str, Mapping[str, str]]) -> list["DatasetInput"]:
    from mlflow.entities import Dataset, DatasetInput

    return [
        DatasetInput(Dataset(name, about["sha256"][:_DIGEST], "code", json.dumps({"tags": about})))
        for name, about in data.items()
    ]


def _log_sweep(client: "MlflowClient", sweep: sweeps.Sweep) -> None:
    """Log a sweep as the parent of its runs, of which those of an older sweep change hands."""
    experiment = _experiment(client, sweep.slug)
    began, ended = (int(moment.timestamp() * 1000) for moment in (sweep.started, sweep.ended))
    tags = {"dti.sweep": sweep.name, "dti.profile": sweep.profile}
    tags["mlflow.loggedArtifacts"] = json.dumps([{"path": sweeps.TABLE, "type": "table"}])
    run = _begun(client, experiment.experiment_id, sweep.name, sweep.title, tags, began)
    client.log_artifacts(run.info.run_id, str(sweep.folder))
    for child in filter(None, (experiment.tags.get(_LOGGED + run) for run in sweep.runs)):
        for tag, value in (("mlflow.parentRunId", run.info.run_id), ("dti.sweep", sweep.name)):
            client.set_tag(child, tag, value)
    client.set_terminated(run.info.run_id, sweep.status, ended)
    client.set_experiment_tag(experiment.experiment_id, _LOGGED + sweep.name, run.info.run_id)


def rebuild() -> int:
    """Move the database away, make a new one and log all runs from their folders; how many it holds.

    Damaged runs are left out. RunError if a run is under way, or the store is not the one in the results.
    """
    if not is_ours():
        raise RunError(f"{ADDRESS} names another store than the one in the results folder; unset it first.")
    if any(map(batches.is_alive, batches.open_folders())):
        raise RunError("a batch of runs is under way; stop it, or wait for its end.")
    with store.locked():
        store.set_database_aside()
        _let_go(tracking_uri())
    for folder in runs.all_runs():
        if (state := runs.read_state(folder)) and state.status == "running":
            end_abandoned(folder, state)
    return list(sync().values()).count("")


def ui_command(port: int) -> list[str]:
    """Command that serves the MLflow UI to this machine only, with one worker.

    RunError if MLFLOW_TRACKING_URI names a server, which shows its own pages.
    """
    uri = tracking_uri()
    if uri.startswith(("http://", "https://")):
        raise RunError(f"{ADDRESS} is a server: open {redact(uri)} in a browser.")
    sync()
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri]
    return [*command, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
