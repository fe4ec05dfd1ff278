"""A run before, while and after it runs: its plan, its identity, its folder and its state on disk."""

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from dti_core.lab.config import Config, Value
from dti_core.lab.data import sha256_of
from dti_core.lab.files import write
from dti_core.lab.fingerprint import Fingerprint
from dti_core.lab.paths import results_root, study_results
from dti_core.lab.running.batches import Batch, lock
from dti_core.lab.running.inputs import FILES_FOLDER, SERIES_FOLDER, Inputs
from dti_core.lab.running.store import redact

#: Folder of the current run, told to the notebook's kernel by the runner.
RUN_DIR = "DTI_RUN_DIR"

RESULT = "result.json"
EXECUTED = "executed.ipynb"
PARTIAL = "partial.ipynb"
FIGURES = "figures/figures.html"
STATE = "run.json"
PROGRESS = "progress.json"
STOP = "stop"
BEGUN = "begun"

WORKER_DIED = "the worker process died (killed, or out of memory)"

RunStatus = Literal["running", "finished", "failed", "killed"]


@dataclass(frozen=True, slots=True)
class RunPlan:
    """A run that is wanted: `force` repeats it even if a finished one is identical."""

    slug: str
    config: Config
    force: bool = False


class RunState(BaseModel):
    """The content of run.json: present from a run's first second on, also when it fails.

    `sequence` orders the runs of a study, whatever clocks say; `batch` names the one that answers for the run
    while it is running. A finished run has the sha256 of each of its `outputs` and a `seal` over all of this.
    """

    model_config = ConfigDict(frozen=True)

    slug: str
    run: str = ""
    sequence: int = 0
    status: RunStatus = "running"
    reason: str = ""
    explanation: str = ""
    profile: str
    started: datetime
    seconds: float = 0.0
    parameters: Mapping[str, Value]
    fingerprint: Fingerprint
    git_commit: str | None = None
    git_dirty: bool | None = None
    batch: str = ""
    outputs: Mapping[str, str] = {}
    seal: str = ""

    def save(self, folder: Path) -> None:
        """Write atomically into the run's folder."""
        write(folder / STATE, self.model_dump_json(indent=1) + "\n")

    def ended(self, status: RunStatus, reason: str = "", seconds: float = 0.0) -> "RunState":
        """The state at the run's end; its reason is printable and shows no secret."""
        return self.model_copy(update={"status": status, "reason": redact(reason), "seconds": seconds})


@dataclass(frozen=True, slots=True)
class Ticket:
    """A run that must be made: its place among the plans, its state before it begins, a copy of own data."""

    place: int
    plan: RunPlan
    state: RunState
    own_data: str = ""


@dataclass(frozen=True, slots=True)
class RunSpec:
    """All that a worker needs to execute one run; paths are absolute and shared with the worker.

    `inputs` are copies of what it reads, `own_data` that of the user's data; `kept` is where its numbers are
    kept. `timeout_seconds` is for the whole notebook; `cores` is the number of processes it may use.
    """

    state: RunState
    folder: Path
    inputs: Inputs
    inputs_digest: str
    own_data: str
    kept: Path
    cores: int = 1
    timeout_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a wanted run ended. `folder` is None for a run that never started."""

    slug: str
    run: str
    status: RunStatus | Literal["reused"]
    reason: str
    seconds: float
    folder: Path | None
    explanation: str

    @classmethod
    def of(cls, state: RunState, folder: Path | None) -> "Outcome":
        """How the run of this last state ended."""
        return cls(
            state.slug, state.run, state.status, state.reason, state.seconds, folder, state.explanation
        )

    @property
    def succeeded(self) -> bool:
        """True if a finished result exists, new or reused."""
        return self.status in ("finished", "reused")


class Listener(Protocol):
    """Told what happens in a batch, in the caller's thread."""

    def started(self, plan: RunPlan, run: str, why: str) -> None:
        """A run has been handed to a worker; `why` it is made, as its state explains it."""

    def progressed(self, plan: RunPlan, run: str, label: str, done: int, total: int) -> None:
        """A run has finished `done` of `total` pieces of the stage `label`."""

    def noticed(self, sentence: str) -> None:
        """Something is said that concerns no run of the batch, such as a damaged older one."""

    def ended(self, outcome: Outcome) -> None:
        """A run is over, or was not needed."""


def read_state(folder: Path) -> RunState | None:
    """The state in a run's folder, None if there is none that can be read."""
    try:
        return RunState.model_validate_json((folder / STATE).read_bytes())
    except (OSError, ValidationError):
        return None


