"""Prove the labels: each vulnerable case yields to a harmful request, each other case withstands the same."""

import json
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from dti_core.lab.errors import DataError

from .cases import SERVICES, Case, build_cases
from .probes import ORDINARY, PROBES, WRITTEN, Answer, Ground
from .running import USERS, child_command, child_surroundings
from .sinks import SINKS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask
    from flask.testing import FlaskClient

_SECONDS = 300
_ROLES = {"": "", "user": "ann", "admin": "ada"}
_HERE = __name__.rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of a case: whether harm was seen, after how many values, the status of a harmless request."""

    name: str
    harmed: bool
    tried: int
    benign_status: int


def prove(
    folder: Path, cases: Iterable[Case], role: str | None = None, ordinary: bool = False
) -> tuple[Proof, ...]:
    """Probe cases of the lab below `folder` in one guarded child process.

    Parameters
    ----------
    role : "", "user" or "admin" in place of the role that each case asks for.
    ordinary : send values that mean no harm in place of harmful ones.

    Raises
    ------
    DataError if the child ends without an answer.
    """
    asked = json.dumps({"names": [case.name for case in cases], "role": role, "ordinary": ordinary})
    with tempfile.TemporaryDirectory(prefix="lab-") as place:
        scratch = Path(place).resolve()
        lines = ["from pathlib import Path", f"from {_HERE} import guard, proofs"]
        lines.append(f"guard.guard(Path({str(scratch)!r}), Path({str(folder.resolve())!r}))")
        lines += [f"from {service}.app import app as {service}" for service in SERVICES]
        apps = ", ".join(f"{service!r}: {service}" for service in SERVICES)
        lines.append(f"proofs.prove_here({{{apps}}}, Path({str(scratch)!r}))")
        done = subprocess.run(
            child_command("\n".join(lines)), input=asked, env=child_surroundings(folder, scratch),
            cwd=scratch, capture_output=True, text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
    if done.returncode:
        raise DataError(f"the proofs of the lab did not finish: {done.stderr.strip()[-300:]}")
    return tuple(Proof(**row) for row in json.loads(done.stdout))


def prove_here(apps: "dict[str, Flask]", scratch: Path) -> None:
    """Read names of cases and a role from stdin, print their proofs as JSON. For the child alone."""
    wanted = json.load(sys.stdin)
    names, role, ordinary = set(wanted["names"]), wanted["role"], wanted["ordinary"]
    asked: set[str] = set()
    clients = {(service, one): _client(app, one) for service, app in apps.items() for one in _ROLES}
    tokens = (f"t{number}k" for number in count(100))
    proofs = []
    with _listener(asked) as port:
        for case in build_cases():
            if case.name in names:
                client = clients[case.service, case.role if role is None else role]
                ground = Ground(case.service, scratch, port, asked)
                proofs.append(_prove_case(case, client, ground, tokens, ordinary))
    print(json.dumps([asdict(proof) for proof in proofs]))


def _prove_case(
    case: Case, client: "FlaskClient", ground: Ground, tokens: "Iterator[str]", ordinary: bool
) -> Proof:
    own = WRITTEN.get(case.flow, WRITTEN["direct"])
    benign = _send(client, case, own(SINKS[case.sink].benign))
    probe, tried = PROBES[case.sink], 0
    others = () if ordinary else (one for one in WRITTEN.values() if one is not own)
    for write in (own, *others):
        for place in range(len(ORDINARY if ordinary else probe.values("", ground))):
            token = next(tokens)
            values = ORDINARY if ordinary else probe.values(token, ground)
            answer = _send(client, case, write(values[place]))
            tried += 1
            if probe.seen(answer, token, ground):
                return Proof(case.name, True, tried, benign.status)
    return Proof(case.name, False, tried, benign.status)


def _client(app: "Flask", role: str) -> "FlaskClient":
    client = app.test_client()
    if user := _ROLES[role]:
        client.post("/login", data={"user": user, "password": USERS[user]})
    return client


def _send(client: "FlaskClient", case: Case, value: str) -> Answer:
    """Send a value where the case takes one; of a case that keeps it, ask again."""
    path = case.route.replace("<path:rest>", quote(value, safe=""))
    more: dict[str, object] = {"query_string": {"mode": "full"}}
    match case.source:
        case "query":
            more["query_string"] = {"mode": "full", case.field: value}
        case "form":
            more["data"] = {case.field: value}
        case "json":
            more["json"] = {case.field: value}
        case "header":
            if not (value.isascii() and value.isprintable()):
                return Answer(0, "", "", "")
            more["headers"] = {case.field: value}
        case "cookie":
            client.set_cookie(case.field, quote(value, safe=""))
    got = client.open(path, method=case.method, **more)  # type: ignore[arg-type]
    if case.flow == "second_order":
        got = client.get(path)
    return Answer(
        got.status_code, got.mimetype or "", got.get_data(as_text=True), got.headers.get("Location", "")
    )


@contextmanager
def _listener(asked: set[str]) -> "Iterator[int]":
    """A server on loopback that notes the paths it is asked for; gives its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.add(self.path.split("?")[0].strip("/"))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
