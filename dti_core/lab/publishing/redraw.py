"""Draw a frozen chapter again from the series that ship with it: no number is estimated."""

import json
from pathlib import Path

from dti_core.lab.errors import BookError
from dti_core.lab.frozen import chapter_file, frozen_record, frozen_result
from dti_core.lab.publishing.clean import text_of
from dti_core.lab.publishing.drawing import drawn
from dti_core.lab.publishing.publish import chapter_text, freeze_parts, read_notebook, series_of
from dti_core.lab.publishing.stale import numbers_stale
from dti_core.lab.reference import with_accepted


def redraw(slug: str) -> list[str]:
    """Run the notebook of `slug` on its frozen Result and say which cells come out otherwise than frozen.

    Raises
    ------
    RunError if there is no frozen chapter; BookError if the notebook fails or does not fit a book.
    """
    with drawn(frozen_record(slug), frozen_result(slug)) as (folder, record):
        cells = json.loads(chapter_text(folder, record))["cells"]
    frozen = read_notebook(chapter_file(slug))["cells"]
    if len(frozen) != len(cells):
        return [f"{len(cells)} cells instead of {len(frozen)}"]
    return [
        f"{new['id']} `{text_of(new['source']).strip().splitlines()[0][:50]}`"
        for old, new in zip(frozen, cells, strict=True)
        if old != new
    ]


def refreeze(slug: str) -> Path:
    """Freeze the chapter of `slug` again with today's figures, prose and verdicts, and the same numbers.

    Raises
    ------
    BookError if its numbers are stale, which takes a full run; else as `redraw`. Nothing is written then.
    """
    if stale := numbers_stale(frozen_record(slug)):
        raise BookError(
            f"{slug}: a redraw cannot help, what makes the numbers has changed: {', '.join(stale)}. "
            f"Run `dti run {slug} --profile full`, then `dti publish {slug}`."
        )
    with drawn(frozen_record(slug), frozen_result(slug)) as (folder, record):
        series = series_of(folder, record)
        freeze_parts(record, chapter_text(folder, record), series, with_accepted(record))
    return chapter_file(slug)
