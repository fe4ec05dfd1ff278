"""A frozen sweep: the records of the runs that used each value of a parameter, as the book shows them."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from dti_core.lab.config import Value
from dti_core.lab.errors import RunError
from dti_core.lab.paths import project_root
from dti_core.lab.pieces import sha256
from dti_core.lab.record import Estimate, Record

RECORDS = TypeAdapter(tuple[Record, ...])


def sweep_file(slug: str) -> Path:
    """The frozen sweep of a study; below experiments/, of which each run gets a copy."""
    return project_root() / "experiments" / "sweeps" / f"{slug}.json"


def load_sweep(slug: str) -> tuple[Record, ...]:
    """The records of the frozen sweep of a study, none if there is none. RunError if it cannot be read."""
    path = sweep_file(slug)
    try:
        return RECORDS.validate_json(path.read_bytes()) if path.is_file() else ()
    except ValidationError as error:
        raise RunError(f"experiments/sweeps/{path.name}: no sweep of this lab ({error}).") from error


def sweep_digest(slug: str) -> str:
    """Hash of the frozen sweep, which the figure that shows it carries."""
    return sha256(sweep_file(slug).read_bytes())


def along(records: Sequence[Record], parameter: str, **at: str | float) -> dict[Value, Estimate]:
    """The one estimate with these dimensions at each value of `parameter`."""
    found = {}
    for record in records:
        (found[record.parameters[parameter]],) = (e for e in record.estimates if at.items() <= e.at.items())
    return found
