"""The last cell of a notebook: judge the result, hand its numbers to the prose, write result.json."""

import math
import os
import re
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

from dti_core.lab.claims import judge
from dti_core.lab.data import ABSENT
from dti_core.lab.files import write
from dti_core.lab.fingerprint import DATA_PATH, Value
from dti_core.lab.kept import series_files
from dti_core.lab.paths import notebook_file
from dti_core.lab.pieces import KEPT, sha256
from dti_core.lab.record import Provenance, Record, Result
from dti_core.lab.running.alone import run_alone
from dti_core.lab.running.cache import seconds_behind
from dti_core.lab.running.inputs import FILES_FOLDER, OWN_DATA, SERIES_FOLDER
from dti_core.lab.running.provenance import collect_provenance
from dti_core.lab.running.runs import RESULT, RUN_DIR

_GLUED = re.compile(r"\{glue:text\}`([\w@]+)[:`]")


def record(result: Result, files: Mapping[str, bytes] | None = None) -> None:
    """Keep `result`: glue its numbers and verdicts, write result.json and the series behind the figures.

    `files`, content by name, are written into the folder files/ of the run, for whoever asked for it.

    Under `dti run` they go into the run's folder and the runner tracks the run. Under bare papermill or in
    JupyterLab a new folder is made below results/ and the run is tracked in MLflow from here.
    """
    given = os.environ.get(RUN_DIR)
    provenance = collect_provenance(result.config)
    with nullcontext(Path(given)) if given else run_alone(result.config, provenance) as folder:
        for name, content in (files or {}).items():
            write(folder / FILES_FOLDER / Path(name).name, content)
        _keep(result, provenance, folder)
    if not given:
        sys.stderr.write(f"kept in {folder / RESULT}\n")


def _keep(result: Result, provenance: Provenance, folder: Path) -> None:
    started = result.config.created
    files = series_files(result.series)
    behind = seconds_behind(Path(os.environ[KEPT])) if KEPT in os.environ else 0.0
    kept = Record(
        slug=result.config.slug,
        run=folder.name,
        profile=result.config.profile,
        started=started,
        seconds=(datetime.now(UTC) - started).total_seconds() + behind,
        cpu_seconds=_cpu_seconds(),
        parameters=_as_given(result.config.values),
        data=result.card,
        estimates=result.estimates,
        series={name: sha256(content) for name, content in zip(result.series, files.values(), strict=True)},
        claims=tuple(judge(result)),
        provenance=provenance,
    )
    for name, content in files.items():
        write(folder / SERIES_FOLDER / name, content)
    kept.save(folder / RESULT)
    for name, value in glued(kept, notebook_file(kept.slug).read_text(encoding="utf-8")).items():
        glue(name, value)


def _cpu_seconds() -> float:
    """CPU seconds of this process and of all that it started, ended or not."""
    import psutil

    this = psutil.Process()
    times = [this.cpu_times(), *(child.cpu_times() for child in this.children(recursive=True))]
    ended = times[0].children_user + times[0].children_system
    return float(sum(one.user + one.system for one in times) + ended)


def _as_given(parameters: Mapping[str, Value]) -> dict[str, Value]:
    """The parameters with the place of the user's data, of which the runner made a copy."""
    given = os.environ.get(OWN_DATA)
    return {**parameters, DATA_PATH: given} if given else dict(parameters)


def glued(kept: Record, prose: str) -> dict[str, float | str]:
    """Of all that a chapter may print, by name, what its `prose` does print.

    A message each for thousands of numbers would fill the kernel's queue, which then drops its last word, so
    that whoever waits for it waits for ever. What rests on a published file that the run lacked is NaN.
    """
    asked = set(_GLUED.findall(prose))
    found: dict[str, float | str] = {}
    for estimate in kept.estimates:
        key = estimate.key
        found |= {key: estimate.value, f"{key}_low": estimate.low, f"{key}_high": estimate.high}
    for verdict in kept.claims:
        found |= {f"{verdict.claim}_verdict": verdict.verdict, f"{verdict.claim}_because": verdict.because}
    missing = dict.fromkeys(asked - found.keys(), math.nan) if lacks_files(kept) else {}
    return {name: value for name, value in found.items() if name in asked} | missing


def lacks_files(record: Record) -> bool:
    """Whether the run went without a published file that it would have read, and left analyses out."""
    return ABSENT in record.provenance.fingerprint.numbers.data.values()


def glue(name: str, value: float | str) -> None:
    """Store a number or text under `name` in the notebook, invisible, for {glue:text} in the prose."""
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.display import display

    if not InteractiveShell.initialized():
        return
    prefix = "application/papermill.record/"
    metadata = {"scrapbook": {"name": name, "mime_prefix": prefix}}
    display({f"{prefix}text/plain": repr(value)}, raw=True, metadata=metadata)
