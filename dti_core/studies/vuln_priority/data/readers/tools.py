"""Names and kinds of tools, and what their words mean: CWE numbers, levels, packages, advisories."""

import re
from collections.abc import Iterable
from typing import Any

from dti_core.studies.vuln_priority.data.findings import Kind, Level
from dti_core.studies.vuln_priority.data.readers import bounds

#: A word of a tool's name -> the name under which it is known here, and its kind.
TOOLS: dict[str, tuple[str, Kind]] = {
    "bandit": ("bandit", "sast"), "semgrep": ("semgrep", "sast"), "opengrep": ("semgrep", "sast"),
    "codeql": ("codeql", "sast"), "brakeman": ("brakeman", "sast"), "gosec": ("gosec", "sast"),
    "sonarqube": ("sonarqube", "sast"), "spotbugs": ("spotbugs", "sast"), "njsscan": ("njsscan", "sast"),
    "prober": ("prober", "dast"), "zap": ("zap", "dast"), "nuclei": ("nuclei", "dast"),
    "wapiti": ("wapiti", "dast"), "schemathesis": ("schemathesis", "dast"), "burp": ("burp", "dast"),
    "agent": ("agent", "iast"), "ddtrace": ("ddtrace", "iast"),
    "trivy": ("trivy", "sca"), "grype": ("grype", "sca"), "pip-audit": ("pip-audit", "sca"),
    "osv-scanner": ("osv-scanner", "sca"), "dependency-check": ("dependency-check", "sca"),
}  # fmt: skip
_CWE = re.compile(r"\bcwe[-_: /]{0,2}0{0,4}([1-9]\d{0,4})(?!\d)", re.IGNORECASE)
_LEVELS: dict[str, Level] = {
    "critical": "error", "high": "error", "error": "error", "medium": "warning", "moderate": "warning",
    "warning": "warning", "low": "note", "minor": "note", "note": "note", "negligible": "note",
    "info": "note", "none": "none",
}  # fmt: skip


def known_tool(said: str) -> tuple[str, Kind]:
    """The name and kind of a tool by what it calls itself; its own name and "unknown" for one not known."""
    plain = re.sub(r"[\s_]+", "-", said.lower())
    for word, known in TOOLS.items():
        if re.search(rf"(?<![a-z0-9]){word}(?![a-z0-9])", plain):
            return known
    return said or "unnamed tool", "unknown"


def cwe_of(raw: Any) -> int | None:
    """The first CWE that a number, a text such as "external/cwe/cwe-089", or a list of them names."""
    if isinstance(raw, int) and not isinstance(raw, bool):
        return raw if 0 < raw < 100_000 else None
    if isinstance(raw, str):
        found = _CWE.search(raw[: bounds.MAX_NAME])
        number = found[1] if found else raw if raw.isascii() and raw.isdigit() and len(raw) < 6 else "0"
        return int(number) or None
    return next(filter(None, map(cwe_of, bounds.items(raw)[:100])), None) if isinstance(raw, list) else None


def level_of(raw: Any) -> Level:
    """The level that a tool's word for a severity means; "warning" for one not known."""
    return _LEVELS.get(raw.lower(), "warning") if isinstance(raw, str) else "warning"


def package_name(raw: Any, where: str) -> str:
    """The name of a package as all tools agree on: small letters, one hyphen for each run of - _ and ."""
    said = bounds.name(raw, where)
    return said.lower() if "/" in said or ":" in said else re.sub(r"[-_.]+", "-", said).lower()


def advisory_of(said: Iterable[Any], where: str) -> str:
    """The CVE among the names of an advisory, else its first name."""
    named = [bounds.name(one, where) for one in said]
    return next((one for one in named if one.startswith("CVE-")), next(filter(None, named), ""))


def first_fix(raw: Any, where: str) -> str:
    """The first version that mends a flaw; tools list several, or write them with commas."""
    listed = raw if isinstance(raw, list) else str(raw).split(",") if isinstance(raw, str) else []
    return next(filter(None, (bounds.name(one, where) for one in listed)), "")
