"""The registry: data sets in installed packages and published files, each with its hash and its rights."""

import importlib.util
import io
import os
import sysconfig
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from dti_core.lab.data.cards import DataCard
from dti_core.lab.data.carriers import carriers
from dti_core.lab.data.ledger import read_noted, sha256_of
from dti_core.lab.errors import ConfigError, DataError
from dti_core.lab.paths import project_root
from dti_core.lab.yaml_files import parse_yaml, read_text

#: Folder of the published files that were brought here; kept outside version control.
DATA_ROOT = "DTI_DATA"
#: Stands for the hash of a published file that was not brought to this machine.
ABSENT = "absent"
FileName = Annotated[str, StringConstraints(pattern=r"^\w[\w.-]*(/\w[\w.-]*)*$")]
_COMPRESSION = {".gz": "gzip", ".bz2": "bz2", ".xz": "xz"}


class DataFile(BaseModel):
    """One file of a set; a published one without an address only comes from a folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str
    bytes: int = Field(0, description="Its size, needed of a published file.")
    address: str | None = Field(None, description="https address of exactly these bytes, commit included.")


class DataSet(BaseModel):
    """A row of the registry. `stream` and `table` read its files: they hash, note and judge the bytes.

    Its files lie in an installed package, or are published: brought by `dti data get`, never committed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    rows: int
    columns: int
    licence: str
    badge: str
    caveat: str
    files: Mapping[FileName, DataFile] = Field(min_length=1, description="The first one is the main table.")
    read_with: tuple[str, ...] = Field((), description="Other data sets that a run on this one reads.")
    package: str = ""
    version: str = ""
    module: str = Field("", description="What the package is imported as.")
    commit: str = Field("", description="Repository and commit of the copy, or of what it was made from.")
    upstream: str = Field(
        "", description="Where the data first came from, and what is known of the rights in them."
    )

    @model_validator(mode="after")
    def _comes_from_somewhere(self) -> "DataSet":
        published = self.commit and self.upstream and all(file.bytes for file in self.files.values())
        if not (published or (self.package and self.version and self.module)):
            raise ValueError(
                "needs package, version and module, or commit, upstream and the bytes of each file"
            )
        return self

    @property
    def file(self) -> str:
        """Its main table."""
        return next(iter(self.files))

    @property
    def folder(self) -> Path:
        """Where its files lie on this machine, or would; a package is found without importing it."""
        if not self.package:
            return data_root() / self.name
        spec = importlib.util.find_spec(self.module)
        places = spec.submodule_search_locations if spec else None
        return Path(places[0]) if places else Path(sysconfig.get_path("purelib"), self.module)

    def find(self) -> Path | None:
        """Its folder, None unless every file is there."""
        return self.folder if all((self.folder / file).is_file() for file in self.files) else None

    def path(self) -> Path:
        """Where its first file lies. DataError if a file is absent, with the remedy, or has changed."""
        for file in self.files:
            self._judge(file, sha256_of(self._place(file)))
        return self._place(self.file)

    def stream(self, file: str = "") -> io.BytesIO:
        """The bytes of one file, by default the first. DataError if it is absent or has changed."""
        file = file or self.file
        content, found = read_noted(self._place(file), self._noted(file))
        self._judge(file, found)
        return io.BytesIO(content)

    def table(self, file: str = "", **options: Any) -> pd.DataFrame:
        """One file as `pandas.read_csv` reads it with `options`."""
        packing = _COMPRESSION.get(Path(file or self.file).suffix)
        table: pd.DataFrame = pd.read_csv(self.stream(file), compression=packing, **options)
        return table

    def hashes(self) -> dict[str, str]:
        """The registered sha256 of each file, by the name of its reading; "absent" if it is to be brought."""
        known = {self._noted(file): row.sha256 for file, row in self.files.items()}
        return known if self.package or self.find() else dict.fromkeys(known, ABSENT)

    def card(self, name: str = "") -> DataCard:
        """The data card of the unchanged set; its hash is that of the first file."""
        told = self.model_dump(include={"title", "licence", "badge", "caveat", "rows", "columns"})
        source = f"{self.upstream} Copy: {self.commit}."
        if self.package:
            source = f"Ships inside the Python package {self.package} {self.version}."
        return DataCard(
            name=name or self.name, origin="packaged" if self.package else "published", source=source,
            sha256=self.files[self.file].sha256, **told,
        )  # fmt: skip

    def _noted(self, file: str) -> str:
        return self.name if self.package else f"{self.name}/{file}"

    def _judge(self, file: str, found: str) -> None:
        if found != (sha256 := self.files[file].sha256):
            raise DataError(
                f"{self.name}: {file} has changed (sha256 {found[:12]}, registered {sha256[:12]}), and "
                f"results on other data would not compare. {self._remedy()}"
            )

    def _place(self, file: str) -> Path:
        if file not in self.files:
            raise DataError(f"{self.name}: has no file {file}. It has {', '.join(self.files)}.")
        if not (path := self.folder / file).is_file():
            absent = f"the data package {self.package}" if self.package else file
            state = "installed" if self.package else "on this machine"
            raise DataError(f"{self.name}: {absent} is not {state}. {self._remedy()}")
        return path

    def _remedy(self) -> str:
        if not self.package:
            return f"Run `dti data get {self.name}`."
        command = "dti data get carriers" if self.package in carriers() else "make install"
        return f"Run `{command}`, which brings {self.package}=={self.version}."


def data_root() -> Path:
    """Folder of the published files that were brought here: DTI_DATA, else data/ in the project."""
    return Path(os.environ.get(DATA_ROOT) or project_root() / "data").resolve()


def load_registry() -> dict[str, DataSet]:
    """All packaged data sets, from experiments/data/packaged.yaml."""
    return _load("packaged.yaml")


def load_published() -> dict[str, DataSet]:
    """All published data sets, from experiments/data/published.yaml."""
    return _load("published.yaml")


def load_all() -> dict[str, DataSet]:
    """All registered data sets."""
    return {**load_registry(), **load_published()}


def packaged(name: str) -> DataSet:
    """The registered data set of that name inside a package."""
    return _named(name, load_registry(), "packaged")


def published(name: str) -> DataSet:
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


def _named(name: str, registry: Mapping[str, DataSet], kind: str) -> DataSet:
    if name not in registry:
        raise DataError(f"no {kind} data set '{name}'. Registered: {', '.join(registry)}.")
    return registry[name]


def _load(file: str) -> dict[str, DataSet]:
    path = project_root() / "experiments" / "data" / file
    return dict(_rows(file, read_text(path))) if path.is_file() else {}


@cache
def _rows(file: str, text: str) -> Mapping[str, DataSet]:
    try:
        rows = parse_yaml(text, file).items()
        return {name: DataSet.model_validate({**fields, "name": name}) for name, fields in rows}
    except (ValidationError, TypeError, AttributeError) as error:
        raise ConfigError(f"{file}: {error}") from error
