"""The runs that lie under results/: find, read and name them."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from dti_core.lab.errors import RunError
from dti_core.lab.paths import results_root, study_results
from dti_core.lab.record import Record
from dti_core.lab.running.runs import EXECUTED


def read_record(path: Path) -> Record:
    """Read one result.json. RunError if it is missing or not one of ours."""
    if not path.is_file():
        raise RunError(f"{path}: no such record. Give a result.json, or a run's name from `dti list SLUG`.")
    try:
        return Record.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        raise RunError(f"{path}: not a record of this lab ({error.error_count()} problems).") from error


def finished_runs(slug: str) -> Iterator[Record]:
    """Records of all finished runs of a study, newest first; unreadable ones are passed over."""
    for path in sorted(study_results(slug).glob("*/result.json"), reverse=True):
        try:
            yield read_record(path)
        except RunError:
            continue


def find_record(name: str) -> Record:
    """The record that `name` means: a path to result.json, a run's name (or its unique beginning)."""
    path = Path(name)
    if path.suffix == ".json" or path.is_dir():
        return read_record(path / "result.json" if path.is_dir() else path)
    found = sorted(results_root().glob(f"*/{name}*/result.json"))
    if len(found) != 1:
        several = ", ".join(path.parent.name for path in found[:5])
        raise RunError(
            f"run '{name}': {f'several match ({several})' if found else 'no finished run has that name'}."
        )
    return read_record(found[0])


def latest_run(slug: str, profile: str | None = None, *, executed: bool = False) -> Record | None:
    """The newest finished run of a study, of one profile if named; None if there is none.

    With `executed`, only runs that kept their executed notebook: those of `dti run`.
    """
    for record in finished_runs(slug):
        kept = (study_results(slug) / record.run / EXECUTED).is_file()
        if profile in (None, record.profile) and (kept or not executed):
            return record
    return None


def newest_records() -> list[Record]:
    """For each study its newest full run, else its newest run of any profile."""
    slugs = sorted(path.name for path in results_root().glob("*") if path.is_dir())
    chosen = (latest_run(slug, "full") or latest_run(slug) for slug in slugs)
    return [record for record in chosen if record is not None]
