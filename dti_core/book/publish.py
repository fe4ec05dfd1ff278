"""Freeze a full run as a chapter of the book, all its parts at once or not at all."""

import json
from collections.abc import Mapping
from pathlib import Path

from dti_core.book.arrows import SYNTHESIS
from dti_core.book.attachments import Maker, check_size, further_files, lying_beside
from dti_core.book.manifest import MANIFEST, manifest_text
from dti_core.book.pages import frozen_records, in_order, page_texts
from dti_core.book.redraw import drawn
from dti_core.book.reference import absent_sets, reference_file, with_accepted, with_lacking
from dti_core.book.stale import numbers_stale, other_series
from dti_core.book.vector import draw_pictures
from dti_core.lab import frozen
from dti_core.lab.config import load_experiment
from dti_core.lab.errors import BookError
from dti_core.lab.files import recover, swap
from dti_core.lab.kept import series_file
from dti_core.lab.paths import project_root
from dti_core.lab.publishing.clean import chapter_text, table_files
from dti_core.lab.record import Record
from dti_core.lab.running.cache import fingerprint_of
from dti_core.lab.running.history import read_record, why_unfit
from dti_core.lab.running.inputs import SERIES_FOLDER
from dti_core.lab.running.runs import RESULT, damage, finished_states

LARGEST_SERIES = 2_000_000
#: What makes the files beside a chapter, a kind each.
FURTHER: tuple[Maker, ...] = (draw_pictures, table_files)


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
    told = fingerprint_of(load_experiment(slug).resolve("full")).telling
    if told == record.provenance.fingerprint.telling:
        _freeze(folder, record)
    else:
        with drawn(record, frozen.result_of(record, folder / SERIES_FOLDER)) as drawing:
            _freeze(*drawing)
    return frozen.chapter_file(slug)


def refreeze(slug: str) -> Path:
    """Freeze the chapter of `slug` again with today's figures, prose and verdicts, and the same numbers.

    Raises
    ------
    BookError if its numbers are stale, which takes a full run; else as `redraw`. Nothing is written then.
    """
    record = frozen.frozen_record(slug)
    if stale := numbers_stale(record):
        raise BookError(
            f"{slug}: a redraw cannot help, what makes the numbers has changed: {', '.join(stale)}. "
            f"{_advice(slug)}"
        )
    with drawn(record, frozen.frozen_result(slug)) as drawing:
        _freeze(*drawing)
    return frozen.chapter_file(slug)


def accept(slug: str, profile: str, run: str | None = None) -> Record:
    """Make the numbers of the latest finished run of a profile (or of `run`) the accepted ones of it.

    Of a run without published sets, what is otherwise than with all is accepted beside that.

    Raises
    ------
    BookError and RunError as `publish`. Nothing is written then.
    """
    recover(project_root())
    _, record = accepted_run(slug, run, profile)
    told = with_lacking(record) if absent_sets(record) else with_accepted(record)
    files = {reference_file(slug): told.text.encode()}
    if frozen.record_file(slug).is_file():
        files[frozen.frozen_folder() / MANIFEST] = manifest_text(slug, files).encode()
    _replace(files)
    return record


def accepted_run(slug: str, run: str | None = None, profile: str = "full") -> tuple[Path, Record]:
    """Folder and record of the run to publish: the latest finished one of a profile, or `run` if fit."""
    whole = [folder for folder, state in finished_states(slug) if not damage(folder, state)]
    wanted = [folder for folder in whole if run in (None, folder.name)]
    if run is not None and not wanted:
        raise BookError(f"{slug}: no finished, undamaged run '{run}'. `dti list {slug}` shows all runs.")
    for folder in wanted:
        record = read_record(folder / RESULT)
        if not (refusal := why_unfit(record, profile)):
            return folder, record
        if run is not None:
            raise BookError(f"{slug}: run {run} cannot be published: {refusal}. {_advice(slug, profile)}")
    raise BookError(
        f"{slug}: there is no finished {profile} run on the study's own data. {_advice(slug, profile)}"
    )


def _freeze(folder: Path, record: Record) -> None:
    """Write chapter, record, files beside it, accepted numbers, manifest, generated pages in one swap."""
    slug = record.slug
    recover(project_root())
    chapter = chapter_text(folder, record)
    texts = {
        frozen.chapter_file(slug): chapter,
        frozen.record_file(slug): record.text,
        reference_file(slug): with_accepted(record).text,
    }
    beside = files_beside(folder, record, chapter)
    files: dict[Path, bytes | None] = dict.fromkeys(lying_beside(slug).values())
    files |= {frozen.frozen_folder() / slug / name: content for name, content in beside.items()}
    files |= {path: text.encode() for path, text in texts.items()}
    check_size(slug, files)
    files[frozen.frozen_folder() / MANIFEST] = manifest_text(slug, files).encode()
    records = in_order({**frozen_records(), slug: record}.values())
    pages = page_texts(records, folder / SERIES_FOLDER if slug == SYNTHESIS else None)
    files |= {frozen.book_folder() / name: page.encode() for name, page in pages.items()}
    _replace(files)


def _replace(files: Mapping[Path, bytes | None]) -> None:
    root = project_root()
    swap(root, {path.relative_to(root).as_posix(): content for path, content in files.items()})


def files_beside(folder: Path, record: Record, chapter: str) -> dict[str, bytes]:
    """All that lies beside the chapter of a run: path below book/studies/<slug> -> bytes."""
    return series_beside(folder, record) | further_files(record, json.loads(chapter), FURTHER)


def series_beside(folder: Path, record: Record) -> dict[str, bytes]:
    """The tables behind the figures of a run, as files. BookError if one is missing, changed or too large."""
    place = folder / SERIES_FOLDER
    if wrong := other_series(record, place):
        raise BookError(f"{record.slug}: of run {record.run}, {', '.join(wrong)} are not as its record says.")
    files = {name: (place / name).read_bytes() for name in map(series_file, record.series)}
    if (size := sum(map(len, files.values()))) > LARGEST_SERIES:
        raise BookError(
            f"{record.slug}: the series behind the figures have {size:,} bytes, {LARGEST_SERIES:,} are "
            f"allowed. Thin them in the study's estimate."
        )
    return files


def _advice(slug: str, profile: str = "full") -> str:
    named = "" if profile == "full" else f" --profile {profile}"
    return f"Run `dti run {slug} --profile {profile}`, then `dti publish {slug}{named}`."
