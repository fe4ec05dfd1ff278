"""The manifest of the frozen chapters: what each consists of, with hashes, computed from the files alone."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dti_core.book.attachments import lying_beside
from dti_core.book.reference import reference_file
from dti_core.lab import frozen
from dti_core.lab.pieces import sha256

MANIFEST = "manifest.json"


def manifest_text(slug: str = "", instead: Mapping[Path, bytes | None] | None = None) -> str:
    """The manifest of all frozen chapters as they lie in the book.

    Parameters
    ----------
    slug, instead : a chapter that is about to change, and new content of its files, None for one that goes.
    """
    slugs = sorted({*frozen.frozen_slugs(), *([slug] if slug else [])})
    found = {one: _entry(one, (instead or {}) if one == slug else {}) for one in slugs}
    return json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _entry(slug: str, instead: Mapping[Path, bytes | None]) -> dict[str, Any]:
    """What the manifest says of one chapter, with `instead` in place of what lies there."""
    record_file, beside = frozen.record_file(slug), frozen.frozen_folder() / slug
    parts = {frozen.chapter_file(slug): "chapter", record_file: "record", reference_file(slug): "reference"}
    around = [*lying_beside(slug).values(), *instead]
    parts |= {path: path.relative_to(beside).as_posix() for path in around if path.is_relative_to(beside)}
    lying = {path: path.read_bytes() for path in parts if path.is_file()}
    files = {path: content for path, content in {**lying, **instead}.items() if content is not None}
    record = frozen.parse_record(files[record_file], record_file.name)
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
        "sha256": {parts[path]: sha256(content) for path, content in files.items()},
    }
