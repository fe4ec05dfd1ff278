"""The registry: data sets in installed packages and published files, each with its hash and its rights."""

import hashlib
import importlib.util
import io
import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from dti_core.lab.data.cards import DataCard, Origin
from dti_core.lab.data.carriers import carriers
from dti_core.lab.data.ledger import note, sha256_of
from dti_core.lab.errors import ConfigError, DataError
from dti_core.lab.paths import project_root
from dti_core.lab.yaml_files import parse_yaml, read_text

#: Folder of the published files that were brought here; kept outside version control.
DATA_ROOT = "DTI_DATA"
Row = TypeVar("Row")
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][\w.-]*$")]
_COMPRESSION = {".gz": "gzip", ".bz2": "bz2", ".xz": "xz"}


class DataSet(BaseModel):
    """A row of the registry. `stream` and `table` read its files: they hash, note and judge the bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    rows: int
    columns: int
    licence: str
    badge: str
    caveat: str
    read_with: tuple[str, ...] = Field((), description="Other data sets that a run on this one reads.")

    def path(self) -> Path:
        """Where its first file lies. DataError if a file is absent, with the remedy, or has changed."""
        for file in self._files():
            self._judge(file, sha256_of(self._place(file)))
        return self._place(next(iter(self._files())))

    def stream(self, file: str = "") -> io.BytesIO:
        """The bytes of one file, by default the first. DataError if it is absent or has changed."""
        file = file or next(iter(self._files()))
        content = self._place(file).read_bytes()
        found = hashlib.sha256(content).hexdigest()
        note(self._files()[file][0], found)
        self._judge(file, found)
        return io.BytesIO(content)

    def table(self, file: str = "", **options: Any) -> pd.DataFrame:
        """One file as `pandas.read_csv` reads it with `options`."""
        packing = _COMPRESSION.get(Path(file or next(iter(self._files()))).suffix)
        table: pd.DataFrame = pd.read_csv(self.stream(file), compression=packing, **options)
        return table

    def hashes(self) -> dict[str, str]:
        """The registered sha256 of each file, by the name under which reading it is noted."""
        return dict(self._files().values())

    def _card(self, name: str, origin: Origin, source: str) -> DataCard:
        told = {
            field: getattr(self, field)
            for field in ("title", "licence", "badge", "caveat", "rows", "columns")
        }
        return DataCard(
            name=name, origin=origin, source=source, sha256=next(iter(self._files().values()))[1], **told
        )

    def _judge(self, file: str, found: str) -> None:
        if found != (sha256 := self._files()[file][1]):
            raise DataError(
                f"{self.name}: {file} has changed (sha256 {found[:12]}, registered {sha256[:12]}), and "
                f"results on other data would not compare. {self._remedy()}"
            )

    def _files(self) -> Mapping[str, tuple[str, str]]:
        """File -> the name under which reading it is noted, and its registered sha256."""
        raise NotImplementedError

    def _place(self, file: str) -> Path:
        """Where one file lies. DataError with the remedy if it does not."""
        raise NotImplementedError

    def _remedy(self) -> str:
        raise NotImplementedError


class PackagedData(DataSet):
    """A file that an installed package carries."""

    package: str
    version: str
    module: str
    file: str
    sha256: str

    def card(self, name: str = "") -> DataCard:
        """The data card of the unchanged file."""
        return self._card(
            name or self.name, "packaged", f"Ships inside the Python package {self.package} {self.version}."
        )

    def _files(self) -> Mapping[str, tuple[str, str]]:
        return {self.file: (self.name, self.sha256)}

    def _place(self, file: str) -> Path:
        """Found without importing the package."""
        spec = importlib.util.find_spec(self.module)
        folder = next(iter(spec.submodule_search_locations or ()), None) if spec else None
        if folder is None or not (path := Path(folder) / file).is_file():
            raise DataError(
                f"{self.name}: the data package {self.package} is not installed. {self._remedy()}"
            )
        return path

    def _remedy(self) -> str:
        command = "dti data get carriers" if self.package in carriers() else "make install"
        return f"Run `{command}`, which brings {self.package}=={self.version}."


class PublishedFile(BaseModel):
    """One file of a published set; without an address it only comes from a folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str
    bytes: int
    address: str | None = Field(None, description="https address of exactly these bytes, commit included.")


