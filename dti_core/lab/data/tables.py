"""Tables in files, the user's own and the frozen ones: read within limits, hashed as they are read."""

import gzip
import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pandas as pd

from dti_core.lab.data import limits
from dti_core.lab.data.cards import DataCard
from dti_core.lab.data.ledger import read_noted, sha256_of
from dti_core.lab.errors import DataError, one_line
from dti_core.lab.fingerprint import DATA_PATH
from dti_core.lab.paths import project_root

#: Of tables in one folder.
MAX_FILES = 1_000


def user_files(path: str | Path) -> dict[str, Path]:
    """The table or tables below `path`, a file or a folder, by the names under which their reading is noted.

    A file is noted as `data_path`; one of a folder has its path in the folder behind that.

    Raises
    ------
    DataError if there is none.
    """
    place = Path(path).expanduser()
    if place.is_dir():
        found = [
            file for file in sorted(place.rglob("*")) if file.suffix.lower() in _READERS and file.is_file()
        ]
        if not found:
            raise DataError(f"{path}: holds no {', '.join(_READERS)} file.")
        if len(found) > MAX_FILES:
            raise limits.refuse(str(path), f"{len(found):,} tables", f"{MAX_FILES:,}")
        return {f"{DATA_PATH}/{file.relative_to(place).as_posix()}": file for file in found}
    if not place.is_file():
        raise DataError(
            f"{path}: no such file. Give the path of a {', '.join(_READERS)} file, or of a folder."
        )
    return {DATA_PATH: place}


def user_hashes(path: str | Path) -> dict[str, str]:
    """sha256 of each table below `path` as it is now, by the name under which its reading is noted."""
    return {name: sha256_of(file) for name, file in user_files(path).items()}


def read_user_table(path: str | Path) -> tuple[pd.DataFrame, DataCard]:
    """Read the one table that the user names, by its ending; nothing in it is ever executed.

    Raises
    ------
    DataError if it is missing, one of several, of an unknown kind, empty, too large or unreadable.
    """
    tables, card = read_user_tables(path)
    if len(tables) > 1:
        raise DataError(
            f"{path}: holds {len(tables)} tables ({', '.join(list(tables)[:5])}). Name one of them."
        )
    return next(iter(tables.values())), card


def read_user_tables(path: str | Path) -> tuple[dict[str, pd.DataFrame], DataCard]:
    """Read every table of the user's folder, by its path in the folder, or the one file under its own name.

    The card counts the rows of all tables and the columns of the widest; its hash covers every file.
    """
    place = Path(path).expanduser()
    folder = place if place.is_dir() else place.parent
    tables: dict[str, pd.DataFrame] = {}
    hashes: dict[str, str] = {}
    for name, file in user_files(path).items():
        short = file.relative_to(folder).as_posix()
        tables[short], hashes[short] = read_table(file, name)
    together = "".join(f"{sha256} {name}\n" for name, sha256 in hashes.items())
    covering = hashlib.sha256(together.encode()).hexdigest()
    return tables, DataCard(
        name=place.stem, title=place.name, origin="yours", badge=f"Your data: {place.name}",
        source=f"A {'folder' if place.is_dir() else 'file'} named by the user.", licence="yours",
        rows=sum(map(len, tables.values())), columns=max(table.shape[1] for table in tables.values()),
        sha256=covering if place.is_dir() else hashes[place.name],
        caveat="Checked against the schema, not for how it was collected.",
    )  # fmt: skip


def frozen_table(slug: str, name: str) -> pd.DataFrame:
    """A small table of our own making, experiments/data/<slug>/<name>; `name` may lie deeper."""
    folder = project_root() / "experiments" / "data" / slug
    file = folder / name
    if not file.resolve().is_relative_to(folder.resolve()) or not file.is_file():
        raise DataError(
            f"{slug}: no frozen table {name} in experiments/data/{slug}. It belongs to the checkout."
        )
    return read_table(file, file.relative_to(folder).as_posix())[0]


def read_table(file: Path, name: str) -> tuple[pd.DataFrame, str]:
    """The table in `file` and the sha256 of the bytes that made it, which is noted under `name`.

    Raises
    ------
    DataError if it is of an unknown kind, empty, too large or unreadable.
    """
    if (reader := _READERS.get(file.suffix.lower())) is None:
        raise DataError(
            f"{file.name}: files ending in '{file.suffix}' are not read. Use {', '.join(_READERS)}; "
            f"save the sheet of a workbook as CSV."
        )
    limits.check_size(file.name, file.stat().st_size, "")
    content, sha256 = read_noted(file, name)
    try:
        table = reader(file.name, content)
    except DataError:
        raise
    except Exception as error:
        kind, why = file.suffix[1:], one_line(error, 300)
        raise DataError(f"{file.name}: could not be read as {kind} ({why}).") from error
    if table.empty:
        raise DataError(f"{file.name}: holds no rows.")
    return table, sha256


def _read_csv(name: str, content: bytes) -> pd.DataFrame:
    return _read_text(name, io.BytesIO(content))


def _read_gzip(name: str, content: bytes) -> pd.DataFrame:
    return _read_text(name, gzip.GzipFile(fileobj=io.BytesIO(content)))  # type: ignore[arg-type]


def _read_text(name: str, stream: BinaryIO) -> pd.DataFrame:
    text = limits.CountedText(name, stream)
    try:
        return pd.read_csv(io.BufferedReader(text, limits.MAX_LINE))
    except UnicodeError as error:
        advice = "Save it as CSV UTF-8, or run iconv -f GBK -t UTF-8 (UTF-16 or LATIN1 if it is that)"
        raise DataError(f"{name}: is no UTF-8 text ({error}). {advice}.") from error
    except Exception as error:
        raise text.refusal or error from error


def _read_parquet(name: str, content: bytes) -> pd.DataFrame:
    limits.check_parquet(name, content)
    return pd.read_parquet(io.BytesIO(content))


def _read_stata(name: str, content: bytes) -> pd.DataFrame:
    with pd.read_stata(io.BytesIO(content), iterator=True) as reader:
        n_columns = len(reader.variable_labels())
        limits.check_shape(name, 1, n_columns)
        table: pd.DataFrame = reader.read(min(limits.MAX_ROWS, limits.MAX_CELLS // max(1, n_columns)) + 1)
    limits.check_shape(name, *table.shape)
    return table


_READERS: dict[str, Callable[[str, bytes], pd.DataFrame]] = {
    ".csv": _read_csv,
    ".gz": _read_gzip,
    ".parquet": _read_parquet,
    ".dta": _read_stata,
}
