"""The manifest of the frozen chapters: what each consists of, with hashes, computed from the files alone."""

import json
from collections.abc import Mapping
from typing import Any

from dti_core.lab.frozen import chapter_file, frozen_record, frozen_slugs, record_file, series_folder
from dti_core.lab.pieces import sha256
from dti_core.lab.record import Record
from dti_core.lab.reference import reference_file

MANIFEST = "manifest.json"


def manifest_text(entries: Mapping[str, Mapping[str, Any]] | None = None) -> str:
    """The manifest of all frozen chapters as they lie in the book, `entries` in place of what lies there."""
    given = entries or {}
    found = {slug: given.get(slug) or entry_on_disk(slug) for slug in sorted({*frozen_slugs(), *given})}
    return json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def entry(record: Record, files: Mapping[str, bytes]) -> dict[str, Any]:
    """What the manifest says of one chapter.

    Parameters
    ----------
    files : name of each part (chapter, record, reference, each series) -> its content.
    """
    source = record.provenance
    return {
        "run": record.run,
        "profile": record.profile,
        "started": record.started.isoformat(),
        "seconds": round(record.seconds, 1),
        "commit": source.git_commit,
        "dirty": source.git_dirty,
        "numbers": source.fingerprint.numbers.digest,
        "telling": source.fingerprint.telling.digest,
        "sha256": {name: sha256(content) for name, content in files.items()},
    }


def entry_on_disk(slug: str, instead: Mapping[str, bytes] | None = None) -> dict[str, Any]:
    """The entry of a chapter as its parts lie in the book, `instead` in place of some."""
    parts = {"chapter": chapter_file(slug), "record": record_file(slug), "reference": reference_file(slug)}
    parts |= {f"series/{path.name}": path for path in sorted(series_folder(slug).glob("*"))}
    content = {name: path.read_bytes() for name, path in parts.items() if path.is_file()}
    return entry(frozen_record(slug), {**content, **(instead or {})})
