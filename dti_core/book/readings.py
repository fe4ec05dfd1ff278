"""Which files each frozen run read, and what would read those that none did."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dti_core.lab.config import Experiment, list_slugs, load_experiment
from dti_core.lab.data import ABSENT, DataSet, load_all
from dti_core.lab.record import OBSERVED, Record


@dataclass(frozen=True, slots=True)
class File:
    """A file in the ledger of a run, `rows` if it is the unchanged table of a registered set."""

    name: str
    read: bool
    rows: int | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What one frozen run read, and the worlds beside the observed one that it made."""

    record: Record
    files: tuple[File, ...]
    worlds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shelf:
    """A registered data set, the studies whose frozen run read of it, and what else would read it."""

    data: DataSet
    readers: tuple[str, ...]
    callers: tuple[str, ...]


def readings(records: Mapping[str, Record]) -> list[Reading]:
    """What each run read, by its own ledger."""
    return [_reading(record, load_all()) for record in records.values()]


def shelves(records: Mapping[str, Record]) -> list[Shelf]:
    """Every registered data set with its readers."""
    registry, experiments = load_all(), [load_experiment(slug) for slug in list_slugs()]
    read = [(one.record.slug, file.name) for one in readings(records) for file in one.files if file.read]
    found = []
    for name, data in registry.items():
        readers = dict.fromkeys(slug for slug, file in read if file.partition("/")[0] == name)
        callers = (text for one in experiments for text in _calls(name, one, registry))
        found.append(Shelf(data, tuple(readers), tuple(callers)))
    return found


def _reading(record: Record, registry: Mapping[str, DataSet]) -> Reading:
    worlds = dict.fromkeys(one.world for one in record.estimates if one.world != OBSERVED)
    rows = {(next(iter(one.hashes())), one.files[one.file].sha256): one.rows for one in registry.values()}
    ledger = record.provenance.fingerprint.numbers.data.items()
    files = tuple(File(name, sha256 != ABSENT, rows.get((name, sha256))) for name, sha256 in ledger)
    return Reading(record, files, tuple(worlds))


def _calls(name: str, experiment: Experiment, registry: Mapping[str, DataSet]) -> Iterator[str]:
    """The commands that would read the set."""
    if name in experiment.reads:
        yield f"dti run {experiment.slug}"
    for key, parameter in experiment.parameters.items():
        for value in parameter.allowed or ():
            with_it = registry[value].read_with if value in registry else ()
            if name in (value, *with_it):
                yield f"dti run {experiment.slug} -p {key}={value}"
