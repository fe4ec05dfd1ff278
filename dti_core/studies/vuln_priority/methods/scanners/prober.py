"""Dynamic testing (DAST): every parameter that a service describes gets the payloads of every class."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b

from dti_core.studies.vuln_priority.methods.scanners.client import Answer, Client
from dti_core.studies.vuln_priority.methods.scanners.listener import Ears
from dti_core.studies.vuln_priority.methods.scanners.probes import PROBES, Evidence, Target
from dti_core.studies.vuln_priority.methods.scanners.sarif import Hit
from dti_core.studies.vuln_priority.methods.scanners.surface import Endpoint

VERSION = "1"


def probe_service(
    service: str, endpoints: Sequence[Endpoint], clients: Mapping[str, Client], ears: Ears
) -> list[Hit]:
    """What the answers of one service show, an entry a parameter and class.

    Parameters
    ----------
    clients : role -> client that is logged in as it; "" is nobody. Endpoints of other roles are left out.
    """
    return [
        hit
        for endpoint in endpoints
        if endpoint.role in clients
        for hit in _probe_endpoint(service, endpoint, clients, ears)
    ]


def send_usual(endpoints: Sequence[Endpoint], clients: Mapping[str, Client]) -> None:
    """Ask every endpoint once with ordinary values, as a functional test does."""
    for endpoint in endpoints:
        if endpoint.role in clients:
            clients[endpoint.role].send(endpoint, {})


def _probe_endpoint(
    service: str, endpoint: Endpoint, clients: Mapping[str, Client], ears: Ears
) -> Iterator[Hit]:
    client = clients[endpoint.role]
    before = client.send(endpoint, {})
    if endpoint.role and before.status < 300 and (open_to := _opened(endpoint, clients, before)) is not None:
        yield _hit(service, endpoint, "", open_to)
    for parameter in endpoint.parameters:
        name = f"{endpoint.method} {endpoint.route} {parameter.name}"
        token = blake2b(name.encode(), digest_size=4).hexdigest()
        ask = _asking(client, endpoint, parameter.name)
        target = Target(ask, parameter.usual, ears, token)
        for probe in PROBES:
            if (found := probe(target)) is not None:
                yield _hit(service, endpoint, parameter.name, found)


def _asking(client: Client, endpoint: Endpoint, name: str) -> Callable[[str], Answer]:
    return lambda value: client.send(endpoint, {name: value})


def _opened(endpoint: Endpoint, clients: Mapping[str, Client], before: Answer) -> Evidence | None:
    """Whether somebody of a lower role gets what the role gets."""
    lower = [role for role in ("", "user") if role != endpoint.role and role in clients]
    for role in lower:
        if clients[role].send(endpoint, {}) == before:
            return Evidence(862, "role-not-asked", f"{role or 'nobody'} gets what {endpoint.role} gets", True)
    return None


def _hit(service: str, endpoint: Endpoint, parameter: str, found: Evidence) -> Hit:
    return Hit(
        rule=found.rule, cwe=found.cwe, message=found.text, level="error" if found.sure else "warning",
        method=endpoint.method, route=endpoint.route,
        details={
            "service": service, "parameter": parameter, "authenticated": endpoint.role != "",
            "role": endpoint.role, "confidence": "high" if found.sure else "medium",
        },
    )  # fmt: skip
