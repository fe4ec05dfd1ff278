"""Make packages.csv: which of the project's locked packages needs which, as installed here.

Run it as `python experiments/data/patch_planning/make_packages.py`; it is offline and reads nothing but the
lock files, pyproject.toml and the metadata of what is installed. Another system, or another lock, gives
other rows: the committed file is the one that counts.
"""

import csv
import io
import tomllib
from collections.abc import Iterable, Mapping
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dti_core.lab.data.carriers import LOCKS, pins
from dti_core.lab.files import write
from dti_core.lab.paths import project_root

TARGET = Path(__file__).with_name("packages.csv")
COLUMNS = ("package", "needs")
PROJECT = "dti-core"


def needs(wanted: Mapping[str, Iterable[str]]) -> list[tuple[str, str]]:
    """A row a package and another one that it needs without extras, of those that are there.

    Parameters
    ----------
    wanted : requirements of each package as its metadata write them. One that needs none, and that none
    needs, gets a row without the other.
    """
    there = {canonicalize_name(name) for name in wanted}
    rows: set[tuple[str, str]] = set()
    for name, texts in wanted.items():
        asked = [Requirement(text) for text in texts]
        valid = [one for one in asked if one.marker is None or one.marker.evaluate({"extra": ""})]
        others = {canonicalize_name(one.name) for one in valid} & there - {canonicalize_name(name)}
        rows |= {(canonicalize_name(name), other) for other in others}
    return sorted(rows | {(one, "") for one in there - {name for row in rows for name in row}})


def main() -> None:
    """Write the table and say what it holds."""
    locked = {canonicalize_name(name) for lock in LOCKS for name in pins(lock)}
    here = {canonicalize_name(one.metadata["Name"]): one.requires or [] for one in distributions()}
    project = tomllib.loads((project_root() / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    there = {name: here[name] for name in locked & here.keys()}
    rows = needs(there | {PROJECT: project["dependencies"]})
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    write(TARGET, text.getvalue())
    print(f"{len(rows)} rows, {len({name for row in rows for name in row if name})} packages")


if __name__ == "__main__":
    main()
