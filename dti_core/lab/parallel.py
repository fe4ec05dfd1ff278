"""Spread independent pieces of a study over cores, with progress that a runner can read."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from joblib import Parallel, delayed
from tqdm import tqdm

Item = TypeVar("Item")
Out = TypeVar("Out")

#: File into which a notebook writes how far it is; set by the runner.
PROGRESS_FILE = "DTI_PROGRESS_FILE"
#: Number of processes that one notebook may use; set by the runner.
CORES = "DTI_CORES"


def available_cores() -> int:
    """Processes that this run may use: DTI_CORES, else all cores of the machine."""
    return max(1, int(os.environ.get(CORES) or os.cpu_count() or 1))


def report_progress(items: Iterable[Item], label: str, total: int) -> Iterator[Item]:
    """Yield `items` while showing progress: in a file for the runner, else as a bar on stderr."""
    target = os.environ.get(PROGRESS_FILE)
    if not target:
        yield from tqdm(items, desc=label, total=total, leave=False)
        return
    for done, item in enumerate(items, start=1):
        yield item
        line = json.dumps({"label": label, "done": done, "total": total})
        temporary = Path(f"{target}.tmp")
        temporary.write_text(line, encoding="utf-8")
        temporary.replace(target)


def run_parallel(function: Callable[[Item], Out], items: Sequence[Item], label: str) -> list[Out]:
    """Apply `function` to each item, in order, on all available cores (one torch and BLAS thread each).

    The outcome must not depend on the number of cores: give each item its own spawned random generator.
    """
    cores = min(available_cores(), max(1, len(items)))
    jobs = Parallel(n_jobs=cores, return_as="generator", inner_max_num_threads=1 if cores > 1 else None)
    results = jobs(delayed(function)(item) for item in items)
    return list(report_progress(results, label, len(items)))
