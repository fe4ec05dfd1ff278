"""A run that no runner started: bare papermill, or JupyterLab."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dti_core.lab.config import Config
from dti_core.lab.errors import RunError
from dti_core.lab.record import Provenance
from dti_core.lab.running import runs
from dti_core.lab.running.batches import open_batch


@contextmanager
def run_alone(config: Config, provenance: Provenance) -> Iterator[Path]:
    """Folder of a new run, into which its record must be written; at the end the run is sealed and logged.

    RunError if it cannot be logged; it is kept all the same.
    """
    with open_batch() as batch:
        draft = runs.RunState(
            slug=config.slug, profile=config.profile, started=config.created,
            parameters=dict(config.values), fingerprint=provenance.fingerprint,
            git_commit=provenance.git_commit, git_dirty=provenance.git_dirty,
        )  # fmt: skip
        folder, state = runs.begin_run(batch, draft)
        yield folder
        from dti_core.lab.running import history, leftovers, track

        record = history.read_record(folder / runs.RESULT)
        leftovers.conclude(folder, state.ended("finished", "", record.seconds))
        batch.under_way.discard(folder)
        if problem := track.try_sync([folder]).get(folder):
            raise RunError(f"{folder}: kept, but not logged: {problem}")
