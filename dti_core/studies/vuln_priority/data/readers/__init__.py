"""Scans of any tool: the format is recognised by what a file holds, never by its name alone."""

from collections.abc import Callable
from typing import Any

from dti_core.lab.errors import DataError
from dti_core.studies.vuln_priority.data.readers.bounds import at, items, parse_json, plain_text
from dti_core.studies.vuln_priority.data.readers.cyclonedx import read_cyclonedx
from dti_core.studies.vuln_priority.data.readers.packages import (
    read_grype,
    read_osv_scanner,
    read_pip_audit,
    read_trivy,
)
from dti_core.studies.vuln_priority.data.readers.sarif import read_sarif
from dti_core.studies.vuln_priority.data.readers.scan import Scan

__all__ = ["Scan", "read_scan"]

FORMATS = "SARIF 2.1.0, CycloneDX JSON, or the JSON of Trivy, Grype, pip-audit or OSV-Scanner"


def read_scan(content: bytes, name: str) -> Scan:
    """The scan in the bytes of a file.

    Parameters
    ----------
    name : of the file, for messages and for the origin of each finding.

    Raises
    ------
    DataError if it is no text, no JSON, none of `FORMATS`, too large, or not built as its format says.
    """
    said = parse_json(plain_text(content, name), name)
    if any("check_id" in one for one in items(at(said, "results"))[:1] if isinstance(one, dict)):
        raise DataError(f"{name}: is Semgrep's own JSON. Run `semgrep --sarif` and bring what it writes.")
    if (reader := _reader_of(said)) is None:
        raise DataError(f"{name}: is JSON of no known format. Export the scan as {FORMATS}.")
    if reader is read_sarif and (version := said.get("version")) not in ("2.1.0", None):
        raise DataError(f"{name}: is SARIF of version {str(version)[:20]!r}. Export it as SARIF 2.1.0.")
    return reader(said, name)


def _reader_of(said: Any) -> Callable[[Any, str], Scan] | None:
    if isinstance(said, list):
        return read_pip_audit if isinstance(at(said, 0, "name"), str) else None
    if not isinstance(said, dict):
        return None
    if at(said, "bomFormat") == "CycloneDX":
        return read_cyclonedx
    if "runs" in said and ("version" in said or "$schema" in said):
        return read_sarif
    if "matches" in said and "descriptor" in said:
        return read_grype
    if "SchemaVersion" in said and ("Results" in said or "ArtifactName" in said):
        return read_trivy
    if "dependencies" in said or any("dependencies" in one for one in _audits(said)):
        return read_pip_audit
    if isinstance(said.get("results"), list) and all(
        at(one, "packages") is not None for one in items(said["results"])
    ):
        return read_osv_scanner
    return None


def _audits(said: dict[str, Any]) -> list[dict[str, Any]]:
    services = said.get("services")
    return [one for one in services.values() if isinstance(one, dict)] if isinstance(services, dict) else []
