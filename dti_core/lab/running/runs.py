"""A run before, while and after it runs: its plan, its identity, its folder and its state on disk."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from dti_core.lab.config import Config, Value
from dti_core.lab.paths import study_results
from dti_core.lab.running.fingerprint import Fingerprint

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
OutcomeStatus = Literal["finished", "reused", "failed", "killed"]


@dataclass(frozen=True, slots=True)
class RunPlan:
    """A run that is wanted: `force` repeats it even if a finished one is identical."""

    slug: str
    config: Config
    force: bool = False


@dataclass(frozen=True, slots=True)
class RunSpec:
    """All that a worker needs to execute one run; paths are absolute and shared with the worker.

    `timeout_seconds` is for the whole notebook; `cores` is the number of processes it may use.
    """

    slug: str
    run: str
    folder: Path
    notebook: Path
    home: Path
    results: Path
    parameters: Mapping[str, Value]
    explanation: str
    cores: int = 1
    timeout_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a wanted run ended. `folder` is None for a run that never started."""

    slug: str
    run: str
    status: OutcomeStatus
    reason: str
    seconds: float
    folder: Path | None
    explanation: str

    @property
    def succeeded(self) -> bool:
        """True if a finished result exists, new or reused."""
        return self.status in ("finished", "reused")


class Listener(Protocol):
    """Told what happens in a batch, in the caller's thread."""

    def started(self, plan: RunPlan, run: str) -> None:
        """A run has been handed to a worker."""

    def progressed(self, plan: RunPlan, run: str, label: str, done: int, total: int) -> None:
        """A run has finished `done` of `total` pieces of the stage `label`."""

    def ended(self, outcome: Outcome) -> None:
        """A run is over, or was not needed."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A run that must be made: its place among the plans, what identifies it, why it is made."""

    place: int
    plan: RunPlan
    fingerprint: Fingerprint
    explanation: str


class RunState(BaseModel):
    """The content of run.json: present from a run's first second on, also when it fails."""

    model_config = ConfigDict(frozen=True)

    slug: str
    run: str
    status: RunStatus
    reason: str = ""
    explanation: str = ""
    profile: str
    started: datetime
    seconds: float = 0.0
    parameters: Mapping[str, Value]
    fingerprint: Fingerprint
    git_commit: str | None = None
    git_dirty: bool | None = None

    def save(self, folder: Path) -> None:
        """Write atomically into the run's folder."""
        temporary = folder / f"{STATE}.tmp"
        temporary.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")
        temporary.replace(folder / STATE)


def read_state(folder: Path) -> RunState | None:
    """The state in a run's folder, None if there is none that can be read."""
    try:
        return RunState.model_validate_json((folder / STATE).read_bytes())
    except (OSError, ValidationError):
        return None


def is_finished(folder: Path) -> bool:
    """True if the run kept both its record and its complete notebook."""
    return (folder / RESULT).is_file() and (folder / EXECUTED).is_file()


def list_runs(slug: str) -> list[Path]:
    """Folders of all runs of a study, latest first."""
    folder = study_results(slug)
    return sorted((path for path in folder.glob("*/") if path.is_dir()), reverse=True)


def finished_states(slug: str, pattern: str = "*") -> Iterator[tuple[Path, RunState]]:
    """Folder and state of each finished run whose name matches `pattern`, latest first."""
    for folder in list_runs(slug):
        if folder.match(pattern) and is_finished(folder):
            state = read_state(folder)
            if state is not None and state.status == "finished":
                yield folder, state


def create_run_folder(slug: str, digest: str, now: datetime) -> Path:
    """Make results/<slug>/<UTC yyyymmdd-hhmmss>-<digest[:8]>/, with a count behind it if that exists."""
    stem = f"{now:%Y%m%d-%H%M%S}-{digest[:8]}"
    for count in range(1, 10_000):
        folder = study_results(slug) / (stem if count == 1 else f"{stem}-{count}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(f"{stem}: too many runs with this name")
