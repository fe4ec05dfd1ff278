"""Freeze the sweep of a study, and say whether it still belongs to today's numbers."""

import itertools
from pathlib import Path

from dti_core.lab import frozen
from dti_core.lab.config import load_experiment
from dti_core.lab.data import ABSENT
from dti_core.lab.errors import BookError
from dti_core.lab.files import write
from dti_core.lab.fingerprint import Numbers
from dti_core.lab.record import OBSERVED, Record
from dti_core.lab.running.cache import data_hashes, fingerprint_of
from dti_core.lab.running.history import read_record
from dti_core.lab.running.inputs import live
from dti_core.lab.running.runs import RESULT, damage, finished_states
from dti_core.lab.sweeps import RECORDS, load_sweep, sweep_digest, sweep_file


def freeze_sweep(slug: str, profile: str) -> Path:
    """Write experiments/sweeps/<slug>.json: the observed estimates of a finished run for each point.

    Raises
    ------
    BookError if a point of the experiment's sweep was not run in this profile by today's code.
    """
    records = tuple(_record(slug, one.digest, profile) for one in _numbers(slug, profile))
    write(sweep_file(slug), RECORDS.dump_json(records).decode() + "\n")
    return sweep_file(slug)


def sweep_stale(slug: str) -> list[str]:
    """Why the frozen sweep of `slug` is not of today's numbers, or not the one that its chapter shows."""
    if not (records := load_sweep(slug)):
        return []
    found = []
    then = [one.provenance.fingerprint.numbers for one in records]
    now = _numbers(slug, records[0].profile)
    if len(then) != len(now) or any(
        as_read(*pair).digest != pair[0].digest for pair in zip(then, now, strict=True)
    ):
        found.append("numbers: the frozen sweep is of other code, data or values")
    if sweep_digest(slug) not in frozen.chapter_file(slug).read_text(encoding="utf-8"):
        found.append("the chapter shows another sweep than the frozen one")
    return found


def as_read(then: Numbers, now: Numbers) -> Numbers:
    """`now` with published files that were never brought to this machine taken as they were then."""
    data = {name: then.data.get(name, sha) if sha == ABSENT else sha for name, sha in now.data.items()}
    return now.model_copy(update={"data": data})


def _numbers(slug: str, profile: str) -> list[Numbers]:
    """What makes the numbers of each point; they differ in parameters and data only."""
    experiment = load_experiment(slug)
    points = [
        dict(zip(experiment.sweep, point, strict=True))
        for point in itertools.product(*experiment.sweep.values())
    ]
    configs = [experiment.resolve(profile, point) for point in points]
    base = fingerprint_of(configs[0]).numbers
    changes = [{"parameters": dict(one.values), "data": data_hashes(one, live())} for one in configs]
    return [base.model_copy(update=change) for change in changes]


def _record(slug: str, digest: str, profile: str) -> Record:
    for folder, state in finished_states(slug):
        if state.fingerprint.numbers.digest == digest and not damage(folder, state):
            record = read_record(folder / RESULT)
            observed = tuple(one for one in record.estimates if one.world == OBSERVED)
            return record.model_copy(update={"estimates": observed})
    raise BookError(
        f"{slug}: not every point of its sweep has a finished {profile} run of today's code. "
        f"Run `dti sweep {slug} --profile {profile}`, then `dti publish {slug} --sweep --profile {profile}`."
    )
