"""What a tool reported, written as SARIF 2.1.0 that is the same bytes whenever it is the same findings."""

import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Level = Literal["error", "warning", "note"]
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


@dataclass(frozen=True, slots=True)
class Hit:
    """One report of a tool: where in the code (`file` below the folder, `line`), at which route, or both."""

    rule: str
    cwe: int
    message: str
    level: Level
    file: str = ""
    line: int = 0
    method: str = ""
    route: str = ""
    details: Mapping[str, str | int | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scan:
    """What one run of a tool did, beside what it found; `n_files` were parsed, or `n_requests` sent."""

    tool: str
    version: str
    command: str
    counts: Mapping[str, int]


def sarif_text(scan: Scan, hits: Iterable[Hit]) -> str:
    """The SARIF log of one run: a line a result, sorted, without any time of day."""
    results = sorted({compact(_result(hit)) for hit in hits})
    rules = sorted({json.loads(result)["ruleId"] for result in results})
    driver = {"name": scan.tool, "version": scan.version, "rules": [{"id": rule} for rule in rules]}
    python = ".".join(platform.python_version_tuple()[:2])
    header = {"command": scan.command, "python": python, **scan.counts}
    listed = ",\n".join(results)
    return (
        f'{{"$schema":"{SCHEMA}","version":"2.1.0","runs":[{{"tool":{compact({"driver": driver})},\n'
        f'"properties":{compact(header)},\n"results":[\n{listed}\n]}}]}}\n'
    )


def compact(value: object) -> str:
    """JSON without spaces and with sorted keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _result(hit: Hit) -> dict[str, Any]:
    place: dict[str, Any] = {}
    if hit.file:
        region = {"startLine": max(hit.line, 1)}
        place["physicalLocation"] = {"artifactLocation": {"uri": hit.file}, "region": region}
    if hit.route:
        place["logicalLocations"] = [{"fullyQualifiedName": f"{hit.method} {hit.route}"}]
    at = {"method": hit.method, "route": hit.route} if hit.route else {}
    return {
        "ruleId": hit.rule, "level": hit.level, "message": {"text": hit.message}, "locations": [place],
        "properties": {"cwe": hit.cwe, **at, **hit.details},
    }  # fmt: skip
