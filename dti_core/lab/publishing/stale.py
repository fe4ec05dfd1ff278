"""Does each frozen chapter still agree with the tree, and do its parts agree with each other?"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from dti_core.lab.claims import judge
from dti_core.lab.config import load_experiment
from dti_core.lab.errors import DtiError
from dti_core.lab.fingerprint import numbers_changed, telling_changed
from dti_core.lab.frozen import (
    book_folder,
    chapter_file,
    frozen_folder,
    frozen_record,
    frozen_slugs,
    record_file,
)
from dti_core.lab.keep import glued
from dti_core.lab.kept import series_file
from dti_core.lab.paths import notebook_file
from dti_core.lab.pieces import sha256
from dti_core.lab.publishing.clean import Notebook, tags_of, text_of, with_values
from dti_core.lab.publishing.manifest import MANIFEST, manifest_text
from dti_core.lab.publishing.pages import frozen_records, page_texts
from dti_core.lab.record import Record
from dti_core.lab.reference import load_reference, with_accepted
from dti_core.lab.running.cache import fingerprint_of

__all__ = ["frozen_slugs", "numbers_stale", "stale", "stale_pages"]


def stale(slug: str) -> list[str]:
    """What of the frozen chapter of `slug` disagrees with the tree or with the rest, one reason an item."""
    if not record_file(slug).is_file() or not chapter_file(slug).is_file():
        return [f"{slug} has no frozen chapter"]
    try:
        record = frozen_record(slug)
        return [*_against_tree(record), *_against_each_other(record)]
    except DtiError as error:
        return [str(error)]


def numbers_stale(record: Record) -> list[str]:
    """What has moved since `record` and can move its numbers, in words."""
    config = load_experiment(record.slug).resolve("full")
    now, then = fingerprint_of(config).numbers, record.provenance.fingerprint.numbers
    return numbers_changed(then, now)


def _against_tree(record: Record) -> Iterator[str]:
    then = record.provenance.fingerprint
    now = fingerprint_of(load_experiment(record.slug).resolve("full"))
    for what in numbers_changed(then.numbers, now.numbers):
        yield f"numbers: {what}"
    for what in telling_changed(then.telling, now.telling):
        yield f"telling: {what}"
    for one, other in zip(record.claims, judge(record), strict=False):
        if (one.claim, one.verdict) != (other.claim, other.verdict):
            yield f"{other.claim} is judged {other.verdict} today, the record says {one.verdict}"
        elif one != other:
            yield f"{other.claim}: {other.verdict} for another reason today than in the record"
    if len(record.claims) != len(list(judge(record))):
        yield "the record holds other claims than the register binds"


def _against_each_other(record: Record) -> Iterator[str]:
    slug = record.slug
    yield from _series_problems(record)
    try:
        yield from _chapter_problems(record, json.loads(chapter_file(slug).read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        yield "the chapter is not a readable notebook"
    yield from _reference_problems(record)
    told = frozen_folder() / MANIFEST
    if not told.is_file() or told.read_bytes() != manifest_text().encode():
        yield f"book/studies/{MANIFEST} differs from the chapters, records, series or references beside it"


def stale_pages() -> list[str]:
    """Generated pages of the book that the frozen records and the register no longer give."""
    told = {book_folder() / name: text for name, text in page_texts(frozen_records()).items()}
    moved = [path for path, text in told.items() if not path.is_file() or path.read_bytes() != text.encode()]
    return [
        f"book/{path.relative_to(book_folder())} is not what the records and the register give"
        for path in moved
    ]


def _series_problems(record: Record) -> Iterator[str]:
    """Series files that are not those of the record."""
    folder = frozen_folder() / record.slug
    wanted = {series_file(name): told for name, told in record.series.items()}
    lying = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    for name in sorted(lying | set(wanted)):
        path = folder / name
        if name not in wanted or not path.is_file() or sha256(path.read_bytes()) != wanted[name]:
            yield f"book/studies/{record.slug}/{name} is not what the record says"


def _chapter_problems(record: Record, chapter: Notebook) -> list[str]:
    """What of a chapter disagrees with the record and the notebook. KeyError and such if malformed."""
    source = json.loads(notebook_file(record.slug).read_bytes())
    as_written = _written(chapter) == _written(source, record.parameters)
    return [
        *_glue_problems(record, chapter),
        *([] if as_written else ["the chapter's cells are not those of the notebook"]),
    ]


def _glue_problems(record: Record, chapter: Notebook) -> Iterator[str]:
    """Numbers and verdicts that the prose takes from the chapter's outputs and the record does not hold."""
    told = {name: repr(value) for name, value in glued(record).items()}
    found: dict[str, str] = {}
    for cell in chapter["cells"]:
        for output in cell.get("outputs", []):
            if name := output.get("metadata", {}).get("scrapbook", {}).get("name"):
                found[name] = text_of(next(iter(output.get("data", {}).values()), ""))
    for name in sorted(told.keys() | found.keys()):
        if told.get(name) != found.get(name):
            says, holds = found.get(name, "nothing"), told.get(name, "nothing")
            yield f"{name}: the chapter says {says}, the record {holds}"


def _reference_problems(record: Record) -> Iterator[str]:
    """Accepted numbers of the full profile that are not those of the record."""
    accepted = load_reference(record.slug).accepted.get(record.profile, {})
    values = with_accepted(record).accepted[record.profile]
    for key in sorted(accepted.keys() | values.keys()):
        if accepted.get(key) != values.get(key):
            yield f"{key}: the reference accepts {accepted.get(key)}, the record holds {values.get(key)}"


def _written(notebook: Notebook, parameters: Mapping[str, Any] | None = None) -> list[str]:
    """Text of the cells that an author wrote, with a run's values in the cell of parameters."""
    texts = []
    for cell in notebook["cells"]:
        text = text_of(cell["source"])
        if parameters is not None and "parameters" in tags_of(cell):
            text = with_values(text, parameters)
        texts.append(text)
    return texts
