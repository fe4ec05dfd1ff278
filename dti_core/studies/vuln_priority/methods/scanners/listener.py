"""The prober's own ears: a server on loopback that notes who asked it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, slots=True)
class Ears:
    """Where a probed service may be made to call, and what has been asked for there."""

    address: str
    heard: set[str] = field(default_factory=set)

    def called(self, token: str) -> bool:
        """Whether a request for `/token` has come."""
        return token in self.heard


@contextmanager
def listening() -> Iterator[Ears]:
    """Ears on a free port of 127.0.0.1."""
    heard: set[str] = set()

    class Handler(BaseHTTPRequestHandler):
        """Notes the path, answers with one word."""

        def do_GET(self) -> None:
            """Note which token was asked for."""
            heard.add(self.path.strip("/").split("?")[0][:80])
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield Ears(f"http://127.0.0.1:{server.server_port}", heard)
        finally:
            server.shutdown()
            thread.join()
