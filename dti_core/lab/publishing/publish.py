"""Freeze a full run as a chapter of the book, all its parts at once or not at all."""

import json
from collections.abc import Mapping
from pathlib import Path

from dti_core.lab.config import load_experiment
from dti_core.lab.errors import BookError
from dti_core.lab.files import recover, swap
from dti_core.lab.frozen import book_folder, chapter_file, record_file, result_of, series_folder
from dti_core.lab.kept import SERIES
from dti_core.lab.paths import notebook_file, project_root, study_results
from dti_core.lab.pieces import sha256
from dti_core.lab.publishing.clean import Notebook, dump, freeze
from dti_core.lab.publishing.drawing import drawn
from dti_core.lab.publishing.manifest import MANIFEST, entry, entry_on_disk, manifest_text
from dti_core.lab.publishing.pages import frozen_records, in_order, page_texts
from dti_core.lab.publishing.stale import numbers_stale
from dti_core.lab.record import Record
from dti_core.lab.reference import Reference, reference_file, with_accepted
from dti_core.lab.running.cache import fingerprint_of
from dti_core.lab.running.history import read_record, why_unfit
from dti_core.lab.running.inputs import SERIES_FOLDER
from dti_core.lab.running.runs import EXECUTED, RESULT, damage, is_finished, list_runs, read_state

LARGEST_SERIES = 2_000_000


def publish(slug: str, run: str | None = None) -> Path:
    """Freeze the latest finished full run of `slug` (or `run`) into the book and accept its numbers.

    Where figures, prose or claims have changed since the run, the chapter is drawn again from its series.

    Returns
    -------
    The chapter, book/studies/<slug>.ipynb.

    Raises
    ------
    BookError if there is no such run, it is not a full one, it used a reader's own file, it is not as it was
    left, its sources have changed since, or its notebook does not fit a book; RunError if a number has no
    tolerance. Nothing is written then.
    """
    folder, record = accepted_run(slug, run)
    if differences := numbers_stale(record):
        raise BookError(f"{slug}: {', '.join(differences)} since run {record.run}. {_advice(slug)}")
    series, reference = series_of(folder, record), with_accepted(record)
    told = fingerprint_of(load_experiment(slug).resolve("full")).telling
    if told == record.provenance.fingerprint.telling:
        freeze_parts(record, chapter_text(folder, record), series, reference)
    else:
        with drawn(record, result_of(record, folder / SERIES_FOLDER)) as (place, now):
            freeze_parts(now, chapter_text(place, now), series, reference)
    return chapter_file(slug)


def freeze_parts(record: Record, chapter: str, series: Mapping[str, bytes], reference: Reference) -> None:
    """Write chapter, record, series, accepted numbers, manifest and generated pages in one swap."""
    root, slug = project_root(), record.slug
    recover(root)
    text = reference.text
    parts = {"chapter": chapter.encode(), "record": record.text.encode(), "reference": text.encode()}
    parts |= {f"{SERIES}/{name}": content for name, content in sorted(series.items())}
    places = {"chapter": chapter_file(slug), "record": record_file(slug), "reference": reference_file(slug)}
    places |= {f"{SERIES}/{name}": series_folder(slug) / name for name in series}
    files: dict[Path, bytes | None] = dict.fromkeys(series_folder(slug).glob("*"))
    files |= {places[name]: content for name, content in parts.items()}
    files[chapter_file(slug).parent / MANIFEST] = manifest_text({slug: entry(record, parts)}).encode()
    records = in_order([*(r for r in frozen_records().values() if r.slug != slug), record])
    files |= {book_folder() / name: page.encode() for name, page in page_texts(records).items()}
    swap(root, {path.relative_to(root).as_posix(): content for path, content in files.items()})


def accept(slug: str, profile: str, run: str | None = None) -> Record:
    """Make the numbers of the latest finished run of a profile (or of `run`) the accepted ones of it.

    Raises
    ------
    BookError and RunError as `publish`. Nothing is written then.
    """
    root = project_root()
    recover(root)
    _, record = accepted_run(slug, run, profile)
    text = with_accepted(record).text
    files = {reference_file(slug): text}
    if record_file(slug).is_file():
        told = {slug: entry_on_disk(slug, {"reference": text.encode()})}
        files[chapter_file(slug).parent / MANIFEST] = manifest_text(told)
    swap(root, {path.relative_to(root).as_posix(): content for path, content in files.items()})
    return record


def accepted_run(slug: str, run: str | None = None, profile: str = "full") -> tuple[Path, Record]:
    """Folder and record of the run to publish: the latest finished one of a profile, or `run` if fit."""
    names = [folder.name for folder in list_runs(slug) if _whole(folder)]
    if run is not None and run not in names:
        raise BookError(f"{slug}: no finished, undamaged run '{run}'. `dti list {slug}` shows all runs.")
    for name in [run] if run is not None else names:
        folder = study_results(slug) / name
        record = read_record(folder / RESULT)
        if not (refusal := why_unfit(record, profile)):
            return folder, record
        if run is not None:
            raise BookError(f"{slug}: run {run} cannot be published: {refusal}. {_advice(slug, profile)}")
    raise BookError(
        f"{slug}: there is no finished {profile} run on the study's own data. {_advice(slug, profile)}"
    )


def _whole(folder: Path) -> bool:
    """Whether a run finished and is as the runner left it."""
    state = read_state(folder)
    finished = state is not None and state.status == "finished" and is_finished(folder)
    return finished and state is not None and not damage(folder, state)


def series_of(folder: Path, record: Record) -> dict[str, bytes]:
    """The tables behind the figures of a run, as files. BookError if one is missing, changed or too large."""
    files = {path.name: path.read_bytes() for path in sorted((folder / SERIES_FOLDER / SERIES).glob("*"))}
    if sorted(map(sha256, files.values())) != sorted(record.series.values()):
        raise BookError(f"{record.slug}: the series of run {record.run} are not those of its record.")
    if (size := sum(map(len, files.values()))) > LARGEST_SERIES:
        raise BookError(
            f"{record.slug}: the series behind the figures have {size:,} bytes, {LARGEST_SERIES:,} are "
            f"allowed. Thin them in the study's estimate."
        )
    return files


def chapter_text(folder: Path, record: Record) -> str:
    """The cleaned chapter of a run, as it is written to the book."""
    source = read_notebook(notebook_file(record.slug))
    executed = read_notebook(folder / EXECUTED)
    return dump(freeze(source, executed, record.slug, record.parameters), record.slug)


def read_notebook(path: Path) -> Notebook:
    """A notebook as plain JSON. BookError if it cannot be read."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise BookError(f"{path.name}: not a readable notebook ({error}).") from error


def _advice(slug: str, profile: str = "full") -> str:
    named = "" if profile == "full" else f" --profile {profile}"
    return f"Run `dti run {slug} --profile {profile}`, then `dti publish {slug}{named}`."
