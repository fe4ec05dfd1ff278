"""MLflow: a view of the runs that are over, derived from their folders. Nothing else imports mlflow."""

import logging
import os
import re
import sys
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from dti_core.lab.errors import RunError
from dti_core.lab.paths import results_root
from dti_core.lab.record import Record
from dti_core.lab.running import batches, runs, store
from dti_core.lab.running.history import read_record
from dti_core.lab.running.leftovers import end_abandoned
from dti_core.lab.running.runs import RunState
from dti_core.lab.running.store import ADDRESS, is_ours, redact, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")

_LONGEST_TAG = 4000
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
                    found[folder] = _log_safely(client, experiment.experiment_id, folder, state)
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
    found = client.get_experiment_by_name(slug)
    if found is None:
        place = results_root() / "mlartifacts" / slug if is_ours() else None
        made = client.create_experiment(slug, artifact_location=None if place is None else place.as_uri())
        return client.get_experiment(made)
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return found


def _log_safely(client: "MlflowClient", experiment_id: str, folder: Path, state: RunState) -> str:
    """Log one run; why that failed, '' if it did not: one that no store takes must not stop the others."""
    try:
        record = read_record(folder / runs.RESULT) if state.status == "finished" else None
        with _store_errors():
            _log(client, experiment_id, folder, state, record)
    except RunError as error:
        return str(error)
    return ""


def _log(
    client: "MlflowClient", experiment_id: str, folder: Path, state: RunState, record: Record | None
) -> None:
    """Log a run; one that a killed process left half logged is completed: all steps can be repeated."""
    from mlflow.entities import Metric, Param
    from mlflow.utils import chunk_list
    from mlflow.utils.validation import MAX_METRICS_PER_BATCH, MAX_PARAMS_TAGS_PER_BATCH

    began = int(state.started.timestamp() * 1000)
    ended = began + int(state.seconds * 1000)
    wanted = f"tags.`dti.run` = '{state.run}'"
    run = next(iter(client.search_runs([experiment_id], wanted, max_results=1)), None)
    if run is None:
        tags = _tags(state, record)
        run = client.create_run(experiment_id, run_name=state.run, tags=tags, start_time=began)
    run_id = str(run.info.run_id)
    if run.info.status == "RUNNING":
        params = [Param(name, str(value)) for name, value in state.parameters.items()]
        for some in chunk_list(params, MAX_PARAMS_TAGS_PER_BATCH):
            client.log_batch(run_id, params=some)
        found = metrics_of(record) if record else {}
        metrics = [Metric(name, value, ended, 0) for name, value in found.items()]
        for some in chunk_list(metrics, MAX_METRICS_PER_BATCH):
            client.log_batch(run_id, metrics=some)
        for name in (runs.RESULT, runs.EXECUTED, runs.PARTIAL, runs.FIGURES):
            if (folder / name).is_file():
                client.log_artifact(run_id, str(folder / name), os.path.dirname(name))
        client.set_terminated(run_id, status=state.status.upper(), end_time=ended)
    client.set_experiment_tag(experiment_id, _LOGGED + state.run, run_id)


def _tags(state: RunState, record: Record | None) -> dict[str, str]:
    """What a run is, where it came from, and how often each verdict was given."""
    tags = {
        "dti.fingerprint": state.fingerprint.digest,
        "dti.numbers": state.fingerprint.numbers.digest,
        "dti.data_sha256": state.fingerprint.numbers.data_sha256,
        "dti.explanation": state.explanation[:_LONGEST_TAG],
        "dti.run": state.run,
        "dti.profile": state.profile,
        "dti.git_dirty": "unknown" if state.git_dirty is None else str(state.git_dirty).lower(),
        "mlflow.source.name": f"notebooks/{state.slug}.ipynb",
        "mlflow.source.type": "NOTEBOOK",
        "mlflow.user": "dti",
    }
    if state.git_commit:
        tags["mlflow.source.git.commit"] = state.git_commit
    if state.reason:
        tags["dti.reason"] = state.reason[:_LONGEST_TAG]
    for word, count in Counter(verdict.verdict for verdict in (record.claims if record else ())).items():
        tags[f"dti.claims.{word.replace(' ', '_')}"] = str(count)
    return tags


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


def metrics_of(record: Record) -> dict[str, float]:
    """Each estimate and its interval's ends, under names that MLflow takes, and the seconds."""
    metrics = {"seconds": record.seconds}
    for estimate in record.estimates:
        name = metric_name(estimate.key)
        metrics |= {name: estimate.value, f"{name}.low": estimate.low, f"{name}.high": estimate.high}
    return metrics


def metric_name(key: str) -> str:
    """An estimate's key as MLflow takes it: `name`, or `world/name`, which groups worlds in the UI."""
    name, _, world = key.partition("@")
    return re.sub(r"[^\w\-. /]", "_", f"{world}/{name}" if world else name)


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
