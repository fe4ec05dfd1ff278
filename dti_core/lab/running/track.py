"""MLflow: a run of ours is one run there, opened and closed by explicit ids. Nothing else imports mlflow."""

import logging
import os
import re
import sys
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from dti_core.lab.errors import RunError
from dti_core.lab.paths import results_root, study_results
from dti_core.lab.record import Record
from dti_core.lab.running import owners, store
from dti_core.lab.running.runs import EXECUTED, PARTIAL, RESULT, RunState, damage, read_state
from dti_core.lab.running.store import ADDRESS, is_ours, redact, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

    from dti_core.lab.config import Value

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")

Item = TypeVar("Item")

_METRICS_A_CALL, _PARAMS_A_CALL = 1000, 100
_LONGEST_TAG = 4000


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


def prepare_store(slugs: Iterable[str]) -> dict[str, str]:
    """Create the store and one experiment a study, once, whoever asks first; slug -> experiment id.

    A fresh database breaks when several processes create it at once, so they take turns on a file lock. Runs
    that could not be logged when they ended are logged now. RunError if the store cannot be reached.
    """
    with store.locked(), _store_errors():
        store.make_database(_make_tables)
        client = _client()
        experiments = {slug: _experiment_id(client, slug) for slug in dict.fromkeys(slugs)}
        _log_late(client)
    return experiments


def _make_tables(uri: str) -> None:
    _client(uri).search_experiments(max_results=1)
    _let_go(uri)


