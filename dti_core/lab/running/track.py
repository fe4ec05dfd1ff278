"""MLflow: a run of ours is one run there, opened and closed by explicit ids. Nothing else imports mlflow."""

import logging
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from dti_core.lab.errors import RunError
from dti_core.lab.paths import results_root

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from dti_core.lab.config import Value
    from dti_core.lab.record import Record
    from dti_core.lab.running.runs import RunState

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")

Item = TypeVar("Item")

_STATUS = {"finished": "FINISHED", "failed": "FAILED", "killed": "KILLED"}
_METRICS_A_CALL, _PARAMS_A_CALL = 1000, 100
_LONGEST_TAG = 4000
_STORE_SECONDS = 120


def tracking_uri() -> str:
    """MLFLOW_TRACKING_URI, else a database in the results folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{results_root() / 'mlflow.db'}"


def _client() -> "MlflowClient":
    from mlflow import MlflowClient

    for chatty in ("mlflow", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    return MlflowClient(tracking_uri=tracking_uri())


@contextmanager
def _store_errors() -> Iterator[None]:
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        line = (str(error).strip().splitlines() or ["no reason given"])[0]
        raise RunError(
            f"the MLflow store {tracking_uri()} does not work: {line[:300]}. "
            f"Unset MLFLOW_TRACKING_URI to use the one in the results folder."
        ) from error


def prepare_store(slugs: Iterable[str]) -> dict[str, str]:
    """Create the store and one experiment a study, once, whoever asks first; slug -> experiment id.

    A fresh database breaks when several processes create it at once, so they take turns on a file lock.
    RunError if the store cannot be reached.
    """
    from filelock import FileLock, Timeout

    results_root().mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(results_root() / "mlflow.lock", timeout=_STORE_SECONDS), _store_errors():
            client = _client()
            return {slug: _experiment_id(client, slug) for slug in dict.fromkeys(slugs)}
    except Timeout as error:
        raise RunError(
            f"another process has held the MLflow store for {_STORE_SECONDS} s; end it, then run again."
        ) from error


def check_store() -> None:
    """Open the store and read from it. RunError if it does not work; may wait for a server for long."""
    with _store_errors():
        _client().search_experiments(max_results=1)


def _experiment_id(client: "MlflowClient", slug: str) -> str:
    found = client.get_experiment_by_name(slug)
    if found is None:
        place = None if os.environ.get("MLFLOW_TRACKING_URI") else results_root() / "mlartifacts" / slug
        return client.create_experiment(slug, artifact_location=None if place is None else place.as_uri())
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def open_run(experiment_id: str, state: "RunState") -> str:
    """Open a run with its parameters and with tags that say where it came from; its id."""
    tags = {
        "dti.fingerprint": state.fingerprint.digest,
        "dti.data_sha256": state.fingerprint.data_sha256,
        "dti.lock_sha256": state.fingerprint.lock,
        "dti.explanation": state.explanation[:_LONGEST_TAG],
        **_git_tags(state.git_commit, state.git_dirty),
    }
    return _open(experiment_id, state, tags)


def track_record(record: "Record", folder: Path) -> str:
    """Track a finished run that no runner started (bare papermill, JupyterLab); its MLflow id."""
    source = record.provenance
    tags = {
        "dti.fingerprint": source.fingerprint,
        "dti.data_sha256": source.data_sha256,
        "dti.lock_sha256": source.lock_sha256,
        **_git_tags(source.git_commit, source.git_dirty),
    }
    run_id = _open(prepare_store([record.slug])[record.slug], record, tags)
    close_run(run_id, "finished", record=record, folder=folder)
    return run_id


def _open(experiment_id: str, run: "RunState | Record", tags: dict[str, str]) -> str:
    tags |= {
        "dti.run": run.run,
        "dti.profile": run.profile,
        "mlflow.source.name": f"notebooks/{run.slug}.ipynb",
        "mlflow.source.type": "NOTEBOOK",
        "mlflow.user": "dti",
    }
    with _store_errors():
        client = _client()
        run_id = str(client.create_run(experiment_id, run_name=run.run, tags=tags).info.run_id)
        _log_parameters(client, run_id, run.parameters)
        return run_id


def _git_tags(commit: str | None, dirty: bool | None) -> dict[str, str]:
    tags = {"dti.git_dirty": "unknown" if dirty is None else str(dirty).lower()}
    return tags | ({"mlflow.source.git.commit": commit} if commit else {})


def _log_parameters(client: "MlflowClient", run_id: str, parameters: Mapping[str, "Value"]) -> None:
    from mlflow.entities import Param

    params = [Param(name, str(value)) for name, value in parameters.items()]
    for batch in _chunks(params, _PARAMS_A_CALL):
        client.log_batch(run_id, params=batch)


def close_run(
    run_id: str,
    status: Literal["finished", "failed", "killed"],
    *,
    reason: str = "",
    record: "Record | None" = None,
    folder: Path | None = None,
) -> None:
    """End a run: estimates and verdict counts of its record, the files in its folder, its status.

    Parameters
    ----------
    reason : why it did not finish; kept as the tag `dti.reason`.
    record : what it found, if it finished. folder : whose result, notebook and figures become artifacts.
    """
    with _store_errors():
        client = _client()
        if record is not None:
            _log_record(client, run_id, record)
        if reason:
            client.set_tag(run_id, "dti.reason", reason[:_LONGEST_TAG])
        for file, place in _artifacts(folder) if folder else ():
            client.log_artifact(run_id, str(file), place)
        client.set_terminated(run_id, status=_STATUS[status])


def _log_record(client: "MlflowClient", run_id: str, record: "Record") -> None:
    from mlflow.entities import Metric, RunTag

    now = int(time.time() * 1000)
    metrics = [Metric(name, value, now, 0) for name, value in metrics_of(record).items()]
    counts: dict[str, int] = {}
    for verdict in record.claims:
        counts[verdict.verdict] = counts.get(verdict.verdict, 0) + 1
    tags = [RunTag(f"dti.claims.{word.replace(' ', '_')}", str(count)) for word, count in counts.items()]
    for batch in _chunks(metrics, _METRICS_A_CALL):
        client.log_batch(run_id, metrics=batch, tags=tags)


def metrics_of(record: "Record") -> dict[str, float]:
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
    for name in ("result.json", "executed.ipynb", "partial.ipynb"):
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
        raise RunError(f"MLFLOW_TRACKING_URI is a server: open {uri} in a browser.")
    results_root().mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri]
    return [*command, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
