"""Run a study's notebook on a Result that is kept: figures and verdicts as of today, the same numbers."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dti_core.lab import frozen
from dti_core.lab.errors import BookError
from dti_core.lab.fingerprint import Fingerprint
from dti_core.lab.kept import save_result
from dti_core.lab.publishing.clean import chapter_text, read_notebook, text_of
from dti_core.lab.record import Record, Result
from dti_core.lab.running.cache import fingerprint_of
from dti_core.lab.running.history import read_record
from dti_core.lab.running.inputs import copy_inputs
from dti_core.lab.running.provenance import git_state
from dti_core.lab.running.runs import RESULT, RunSpec, RunState

_SECONDS = 300


def redraw(slug: str) -> list[str]:
    """Run the notebook of `slug` on its frozen Result and say which cells come out otherwise than frozen.

    Raises
    ------
    RunError if there is no frozen chapter; BookError if the notebook fails or does not fit a book.
    """
    with drawn(frozen.frozen_record(slug), frozen.frozen_result(slug)) as (folder, record):
        cells = json.loads(chapter_text(folder, record))["cells"]
    before = read_notebook(frozen.chapter_file(slug))["cells"]
    if len(before) != len(cells):
        return [f"{len(cells)} cells instead of {len(before)}"]
    return [
        f"{new['id']} `{text_of(new['source']).strip().splitlines()[0][:50]}`"
        for old, new in zip(before, cells, strict=True)
        if old != new
    ]


@contextmanager
def drawn(kept: Record, result: Result) -> Iterator[tuple[Path, Record]]:
    """A folder with the notebook executed on `result`, and the record of that: `kept`, as it is told today.

    Raises
    ------
    BookError if the notebook fails, or shows another Result than it was given.
    """
    from dti_core.lab.running.execute import execute

    slug = kept.slug
    with tempfile.TemporaryDirectory(prefix="dti-redraw-") as place:
        inputs = copy_inputs(Path(place))
        folder, store = Path(place) / slug / kept.run, Path(place) / "kept"
        folder.mkdir(parents=True)
        save_result(store, result)
        numbers = kept.provenance.fingerprint.numbers
        telling = fingerprint_of(result.config, inputs).telling
        state = RunState(
            slug=slug, run=kept.run, explanation="redrawn", profile=kept.profile, started=kept.started,
            parameters=dict(kept.parameters), fingerprint=Fingerprint(numbers=numbers, telling=telling),
            git_commit=git_state().commit,
        )  # fmt: skip
        state.save(folder)
        spec = RunSpec(
            state=state, folder=folder, inputs=inputs, inputs_digest=inputs.digest(), own_data="", kept=store,
            timeout_seconds=_SECONDS,
        )  # fmt: skip
        end = execute(spec)
        if end.status != "finished":
            raise BookError(f"{slug}: the notebook could not be redrawn: {end.reason}.")
        new = read_record(folder / RESULT)
        if (new.estimates, new.series) != (kept.estimates, kept.series):
            raise BookError(
                f"{slug}: the notebook did not take the Result that was kept; its `estimate` must be "
                f"decorated with `keep` of dti_core.lab.kept, and return what is kept."
            )
        provenance = kept.provenance.model_copy(update={"fingerprint": state.fingerprint})
        yield folder, kept.model_copy(update={"claims": new.claims, "provenance": provenance})
