"""What lies beside a frozen chapter, in book/studies/<slug>/: series, and whatever else its pages link to."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from dti_core.lab import frozen
from dti_core.lab.errors import BookError
from dti_core.lab.files import write
from dti_core.lab.pieces import read_table
from dti_core.lab.publishing.clean import Notebook
from dti_core.lab.publishing.pictures import clean_picture
from dti_core.lab.record import Record
from dti_core.lab.running.runs import RESULT

#: Most bytes of a chapter with all that lies beside it.
LARGEST_STUDY = 4_500_000
#: Makes files of a kind from a record and the chapter that shows it: path below book/studies/<slug> -> bytes.
Maker = Callable[[Record, Notebook], Mapping[str, bytes]]


def further_files(record: Record, chapter: Notebook, makers: Iterable[Maker]) -> dict[str, bytes]:
    """Files of all kinds that stand beside a chapter besides its series; BookError as the makers give it."""
    return {name: content for make in makers for name, content in make(record, chapter).items()}


def copy_beside(source: Path, site: Path) -> None:
    """Put records and what lies beside chapters into a built site, as pages link to it: tables as CSV.

    Pictures are cleaned once more, for a browser runs what an SVG holds; files of other kinds stay out.
    """
    for path in sorted((source / "studies").rglob("*")):
        place = site / path.relative_to(source)
        if path.suffix == ".parquet":
            table = read_table(path.read_bytes())
            write(place.with_suffix(".csv"), table.to_csv())
        elif path.suffix == ".svg":
            write(place, clean_picture(path.read_text(encoding="utf-8"), "p"))
        elif path.suffix == ".csv" or path.name.endswith(RESULT):
            write(place, path.read_bytes())


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
