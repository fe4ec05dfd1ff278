"""Hand runs to workers, follow them and write down how each ends."""

import json
import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Literal

from dti_core.lab.errors import RunError
from dti_core.lab.paths import results_root
from dti_core.lab.running import track
from dti_core.lab.running.cache import kept_store
from dti_core.lab.running.cluster import LostRun, RunFuture, Slots
from dti_core.lab.running.leftovers import conclude, end_kernel, finished_record, keep_partial
from dti_core.lab.running.owners import mark_of
from dti_core.lab.running.runs import (
    EXECUTED,
    PARTIAL,
    PROGRESS,
    STOP,
    Listener,
    Outcome,
    RunSpec,
    RunState,
    Ticket,
    begin_run,
)
from dti_core.lab.running.store import redact

if TYPE_CHECKING:
    from dti_core.lab.running.provenance import GitState

_POLL_SECONDS = 0.5
_FAREWELL_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all runs of a batch."""

    experiments: Mapping[str, str]
    git: "GitState"
    cores: int
    timeout_seconds: float | None


@dataclass(slots=True)
class _Active:
    """A run under way; `seen` is the last progress line that was passed on."""

    ticket: Ticket
    spec: RunSpec
    state: RunState
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
        active = None
        try:
            folder, state = begin_run(self._first_state(ticket))
            active = _Active(ticket, self._spec(ticket, folder), state)
            mlflow_run = track.open_run(self._terms.experiments[state.slug], state)
            active.state = state.model_copy(update={"mlflow_run": mlflow_run})
            active.state.save(folder)
        except Exception as error:  # a full disk, a store that does not answer
            reason = redact(str(error)) or type(error).__name__
            if active is None:
                self._end(ticket, _never_started(ticket, "failed", reason))
            else:
                self._finish(active, _outcome(active, "failed", reason))
            return
        self._tell(self._listener.started, ticket.plan, state.run)
        self._submit(slots, active)

    def _submit(self, slots: Slots, active: _Active) -> None:
        try:
            self._active[slots.submit(active.spec)] = active
        except RunError as error:
            self._finish(active, _outcome(active, "failed", str(error)))

    def _first_state(self, ticket: Ticket) -> RunState:
        config, git = ticket.plan.config, self._terms.git
        return RunState(
            slug=config.slug, run="", status="running", explanation=ticket.explanation,
            profile=config.profile, started=datetime.now(UTC), parameters=dict(config.values),
            fingerprint=ticket.fingerprint, git_commit=git.commit, git_dirty=git.dirty,
        )  # fmt: skip

    def _spec(self, ticket: Ticket, folder: Path) -> RunSpec:
        return RunSpec(
            slug=ticket.plan.slug, run=folder.name, folder=folder, inputs=ticket.inputs,
            inputs_digest=ticket.inputs.digest(), fingerprint=ticket.fingerprint, own_data=ticket.own_data,
            kept=folder / "again" if ticket.plan.force else kept_store(ticket.fingerprint.numbers),
            results=results_root(), parameters=dict(ticket.plan.config.values),
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
                    self._submit(slots, active)

    def _without_worker(self, active: _Active, status: Literal["failed", "killed"], reason: str) -> Outcome:
        """Outcome of a run whose worker cannot report any more."""
        folder = active.spec.folder
        end_kernel(folder)
        if record := finished_record(folder):
            return replace(_outcome(active, "finished", ""), seconds=record.seconds)
        keep_partial(folder, reason)
        return _outcome(active, status, reason)

    def _finish(self, active: _Active, outcome: Outcome) -> None:
        """Write the run's last state, close it in MLflow, report; what goes wrong here ends this run only."""
        outcome = replace(outcome, reason=redact(outcome.reason))
        try:
            problem = self._conclude(active, outcome)
        except Exception as error:  # a full disk, an unreadable record: the numbers may be cut off
            outcome, problem = self._set_aside(active, outcome, f"{type(error).__name__}: {error}"), ""
        if problem and problem not in outcome.reason:
            outcome = replace(outcome, reason=f"{outcome.reason}; not logged: {problem}".lstrip("; "))
        self._end(active.ticket, outcome)

    def _conclude(self, active: _Active, outcome: Outcome) -> str:
        update = {"status": outcome.status, "reason": outcome.reason, "seconds": outcome.seconds}
        state = active.state.model_copy(update=update)
        return conclude(active.spec.folder, state, self._terms.experiments[state.slug])

    def _set_aside(self, active: _Active, outcome: Outcome, problem: str) -> Outcome:
        """The outcome of a run that could not be kept; renaming its files needs no room on a full disk.

        If not even this can be written, the next command does it.
        """
        folder, status = active.spec.folder, outcome.status
        reason = redact(f"{outcome.reason}; could not be kept: {problem.splitlines()[0]}".lstrip("; "))
        failed = replace(outcome, status="failed" if status == "finished" else status, reason=reason)
        keep_partial(folder, reason)
        with suppress(OSError):
            (folder / EXECUTED).replace(folder / PARTIAL)
        with suppress(Exception):
            self._conclude(active, failed)
        return failed

    def _end(self, ticket: Ticket, outcome: Outcome) -> None:
        self._outcomes[ticket.place] = outcome
        self._tell(self._listener.ended, outcome)

    def _tell(self, listen: Callable[..., None], *what: object) -> None:
        """Tell the listener; a terminal that has gone, or a text that it cannot show, ends no run."""
        with suppress(Exception):
            listen(*what)

    def _pass_on_progress(self) -> None:
        for active in self._active.values():
            with suppress(OSError, ValueError, KeyError):
                os.utime(mark_of(active.spec.slug, active.spec.run))
                line = (active.spec.folder / PROGRESS).read_text(encoding="utf-8")
                if line != active.seen:
                    active.seen = line
                    step = json.loads(line)
                    plan, run = active.ticket.plan, active.spec.run
                    self._tell(
                        self._listener.progressed, plan, run, step["label"], step["done"], step["total"]
                    )

    def _give_up(self, slots: Slots, status: Literal["failed", "killed"], reason: str) -> None:
        """Stop all kernels, keep what has finished, and mark the rest."""
        for active in self._active.values():
            with suppress(OSError):
                (active.spec.folder / STOP).touch()
        deadline = time.monotonic() + _FAREWELL_SECONDS
        with suppress(RunError):
            while self._active and time.monotonic() < deadline:
                self._collect(slots, _POLL_SECONDS)
            slots.cancel(list(self._active))
        for active in self._active.values():
            self._finish(active, self._without_worker(active, status, reason))
        self._active.clear()
        for ticket in self._waiting:
            self._end(ticket, _never_started(ticket, status, f"{redact(reason)} before it started"))
        self._waiting.clear()


def _outcome(active: _Active, status: Literal["finished", "failed", "killed"], reason: str) -> Outcome:
    spec, seconds = active.spec, (datetime.now(UTC) - active.state.started).total_seconds()
    return Outcome(spec.slug, spec.run, status, reason, seconds, spec.folder, spec.explanation)


def _never_started(ticket: Ticket, status: Literal["failed", "killed"], reason: str) -> Outcome:
    return Outcome(ticket.plan.slug, "", status, reason, 0.0, None, ticket.explanation)
