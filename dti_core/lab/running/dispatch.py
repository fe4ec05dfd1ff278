"""Hand runs to workers, follow them and write down how each ends."""

import json
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Literal

from dti_core.lab.errors import RunError
from dti_core.lab.paths import notebook_file, project_root, results_root
from dti_core.lab.record import Record
from dti_core.lab.running import track
from dti_core.lab.running.cluster import LostRun, RunFuture, Slots
from dti_core.lab.running.figure_page import write_figure_page
from dti_core.lab.running.leftovers import keep_partial, kill_orphan, sweep_up
from dti_core.lab.running.runs import (
    EXECUTED,
    FIGURES,
    PARTIAL,
    PROGRESS,
    RESULT,
    STOP,
    Listener,
    Outcome,
    RunSpec,
    RunState,
    Ticket,
    create_run_folder,
)

if TYPE_CHECKING:
    from dti_core.lab.running.provenance import GitState

_POLL_SECONDS = 0.5
_FAREWELL_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all runs of a batch. `local` says that workers are processes of this machine."""

    experiments: Mapping[str, str]
    git: "GitState"
    cores: int
    timeout_seconds: float | None
    local: bool


@dataclass(slots=True)
class _Active:
    """A run under way; `seen` is the last progress line that was passed on."""

    ticket: Ticket
    spec: RunSpec
    state: RunState
    mlflow_run: str
    seen: str = ""


class Dispatcher:
    """Keeps all slots busy until no ticket waits, or until `interrupted` is set."""

    def __init__(self, tickets: deque[Ticket], terms: Terms, listener: Listener, interrupted: Event) -> None:
        self._waiting = tickets
        self._terms = terms
        self._listener = listener
        self._interrupted = interrupted
        self._active: dict[RunFuture, _Active] = {}
        self._outcomes: dict[int, Outcome] = {}

    def run(self, slots: Slots) -> dict[int, Outcome]:
        """Outcome of each ticket, by its place."""
        try:
            while (self._waiting or self._active) and not self._interrupted.is_set():
                while self._waiting and len(self._active) < slots.count():
                    self._start(slots, self._waiting.popleft())
                self._collect(slots, _POLL_SECONDS)
                self._pass_on_progress()
        except RunError as error:
            self._give_up(slots, "failed", str(error))
        except BaseException:
            self._give_up(slots, "killed", "the runner broke down")
            raise
        if self._interrupted.is_set():
            self._give_up(slots, "killed", "interrupted")
        return self._outcomes

    def _start(self, slots: Slots, ticket: Ticket) -> None:
        started = datetime.now(UTC)
        try:
            folder = create_run_folder(ticket.plan.slug, ticket.fingerprint.digest, started)
            state = self._first_state(ticket, folder.name, started)
            state.save(folder)
            mlflow_run = track.open_run(self._terms.experiments[ticket.plan.slug], state)
        except Exception as error:  # a full disk, a store that does not answer
            reason = str(error) or type(error).__name__
            self._end(ticket, Outcome(ticket.plan.slug, "", "failed", reason, 0.0, None, ticket.explanation))
            return
        spec = self._spec(ticket, folder)
        self._active[slots.submit(spec)] = _Active(ticket, spec, state, mlflow_run)
        self._listener.started(ticket.plan, spec.run)

    def _first_state(self, ticket: Ticket, run: str, started: datetime) -> RunState:
        config, git = ticket.plan.config, self._terms.git
        return RunState(
            slug=config.slug, run=run, status="running", explanation=ticket.explanation,
            profile=config.profile, started=started, parameters=dict(config.values),
            fingerprint=ticket.fingerprint, git_commit=git.commit, git_dirty=git.dirty,
        )  # fmt: skip

    def _spec(self, ticket: Ticket, folder: Path) -> RunSpec:
        return RunSpec(
            slug=ticket.plan.slug, run=folder.name, folder=folder, notebook=notebook_file(ticket.plan.slug),
            home=project_root(), results=results_root(), parameters=dict(ticket.plan.config.values),
            explanation=ticket.explanation, cores=self._terms.cores,
            timeout_seconds=self._terms.timeout_seconds,
        )  # fmt: skip

    def _collect(self, slots: Slots, within_seconds: float) -> None:
        for future in slots.finished(list(self._active), within_seconds):
            active = self._active.pop(future)
            try:
                self._finish(active, slots.outcome(future, active.spec))
            except LostRun as lost:
                if lost.begun:
                    self._finish(active, self._without_worker(active, "failed", str(lost)))
                else:
                    self._active[slots.submit(active.spec)] = active

    def _without_worker(self, active: _Active, status: Literal["failed", "killed"], reason: str) -> Outcome:
        """Outcome of a run whose worker cannot report any more."""
        spec = active.spec
        if self._terms.local:
            kill_orphan(spec.folder)
        keep_partial(spec.folder, reason)
        seconds = (datetime.now(UTC) - active.state.started).total_seconds()
        return Outcome(spec.slug, spec.run, status, reason, seconds, spec.folder, spec.explanation)

    def _finish(self, active: _Active, outcome: Outcome) -> None:
        """Write the run's last state, close it in MLflow, report; what goes wrong here ends this run only."""
        try:
            self._save_state(active, outcome)
            sweep_up(active.spec.folder)
            self._close_in_mlflow(active.mlflow_run, outcome, active.spec.folder)
        except RunError as error:
            outcome = replace(outcome, reason=f"{outcome.reason}; not logged: {error}".lstrip("; "))
        except Exception as error:  # a full disk, an unreadable record: the numbers may be cut off
            outcome = self._set_aside(active, outcome, f"{type(error).__name__}: {error}")
        self._end(active.ticket, outcome)

    def _save_state(self, active: _Active, outcome: Outcome) -> None:
        update = {"status": outcome.status, "reason": outcome.reason, "seconds": outcome.seconds}
        active.state.model_copy(update=update).save(active.spec.folder)

    def _set_aside(self, active: _Active, outcome: Outcome, problem: str) -> Outcome:
        """The outcome of a run that could not be kept; renaming its files needs no room on a full disk."""
        folder, status = active.spec.folder, outcome.status
        reason = f"{outcome.reason}; could not be kept: {problem.splitlines()[0]}".lstrip("; ")
        failed = replace(outcome, status="failed" if status == "finished" else status, reason=reason)
        keep_partial(folder, reason)
        with suppress(OSError):
            (folder / EXECUTED).replace(folder / PARTIAL)
        with suppress(OSError):
            self._save_state(active, failed)
        with suppress(Exception):
            track.close_run(active.mlflow_run, "failed", reason=reason)
        return failed

    def _close_in_mlflow(self, run_id: str, outcome: Outcome, folder: Path) -> None:
        if outcome.status == "finished":
            record = Record.model_validate_json((folder / RESULT).read_bytes())
            write_figure_page(folder / EXECUTED, folder / FIGURES)
            track.close_run(run_id, "finished", record=record, folder=folder)
        elif outcome.status != "reused":
            track.close_run(run_id, outcome.status, reason=outcome.reason, folder=folder)

    def _end(self, ticket: Ticket, outcome: Outcome) -> None:
        self._outcomes[ticket.place] = outcome
        self._listener.ended(outcome)

    def _pass_on_progress(self) -> None:
        for active in self._active.values():
            with suppress(OSError, ValueError, KeyError):
                line = (active.spec.folder / PROGRESS).read_text(encoding="utf-8")
                if line != active.seen:
                    active.seen = line
                    step = json.loads(line)
                    self._listener.progressed(
                        active.ticket.plan, active.spec.run, step["label"], step["done"], step["total"]
                    )

    def _give_up(self, slots: Slots, status: Literal["failed", "killed"], reason: str) -> None:
        """Stop all kernels, keep what has finished, and mark the rest."""
        for active in self._active.values():
            with suppress(OSError):
                (active.spec.folder / STOP).touch()
        deadline = time.monotonic() + _FAREWELL_SECONDS
        while self._active and time.monotonic() < deadline:
            self._collect(slots, _POLL_SECONDS)
        slots.cancel(list(self._active))
        for active in self._active.values():
            self._finish(active, self._without_worker(active, status, reason))
        self._active.clear()
        for ticket in self._waiting:
            late = f"{reason} before it started"
            self._end(ticket, Outcome(ticket.plan.slug, "", status, late, 0.0, None, ticket.explanation))
        self._waiting.clear()
