"""Spread independent pieces of a study over cores, with progress that a runner can read."""

import json
import os
import pickle
import sys
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from dti_core.lab.files import write

Item = TypeVar("Item")
Out = TypeVar("Out")
Key = TypeVar("Key", bound=Hashable)

#: File into which a notebook writes how far it is; set by the runner.
PROGRESS_FILE = "DTI_PROGRESS_FILE"
#: Number of processes that one notebook may use; set by the runner.
CORES = "DTI_CORES"
#: Numerical libraries that read their number of threads from a variable <name>_NUM_THREADS when they load.
THREADED = ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "RAYON")


def available_cores() -> int:
    """Processes that this run may use: DTI_CORES, else all cores of the machine."""
    return max(1, int(os.environ.get(CORES) or os.cpu_count() or 1))


def pin_threads() -> None:
    """Give one thread to each numerical library of this process, loaded or not, and of processes it starts.

    Threads share a sum between them, so that their number decides its last digits; a threshold or a local
    minimum makes whole estimates of these.
    """
    os.environ.update({f"{library}_NUM_THREADS": "1" for library in THREADED})
    threadpool_limits(1)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


def report_progress(items: Iterable[Item], label: str, total: int) -> Iterator[Item]:
    """Yield `items` while showing progress: in a file for the runner, else as a bar on stderr."""
    target = os.environ.get(PROGRESS_FILE)
    if not target:
        yield from tqdm(items, desc=label, total=total, leave=False)
        return
    for done, item in enumerate(items, start=1):
        yield item
        line = json.dumps({"label": label, "done": done, "total": total})
        write(Path(target), line, durable=False)


def run_keyed(function: Callable[[Item], Out], tasks: Mapping[Key, Item], label: str) -> dict[Key, Out]:
    """Apply `function` to each task on all available cores, each with one thread; outcomes by the same keys.

    An outcome depends neither on the number of cores nor on the other tasks: give each task its own random
    numbers, such as `config.seeds(world, method)`. Under `dti run` finished pieces are kept by their keys, so
    that an interrupted run goes on where it was: `label` must be the only one of its name in the study, and a
    piece must consist of what `lab.pieces.encode` takes.

    Raises
    ------
    ValueError if two keys are written alike, such as 1 and a number of one's own that prints as "1".
    """
    from dti_core.lab.pieces import Stage

    pin_threads()
    stage = Stage(label)
    if len({stage.name(key) for key in tasks}) < len(tasks):
        raise ValueError(
            f"{label}: two keys are written alike, so that one's piece would be taken for the other's"
        )
    kept = stage.load()
    done = {key: kept[stage.name(key)] for key in tasks if stage.name(key) in kept}
    missing = [key for key in tasks if key not in done]
    cores = min(available_cores(), max(1, len(missing)))
    apply = function if cores > 1 else _as_in_a_worker(function)
    jobs = Parallel(n_jobs=cores, return_as="generator", batch_size=1, max_nbytes=None)
    found = jobs(delayed(apply)(tasks[key]) for key in missing)
    for key, piece in zip(missing, report_progress(found, label, len(missing)), strict=True):
        done[key] = piece
        stage.save(key, piece)
    return {key: done[key] for key in tasks}


def _as_in_a_worker(function: Callable[[Item], Out]) -> Callable[[Item], Out]:
    """`function` in this process on the very arrays that a worker would get.

    The way to a worker and back lays the rows of an array one behind the other. Left as the slice of a larger
    table that it was, its sums would add up in another order.
    """

    def apply(item: Item) -> Out:
        result: Out = _travelled(function(_travelled(item)))
        return result

    return apply


def _travelled(value: Item) -> Item:
    copy: Item = pickle.loads(pickle.dumps(value))
    return copy
