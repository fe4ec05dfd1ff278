"""The registry: data sets in installed packages and published files, each with its hash and its rights."""

import hashlib
import importlib.util
import io
import os
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, TypeVar

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from dti_core.lab.data.cards import DataCard
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


class _Row(BaseModel):
    """What every row of the registry tells."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    rows: int
    columns: int
    licence: str
    badge: str
    caveat: str
    read_with: tuple[str, ...] = Field((), description="Other data sets that a run on this one reads.")


class PackagedData(_Row):
    """A file that an installed package carries."""

    package: str
    version: str
    module: str
    file: str
    sha256: str

    def path(self) -> Path:
        """The file's place, found without importing the package. DataError if absent or changed."""
        path = self._place()
        self._judge(sha256_of(path))
        return path

    def stream(self) -> io.BytesIO:
        """The file's bytes, hashed as they were read, and noted. DataError if absent or changed."""
        content = self._place().read_bytes()
        self._judge(_noted(self.name, content))
        return io.BytesIO(content)

    def table(self, **options: Any) -> pd.DataFrame:
        """The file as `pandas.read_csv` reads it with `options`, from the bytes that were hashed."""
        return _csv(self.stream(), self.file, options)

    def card(self, name: str) -> DataCard:
        """The data card of the unchanged file."""
        return DataCard(
            name=name, title=self.title, origin="packaged", badge=self.badge,
            source=f"Ships inside the Python package {self.package} {self.version}.", licence=self.licence,
            rows=self.rows, columns=self.columns, sha256=self.sha256, caveat=self.caveat,
        )  # fmt: skip

    def hashes(self) -> dict[str, str]:
        """The registered sha256, by the name under which reading it is noted."""
        return {self.name: self.sha256}

    def installed_version(self) -> str | None:
        """Version of the carrier on this machine, None if absent."""
        try:
            return version(self.package)
        except PackageNotFoundError:
            return None

    def _place(self) -> Path:
        spec = importlib.util.find_spec(self.module)
        if spec is None or not spec.submodule_search_locations:
            remedy = "dti data get carriers" if self.package in carriers() else "make install"
            raise DataError(f"data package {self.package}=={self.version} is not installed. Run `{remedy}`.")
        path = Path(next(iter(spec.submodule_search_locations))) / self.file
        if not path.is_file():
            raise DataError(
                f"{self.package}: {self.file} is missing; install {self.package}=={self.version}."
            )
        return path

    def _judge(self, found: str) -> None:
        if found != self.sha256:
            raise DataError(
                f"{self.package}: {self.file} has changed (sha256 {found[:12]}, "
                f"registered {self.sha256[:12]}). "
                f"Install {self.package}=={self.version}; results on other data would not compare."
            )


class PublishedFile(BaseModel):
    """One file of a published set; without an address it only comes from a folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str
    bytes: int
    address: str | None = Field(None, description="https address of exactly these bytes, commit included.")


class PublishedData(_Row):
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

    def path(self) -> Path:
        """Its folder. DataError if a file is missing, with the command that brings it, or has changed."""
        if self.find() is None:
            raise DataError(f"data set {self.name} is not on this machine. {self._bring}")
        for file in self.files:
            self._judge(file, sha256_of(self.folder / file))
        return self.folder

    def stream(self, file: str = "") -> io.BytesIO:
        """The bytes of one file, by default the first, hashed as they were read, and noted."""
        file = file or next(iter(self.files))
        if file not in self.files:
            raise DataError(f"data set {self.name} has no file {file}. It has {', '.join(self.files)}.")
        try:
            content = (self.folder / file).read_bytes()
        except FileNotFoundError as error:
            raise DataError(f"data set {self.name} is not on this machine. {self._bring}") from error
        self._judge(file, _noted(f"{self.name}/{file}", content))
        return io.BytesIO(content)

    def table(self, file: str = "", **options: Any) -> pd.DataFrame:
        """One file as `pandas.read_csv` reads it with `options`, from the bytes that were hashed."""
        return _csv(self.stream(file), file or next(iter(self.files)), options)

    def card(self) -> DataCard:
        """The data card of the unchanged set; its hash is that of the first file."""
        return DataCard(
            name=self.name, title=self.title, origin="published", badge=self.badge,
            source=f"{self.upstream} Copy: {self.commit}.", licence=self.licence, rows=self.rows,
            columns=self.columns, sha256=next(iter(self.files.values())).sha256, caveat=self.caveat,
        )  # fmt: skip

    def hashes(self) -> dict[str, str]:
        """The registered sha256 of each file, by the name of its reading; "absent" for what is not here."""
        here = self.find() is not None
        return {f"{self.name}/{file}": row.sha256 if here else "absent" for file, row in self.files.items()}

    @property
    def _bring(self) -> str:
        return f"Run `dti data get {self.name}`."

    def _judge(self, file: str, found: str) -> None:
        if found != self.files[file].sha256:
            raise DataError(
                f"data set {self.name}: {file} has changed (sha256 {found[:12]}, "
                f"registered {self.files[file].sha256[:12]}). {self._bring}"
            )


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
    values : a run's parameters; those that name a registered set stand for it.
    always : sets that the study reads whatever its parameters are.

    Raises
    ------
    DataError if `always` names a set that is not registered.
    """
    registry = load_all()
    named = [value for value in values if isinstance(value, str) and value in registry]
    found: dict[str, str] = {}
    for name in (*named, *always):
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
        return {
            name: row.model_validate({**fields, "name": name})
            for name, fields in parse_yaml(text, file).items()
        }
    except (ValidationError, TypeError, AttributeError) as error:
        raise ConfigError(f"{file}: {error}") from error


def _noted(name: str, content: bytes) -> str:
    sha256 = hashlib.sha256(content).hexdigest()
    note(name, sha256)
    return sha256


def _csv(stream: io.BytesIO, file: str, options: Mapping[str, Any]) -> pd.DataFrame:
    table: pd.DataFrame = pd.read_csv(stream, compression=_COMPRESSION.get(Path(file).suffix), **options)
    return table
