"""A user's YAML file and the table that it names: read within limits, hashed and noted as they are read."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dti_core.lab.data import DataCard, limits, user_files, user_hashes
from dti_core.lab.data.ledger import read_noted, sha256_of
from dti_core.lab.errors import ConfigError, DataError, one_line
from dti_core.lab.fingerprint import DATA_PATH
from dti_core.lab.yaml_files import parse_yaml, read_text

_YAML = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Described:
    """What a YAML file says, and the table that it names.

    content : plain values as `parse_yaml` gives them. table : its cells are text as typed, "" where empty, so
    that a version 1.10 stays one. file, table_file : names of the two, for messages.
    """

    content: Any
    table: pd.DataFrame
    file: str
    table_file: str


def described_files(path: str | Path) -> dict[str, Path]:
    """Files of the user by the names under which they are noted; a YAML file brings the tables that it names.

    A folder brings its YAML files beside its tables. What `path` is else is left to `user_files`.

    Raises
    ------
    DataError if there is none, or a YAML file cannot be read.
    """
    place = Path(path).expanduser()
    files = user_files(place)
    if place.is_dir():
        found = (file for file in sorted(place.rglob("*")) if file.suffix.lower() in _YAML and file.is_file())
        files |= {f"{DATA_PATH}/{file.relative_to(place).as_posix()}": file for file in found}
    elif place.suffix.lower() in _YAML:
        files |= {f"{DATA_PATH}/{name}": place.parent / name for name in _tables_of(_parsed(place))}
    return files


def described_hashes(path: str | Path) -> dict[str, str]:
    """sha256 of each of `described_files` as it is now; one that a YAML file names in vain has none."""
    named = {name: sha256_of(file) for name, file in described_files(path).items() if file.is_file()}
    return user_hashes(path) | named


def read_described(path: str | Path, key: str, noted: str = DATA_PATH) -> tuple[Described, DataCard]:
    """The YAML file at `path`, or the only one in that folder, and the CSV file that its `key` names.

    Parameters
    ----------
    key : may be left out of the YAML file where `path` is a folder with one CSV file. noted : as in
    `described_files` for a user's files; "" notes each under its own name.

    Raises
    ------
    DataError if one is missing, empty, no YAML or CSV, too large, one of several, or outside the folder.
    """
    given = Path(path).expanduser()
    place = _only(given, _YAML) if given.is_dir() else given
    if not place.is_file():
        raise DataError(f"{path}: no such file. Give a {_YAML[0]} file, or a folder that holds one.")
    if place.suffix.lower() not in _YAML:
        raise DataError(f"{place.name}: ends in '{place.suffix}', not in {_YAML[0]}.")
    content = _parsed(place)
    if not isinstance(content, Mapping) or not content:
        raise DataError(f"{place.name}: holds no 'name: value' lines. Start from an example that works.")
    table_place = _table_place(place, content, key, alone=not given.is_dir())
    prefix = f"{noted}/" if noted else ""
    _, first = read_noted(place, noted if noted and not given.is_dir() else prefix + place.name)
    table, second = _read_as_text(table_place, prefix + table_place.relative_to(place.parent).as_posix())
    told = Described(dict(content), table, place.name, table_place.name)
    return told, DataCard(
        name=place.stem, title=place.name, origin="yours", badge=f"Your data: {place.name}",
        source="Two files named by the user.", licence="yours", rows=len(table), columns=table.shape[1],
        sha256=hashlib.sha256(f"{first} {second}".encode()).hexdigest(),
        caveat="Checked against the schema, not for how it was collected.",
    )  # fmt: skip


def _parsed(place: Path) -> Any:
    try:
        return parse_yaml(read_text(place), place.name)
    except ConfigError as error:
        raise DataError(str(error)) from error


def _tables_of(content: Any) -> list[str]:
    """Values of a YAML file that name CSV files in its folder or below."""
    values = content.values() if isinstance(content, Mapping) else ()
    names = [one for one in values if isinstance(one, str) and one.lower().endswith(".csv")]
    return [one for one in names if _inside(one)]


def _inside(name: str) -> bool:
    path = Path(name)
    return not path.is_absolute() and ".." not in path.parts


def _only(folder: Path, endings: tuple[str, ...]) -> Path:
    found = [one for one in sorted(folder.iterdir()) if one.suffix.lower() in endings and one.is_file()]
    if len(found) != 1:
        names = ", ".join(one.name for one in found[:5])
        what = f"{len(found)} files ({names}). Name the one" if found else "no such file. Put one there"
        raise DataError(f"{folder.name}: one {endings[0]} file is needed and the folder holds {what}.")
    return found[0]


def _table_place(place: Path, content: Mapping[Any, Any], key: str, *, alone: bool) -> Path:
    name = content.get(key)
    if name is None and not alone:
        return _only(place.parent, (".csv",))
    if name is None:
        raise DataError(f"{place.name}: names no table. Add the line '{key}: FILE.csv'.")
    if not isinstance(name, str) or not name.lower().endswith(".csv") or not _inside(name):
        raise DataError(f"{place.name}: {key}: {name!r} is no CSV file in the folder of {place.name}.")
    if not (place.parent / name).is_file():
        raise DataError(f"{place.name}: {key}: no file {name} beside {place.name}. Put it there.")
    return place.parent / name


def _read_as_text(place: Path, noted: str) -> tuple[pd.DataFrame, str]:
    limits.check_size(place.name, place.stat().st_size, "")
    content, sha256 = read_noted(place, noted)
    text = limits.CountedText(place.name, io.BytesIO(content))
    try:
        buffered = io.BufferedReader(text, limits.MAX_LINE)
        table = pd.read_csv(buffered, dtype=str, keep_default_na=False, skipinitialspace=True)
    except Exception as error:
        why = one_line(error, 300)
        raise text.refusal or DataError(f"{place.name}: could not be read as CSV ({why}).") from error
    if table.empty:
        raise DataError(f"{place.name}: holds no rows.")
    if not isinstance(table.index, pd.RangeIndex):
        raise DataError(f"{place.name}: rows have more cells than its first line has names.")
    return table.fillna("").apply(lambda column: column.str.strip()), sha256
