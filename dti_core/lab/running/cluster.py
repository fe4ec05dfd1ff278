"""Worker processes: a Dask cluster of our own on this machine, or one that already runs."""

import logging
import os
import signal
import time
from asyncio import CancelledError
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias

import dask
from distributed import Client, Future, LocalCluster, WorkerPlugin, wait
from distributed.scheduler import KilledWorker

from dti_core.lab.errors import RunError
from dti_core.lab.running.batches import OWNER
from dti_core.lab.running.runs import BEGUN, WORKER_DIED, RunSpec, RunState

_CONNECT_SECONDS = 10
_NO_WORKER_SECONDS = 60
_SETTINGS = {"distributed.scheduler.worker-saturation": 1.0, "distributed.scheduler.allowed-failures": 0}
#: A cluster of our own: processes of one thread, for this machine only.
_HERE: dict[str, Any] = {
    "threads_per_worker": 1, "processes": True, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0",
    "memory_limit": 0, "silence_logs": logging.CRITICAL,
}  # fmt: skip

RunFuture: TypeAlias = "Future[RunState]"


class LostRun(Exception):
    """A worker or the scheduler vanished with a run; `begun` tells whether the notebook may have started."""

    def __init__(self, begun: bool, reason: str = WORKER_DIED) -> None:
        super().__init__(reason)
        self.begun = begun


@contextmanager
def _cluster_errors() -> Iterator[None]:
    """A scheduler that goes away raises many kinds, depending on when; all become RunError."""
    try:
        yield
    except RunError:
        raise
    except (Exception, CancelledError) as error:
        said = str(error).strip().splitlines() or ["no reason given"]
        raise RunError(f"the cluster failed: {type(error).__name__}: {said[0].rstrip(':')}") from error


class Slots:
    """Places at which notebooks run, one at a time each."""

    def __init__(self, client: Client, fixed: int | None) -> None:
        self._client = client
        self._fixed = fixed
        self._last_seen = time.monotonic()

    def count(self) -> int:
        """Number of runs that may be under way. RunError after a minute without any worker."""
        with _cluster_errors():
            slots = self._fixed or sum(self._client.nthreads().values())
        if slots:
            self._last_seen = time.monotonic()
        elif time.monotonic() - self._last_seen > _NO_WORKER_SECONDS:
            raise RunError(f"the cluster has had no worker for {_NO_WORKER_SECONDS} s; start one, run again.")
        return slots

    def submit(self, spec: RunSpec) -> RunFuture:
        """Hand a run to the next free worker. RunError if the scheduler is gone."""
        with _cluster_errors():
            return self._client.submit(_execute_on_worker, spec, pure=False, retries=0)

    def finished(self, futures: Sequence[RunFuture], within_seconds: float) -> list[RunFuture]:
        """Those of `futures` that are over; waits for the first one as long as stated. RunError as above."""
        if not futures:
            time.sleep(within_seconds)
        with _cluster_errors(), self._client.as_current(), suppress(TimeoutError):
            wait(futures, timeout=within_seconds, return_when="FIRST_COMPLETED")
        return [future for future in futures if future.done()]

    def cancel(self, futures: Sequence[RunFuture]) -> None:
        """Take back runs that no worker has begun."""
        with suppress(RunError), _cluster_errors():
            self._client.cancel(futures)

    def outcome(self, future: RunFuture, spec: RunSpec) -> RunState:
        """Last state of a run that is over. LostRun if its worker or the scheduler is gone."""
        try:
            with _cluster_errors():
                return future.result(timeout=_CONNECT_SECONDS)
        except RunError as error:
            if isinstance(error.__cause__, KilledWorker):
                raise LostRun((spec.folder / BEGUN).exists()) from error
            raise LostRun(True, str(error)) from error
        finally:
            future.release()  # or the scheduler makes it again when the worker that keeps it dies


def _execute_on_worker(spec: RunSpec) -> RunState:
    from dti_core.lab.running.execute import execute

    return execute(spec)


class _IgnoreInterrupt(WorkerPlugin):
    """Leave what a terminal sends to all processes (Ctrl-C, hanging up) to the one that can tidy up."""

    def setup(self, worker: Any) -> None:
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)


@contextmanager
def open_slots(batch: str, jobs: int, address: str | None = None) -> Iterator[Slots]:
    """Places to run notebooks on; closed with all their processes at the end.

    Parameters
    ----------
    batch : name that all processes which start here carry.
    jobs : number of worker processes on this machine; without meaning if `address` is given.
    address : tcp:// address of a running scheduler. Its workers must share this machine's file system.

    Raises
    ------
    RunError if no scheduler answers at `address` within 10 s.
    """
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    marked = {f"distributed.nanny.pre-spawn-environ.{OWNER}": batch}
    with dask.config.set({**_SETTINGS, **marked}):
        if address is not None:
            with _connect(address) as client:
                yield Slots(client, None)
            return
        place = os.environ.get("TMPDIR")
        with (
            LocalCluster(n_workers=jobs, local_directory=place, **_HERE) as cluster,
            Client(cluster, set_as_default=False) as client,
        ):
            client.register_plugin(_IgnoreInterrupt())
            yield Slots(client, jobs)


def _connect(address: str) -> Client:
    if not address.startswith(("tcp://", "tls://")):
        raise RunError(f"--cluster {address}: give the scheduler's address, such as tcp://127.0.0.1:8786.")
    try:
        return Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise RunError(
            f"no Dask scheduler answers at {address} within {_CONNECT_SECONDS} s. Start one with "
            f"`dask scheduler`, and workers that share this file system with `dask worker {address}`."
        ) from error
