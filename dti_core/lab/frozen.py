"""What is frozen in the book: a record, the series behind its figures and a chapter for each study."""

import hashlib
from pathlib import Path

import pandas as pd

from dti_core.lab.config import load_experiment
from dti_core.lab.data import note
from dti_core.lab.errors import DataError, RunError
from dti_core.lab.kept import read_series, series_file
from dti_core.lab.paths import project_root
from dti_core.lab.pieces import read_table
from dti_core.lab.record import Record, Result

_RECORD = ".result.json"


def book_folder() -> Path:
    """Sources of the book."""
    return project_root() / "book"


def frozen_folder() -> Path:
    """Folder of all frozen chapters."""
    return book_folder() / "studies"


def chapter_file(slug: str) -> Path:
    """The frozen chapter of a study."""
    return frozen_folder() / f"{slug}.ipynb"


def record_file(slug: str) -> Path:
    """The record of the run that a chapter shows."""
    return frozen_folder() / f"{slug}{_RECORD}"


def frozen_slugs() -> list[str]:
    """Studies with a frozen chapter, in alphabetical order."""
    return sorted(path.name.removesuffix(_RECORD) for path in frozen_folder().glob(f"*{_RECORD}"))


def frozen_record(slug: str) -> Record:
    """The record behind the chapter of a study. RunError if there is none or it cannot be read."""
    path = record_file(slug)
    if not path.is_file():
        raise RunError(f"{slug}: no chapter is frozen. `dti list` shows all studies.")
    return parse_record(path.read_bytes(), path.name)


def parse_record(content: bytes, name: str) -> Record:
    """The record that the file `name` among the frozen ones holds. RunError if it is none."""
    try:
        return Record.model_validate_json(content)
    except ValueError as error:
        why = str(error).splitlines()[0]
        raise RunError(f"book/studies/{name}: not a readable record of this lab ({why}).") from error


def frozen_result(slug: str) -> Result:
    """The Result behind the chapter of a study, series included. RunError if a part of it is missing."""
    return result_of(frozen_record(slug), frozen_folder() / slug)


def result_of(record: Record, folder: Path) -> Result:
    """The Result that `record` tells of, with the series that lie in `folder`. RunError if one is missing."""
    config = load_experiment(record.slug).resolve("full", record.parameters)
    try:
        series = read_series(folder, record.series)
    except (OSError, ValueError) as error:
        raise RunError(f"{record.slug}: the series behind the figures cannot be read ({error}).") from error
    return Result(config, record.data, record.estimates, series)


def record_digest(slug: str) -> str:
    """sha256 of the frozen record of a study, "none" without one."""
    path = record_file(slug)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "none"


def frozen_series(slug: str, name: str) -> pd.DataFrame:
    """A table behind another study's figures, for a synthesis; the hash of its record is noted as read.

    The experiment that reads it names `<slug>.result.json` among its `reads`.

    Raises
    ------
    DataError if there is no such table, or another one than its record tells of.
    """
    path, table = record_file(slug), frozen_folder() / slug / series_file(name)
    try:
        content, told = path.read_bytes(), table.read_bytes()
    except OSError as error:
        raise DataError(f"{slug}: the frozen series {name} cannot be read ({error}).") from error
    said = parse_record(content, path.name).series.get(name, "none")
    if (found := hashlib.sha256(told).hexdigest()) != said:
        raise DataError(
            f"{slug}: the series {name} has sha256 {found[:12]}, its record tells of {said[:12]}."
        )
    note(path.name, hashlib.sha256(content).hexdigest())
    return read_table(told)
