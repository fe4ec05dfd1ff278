"""Hand runs to workers, follow them and write down how each ends."""

import json
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from threading import Event
from typing import TYPE_CHECKING, Literal

from dti_core.lab.errors import RunError
from dti_core.lab.running import runs, track
from dti_core.lab.running.batches import Batch
from dti_core.lab.running.cache import kept_store
from dti_core.lab.running.cluster import LostRun, RunFuture, Slots
from dti_core.lab.running.inputs import Inputs
from dti_core.lab.running.leftovers import conclude, end_without_worker, keep_partial
from dti_core.lab.running.runs import Listener, Outcome, RunSpec, RunState, Ticket

if TYPE_CHECKING:
    from dti_core.lab.running.provenance import GitState

_POLL_SECONDS = 0.5
_FAREWELL_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all runs of a batch; `inputs_digest` is of the time at which they were planned."""

    batch: Batch
    inputs: Inputs
    inputs_digest: str
    git: "GitState"
    cores: int
    timeout_seconds: float | None


@dataclass(slots=True)
class _Active:
    """A run under way; `seen` is the last progress line that was passed on."""

    ticket: Ticket
    spec: RunSpec
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
                free = slots.count() - len(self._active)
                for _ in range(min(free, len(self._waiting))):
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
        try:
            active = _Active(ticket, self._begin(ticket))
        except Exception as error:  # such as a full disk
            never = ticket.state.ended("failed", str(error) or type(error).__name__)
            self._end(ticket, Outcome.of(never, None))
            return
        state = active.spec.state
        self._tell(self._listener.started, ticket.plan, state.run, state.explanation)
        self._submit(slots, active)

    def _submit(self, slots: Slots, active: _Active) -> None:
        try:
            self._active[slots.submit(active.spec)] = active
        except RunError as error:
            self._finish(active, active.spec.state.ended("failed", str(error)))

    def _begin(self, ticket: Ticket) -> RunSpec:
        terms, git = self._terms, self._terms.git
        update = {"started": datetime.now(UTC), "git_commit": git.commit, "git_dirty": git.dirty}
        folder, state = runs.begin_run(terms.batch, ticket.state.model_copy(update=update))
        return RunSpec(
            state=state, folder=folder, inputs=terms.inputs, inputs_digest=terms.inputs_digest,
            own_data=ticket.own_data, cores=terms.cores, timeout_seconds=terms.timeout_seconds,
            kept=folder / "again" if ticket.plan.force else kept_store(state.fingerprint.numbers),
        )  # fmt: skip

    def _collect(self, slots: Slots, within_seconds: float) -> None:
        for future in slots.finished(list(self._active), within_seconds):
            active = self._active.pop(future)
            try:
                self._finish(active, slots.outcome(future, active.spec))
            except LostRun as lost:
                if lost.begun:
                    self._finish_without_worker(active, "failed", str(lost))
                else:
                    self._submit(slots, active)

    def _finish_without_worker(self, active: _Active, status: Literal["failed", "killed"], why: str) -> None:
        state = active.spec.state
        seconds = (datetime.now(UTC) - state.started).total_seconds()
        self._finish(active, end_without_worker(active.spec.folder, state, status, why, seconds))

    def _finish(self, active: _Active, end: RunState) -> None:
        """Keep the run, log it, report; what goes wrong here ends this run only."""
        folder = active.spec.folder
        end = self._keep(active, end)
        outcome = Outcome.of(end, folder)
        if problem := track.try_sync([folder]).get(folder):
            outcome = replace(outcome, reason=f"{outcome.reason}; not logged: {problem}".lstrip("; "))
        self._end(active.ticket, outcome)

    def _keep(self, active: _Active, end: RunState) -> RunState:
        """Write a run's last state; one that cannot be kept failed: its numbers may be cut off.

        Renaming its files needs no room on a full disk. If not even this can be written, the batch stays open
        and the next command ends the run.
        """
        folder = active.spec.folder
        try:
            conclude(folder, end)
        except Exception as error:  # a full disk, an unreadable record
            problem = f"{type(error).__name__}: {error}".splitlines()[0]
            reason = f"{end.reason}; could not be kept: {problem}".lstrip("; ")
            end = end.ended("failed" if end.status == "finished" else end.status, reason, end.seconds)
            keep_partial(folder, end.reason)
            with suppress(OSError):
                (folder / runs.EXECUTED).replace(folder / runs.PARTIAL)
            try:
                conclude(folder, end)
            except Exception:
                return end
        self._terms.batch.under_way.discard(folder)
        return end

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
                line = (active.spec.folder / runs.PROGRESS).read_text(encoding="utf-8")
                if line != active.seen:
                    active.seen = line
                    step = json.loads(line)
                    told = [step[name] for name in ("label", "done", "total")]
                    self._tell(self._listener.progressed, active.ticket.plan, active.spec.state.run, *told)

    def _give_up(self, slots: Slots, status: Literal["failed", "killed"], reason: str) -> None:
        """Stop all kernels, keep what has finished, and mark the rest."""
        for active in self._active.values():
            with suppress(OSError):
                (active.spec.folder / runs.STOP).touch()
        deadline = time.monotonic() + _FAREWELL_SECONDS
        with suppress(RunError):
            while self._active and time.monotonic() < deadline:
                self._collect(slots, _POLL_SECONDS)
            slots.cancel(list(self._active))
        for active in self._active.values():
            self._finish_without_worker(active, status, reason)
        self._active.clear()
        for ticket in self._waiting:
            never = ticket.state.ended(status, f"{reason} before it started")
            self._end(ticket, Outcome.of(never, None))
        self._waiting.clear()