def _let_go(uri: str) -> None:
    """Close this process's connections to a database whose file gets another name."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    if engine := SqlAlchemyStore._engine_map.get(uri):
        engine.dispose()


def _log_late(client: "MlflowClient") -> None:
    """Log the runs that could not be when they ended, and end those of which nothing sound is left."""
    for mark in owners.marks(owners.UNLOGGED):
        slug, _, run = mark.name.partition("+")
        experiment_id, folder = _experiment_id(client, slug), study_results(slug) / run
        with suppress(RunError):  # tried again by the next batch
            if state := _loggable(folder):
                log_run(experiment_id, folder, state)
            else:
                wanted = f"tags.`dti.run` = '{run}' and attributes.status = 'RUNNING'"
                for found in client.search_runs([experiment_id], wanted):
                    client.set_terminated(found.info.run_id, status="KILLED")
            mark.unlink(missing_ok=True)


def _loggable(folder: Path) -> RunState | None:
    """State of a run that is over, None if there is none or the run is damaged."""
    state = read_state(folder)
    if state is None or state.status == "running" or (state.status == "finished" and damage(folder, state)):
        return None
    return state


def check_store() -> None:
    """Open the store and read from it. RunError if it does not work; may wait for a server for long."""
    with _store_errors():
        _client().search_experiments(max_results=1)


def _experiment_id(client: "MlflowClient", slug: str) -> str:
    found = client.get_experiment_by_name(slug)
    if found is None:
        place = results_root() / "mlartifacts" / slug if is_ours() else None
        return client.create_experiment(slug, artifact_location=None if place is None else place.as_uri())
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def open_run(experiment_id: str, state: RunState) -> str:
    """Open a run with its parameters and with tags that say where it came from; its id."""
    tags = {
        "dti.fingerprint": state.fingerprint.digest,
        "dti.numbers": state.fingerprint.numbers.digest,
        "dti.data_sha256": state.fingerprint.numbers.data_sha256,
        "dti.explanation": state.explanation[:_LONGEST_TAG],
        "dti.run": state.run,
        "dti.profile": state.profile,
        "mlflow.source.name": f"notebooks/{state.slug}.ipynb",
        "mlflow.source.type": "NOTEBOOK",
        "mlflow.user": "dti",
        **_git_tags(state.git_commit, state.git_dirty),
    }
    began = int(state.started.timestamp() * 1000)
    with _store_errors():
        client = _client()
        run = client.create_run(experiment_id, run_name=state.run, tags=tags, start_time=began)
        _log_parameters(client, str(run.info.run_id), state.parameters)
        return str(run.info.run_id)


def track_record(record: Record, folder: Path) -> str:
    """Track a finished run that no runner started (bare papermill, JupyterLab); its MLflow id."""
    source = record.provenance
    state = RunState(
        slug=record.slug, run=record.run, status="finished", profile=record.profile, started=record.started,
        seconds=record.seconds, parameters=record.parameters, fingerprint=source.fingerprint,
        git_commit=source.git_commit, git_dirty=source.git_dirty,
    )  # fmt: skip
    return log_run(prepare_store([record.slug])[record.slug], folder, state)


def _git_tags(commit: str | None, dirty: bool | None) -> dict[str, str]:
    tags = {"dti.git_dirty": "unknown" if dirty is None else str(dirty).lower()}
    return tags | ({"mlflow.source.git.commit": commit} if commit else {})


def _log_parameters(client: "MlflowClient", run_id: str, parameters: Mapping[str, "Value"]) -> None:
    from mlflow.entities import Param

    params = [Param(name, str(value)) for name, value in parameters.items()]
    for batch in _chunks(params, _PARAMS_A_CALL):
        client.log_batch(run_id, params=batch)


def log_run(experiment_id: str, folder: Path, state: RunState) -> str:
    """Close a run that is over, with all that its folder holds, and open it first if need be; its MLflow id.

    Nothing is done for a run that is closed. RunError if the store does not work.
    """
    record = None
    if state.status == "finished":
        record = Record.model_validate_json((folder / RESULT).read_bytes())
    with _store_errors():
        client = _client()
        found = _find(client, experiment_id, state)
        run_id = str(found.info.run_id) if found else open_run(experiment_id, state)
        if found is None or found.info.status == "RUNNING":
            _close(client, run_id, folder, state, record)
        return run_id


def _find(client: "MlflowClient", experiment_id: str, state: RunState) -> "Run | None":
    """The run by its id; by its name if it was killed before the id was kept, or the store is another one."""
    from mlflow.exceptions import MlflowException

    if state.mlflow_run:
        with suppress(MlflowException):
            return client.get_run(state.mlflow_run)
    found = client.search_runs([experiment_id], f"tags.`dti.run` = '{state.run}'", max_results=1)
    return found[0] if found else None


def _close(client: "MlflowClient", run_id: str, folder: Path, state: RunState, record: Record | None) -> None:
    ended = int((state.started.timestamp() + state.seconds) * 1000)
    if record is not None:
        _log_record(client, run_id, record, ended)
    if state.reason:
        client.set_tag(run_id, "dti.reason", state.reason[:_LONGEST_TAG])
    for file, place in _artifacts(folder):
        client.log_artifact(run_id, str(file), place)
    client.set_terminated(run_id, status=state.status.upper(), end_time=ended)


def rebuild() -> int:
    """Move the database away, make a new one and log all runs from their folders; how many it holds.

    Damaged runs are left out. RunError if a run is under way, or the store is not the one in the results.
    """
    if not is_ours():
        raise RunError(f"{ADDRESS} names another store than the one in the results folder; unset it first.")
    if busy := [mark.name for mark in owners.marks() if not owners.is_dead(mark)]:
        raise RunError(f"{busy[0].replace('+', ' ')} is under way; stop it, or wait for its end.")
    with store.locked():
        store.set_database_aside()
        _let_go(tracking_uri())
    count = 0
    for file in sorted(results_root().glob("*/*/run.json")):
        folder, state = file.parent, read_state(file.parent)
        if state is not None and state.status == "running":
            state = state.model_copy(update={"status": "killed", "reason": "no process answers for it"})
            state.save(folder)
        if (state := _loggable(folder)) is None:
            continue
        run_id = log_run(prepare_store([state.slug])[state.slug], folder, state)
        state.model_copy(update={"mlflow_run": run_id}).save(folder)
        count += 1
    return count


def _log_record(client: "MlflowClient", run_id: str, record: Record, ended: int) -> None:
    from mlflow.entities import Metric, RunTag

    metrics = [Metric(name, value, ended, 0) for name, value in metrics_of(record).items()]
    counts = Counter(verdict.verdict for verdict in record.claims)
    tags = [RunTag(f"dti.claims.{word.replace(' ', '_')}", str(count)) for word, count in counts.items()]
    for batch in _chunks(metrics, _METRICS_A_CALL):
        client.log_batch(run_id, metrics=batch, tags=tags)


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


def _artifacts(folder: Path) -> Iterator[tuple[Path, str | None]]:
    for name in (RESULT, EXECUTED, PARTIAL):
        if (folder / name).is_file():
            yield folder / name, None
    for figure in sorted((folder / "figures").glob("*.html")):
        yield figure, "figures"


def _chunks(items: Sequence[Item], size: int) -> Iterator[list[Item]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def ui_command(port: int) -> list[str]:
    """Command that serves the MLflow UI to this machine only, with one worker.

    RunError if MLFLOW_TRACKING_URI names a server, which shows its own pages.
    """
    uri = tracking_uri()
    if uri.startswith(("http://", "https://")):
        raise RunError(f"{ADDRESS} is a server: open {redact(uri)} in a browser.")
    prepare_store([])
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri]
    return [*command, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
