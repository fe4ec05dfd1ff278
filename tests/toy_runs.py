"""Records and states of the toy study made without a kernel, for tests of what happens around a run."""

from datetime import UTC, datetime, timedelta
from typing import Any

from dti_core.lab.data import DataCard
from dti_core.lab.fingerprint import Fingerprint, Numbers, Telling
from dti_core.lab.record import Estimate, Provenance, Record, Verdict
from dti_core.lab.running.runs import RunState

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
        slug=slug, run="", status="running", profile="quick", started=NOW + timedelta(minutes=minutes),
        parameters={"number": number}, fingerprint=toy_fingerprint(slug, number=number), git_commit="c",
        git_dirty=True,
    )  # fmt: skip
    return state.model_copy(update=changes)
