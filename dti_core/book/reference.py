"""Accepted numbers of each profile, and whether a new run meets them within a stated tolerance."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path

from pydantic import Field, ValidationError

from dti_core.lab.citations import Strict
from dti_core.lab.data import ABSENT
from dti_core.lab.errors import RunError
from dti_core.lab.fingerprint import Numbers
from dti_core.lab.paths import project_root
from dti_core.lab.record import Record


class Tolerance(Strict):
    """How far a number may move between machines; the first rule whose pattern matches the key counts."""

    match: str
    absolute: float
    why: str


class Outside(Strict):
    """A number that others published, and how close our estimate must come to it."""

    estimate: str
    label: str = Field("", description="What the number is, in words.")
    published: float
    tolerance: float
    source: str
    profile: str | None = Field(None, description="The only profile that estimates it; none: all do.")


class Lacking(Strict):
    """What is accepted otherwise of a run that went without published sets."""

    moved: Mapping[str, float] = Field({}, description="Numbers that lie beyond their tolerance.")
    gone: tuple[str, ...] = Field((), description="Numbers that it does not estimate.")
    made_by: str = Field(description="As in the reference.")


class Reference(Strict):
    """The content of experiments/reference/<slug>.json."""

    slug: str
    tolerances: tuple[Tolerance, ...]
    outside: tuple[Outside, ...] = ()
    accepted: Mapping[str, Mapping[str, float]] = {}
    cpu_seconds: Mapping[str, float] = Field({}, description="What the accepted run of a profile took.")
    made_by: Mapping[str, str] = Field(
        {}, description="Digest of parameters, code and packages behind the accepted numbers of a profile."
    )
    lacking: Mapping[str, Mapping[str, Lacking]] = Field(
        {}, description="Of a profile, by the names of the absent sets, commas between."
    )

    @property
    def text(self) -> str:
        """The reference as it is written."""
        return self.model_dump_json(indent=1) + "\n"

    def tolerance(self, key: str) -> Tolerance:
        """The first rule that matches `key`."""
        for rule in self.tolerances:
            if re.search(rule.match, key):
                return rule
        raise RunError(f"experiments/reference/{self.slug}.json: no tolerance matches '{key}'. Add a rule.")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the comparison; `reproduced` is None when the run lacks the number."""

    key: str
    published: float
    reproduced: float | None
    tolerance: float
    why: str

    @property
    def within(self) -> bool:
        """Whether the run has the number and it lies within the tolerance."""
        return self.reproduced is not None and abs(self.reproduced - self.published) <= self.tolerance


def load_reference(slug: str) -> Reference:
    """Read the accepted numbers of a study. RunError if there is no file or it is malformed."""
    path = reference_file(slug)
    if not path.is_file():
        raise RunError(
            f"{slug}: no file experiments/reference/{slug}.json. Write its tolerances, then publish a run."
        )
    try:
        return Reference.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise RunError(f"experiments/reference/{path.name}: {error}") from error


@dataclass(frozen=True, slots=True)
class Compared:
    """A run beside what is accepted for the published sets that it had.

    absent : the sets that it went without. apart : accepted numbers that rest on these, and cannot be
    compared. known : whether numbers are accepted for a run without just these.
    """

    rows: list[Row]
    apart: list[Row]
    absent: tuple[str, ...]
    known: bool


def compare_with_reference(record: Record) -> Compared:
    """One row for each outside number, then one for each accepted number of the record's profile.

    Where nothing is accepted for a run without just the sets that this one lacks, a number that is off is set
    apart if it is known to rest on them or on others.
    """
    reference, absent = load_reference(record.slug), absent_sets(record)
    told = reference.lacking.get(record.profile, {}).get(", ".join(absent))
    accepted = {**reference.accepted.get(record.profile, {}), **(told.moved if told else {})}
    found = {estimate.key: estimate.value for estimate in record.estimates}
    rows = [
        Row(row.estimate, row.published, found.get(row.estimate), row.tolerance, row.source)
        for row in reference.outside
        if row.profile in (None, record.profile)
    ]
    for key, published in accepted.items():
        rule = reference.tolerance(key)
        rows.append(Row(key, published, found.get(key), rule.absolute, rule.why))
    resting: set[str] = set()
    if told:
        resting = set(told.gone)
    elif absent:
        resting = _resting(reference, set(absent))
        if record.profile not in reference.lacking:  # then what was left out is all that is known
            resting |= accepted.keys() - found.keys()
    apart = [row for row in rows if row.key in resting and not row.within]
    return Compared([row for row in rows if row not in apart], apart, absent, not absent or told is not None)