class PublishedData(DataSet):
    """Files at public addresses that no package ships: brought by `dti data get`, never committed."""

    commit: str = Field(description="Repository and commit of the copy, or of each thing it was made from.")
    upstream: str = Field(
        description="Where the data first came from, and what is known of the rights in them."
    )
    files: Mapping[FileName, PublishedFile] = Field(description="The first one is the main table.")

    @property
    def folder(self) -> Path:
        """Where its files are kept on this machine."""
        return data_root() / self.name

    def find(self) -> Path | None:
        """Its folder, None unless every file is there."""
        return self.folder if all((self.folder / file).is_file() for file in self.files) else None

    def hashes(self) -> dict[str, str]:
        """The registered sha256 of each file, by the name of its reading; "absent" if the set is not here."""
        known = super().hashes()
        return known if self.find() else dict.fromkeys(known, "absent")

    def card(self, name: str = "") -> DataCard:
        """The data card of the unchanged set; its hash is that of the first file."""
        return self._card(name or self.name, "published", f"{self.upstream} Copy: {self.commit}.")

    def _files(self) -> Mapping[str, tuple[str, str]]:
        return {file: (f"{self.name}/{file}", row.sha256) for file, row in self.files.items()}

    def _place(self, file: str) -> Path:
        if file not in self.files:
            raise DataError(f"{self.name}: has no file {file}. It has {', '.join(self.files)}.")
        if not (path := self.folder / file).is_file():
            raise DataError(f"{self.name}: {file} is not on this machine. {self._remedy()}")
        return path

    def _remedy(self) -> str:
        return f"Run `dti data get {self.name}`."


def data_root() -> Path:
    """Folder of the published files that were brought here: DTI_DATA, else data/ in the project."""
    return Path(os.environ.get(DATA_ROOT) or project_root() / "data").resolve()


def load_registry() -> dict[str, PackagedData]:
    """All packaged data sets, from experiments/data/packaged.yaml."""
    return _load("packaged.yaml", PackagedData)


def load_published() -> dict[str, PublishedData]:
    """All published data sets, from experiments/data/published.yaml."""
    return _load("published.yaml", PublishedData)


def load_all() -> dict[str, PackagedData | PublishedData]:
    """All registered data sets."""
    return {**load_registry(), **load_published()}


def packaged(name: str) -> PackagedData:
    """The registered data set of that name inside a package."""
    return _named(name, load_registry(), "packaged")


def published(name: str) -> PublishedData:
    """The registered data set of that name at a public address."""
    return _named(name, load_published(), "published")


def planned_reads(values: Iterable[object], always: Iterable[str] = ()) -> dict[str, str]:
    """Registered sha256 of each file that a run may read, by the name under which reading it is noted.

    Parameters
    ----------
    values : a run's parameters; those that name a registered set stand for it and for those read with it.
    always : sets that the study reads whatever its parameters are.

    Raises
    ------
    DataError if `always` names a set that is not registered.
    """
    registry = load_all()
    found: dict[str, str] = {}
    for name in (*(value for value in values if isinstance(value, str) and value in registry), *always):
        for one in (name, *_named(name, registry, "registered").read_with):
            found |= _named(one, registry, "registered").hashes()
    return found


def _named(name: str, registry: Mapping[str, Row], kind: str) -> Row:
    if name not in registry:
        raise DataError(f"no {kind} data set '{name}'. Registered: {', '.join(registry)}.")
    return registry[name]


def _load(file: str, row: Any) -> dict[str, Any]:
    path = project_root() / "experiments" / "data" / file
    return dict(_rows(file, read_text(path), row)) if path.is_file() else {}


@cache
def _rows(file: str, text: str, row: Any) -> Mapping[str, Any]:
    try:
        rows = parse_yaml(text, file).items()
        return {name: row.model_validate({**fields, "name": name}) for name, fields in rows}
    except (ValidationError, TypeError, AttributeError) as error:
        raise ConfigError(f"{file}: {error}") from error
