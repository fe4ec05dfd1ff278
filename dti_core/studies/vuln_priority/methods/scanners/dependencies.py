"""Dependencies (SCA): pip-audit against a loopback server that answers as OSV does."""

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import Version

from dti_core.lab.errors import DataError
from dti_core.studies.vuln_priority.methods.scanners.sarif import compact

Advisory = dict[str, Any]
LARGEST_QUERY_BYTES = 10_000


def read_advisories(folder: Path) -> tuple[Advisory, ...]:
    """The OSV records of all JSON files of a folder; a file holds one record or a list.

    Raises
    ------
    DataError if there is none.
    """
    read = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    records = [one for each in read for one in (each if isinstance(each, list) else [each])]
    if not records:
        raise DataError(f"No advisory in {folder}: give a folder with OSV records as JSON.")
    return tuple(records)


def matching(advisories: Sequence[Advisory], name: str, pinned: str) -> list[Advisory]:
    """The advisories whose version ranges hold this version of this package."""
    wanted, at = canonicalize_name(name), Version(pinned)
    return [
        one
        for one in advisories
        if any(
            canonicalize_name(affected["package"]["name"]) == wanted and _inside(span["events"], at)
            for affected in one["affected"]
            for span in affected["ranges"]
        )
    ]


def _inside(events: Sequence[dict[str, str]], at: Version) -> bool:
    """Whether a version lies in a range; the events stand in order, and the last that applies decides."""
    inside = False
    for event in events:
        ((kind, named),) = event.items()
        edge = Version(named)
        if kind == "introduced" and at >= edge:
            inside = True
        elif (kind == "fixed" and at >= edge) or (kind == "last_affected" and at > edge):
            inside = False
    return inside


@contextmanager
def serving_osv(advisories: Sequence[Advisory]) -> Iterator[str]:
    """Address of a server on 127.0.0.1 that answers OSV's `/v1/query` over these advisories."""

    class Handler(BaseHTTPRequestHandler):
        """One query a request; anything else is 400 or 404."""

        def do_POST(self) -> None:
            """Answer a query for one package and version."""
            try:
                length = min(int(self.headers.get("Content-Length", 0)), LARGEST_QUERY_BYTES)
                asked = json.loads(self.rfile.read(length))
                found = matching(advisories, asked["package"]["name"], asked["version"])
            except (ValueError, KeyError, TypeError):
                return self.send_error(400)
            if self.path != "/v1/query":
                return self.send_error(404)
            body = json.dumps({"vulns": found} if found else {}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1/query"
        finally:
            server.shutdown()
            thread.join()


def run_pip_audit(folder: Path, advisories: Sequence[Advisory]) -> str:
    """What pip-audit says of each service's `requirements.txt`, as one JSON text keyed by service."""
    services = sorted(path.parent for path in folder.glob("*/requirements.txt"))
    if not services:
        raise DataError(f"No requirements.txt in the folders of {folder}, so there is nothing to audit.")
    with serving_osv(advisories) as address, tempfile.TemporaryDirectory() as cache:
        audits = {service.name: _audit(service, address, cache) for service in services}
    said = "pip-audit -s osv --osv-url http://127.0.0.1/v1/query --no-deps --disable-pip -r requirements.txt"
    lines = ",\n".join(f"{compact(name)}:{compact(audit)}" for name, audit in audits.items())
    header = compact({"command": said, "n_advisories": len(advisories), "version": version("pip_audit")})
    return f'{{"tool":{header},\n"services":{{\n{lines}\n}}}}\n'


def _audit(service: Path, address: str, cache: str) -> Any:
    options = ["-s", "osv", "--osv-url", address, "--no-deps", "--disable-pip", "--cache-dir", cache]
    done = subprocess.run(
        [sys.executable, "-m", "pip_audit", *options, "--progress-spinner", "off", "-f", "json", "-r",
         "requirements.txt"],
        cwd=service, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    if done.returncode not in (0, 1) or not done.stdout:
        raise DataError(f"pip-audit failed on {service}: {done.stderr.strip()[-400:]}")
    return json.loads(done.stdout)