def absent_sets(record: Record) -> tuple[str, ...]:
    """Published sets that a run would have read and that were not brought to its machine."""
    data = record.provenance.fingerprint.numbers.data
    return tuple(sorted({name.partition("/")[0] for name, sha256 in data.items() if sha256 == ABSENT}))


def _resting(reference: Reference, absent: set[str]) -> set[str]:
    """Numbers that differ without these and further sets, in any profile: they may rest on these."""
    told = [one for profile in reference.lacking.values() for one in profile.items()]
    wider = [one for names, one in told if absent <= set(names.split(", "))]
    return set().union(*((*one.moved, *one.gone) for one in wider))


def with_accepted(record: Record) -> Reference:
    """The reference with the numbers of `record` as the accepted ones of its profile; the rest stays.

    Raises
    ------
    RunError if a number has no tolerance or the study no reference file.
    """
    reference = load_reference(record.slug)
    values = _written(record, reference)
    before = reference.accepted.get(record.profile, {})
    noted = reference.cpu_seconds.get(record.profile, 0.0)
    again = {key: f"{value:.6g}" for key, value in values.items()} == {
        key: f"{value:.6g}" for key, value in before.items()
    }  # with less than half the work: drawn from what was kept, no measure
    spent = noted if again and record.cpu_seconds < noted / 2 else record.cpu_seconds
    return reference.model_copy(
        update={
            "accepted": {**reference.accepted, record.profile: values},
            "cpu_seconds": {**reference.cpu_seconds, record.profile: round(spent, 1)},
            "made_by": {**reference.made_by, record.profile: maker(record.provenance.fingerprint.numbers)},
        }
    )


def with_lacking(record: Record) -> Reference:
    """The reference with what is otherwise in `record`, a run without published sets; the rest stays.

    Raises
    ------
    RunError as `with_accepted`, and if a run with all sets, made by the same code, was not accepted before.
    """
    reference, names = load_reference(record.slug), ", ".join(absent_sets(record))
    made_by = maker(record.provenance.fingerprint.numbers)
    if reference.made_by.get(record.profile) != made_by:
        raise RunError(
            f"{record.slug}: run {record.run} went without {names}, and no {record.profile} run with all "
            f"sets is accepted that the same code made. Publish one first; `dti data get NAME` brings them."
        )
    accepted = reference.accepted[record.profile]
    values = _written(record, reference)
    rows = [Row(key, accepted.get(key, inf), value, reference.tolerance(key).absolute, "")
            for key, value in values.items()]  # fmt: skip
    told = Lacking(
        moved={row.key: values[row.key] for row in rows if not row.within},
        gone=tuple(key for key in accepted if key not in values),
        made_by=made_by,
    )
    those = {**reference.lacking.get(record.profile, {}), names: told}
    return reference.model_copy(update={"lacking": {**reference.lacking, record.profile: those}})


def _written(record: Record, reference: Reference) -> dict[str, float]:
    """The numbers of a run as a reference holds them. RunError if one has no tolerance."""
    return {one.key: shortened(one.value, reference.tolerance(one.key).absolute) for one in record.estimates}


def shortened(value: float, tolerance: float) -> float:
    """`value` in six digits, or in twelve where six would miss it by more than a tenth of the tolerance."""
    short = float(f"{value:.6g}")
    return float(f"{value:.12g}") if abs(short - value) > tolerance / 10 else short


def maker(numbers: Numbers) -> str:
    """Digest of what makes numbers but data, of which a machine may lack the published ones."""
    return numbers.model_copy(update={"data": {}}).digest


def reference_file(slug: str) -> Path:
    """The accepted numbers of a study."""
    return project_root() / "experiments" / "reference" / f"{slug}.json"
