"""Reports on dependencies: Trivy, Grype, pip-audit and OSV-Scanner, each in its own JSON."""

from collections.abc import Iterator, Mapping
from typing import Any

from dti_core.studies.vuln_priority.data.findings import Finding
from dti_core.studies.vuln_priority.data.readers import bounds
from dti_core.studies.vuln_priority.data.readers.bounds import at, items, objects
from dti_core.studies.vuln_priority.data.readers.sarif_places import relative
from dti_core.studies.vuln_priority.data.readers.scan import Scan
from dti_core.studies.vuln_priority.data.readers.tools import (
    advisory_of,
    cwe_of,
    first_fix,
    level_of,
    package_name,
)

_SCORES = ("V40Score", "V3Score", "V2Score")


def read_trivy(report: Mapping[str, Any], name: str) -> Scan:
    """Flaws of packages, and misconfigurations and secrets of files, by target."""
    return Scan(name, "Trivy JSON", ("trivy",), tuple(_trivy(report, name)))


def read_grype(report: Mapping[str, Any], name: str) -> Scan:
    """Flaws of packages, by match."""
    return Scan(name, "Grype JSON", ("grype",), tuple(_grype(report, name)))


def read_pip_audit(report: Any, name: str) -> Scan:
    """Flaws of packages; a report may hold one of each service, by name. What was skipped is said."""
    by_service = at(report, "services")
    audits = by_service if isinstance(by_service, dict) else {"": report}
    found, skipped = [], []
    for service, audit in audits.items():
        where = f"{name}#{service}" if service else name
        raw_list = audit if isinstance(audit, list) else at(audit, "dependencies")
        listed = objects(raw_list, f"{where}: dependencies")
        skipped += [bounds.name(one.get("name"), where) for one in listed if "skip_reason" in one]
        found += [one for place, raw in enumerate(listed) for one in _pip_audit(raw, (name, service, place))]
    named = ", ".join(skipped[:5])
    said = f"{name}: {len(skipped)} packages were skipped ({named}); they are not known to be clean."
    return Scan(name, "pip-audit JSON", ("pip-audit",), tuple(found), (said,) if skipped else ())


def read_osv_scanner(report: Mapping[str, Any], name: str) -> Scan:
    """Flaws of packages, by source file."""
    return Scan(name, "OSV-Scanner JSON", ("osv-scanner",), tuple(_osv_scanner(report, name)))


def _trivy(report: Mapping[str, Any], name: str) -> Iterator[Finding]:
    for number, target in enumerate(objects(report.get("Results"), f"{name}: Results")):
        where = f"{name}#Results[{number}]"
        file = relative(bounds.name(target.get("Target"), where))
        for place, one in enumerate(objects(target.get("Vulnerabilities"), f"{where}.Vulnerabilities")):
            ratings = at(one, "CVSS")
            scores = [bounds.score(at(rating, key)) for key in _SCORES for rating in _values(ratings)]
            yield _packaged(
                "trivy", [one.get("VulnerabilityID")], f"{where}.Vulnerabilities[{place}]", file=file,
                package=one.get("PkgName"), version=one.get("InstalledVersion"),
                fixes=one.get("FixedVersion"), cwe=one.get("CweIDs"), level=one.get("Severity"),
                message=one.get("Title") or one.get("Description"),
                severity=next((score for score in scores if score is not None), None),
            )  # fmt: skip
        for key, rule in (("Misconfigurations", "ID"), ("Secrets", "RuleID")):
            for place, one in enumerate(objects(target.get(key), f"{where}.{key}")):
                if one.get("Status") == "PASS":
                    continue
                line = at(one, "CauseMetadata", "StartLine") or one.get("StartLine")
                yield Finding(
                    "trivy", "sast", bounds.name(one.get(rule), where), bounds.message(one.get("Title")),
                    798 if key == "Secrets" else None, file=file, line=bounds.line_number(line),
                    level=level_of(one.get("Severity")), origin=f"{where}.{key}[{place}]",
                )  # fmt: skip


