"""Copies of all that a batch of runs reads, made when it is planned: nothing edited later can enter a run."""

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import dti_core
from dti_core.lab.data import sha256_of
from dti_core.lab.described import described_files, described_hashes
from dti_core.lab.errors import DataError
from dti_core.lab.fingerprint import DATA_PATH
from dti_core.lab.paths import project_root

#: Where the user's data lie, told to the kernel, which is given a copy.
OWN_DATA = "DTI_OWN_DATA"
#: Below a run's folder: what its figures are drawn from.
SERIES_FOLDER = "result"
#: Below a run's folder: files that a study makes for its user.
FILES_FOLDER = "files"
#: Files of a user's folder that a study may read, beside packed tables.
_OWN = (".csv", ".json", ".sarif", ".yaml", ".yml")
_NO_CODE = shutil.ignore_patterns("__pycache__", "*.pyc", ".ipynb_checkpoints")
#: Frozen records and series of all studies, which a synthesis reads, without chapters and pictures.
_FROZEN = "book/studies"
_NO_CHAPTERS = shutil.ignore_patterns("*.ipynb", "*.svg", "*.csv")


@dataclass(frozen=True, slots=True)
class Inputs:
    """Where a run reads from: `home` holds experiments/ and notebooks/, `package` is the folder dti_core."""

    home: Path
    package: Path

    def notebook(self, slug: str) -> Path:
        """The notebook that is run."""
        return self.home / "notebooks" / f"{slug}.ipynb"

    def digest(self) -> str:
        """One sha256 over all that lies in the copies, compiled code apart."""
        total = hashlib.sha256()
        for path in sorted(self.home.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                total.update(f"{path.relative_to(self.home).as_posix()} {sha256_of(path)}\n".encode())
        return total.hexdigest()


def live() -> Inputs:
    """The checkout as it is now."""
    return Inputs(project_root(), Path(dti_core.__file__).parent)


def copy_inputs(place: Path, source: Inputs | None = None) -> Inputs:
    """Copies of experiments, notebooks, frozen records and the package below `place`, to be removed later."""
    source = source or live()
    home = place / "copies"
    for folder in ("experiments", "notebooks"):
        if (source.home / folder).is_dir():
            shutil.copytree(source.home / folder, home / folder, ignore=_NO_CODE)
    if (source.home / _FROZEN).is_dir():
        shutil.copytree(source.home / _FROZEN, home / _FROZEN, ignore=_NO_CHAPTERS)
    shutil.copytree(source.package, home / source.package.name, ignore=_NO_CODE)
    return Inputs(home, home / source.package.name)


def copy_own_data(path: str, inputs: Inputs) -> Path:
    """A copy of the user's file or folder beside the other copies, with the tables that a YAML file names.

    Raises
    ------
    DataError if there is none.
    """
    source = Path(path).expanduser()
    place = Path(tempfile.mkdtemp(prefix="yours-", dir=inputs.home)) / source.name
    if source.is_dir():
        return Path(shutil.copytree(source, place))
    if not source.is_file():
        raise DataError(f"{path}: no such file. Give the path of your table, from where you start dti.")
    for file in filter(Path.is_file, described_files(source).values()):
        copy = place.parent / file.relative_to(source.parent)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    return place


def own_hashes(path: str) -> dict[str, str]:
    """sha256 of each file of the user's, by the name under which its reading is noted.

    A folder brings its scans (SARIF and JSON) beside tables and YAML files; a YAML file, the tables it names.

    Raises
    ------
    DataError if there is none.
    """
    place = Path(path).expanduser()
    own = [one for one in sorted(place.rglob("*")) if one.suffix.lower() in _OWN and one.is_file()]
    hashes = {f"{DATA_PATH}/{one.relative_to(place).as_posix()}": sha256_of(one) for one in own}
    try:
        return hashes | described_hashes(path)
    except DataError:
        if hashes:
            return hashes
        raise
