"""The runs that lie under results/: find, read and name them."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from dti_core.lab.config import list_slugs, load_experiment
from dti_core.lab.data import sha256_of
from dti_core.lab.errors import RunError
from dti_core.lab.frozen import frozen_record, frozen_slugs
from dti_core.lab.paths import results_root, study_results
from dti_core.lab.record import Record
from dti_core.lab.running.runs import EXECUTED, RESULT, list_runs, read_state


def read_record(path: Path) -> Record:
    """Read one result.json. RunError if it is missing, changed since its run ended or not one of ours."""
    if not path.is_file():
        raise RunError(f"{path}: no such record. Give a result.json, or a run's name from `dti list SLUG`.")
    state = read_state(path.parent)
    told = state.outputs.get(path.name) if state else None
    if told and told != sha256_of(path):
        raise RunError(f"{path}: was edited after its run ended. Run it again.")
    try:
        return Record.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        why = str(error).splitlines()[0]
        raise RunError(f"{path}: not a readable record of this lab ({why}).") from error


def finished_runs(slug: str) -> Iterator[Record]:
    """Records of all finished runs of a study, newest first; unreadable ones are passed over."""
    for folder in list_runs(slug):
        state = read_state(folder)
        if state is None or state.status == "finished":
            with suppress(RunError):
                yield read_record(folder / RESULT)


def find_record(name: str) -> Record:
    """The record that `name` means: a path to result.json, a run's name (or its unique beginning).

    The name of a study means its frozen chapter.
    """
    if name in frozen_slugs():
        return frozen_record(name)
    path = Path(name)
    if path.suffix == ".json" or path.is_dir():
        return read_record(path / "result.json" if path.is_dir() else path)
    exact = list(results_root().glob(f"*/{name}/result.json"))
    found = exact or sorted(results_root().glob(f"*/{name}*/result.json"))
    if len(found) != 1:
        several = ", ".join(path.parent.name for path in found[:5])
        raise RunError(
            f"run '{name}': {f'several match ({several})' if found else 'no finished run has that name'}."
        )
    return read_record(found[0])


def latest_run(slug: str) -> Record | None:
    """The newest finished run of a study, whatever its parameters; None if there is none."""
    return next(finished_runs(slug), None)


def profile_run(slug: str, profile: str, *, executed: bool = False) -> Record | None:
    """The newest finished run that stands for a profile (see `why_unfit`); None if there is none.

    With `executed`, only runs that kept their executed notebook: those of `dti run`.
    """
    for record in finished_runs(slug):
        kept = (study_results(slug) / record.run / EXECUTED).is_file()
        if (kept or not executed) and not why_unfit(record, profile):
            return record
    return None


def why_unfit(record: Record, profile: str) -> str:
    """Why a run does not stand for a profile of its study, '' if it does.

    It does if it ran on the study's own data with exactly the parameters that the profile has today.
    """
    if record.data.origin == "yours":
        return "it ran on a file of yours, which readers cannot rerun"
    if record.profile != profile:
        return f"its profile is {record.profile}, not {profile}"
    wanted = load_experiment(record.slug).resolve(profile).values
    names = [*wanted, *(name for name in record.parameters if name not in wanted)]
    moved = [name for name in names if record.parameters.get(name) != wanted.get(name)]
    return f"its {', '.join(moved)} differ from the {profile} profile" if moved else ""


def newest_records() -> list[Record]:
    """For each study the newest run that stands for its full profile, else for its quick one."""
    chosen = (profile_run(slug, "full") or profile_run(slug, "quick") for slug in list_slugs())
    return [record for record in chosen if record is not None]
