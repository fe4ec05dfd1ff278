"""Sweeps that were made: which runs belong together, in a folder of their own beside those of the runs."""

from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from dti_core.lab.paths import results_root

#: Below a sweep's folder: a row each point, as MLflow writes tables.
TABLE = "points.json"
_FILE = "sweep.json"


class Sweep(BaseModel):
    """Runs of one study over a grid of values, under the names of their folders."""

    model_config = ConfigDict(frozen=True)

    slug: str
    name: str
    title: str
    profile: str
    started: datetime
    ended: datetime
    status: Literal["FINISHED", "FAILED"]
    runs: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Where it is kept with its table and figure."""
        return results_root() / ".sweeps" / self.slug / self.name

    @property
    def file(self) -> Path:
        """The file that makes a folder a sweep; written last."""
        return self.folder / _FILE


def kept(slug: str) -> list[Sweep]:
    """The sweeps of a study, in the order of their ends; unreadable ones are passed over."""
    found = []
    for file in (results_root() / ".sweeps" / slug).glob(f"*/{_FILE}"):
        try:
            found.append(Sweep.model_validate_json(file.read_bytes()))
        except (OSError, ValidationError):
            continue
    return sorted(found, key=lambda sweep: sweep.ended)
