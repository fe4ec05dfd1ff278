"""Where a SARIF result lies: paths relative to the code's root, lines, routes; kept as text, never opened."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from dti_core.studies.vuln_priority.data.readers import bounds
from dti_core.studies.vuln_priority.data.readers.bounds import at, items

_ENDPOINT = re.compile(r"([A-Z]{3,7}) (/\S*)")
_MOST_BASES = 10


@dataclass(frozen=True, slots=True)
class Place:
    """As of a `Finding`; `service` is the host of an address."""

    service: str = ""
    file: str = ""
    line: int | None = None
    route: str = ""
    method: str = ""
    parameter: str = ""


def place_of(result: Mapping[str, Any], run: Mapping[str, Any], where: str) -> Place:
    """The place of a result: its first location, else the end of its code flow; and a prober's request."""
    steps = at(result, "codeFlows", 0, "threadFlows", 0, "locations")
    flow = items(steps)[-1:]
    location = at(result, "locations", 0) or at(flow, 0, "location") or {}
    physical = at(location, "physicalLocation")
    host, file, route = _address(at(physical, "artifactLocation"), run, where)
    method, parameter = "", ""
    for logical in items(at(location, "logicalLocations")):
        if found := _ENDPOINT.fullmatch(bounds.name(at(logical, "fullyQualifiedName"), where)):
            method, route = found[1], found[2]
    request = at(result, "webRequest") or {}
    if target := urlsplit(_split_safe(bounds.name(at(request, "target"), where))):
        host, route = host or target.netloc, route or target.path
    method = bounds.name(at(request, "method"), where) or method
    asked = at(request, "parameters")
    if isinstance(asked, dict) and len(asked) == 1:
        parameter = bounds.name(next(iter(asked)), where)
    told = {
        key: bounds.name(at(result, "properties", key), where)
        for key in ("service", "route", "method", "parameter")
    }
    return Place(
        told["service"] or host or _repository(run, where), file,
        bounds.line_number(at(physical, "region", "startLine")) if file else None,
        told["route"] or route, (told["method"] or method).upper(), told["parameter"] or parameter,
    )  # fmt: skip


def relative(uri: str) -> str:
    """A path or file:// address as a path without root, drive or leading ./; what climbs stays as text."""
    path = uri[7:].partition("/")[2] if uri.lower().startswith("file://") else uri
    path = re.sub(r"^(\./|/|[A-Za-z]:/)+", "", unquote(path).replace("\\", "/"))
    return bounds.name(path, "a path")


def _address(artifact: Any, run: Mapping[str, Any], where: str) -> tuple[str, str, str]:
    """(host, file, route) of an artifact; its uri may stand in the run's list of artifacts."""
    index = at(artifact, "index")
    if not at(artifact, "uri") and isinstance(index, int):
        artifact = at(run, "artifacts", index, "location")
    uri = bounds.name(at(artifact, "uri"), where)
    if re.match(r"https?://", uri, re.IGNORECASE):
        parts = urlsplit(_split_safe(uri))
        return parts.netloc, "", parts.path or "/"
    base = at(artifact, "uriBaseId")
    for base_uri in _bases(run, where):
        if uri.startswith(base_uri):
            return "", relative(uri[len(base_uri) :]), ""
    return "", relative(_prefix(base, run, where) + uri) if uri else "", ""


def _bases(run: Mapping[str, Any], where: str) -> list[str]:
    """Absolute addresses that stand for the code's root, the longest first."""
    known = at(run, "originalUriBaseIds")
    uris = [bounds.name(at(one, "uri"), where) for one in known.values()] if isinstance(known, dict) else []
    return sorted((one for one in uris if ":/" in one or one.startswith("/")), key=len, reverse=True)


def _prefix(base: Any, run: Mapping[str, Any], where: str) -> str:
    """The relative part of a chain of base ids, without its absolute root."""
    found = ""
    for _ in range(_MOST_BASES):
        told = at(run, "originalUriBaseIds", base) if isinstance(base, str) else None
        uri = bounds.name(at(told, "uri"), where)
        if not uri or ":/" in uri or uri.startswith("/"):
            break
        found, base = f"{uri.rstrip('/')}/{found}", at(told, "uriBaseId")
    return found


def _repository(run: Mapping[str, Any], where: str) -> str:
    return bounds.name(at(run, "versionControlProvenance", 0, "repositoryUri"), where)


def _split_safe(uri: str) -> str:
    """An address that urlsplit takes: brackets that open no IPv6 host would raise."""
    return uri.replace("[", "%5B").replace("]", "%5D")
