"""What lies beside a frozen chapter, in book/studies/<slug>/: series, and whatever else its pages link to."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from dti_core.lab import frozen
from dti_core.lab.errors import BookError
from dti_core.lab.publishing.clean import Notebook
from dti_core.lab.record import Record

#: Most bytes of a chapter with all that lies beside it.
LARGEST_STUDY = 4_000_000
#: Makes files of a kind from a record and the chapter that shows it: path below book/studies/<slug> -> bytes.
Maker = Callable[[Record, Notebook], Mapping[str, bytes]]


def further_files(record: Record, chapter: Notebook, makers: Iterable[Maker]) -> dict[str, bytes]:
    """Files of all kinds that stand beside a chapter besides its series; BookError as the makers give it."""
    return {name: content for make in makers for name, content in make(record, chapter).items()}


def check_size(slug: str, files: Mapping[Path, bytes | None]) -> None:
    """BookError if the files of a chapter are together too large to commit."""
    if (size := sum(len(content) for content in files.values() if content)) > LARGEST_STUDY:
        raise BookError(
            f"{slug}: the chapter and the files beside it have {size:,} bytes, {LARGEST_STUDY:,} are "
            f"allowed. Thin its series, figures or tables."
        )


def lying_beside(slug: str) -> dict[str, Path]:
    """Every file below book/studies/<slug>: its path below that folder -> where it lies."""
    folder = frozen.frozen_folder() / slug
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in found}
