"""Accepted numbers of each profile, and whether a new run meets them within a stated tolerance."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, ValidationError

from dti_core.lab.citations import Strict
from dti_core.lab.errors import RunError
from dti_core.lab.fingerprint import Numbers
from dti_core.lab.keep import lacks_files
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


def compare_with_reference(record: Record) -> list[Row]:
    """One row for each outside number, then one for each accepted number of the record's profile."""
    reference = load_reference(record.slug)
    found = {estimate.key: estimate.value for estimate in record.estimates}
    rows = [
        Row(row.estimate, row.published, found.get(row.estimate), row.tolerance, row.source)
        for row in reference.outside
        if row.profile in (None, record.profile)
    ]
    for key, published in reference.accepted.get(record.profile, {}).items():
        if key not in found and lacks_files(record):
            continue  # what rests on a published file was left out, as the run says
        rule = reference.tolerance(key)
        rows.append(Row(key, published, found.get(key), rule.absolute, rule.why))
    return rows


def with_accepted(record: Record) -> Reference:
    """The reference with the numbers of `record` as the accepted ones of its profile; the rest stays.

    Raises
    ------
    RunError if a number has no tolerance or the study no reference file.
    """
    reference = load_reference(record.slug)
    values = {
        one.key: shortened(one.value, reference.tolerance(one.key).absolute) for one in record.estimates
    }
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
