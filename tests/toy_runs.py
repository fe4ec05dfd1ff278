"""Records and states of the toy study made without a kernel, for tests of what happens around a run."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dti_core.lab.data import DataCard
from dti_core.lab.fingerprint import Fingerprint, Numbers, Telling
from dti_core.lab.paths import results_root
from dti_core.lab.record import Estimate, Provenance, Record, Verdict
from dti_core.lab.running.batches import OPEN, Batch, open_batch
from dti_core.lab.running.leftovers import conclude
from dti_core.lab.running.runs import RunState, begin_run

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
EMPTY_NOTEBOOK = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'


def toy_fingerprint(slug: str = "toy", **parameters: Any) -> Fingerprint:
    """What identifies a run of these parameters, without code or data."""
    numbers = Numbers(slug=slug, parameters=parameters, data={}, code={}, cells="c", packages={})
    return Fingerprint(numbers=numbers, telling=Telling(code={}, notebook="n", claims=""))


def toy_record(run: str, number: float = 1.0, slug: str = "toy") -> Record:
    """A record with one estimate in two worlds and one claim that nobody tested."""
    card = DataCard(slug, slug, "simulated", "Simulated", "", "none", 1, 1, "0", "")
    source = Provenance(
        fingerprint=toy_fingerprint(slug, number=number),
        git_commit="c",
        git_dirty=True,
        python="3.11",
        machine="m",
    )
    found = (
        Estimate("value", number, number - 1, number + 1, "1", 1),
        Estimate("value", 0, -1, 1, "1", 1, world="permuted_returns"),
    )
    return Record(
        slug=slug, run=run, profile="quick", started=NOW, seconds=1.5, parameters={"number": number},
        data=card, estimates=found, series={}, provenance=source,
        claims=(Verdict(claim="C1", verdict="not yet tested", because="x"),),
    )  # fmt: skip


def toy_state(number: float = 1.0, slug: str = "toy", *, minutes: float = 0.0, **changes: Any) -> RunState:
    """The first state of a run that makes `toy_record`."""
    state = RunState(
        slug=slug, profile="quick", started=NOW + timedelta(minutes=minutes),
        parameters={"number": number}, fingerprint=toy_fingerprint(slug, number=number), git_commit="c",
        git_dirty=True,
    )  # fmt: skip
    return state.model_copy(update=changes)


def dead_batch(name: str = "dead") -> Batch:
    """A batch for whose runs no process answers."""
    folder = results_root() / OPEN / name
    folder.mkdir(parents=True, exist_ok=True)
    return Batch(folder)


def leave_run(number: float = 1.0, slug: str = "toy", status: Any = "finished", minutes: float = 0.0) -> Path:
    """A run as the dispatcher leaves it when the store is away: all is done but logging."""
    with open_batch() as batch:
        folder, state = begin_run(batch, toy_state(number, slug, minutes=minutes))
        if status == "finished":
            toy_record(folder.name, number, slug).save(folder / "result.json")
            (folder / "executed.ipynb").write_text(EMPTY_NOTEBOOK)
        conclude(folder, state.ended(status, "" if status == "finished" else "told to", 60.0))
        batch.under_way.clear()
    return folder
