"""The last cell of a notebook: judge the result, hand its numbers to the prose, write result.json."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from dti_core.lab.claims import judge
from dti_core.lab.record import Record, Result
from dti_core.lab.running.provenance import collect_provenance
from dti_core.lab.running.runs import RESULT, RUN_DIR, create_run_folder


def record(result: Result) -> None:
    """Keep `result`: glue its numbers and verdicts, write result.json.

    Under `dti run` the file goes into the run's folder and the runner tracks it. Under bare papermill or in
    JupyterLab a new folder is made below results/ and the run is tracked in MLflow from here.
    """
    given = os.environ.get(RUN_DIR)
    provenance = collect_provenance(result.config)
    started = result.config.created
    folder = Path(given) if given else create_run_folder(result.config.slug, provenance.fingerprint, started)
    kept = Record(
        slug=result.config.slug,
        run=folder.name,
        profile=result.config.profile,
        started=started,
        seconds=(datetime.now(UTC) - started).total_seconds(),
        parameters=result.config.values,
        data=result.card,
        estimates=result.estimates,
        claims=tuple(judge(result)),
        provenance=provenance,
    )
    kept.save(folder / RESULT)
    _glue_all(kept)
    if not given:
        from dti_core.lab.running.track import track_record

        track_record(kept, folder)
        sys.stderr.write(f"kept in {folder / RESULT}\n")


def _glue_all(kept: Record) -> None:
    for estimate in kept.estimates:
        glue(estimate.key, estimate.value)
        glue(f"{estimate.key}_low", estimate.low)
        glue(f"{estimate.key}_high", estimate.high)
    for verdict in kept.claims:
        glue(f"{verdict.claim}_verdict", verdict.verdict)
        glue(f"{verdict.claim}_because", verdict.because)


def glue(name: str, value: float | str) -> None:
    """Store a number or text under `name` in the notebook, invisible, for {glue:text} in the prose."""
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.display import display

    if not InteractiveShell.initialized():
        return
    prefix = "application/papermill.record/"
    metadata = {"scrapbook": {"name": name, "mime_prefix": prefix}}
    display({f"{prefix}text/plain": repr(value)}, raw=True, metadata=metadata)