def _grype(report: Mapping[str, Any], name: str) -> Iterator[Finding]:
    for place, match in enumerate(objects(report.get("matches"), f"{name}: matches")):
        where, flaw, package = f"{name}#matches[{place}]", match.get("vulnerability"), match.get("artifact")
        every = [flaw, *items(match.get("relatedVulnerabilities"))]
        rated = [one for flaw_there in every for one in items(at(flaw_there, "cvss"))]
        scores = [bounds.score(at(one, "metrics", "baseScore")) for one in rated]
        file = relative(bounds.name(at(package, "locations", 0, "path"), where))
        yield _packaged(
            "grype", [at(one, "id") for one in every], where, package=at(package, "name"),
            version=at(package, "version"), file=file, fixes=at(flaw, "fix", "versions"),
            cwe=[at(one, "cwe") for one in items(at(flaw, "cwes"))], level=at(flaw, "severity"),
            message=at(flaw, "description"), severity=_largest(scores),
        )  # fmt: skip


def _pip_audit(raw: Mapping[str, Any], at_place: tuple[str, str, int]) -> Iterator[Finding]:
    name, service, number = at_place
    where = f"{name}#{service}.dependencies[{number}]".replace("#.", "#")
    for place, one in enumerate(objects(raw.get("vulns"), f"{where}.vulns")):
        yield _packaged(
            "pip-audit", [one.get("id"), *items(one.get("aliases"))], f"{where}.vulns[{place}]",
            package=raw.get("name"), version=raw.get("version"), fixes=one.get("fix_versions"),
            message=one.get("description"), service=service,
        )  # fmt: skip


def _osv_scanner(report: Mapping[str, Any], name: str) -> Iterator[Finding]:
    for number, source in enumerate(objects(report.get("results"), f"{name}: results")):
        where = f"{name}#results[{number}]"
        file = relative(bounds.name(at(source, "source", "path"), where))
        for place, entry in enumerate(objects(source.get("packages"), f"{where}.packages")):
            here, package = f"{where}.packages[{place}]", entry.get("package")
            severities = {
                bounds.name(one, here): at(group, "max_severity")
                for group in items(entry.get("groups")) for one in items(at(group, "ids"))
            }  # fmt: skip
            for at_flaw, one in enumerate(objects(entry.get("vulnerabilities"), f"{here}.vulnerabilities")):
                yield _packaged(
                    "osv-scanner", [one.get("id"), *items(one.get("aliases"))],
                    f"{here}.vulnerabilities[{at_flaw}]", package=at(package, "name"),
                    version=at(package, "version"), file=file, fixes=_fixes(one),
                    cwe=at(one, "database_specific", "cwe_ids"),
                    level=at(one, "database_specific", "severity"),
                    message=one.get("summary") or one.get("details"),
                    severity=bounds.score(severities.get(bounds.name(one.get("id"), here))),
                )  # fmt: skip


def _fixes(flaw: Mapping[str, Any]) -> list[Any]:
    ranges = [one for affected in items(flaw.get("affected")) for one in items(at(affected, "ranges"))]
    return [at(event, "fixed") for one in ranges for event in items(at(one, "events")) if at(event, "fixed")]


def _packaged(
    tool: str, named: list[Any], where: str, *, package: Any, version: Any = "", fixes: Any = None,
    file: str = "", cwe: Any = None, level: Any = None, message: Any = "", severity: float | None = None,
    service: str = "",
) -> Finding:  # fmt: skip
    """A flaw of a package; `named` are its names, of which a CVE is taken first."""
    return Finding(
        tool, "sca", bounds.name(named[0], where), bounds.message(message), cwe_of(cwe),
        bounds.name(service, where), file, package=package_name(package, where),
        version=bounds.name(version, where), fixed_in=first_fix(fixes, where), cve=advisory_of(named, where),
        level=level_of(level), severity=severity, origin=where,
    )  # fmt: skip


def _largest(scores: list[float | None]) -> float | None:
    return max((one for one in scores if one is not None), default=None)


def _values(raw: Any) -> list[Any]:
    return list(raw.values()) if isinstance(raw, dict) else []
