"""The user's own scans: a file, or a folder of scans with a services YAML and labels, read within limits."""

import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.lab.data import DataCard, Problem
from dti_core.lab.data.ledger import read_noted
from dti_core.lab.errors import ConfigError, DataError, one_line
from dti_core.lab.yaml_files import MAX_BYTES, parse_yaml
from dti_core.studies.vuln_priority.data import epss, labels
from dti_core.studies.vuln_priority.data.findings import NAMES, table_of
from dti_core.studies.vuln_priority.data.readers import Scan, bounds, read_scan
from dti_core.studies.vuln_priority.data.same import Groups, group
from dti_core.studies.vuln_priority.data.services import Services, assumed_services, problems_of, services_of

NOTED = "data_path"
SCANS, YAMLS, TABLES = (".sarif", ".json"), (".yaml", ".yml"), (".csv",)
MAX_FILES = 1_000
#: Characters of a line of a table, which may name all flaws of an upgrade, and of a whole table.
_MAX_CELLS, _MAX_TABLE = 100_000, 20 * bounds.MEGABYTE
#: Problems of one services file that are told.
_MOST_PROBLEMS = 500


@dataclass(frozen=True)
class OwnScans:
    """All that a user's files say.

    findings : a row a finding, as `table_of`, each with its service. services : as the YAML file says, or
    assumed. labels : cells as text; empty without. problems : of single files, in their order. epss : CVE ->
    chance that it is exploited within 30 days; empty without.
    """

    scans: tuple[Scan, ...]
    findings: pd.DataFrame
    services: Services
    labels: pd.DataFrame
    problems: tuple[Problem, ...]
    epss: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def groups(self) -> Groups:
        """Findings that are one flaw."""
        return group(self.findings)

    @cached_property
    def truth(self) -> NDArray[np.float64]:
        """(g,) label of each group, as of `labels.truth_of`."""
        return labels.truth_of(self.groups, self.findings, self.labels)


@dataclass(slots=True)
class _Files:
    """What has been read so far."""

    scans: list[Scan] = field(default_factory=list)
    services: list[tuple[str, Any]] = field(default_factory=list)
    labels: list[pd.DataFrame] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)
    epss: Mapping[str, float] = field(default_factory=dict)
    broken_services: bool = False

    def warn(self, text: str) -> None:
        """Note what blocks nothing."""
        self.problems.append(Problem(text, blocks=False))


def read(path: str | Path) -> tuple[OwnScans, DataCard]:
    """The scans at `path`, a file or a folder, with services and labels of the folder; nothing is executed.

    What is wrong with a single file stands among `problems`, so that all of it is told at once.

    Raises
    ------
    DataError if there is no file, or none of a kind that is read.
    """
    place = Path(path).expanduser()
    found = _Files()
    for file in _files(place, found):
        name = file.relative_to(place).as_posix() if place.is_dir() else file.name
        try:
            _take(file, name, f"{NOTED}/{name}" if place.is_dir() else NOTED, found)
        except (DataError, ConfigError) as error:
            found.problems.append(Problem(str(error)))
            found.broken_services |= file.suffix.lower() in YAMLS
    own = _together(found)
    return own, DataCard(
        name=place.stem, title=place.name, origin="yours", badge=f"Your scans: {place.name}",
        source=f"{len(own.scans)} scans named by the user.", licence="yours", rows=len(own.findings),
        columns=len(NAMES), sha256=hashlib.sha256("\n".join(found.hashes).encode()).hexdigest(),
        caveat="Read as the tools wrote them; what no tool looked at is not known to be clean.",
    )  # fmt: skip


def together(scans: Iterable[Scan], services: Any) -> OwnScans:
    """Scans that were read, with the content of a services YAML, as a folder that held them."""
    return _together(_Files(scans=list(scans), services=[("services.yaml", services)]))


def _files(place: Path, found: _Files) -> Iterator[Path]:
    """Files that are read, in the order of names; what is not read is told."""
    if place.is_file():
        yield place
        return
    if not place.is_dir():
        raise DataError(f"{place}: no such file. Give a scan, or a folder that holds scans.")
    every = [one for one in sorted(place.rglob("*")) if one.is_symlink() or one.is_file()]
    fit = [one for one in every if one.suffix.lower() in (*SCANS, *YAMLS, *TABLES) and not one.is_symlink()]
    if not fit:
        raise DataError(f"{place.name}: holds no {', '.join(SCANS)} file. Export your scans as SARIF 2.1.0.")
    if len(fit) > MAX_FILES:
        raise DataError(f"{place.name}: holds {len(fit):,} files; at most {MAX_FILES:,} are read. Split it.")
    taken = set(fit)
    others = [one.relative_to(place).as_posix() for one in every if one not in taken]
    for name in (one for one in others if one.lower().endswith(".xml")):
        text = f"{name}: is XML, which is never read. Export the scan as SARIF 2.1.0, or take it away."
        found.problems.append(Problem(text))
    if left := [one for one in others if not one.lower().endswith((".xml", ".md"))]:
        found.warn(f"links, or of no kind that is read: {len(left):,} files ({', '.join(left[:5])}).")
    yield from fit