def is_finished(folder: Path) -> bool:
    """True if the run kept both its record and its complete notebook."""
    return (folder / RESULT).is_file() and (folder / EXECUTED).is_file()


def list_runs(slug: str, pattern: str = "*") -> list[Path]:
    """Folders of a study's runs whose names match `pattern`, latest first: by number, then by name."""
    found = [path for path in study_results(slug).glob(pattern) if path.is_dir()]
    return sorted(found, key=lambda path: (_sequence(path), path.name), reverse=True)


def _sequence(folder: Path) -> int:
    file = folder / STATE
    return _sequence_in(file, file.stat().st_mtime_ns) if file.is_file() else 0


@lru_cache(maxsize=100_000)
def _sequence_in(file: Path, changed_ns: int) -> int:
    state = read_state(file.parent)
    return state.sequence if state else 0


def finished_states(slug: str, pattern: str = "*") -> Iterator[tuple[Path, RunState]]:
    """Folder and state of each finished run whose name matches `pattern`, latest first."""
    for folder in list_runs(slug, pattern):
        if is_finished(folder):
            state = read_state(folder)
            if state is not None and state.status == "finished":
                yield folder, state


def all_runs() -> list[Path]:
    """Folders of all runs of all studies, in the order of their names."""
    return [file.parent for file in sorted(results_root().glob(f"*/*/{STATE}"))]


def begin_run(batch: Batch, draft: RunState) -> tuple[Path, RunState]:
    """Make a run's folder with its first state, which gets its name and its number here.

    The folder is results/<slug>/<UTC yyyymmdd-hhmmss>-<digest[:8]>/, with a count behind it if that exists.
    It appears with its state in it, in one step; from then on `batch` answers for the run.
    """
    study = study_results(draft.slug)
    study.mkdir(parents=True, exist_ok=True)
    stem = f"{draft.started:%Y%m%d-%H%M%S}-{draft.fingerprint.digest[:8]}"
    with lock(results_root() / "numbers.lock"):
        names = itertools.chain([stem], (f"{stem}-{count}" for count in itertools.count(2)))
        folder = next(study / name for name in names if not (study / name).exists())
        sequence = 1 + max(map(_sequence, list_runs(draft.slug)), default=0)
        update = {"run": folder.name, "sequence": sequence, "batch": batch.folder.name}
        state = draft.model_copy(update=update)
        state.save(batch.folder / folder.name)
        (batch.folder / folder.name).rename(folder)
        batch.under_way.add(folder)
    return folder, state


def seal(folder: Path, state: RunState) -> RunState:
    """The state of a finished run with the hashes by which later damage shows; it is not saved here."""
    made = [sorted((folder / name).rglob("*")) for name in (SERIES_FOLDER, FILES_FOLDER)]
    files = [folder / RESULT, folder / EXECUTED, *made[0], *made[1]]
    hashes = {file.relative_to(folder).as_posix(): sha256_of(file) for file in files if file.is_file()}
    state = state.model_copy(update={"outputs": hashes})
    return state.model_copy(update={"seal": _digest(json.loads(state.model_dump_json()))})


def _digest(content: Mapping[str, object]) -> str:
    unsealed = ("seal", "mlflow_run")  # the second was written into older runs after their end
    sealed = {name: value for name, value in content.items() if name not in unsealed}
    return hashlib.sha256(json.dumps(sealed, sort_keys=True).encode()).hexdigest()


def damage(folder: Path, state: RunState) -> str:
    """What of a finished run is not as the run left it, in words; '' if all is.

    This finds accidents and edits; whoever also edits the hashes is not found out.
    """
    if not state.seal:
        return "it was made before runs were sealed"
    try:
        if _digest(json.loads((folder / STATE).read_bytes())) != state.seal:
            return f"{STATE} was edited"
        now = seal(folder, state).outputs
    except (OSError, ValueError) as error:
        return f"it cannot be read: {error}"
    told = state.outputs
    wrong = [f"{name} is gone" for name in told if name not in now]
    wrong += [f"{name} is new" for name in now if name not in told]
    wrong += [f"{name} changed" for name in told if now.get(name, told[name]) != told[name]]
    return ", ".join(wrong)


def set_aside(folder: Path, why: str) -> Path:
    """Move a damaged run to results/damaged/<slug>/, with the reason beside it; where it lies now."""
    shelf = results_root() / "damaged" / folder.parent.name
    place = shelf / folder.name
    while place.exists():
        place = place.with_name(f"{place.name}-again")
    shelf.mkdir(parents=True, exist_ok=True)
    folder.rename(place)
    write(place / "damage.txt", f"{why}\n")
    return place
