"""Does each frozen chapter still agree with the tree, and do its parts agree with each other?"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from dti_core.book.manifest import MANIFEST, manifest_text
from dti_core.book.pages import frozen_records, page_texts
from dti_core.book.reference import load_reference, maker, with_accepted
from dti_core.book.sweeps import as_read, sweep_stale
from dti_core.book.vector import other_pictures
from dti_core.lab import frozen
from dti_core.lab.claims import judge
from dti_core.lab.config import load_experiment
from dti_core.lab.errors import BookError, DtiError
from dti_core.lab.fingerprint import numbers_changed, telling_changed
from dti_core.lab.keep import glued
from dti_core.lab.kept import SERIES, series_file
from dti_core.lab.paths import notebook_file
from dti_core.lab.pieces import sha256
from dti_core.lab.publishing.clean import Notebook, read_notebook, text_of, written
from dti_core.lab.record import Record
from dti_core.lab.running.cache import fingerprint_of


def stale(slug: str) -> list[str]:
    """What of the frozen chapter of `slug` disagrees with the tree or with the rest, one reason an item."""
    if not frozen.record_file(slug).is_file() or not frozen.chapter_file(slug).is_file():
        return [f"{slug} has no frozen chapter"]
    try:
        record = frozen.frozen_record(slug)
        return [*_against_tree(record), *_against_each_other(record), *sweep_stale(slug)]
    except DtiError as error:
        return [str(error)]


def numbers_stale(record: Record) -> list[str]:
    """What has moved since `record` and can move its numbers, in words."""
    config = load_experiment(record.slug).resolve("full")
    now, then = fingerprint_of(config).numbers, record.provenance.fingerprint.numbers
    return numbers_changed(then, as_read(then, now))


def _against_tree(record: Record) -> Iterator[str]:
    then = record.provenance.fingerprint
    now = fingerprint_of(load_experiment(record.slug).resolve("full"))
    for what in numbers_changed(then.numbers, as_read(then.numbers, now.numbers)):
        yield f"numbers: {what}"
    for what in telling_changed(then.telling, now.telling):
        yield f"telling: {what}"
    verdicts = judge(record)
    for one, other in zip(record.claims, verdicts, strict=False):
        if (one.claim, one.verdict) != (other.claim, other.verdict):
            yield f"{other.claim} is judged {other.verdict} today, the record says {one.verdict}"
        elif one != other:
            yield f"{other.claim}: {other.verdict} for another reason today than in the record"
    if len(record.claims) != len(verdicts):
        yield "the record holds other claims than the register binds"


def _against_each_other(record: Record) -> Iterator[str]:
    slug = record.slug
    for name in other_series(record, frozen.frozen_folder() / slug):
        yield f"book/studies/{slug}/{name} is not what the record says"
    try:
        chapter = read_notebook(frozen.chapter_file(slug))
        yield from _chapter_problems(record, chapter)
        yield from other_pictures(slug, chapter)
    except (BookError, KeyError, TypeError, AttributeError):
        yield "the chapter is not a readable notebook"
    yield from _reference_problems(record)
    told, now = frozen.frozen_folder() / MANIFEST, manifest_text()
    if not told.is_file() or told.read_bytes() != now.encode():
        yield f"book/studies/{MANIFEST} differs from the chapters, records, series or references beside it"
        yield from _changed_beside(slug, told, json.loads(now)[slug]["sha256"])


def _changed_beside(slug: str, told: Path, now: Mapping[str, str]) -> Iterator[str]:
    """Files beside the chapter that the manifest knows otherwise, or does not know, or misses."""
    try:
        then = dict(json.loads(told.read_bytes())[slug]["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return
    for name in _unequal(then, now):
        if "/" in name and not name.startswith(f"{SERIES}/"):
            yield f"book/studies/{slug}/{name} is not what the manifest says"


def stale_pages() -> list[str]:
    """Generated pages of the book that the frozen records and the register no longer give."""
    told = {name: text.encode() for name, text in page_texts(frozen_records()).items()}
    paths = {name: frozen.book_folder() / name for name in told}
    found = {name: path.read_bytes() for name, path in paths.items() if path.is_file()}
    return [f"book/{name} is not what the records and the register give" for name in _unequal(told, found)]


def other_series(record: Record, place: Path) -> list[str]:
    """Series below `place` that are none of the record, or not as it says, and those that are missing."""
    told = {series_file(name): digest for name, digest in record.series.items()}
    series = (path for path in (place / SERIES).rglob("*") if path.is_file())
    lying = {path.relative_to(place).as_posix(): path for path in series}
    return _unequal(told, {name: sha256(path.read_bytes()) for name, path in lying.items()})


def _unequal(one: Mapping[str, object], other: Mapping[str, object]) -> list[str]:
    """Names under which the two hold different things, or only one holds something."""
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def _chapter_problems(record: Record, chapter: Notebook) -> list[str]:
    """What of a chapter disagrees with the record and the notebook. KeyError and such if malformed."""
    texts = [text_of(cell["source"]) for cell in chapter["cells"]]
    told = written(read_notebook(notebook_file(record.slug)), record.parameters)
    other = ["the chapter's cells are not those of the notebook"] if texts != told else []
    return [*_glue_problems(record, chapter), *other]


def _glue_problems(record: Record, chapter: Notebook) -> Iterator[str]:
    """Numbers and verdicts that the prose takes from the chapter's outputs and the record does not hold."""
    prose = "".join(text_of(cell["source"]) for cell in chapter["cells"])
    told = {name: repr(value) for name, value in glued(record, prose).items()}
    found: dict[str, str] = {}
    for cell in chapter["cells"]:
        for output in cell.get("outputs", []):
            if name := output.get("metadata", {}).get("scrapbook", {}).get("name"):
                found[name] = text_of(next(iter(output.get("data", {}).values()), ""))
    for name in _unequal(told, found):
        says, holds = found.get(name, "nothing"), told.get(name, "nothing")
        yield f"{name}: the chapter says {says}, the record {holds}"


def _reference_problems(record: Record) -> Iterator[str]:
    """Accepted numbers of the full profile that are not those of the record, and others of other code."""
    slug, reference = record.slug, load_reference(record.slug)
    accepted = reference.accepted.get(record.profile, {})
    for profile in reference.accepted.keys() - {record.profile}:
        now = maker(fingerprint_of(load_experiment(slug).resolve(profile)).numbers)
        made = {"": reference.made_by.get(profile)}
        lacking = reference.lacking.get(profile, {})
        made |= {f" without {names}": one.made_by for names, one in lacking.items()}
        for without in (name for name, digest in made.items() if digest != now):
            yield (
                f"the accepted numbers of the {profile} profile{without} are of other code or parameters: "
                f"`dti run {slug} --profile {profile}`{without}, then "
                f"`dti publish {slug} --profile {profile}`"
            )
    values = with_accepted(record).accepted[record.profile]
    for key in _unequal(accepted, values):
        yield f"{key}: the reference accepts {accepted.get(key)}, the record holds {values.get(key)}"
