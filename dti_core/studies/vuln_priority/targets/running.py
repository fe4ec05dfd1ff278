"""Run a service of the lab in a child process, on loopback, behind the guard."""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from select import select
from typing import TYPE_CHECKING

from dti_core.lab.errors import DataError

from .cases import SERVICES

if TYPE_CHECKING:
    from flask import Flask

#: Users of the lab and their passwords, for `POST /login` (form fields user and password); ada is the admin.
USERS = {"ann": "ann-lab", "ben": "ben-lab", "ada": "ada-lab"}
MOST_REQUESTS = 100_000
_START_SECONDS = 60
_HERE = __name__.rpartition(".")[0]
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True, slots=True)
class Served:
    """A running service: its address, the log that an agent writes, and the folder both are gone with."""

    url: str
    log: Path
    scratch: Path


def child_command(code: str) -> list[str]:
    """The command of a child that runs `code`."""
    return [sys.executable, "-c", code]


def child_surroundings(folder: Path, scratch: Path) -> dict[str, str]:
    """All that a child of the lab sees of its surroundings; no variable of the user's own is among it."""
    root = Path(__file__).resolve().parents[4]
    return {
        "PATH": "/usr/bin:/bin", "PYTHONPATH": f"{root}:{folder.resolve()}", "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0", "LANG": "C.UTF-8", "LAB_SCRATCH": str(scratch),
        "LAB_CANARY": str(scratch / "canary"),
    }  # fmt: skip


@contextmanager
def serving(folder: Path, service: str, agent: str | None = None) -> Iterator[Served]:
    """Serve one service of the lab below `folder` on a free port of 127.0.0.1 until the context ends.

    Parameters
    ----------
    agent : dotted name of a module that the child imports before the app, to call its `install(log: Path)`.

    Raises
    ------
    DataError if the service or agent is none, or does not start.
    """
    if service not in SERVICES:
        raise DataError(f"the lab has no service {service!r}. Take one of {', '.join(SERVICES)}.")
    if agent is not None and not _DOTTED.fullmatch(agent):
        raise DataError(f"agent {agent!r} is no dotted name of a module, such as package.module.")
    with tempfile.TemporaryDirectory(prefix="lab-") as place:
        scratch = Path(place).resolve()
        log = scratch / "agent.log"
        lines = ["from pathlib import Path", f"from {_HERE} import guard, running"]
        lines.append(f"guard.guard(Path({str(scratch)!r}), Path({str(folder.resolve())!r}))")
        lines += [f"import {agent} as agent", f"agent.install(Path({str(log)!r}))"] if agent else []
        lines += [f"from {service}.app import app", "running.serve(app)"]
        with (scratch / "stderr").open("wb") as told:
            child = subprocess.Popen(
                child_command("\n".join(lines)), env=child_surroundings(folder, scratch), cwd=scratch,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=told,
            )  # fmt: skip
        try:
            yield Served(f"http://127.0.0.1:{_port(child, scratch)}", log, scratch)
        finally:
            child.kill()
            child.communicate()


def _port(child: "subprocess.Popen[bytes]", scratch: Path) -> int:
    """The port that the child says it listens on."""
    assert child.stdout
    line = child.stdout.readline() if select([child.stdout], [], [], _START_SECONDS)[0] else b""
    if not line:
        last = (scratch / "stderr").read_text(errors="replace").strip().splitlines()[-1:]
        raise DataError(f"a service of the lab did not start: {' '.join(last) or 'no word from it'}")
    return int(json.loads(line)["port"])


def serve(app: "Flask") -> None:
    """Serve an app on a free port of 127.0.0.1, which is printed as JSON; ends with its parent or its budget.

    For the child alone.
    """
    import logging
    import os
    import threading

    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    inner = app.wsgi_app
    left = iter(range(MOST_REQUESTS))

    def bounded(environ: dict[str, object], start: Callable[..., object]) -> Iterable[bytes]:
        if next(left, None) is None:
            start("503 Service Unavailable", [("Content-Type", "text/plain")])
            return [b"the lab has answered all the requests it will"]
        return inner(environ, start)  # type: ignore[arg-type]

    app.wsgi_app = bounded  # type: ignore[method-assign,assignment]
    server = make_server("127.0.0.1", 0, app, threaded=True)

    def end_with_parent() -> None:
        sys.stdin.read()
        os._exit(0)

    threading.Thread(target=end_with_parent, daemon=True).start()
    print(json.dumps({"port": server.server_port}), flush=True)
    server.serve_forever()
