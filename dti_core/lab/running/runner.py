"""Run a batch of plans: reuse what is unchanged, spread the rest over workers, keep going after a failure."""

import errno
import os
import shutil
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event

from dti_core.lab.config import Config
from dti_core.lab.errors import RunError
from dti_core.lab.fingerprint import DATA_PATH
from dti_core.lab.paths import results_root
from dti_core.lab.running.batches import Batch, open_batch
from dti_core.lab.running.cache import REUSED, explain, find_reusable, fingerprint_of
from dti_core.lab.running.inputs import Inputs, copy_inputs, copy_own_data
from dti_core.lab.running.runs import Listener, Outcome, RunPlan, RunState, Ticket, read_state

_LEAST_FREE_BYTES = 500 * 10**6


class _Silence:
    def started(self, plan: RunPlan, run: str, why: str) -> None: ...
    def progressed(self, plan: RunPlan, run: str, label: str, done: int, total: int) -> None: ...
    def ended(self, outcome: Outcome) -> None: ...
    def noticed(self, sentence: str) -> None: ...


def run_all(
    plans: Sequence[RunPlan],
    *,
    jobs: int | None = None,
    cluster: str | None = None,
    timeout_seconds: float | None = None,
    listener: Listener | None = None,
) -> list[Outcome]:
    """Run all plans and return one outcome each, in their order; a failed run stops no other.

    Parameters
    ----------
    jobs : notebooks at a time on this machine; default one a core.
    cluster : tcp:// address of a Dask scheduler to use instead.
    timeout_seconds : limit for each notebook as a whole.
    listener : told about starts, progress and ends.

    Raises
    ------
    RunError, DataError, ConfigError if the batch cannot start. Ctrl-C does not raise: what had not finished
    comes back as killed.
    """
    listener = listener or _Silence()
    outcomes: dict[int, Outcome] = {}
    tickets: deque[Ticket] = deque()
    with open_batch() as batch:
        inputs = copy_inputs(batch.folder)
        for place, plan in enumerate(plans):
            found = _judge(place, plan, inputs, listener)
            if isinstance(found, Ticket):
                tickets.append(found)
            else:
                outcomes[place] = found
                listener.ended(found)
        if tickets:
            _refuse_full_disk()
            outcomes |= _run_tickets(batch, inputs, tickets, jobs, cluster, timeout_seconds, listener)
    return [outcomes[place] for place in sorted(outcomes)]


def foresee(plan: RunPlan) -> str:
    """Whether a plan would be reused, redrawn or rerun now, and why; nothing is run, copied or moved."""
    return explain(fingerprint_of(_absolute(plan.config)), forced=plan.force, look_only=True)


def _absolute(config: Config) -> Config:
    """The same config, with the whole path of the user's data."""
    path = config.values.get(DATA_PATH)
    return config.replace(**{DATA_PATH: str(Path(str(path)).expanduser().resolve())}) if path else config


def _judge(place: int, plan: RunPlan, inputs: Inputs, listener: Listener) -> Ticket | Outcome:
    """The ticket of a plan, with copies of what it reads, or its outcome if a finished run answers it."""
    config = copy = _absolute(plan.config)
    own_data = ""
    if path := config.values.get(DATA_PATH):
        own_data = str(copy_own_data(str(path), inputs))
        copy = config.replace(**{DATA_PATH: own_data})
    fingerprint = fingerprint_of(copy, inputs)
    folder = None if plan.force else find_reusable(fingerprint, listener.noticed)
    if folder and (state := read_state(folder)):
        return replace(Outcome.of(state, folder), status="reused", explanation=REUSED)
    draft = RunState(
        slug=plan.slug, explanation=explain(fingerprint, forced=plan.force), profile=config.profile,
        started=config.created, parameters=dict(config.values), fingerprint=fingerprint,
    )  # fmt: skip
    return Ticket(place, plan, draft, own_data)


def _refuse_full_disk() -> None:
    free = shutil.disk_usage(results_root()).free
    if free < _LEAST_FREE_BYTES:
        raise RunError(
            f"only {free / 1e6:.0f} MB are free for results, {_LEAST_FREE_BYTES / 1e6:.0f} MB are needed. "
            f"Delete old runs, or set DTI_RESULTS to another disk."
        ) from OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _run_tickets(
    batch: Batch,
    inputs: Inputs,
    tickets: deque[Ticket],
    jobs: int | None,
    address: str | None,
    timeout: float | None,
    listener: Listener,
) -> dict[int, Outcome]:
    from dti_core.lab.running import track
    from dti_core.lab.running.cluster import open_slots
    from dti_core.lab.running.dispatch import Dispatcher, Terms
    from dti_core.lab.running.provenance import git_state

    cores = os.cpu_count() or 1
    jobs = max(1, min(jobs or cores, len(tickets)))
    with _interrupts() as interrupted:
        track.sync()  # a store that does not work is refused now, not after hours
        run_cores = 1 if address else max(1, cores // jobs)
        terms = Terms(batch, inputs, inputs.digest(), git_state(), run_cores, timeout)
        with open_slots(batch.folder.name, jobs, address) as slots:
            return Dispatcher(tickets, terms, listener, interrupted).run(slots)


@contextmanager
def _interrupts() -> Iterator[Event]:
    """While open, Ctrl-C, SIGTERM and a closed terminal set the event instead of breaking into a writing."""
    interrupted = Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return
    signals = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:  # as under nohup
        signals.remove(signal.SIGHUP)
    before = [signal.signal(number, lambda *_: interrupted.set()) for number in signals]
    try:
        yield interrupted
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)
