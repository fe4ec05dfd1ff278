"""Our labelled lab as five scanners saw it: recorded findings laid upon proven labels."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dti_core.lab.data import DataCard, frozen_table
from dti_core.lab.data.frozen import frozen_bytes
from dti_core.lab.errors import DataError
from dti_core.studies.vuln_priority.data.findings import Finding
from dti_core.studies.vuln_priority.data.readers import read_scan
from dti_core.studies.vuln_priority.data.same import family_of
from dti_core.studies.vuln_priority.methods.fusion import TOOLS
from dti_core.studies.vuln_priority.model.evidence import Evidence, Floats

SLUG = "vuln_priority"
LABELS, IMPORTS, ADVISED = "labels.csv", "imports.csv", "recorded/pip_audit.json"
#: Severity of a level, 0 to 10, where a tool gives no number; an advisory without a score has the middle one.
SEVERITY = {"error": 8.0, "warning": 5.0, "note": 2.0, "none": 0.0}
UNSCORED = 5.0
#: Rules of Bandit whose CWE says less than their text: 20 or 22 for whatever reads what it should not.
RULES: Mapping[str, tuple[str, ...]] = {
    "B310": ("request forgery by the server",), "B506": ("deserialisation",),
    "B701": ("cross-site scripting", "template injection"),
    **{f"B{number}": ("XXE",) for number in range(313, 321)},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lab:
    """Cases of own code with what tools say, and packages with what advisories say.

    severity : (n,) the strongest word of any tool, 0 to 10. cases : the labels, a row a case.
    packages : a row an advised package of a service: service, package, version, advisories, severity, real
    (whether the service calls what the advisory is about, or imports it where none is named).
    """

    evidence: Evidence
    severity: Floats
    cases: pd.DataFrame
    packages: pd.DataFrame


def load_lab() -> tuple[Lab, DataCard]:
    """The recorded lab and its card.

    Raises
    ------
    DataError if a recorded file is missing or a finding lies in no case and no service.
    """
    cases = frozen_table(SLUG, LABELS)
    scans = {
        tool: read_scan(frozen_bytes(SLUG, f"recorded/{tool}.sarif"), f"{tool}.sarif").findings
        for tool in TOOLS
    }
    flags, severity = np.zeros((len(cases), len(TOOLS)), bool), np.zeros((len(cases), len(TOOLS)))
    for place, tool in enumerate(TOOLS):
        for row, told in reports_on(cases, scans[tool]):
            flags[row, place] = True
            severity[row, place] = max(severity[row, place], told)
    families, family = np.unique([family_of(int(cwe)) for cwe in cases["cwe"]], return_inverse=True)
    flows, flow = np.unique(cases["flow"].astype(str), return_inverse=True)
    sink = np.unique(cases["sink"].astype(str), return_inverse=True)[1]
    evidence = Evidence(
        tools=TOOLS, families=tuple(map(str, families)), flows=tuple(map(str, flows)), flags=flags,
        strength=severity / 10, family=family.astype(np.int64), flow=flow.astype(np.int64),
        sink=sink.astype(np.int64), real=cases["vulnerable"].to_numpy(bool),
    )  # fmt: skip
    lab = Lab(evidence, severity.max(axis=1), cases, packages_of(frozen_table(SLUG, IMPORTS)))
    return lab, _card(lab)


def reports_on(cases: pd.DataFrame, findings: Iterable[Finding]) -> list[tuple[int, float]]:
    """(row of a case, severity) of each finding that names the case's place and its kind of flaw.

    The place is service and route where a finding has one, else the lines of the file. What is reported of
    another kind of flaw, or of a line outside all cases, says nothing of a case.
    """
    plain = cases["route"].str.replace(r"<\w+:", "<", regex=True)
    by_route = {at: row for row, at in enumerate(zip(cases["service"], plain, strict=True))}
    by_file: dict[str, list[tuple[int, int, int]]] = {}
    for row, (file, first, last) in enumerate(
        zip(cases["file"], cases["first_line"], cases["last_line"], strict=True)
    ):
        by_file.setdefault(str(file), []).append((int(first), int(last), row))
    kinds = [family_of(int(cwe)) for cwe in cases["cwe"]]
    found = []
    for one in findings:
        rows = _rows(one, by_route, by_file)
        told = one.severity if one.severity is not None else SEVERITY[one.level]
        found += [(row, told) for row in rows if kinds[row] in _kinds_of(one)]
    return found


def _kinds_of(one: Finding) -> tuple[str, ...]:
    """Kinds of flaw that a finding may be of: by its rule where that is known, else by its CWE."""
    return RULES.get(one.rule) or ((family_of(one.cwe),) if one.cwe else ())


def _rows(
    one: Finding, by_route: Mapping[tuple[str, str], int], by_file: Mapping[str, list[tuple[int, int, int]]]
) -> list[int]:
    if one.route:
        return [by_route[at]] if (at := (one.service, one.route)) in by_route else []
    line = one.line or 0
    return [row for first, last, row in by_file.get(one.file, ()) if first <= line <= last]


def packages_of(imports: pd.DataFrame) -> pd.DataFrame:
    """Advised packages of each service, with whether what is advised against is used there."""
    used = {(str(r.service), str(r.package).lower()): r for r in imports.itertuples()}
    rows = []
    for service, listed in json.loads(frozen_bytes(SLUG, ADVISED))["services"].items():
        for one in listed["dependencies"]:
            if not (vulns := one.get("vulns")):
                continue
            seen = used.get((service, one["name"].lower()))
            if seen is None:
                raise DataError(f"{ADVISED}: {one['name']} of {service} is not in {IMPORTS}. Record anew.")
            called = set(str(seen.called).split(";")) if isinstance(seen.called, str) else set()
            named = _functions(one["name"].lower())
            told = [named.get(vuln["id"], ()) for vuln in vulns]
            real = any(bool(called & set(names)) if names else bool(seen.imported) for names in told)
            rows.append({"service": service, "package": one["name"], "version": one["version"],
                         "advisories": len(vulns), "severity": UNSCORED, "real": real})  # fmt: skip
    return pd.DataFrame(rows)


def _functions(package: str) -> dict[str, tuple[str, ...]]:
    """Functions that each advisory on a package is about, by its id; none where it names none."""
    records = json.loads(frozen_bytes(SLUG, f"osv/{package}.json"))
    return {one["id"]: tuple(one.get("database_specific", {}).get("functions", ())) for one in records}


def _card(lab: Lab) -> DataCard:
    files = [LABELS, IMPORTS, ADVISED, *(f"recorded/{tool}.sarif" for tool in TOOLS)]
    sha256 = hashlib.sha256(b"".join(frozen_bytes(SLUG, name) for name in files)).hexdigest()
    real = lab.evidence.real
    return DataCard(
        name=SLUG, title="A labelled lab of six small services", origin="frozen", badge="Our own lab",
        source=f"{len(real)} endpoints of our generator, {real.sum()} with a proven flaw; what scanners "
        "reported.",
        licence="MIT", rows=len(real), columns=lab.cases.shape[1], sha256=sha256,
        caveat="Flaws are real and proven by a request each, but we wrote them: other code has other flaws, "
        "and far "
        "fewer. Values, chances and hours are drawn from assumptions.",
    )  # fmt: skip