def _take(file: Path, name: str, noted: str, found: _Files) -> None:
    """Read one file for what it holds."""
    size = file.stat().st_size
    if size > bounds.MAX_BYTES:
        most = bounds.MAX_BYTES // bounds.MEGABYTE
        raise DataError(f"{name}: has {size // bounds.MEGABYTE:,} MB; at most {most} MB are read. Split it.")
    content, sha256 = read_noted(file, noted)
    found.hashes.append(f"{sha256} {name}")
    text = bounds.plain_text(content, name)
    ending = file.suffix.lower()
    if ending in SCANS or text.lstrip()[:1] in ("{", "["):
        found.scans.append(read_scan(content, name))
    elif ending in TABLES:
        _take_table(text, name, found)
    else:
        _take_services(text, name, found)


def _take_services(text: str, name: str, found: _Files) -> None:
    if len(text) > MAX_BYTES:
        raise DataError(f"{name}: is longer than {MAX_BYTES >> 10} kB, too long for services. Shorten it.")
    content = parse_yaml(text, name)
    if not isinstance(content, dict) or "services" not in content:
        raise DataError(f"{name}: names no services. Begin it with 'services:', or take it away.")
    if found.services:
        raise DataError(f"{name}: services stand in {found.services[0][0]} too. Keep one of the two.")
    found.services.append((name, content))
    found.problems += [Problem(text) for text in islice(problems_of(content, name), _MOST_PROBLEMS)]


def _take_table(text: str, name: str, found: _Files) -> None:
    """Labels or EPSS, by the names of columns."""
    lines = text.splitlines()
    if len(text) > _MAX_TABLE or max(map(len, lines), default=0) > _MAX_CELLS:
        raise DataError(f"{name}: is too long, or has a line of over {_MAX_CELLS:,} letters. Shorten it.")
    head = next((line for line in lines if not line.startswith("#")), "")
    columns = head.replace('"', "").replace(" ", "").lower().split(",")
    if {"cve", "epss"} <= set(columns):
        if found.epss:
            raise DataError(f"{name}: is a second file of EPSS. Keep the newer one.")
        found.epss = epss.read_epss(lines, name)
        return
    if "real" not in columns:
        found.warn(f"{name}: no column real (labels), nor cve and epss (EPSS), so it is not read.")
        return
    try:
        table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False, skipinitialspace=True)
    except Exception as error:
        raise DataError(f"{name}: could not be read as CSV ({one_line(error, 200)}).") from error
    if not isinstance(table.index, pd.RangeIndex):
        raise DataError(f"{name}: rows have more cells than its first line has names.")
    table = table.fillna("").apply(lambda column: column.str.strip())
    wrong = labels.problems_of(table, name)
    found.problems += [Problem(text) for text in wrong]
    if not wrong:
        found.labels.append(table)


def _together(found: _Files) -> OwnScans:
    listed = [one for scan in found.scans for one in scan.findings]
    if len(listed) > bounds.MAX_FINDINGS:
        most = f"at most {bounds.MAX_FINDINGS:,} are ranked. Split them."
        found.problems.append(Problem(f"{len(listed):,} findings in all; {most}"))
        listed = listed[: bounds.MAX_FINDINGS]
    findings = table_of(listed)
    services = services_of(found.services[0][1]) if found.services else assumed_services(findings["service"])
    findings["service"] = services.owners_of(findings)
    told_kind = findings["tool"].str.lower().map(services.tools).where(findings["kind"] == "unknown")
    findings["kind"] = told_kind.fillna(findings["kind"]).astype("str")
    if not found.services and not found.broken_services:
        found.warn("no services file: all count alike, open to the internet, of one impact. Add one.")
    told = pd.concat(found.labels, ignore_index=True).fillna("") if found.labels else pd.DataFrame()
    return OwnScans(tuple(found.scans), findings, services, told, tuple(found.problems), found.epss)
