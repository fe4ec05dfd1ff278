"""One service under test: usual requests, then the prober, and what the agent saw of both."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dti_core.studies.vuln_priority.methods.scanners.client import Client
from dti_core.studies.vuln_priority.methods.scanners.listener import listening
from dti_core.studies.vuln_priority.methods.scanners.prober import probe_service, send_usual
from dti_core.studies.vuln_priority.methods.scanners.sarif import Hit, Level
from dti_core.studies.vuln_priority.methods.scanners.surface import plain_route, read_endpoints

LEVEL: dict[str, Level] = {"high": "error", "medium": "warning", "low": "note"}


@dataclass(frozen=True, slots=True)
class Observed:
    """What the prober and the agent found in one service, and how many requests that took."""

    prober: tuple[Hit, ...]
    agent: tuple[Hit, ...]
    n_usual: int
    n_requests: int


def observe(
    service: Path,
    address: str,
    log: Path | None,
    logins: Mapping[str, Mapping[str, str]],
    only: frozenset[str] = frozenset(),
) -> Observed:
    """Send usual values to every endpoint, then the prober's; read what the agent wrote of both.

    Parameters
    ----------
    service : the service's folder, with its openapi.json; files are named from the folder above it.
    log : where the agent writes; None where it is not installed.
    logins : role -> fields of the login form.
    only : routes to test; empty for all.
    """
    endpoints = [one for one in read_endpoints(service / "openapi.json") if not only or one.route in only]
    clients = {"": Client(address)} | {role: Client(address) for role in logins}
    for role, form in logins.items():
        clients[role].login(form)
    send_usual(endpoints, clients)
    n_usual, usual = sum(one.n_sent for one in clients.values()), _read(log)
    with listening() as ears:
        found = probe_service(service.name, endpoints, clients, ears)
    n_requests = sum(one.n_sent for one in clients.values())
    agent = agent_hits(_read(log), usual, service)
    return Observed(tuple(found), tuple(agent), n_usual, n_requests)


def agent_hits(log: str, usual: str, service: Path) -> list[Hit]:
    """The findings of the agent's log, one a rule and place, with the most confident word.

    Parameters
    ----------
    usual : the log as it was when only usual values had been sent; its places are marked.
    """
    best: dict[tuple[str, ...], dict[str, str]] = {}
    early = {_place(json.loads(line)) for line in usual.splitlines()}
    for line in log.splitlines():
        one = json.loads(line)
        place = _place(one)
        if place not in best or best[place]["confidence"] == "low":
            best[place] = one
    return [_hit(one, service, place in early) for place, one in best.items()]


def _place(one: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(str(one[key]) for key in ("rule", "file", "line", "method", "route"))


def _hit(one: Mapping[str, str], service: Path, early: bool) -> Hit:
    seen = "usual" if early else "prober"
    return Hit(
        rule=one["rule"], cwe=int(one["cwe"]),
        message=one["rule"].replace("-", " ") + (" with an input of the request" if one["input"] else ""),
        level=LEVEL[one["confidence"]], file=Path(one["file"]).relative_to(service.parent).as_posix(),
        line=int(one["line"]), method=one["method"], route=plain_route(one["route"]),
        details={
            "service": service.name, "parameter": one["input"], "confidence": one["confidence"],
            "traffic": seen,
        },
    )  # fmt: skip


def _read(log: Path | None) -> str:
    return log.read_text(encoding="utf-8") if log is not None and log.is_file() else ""
