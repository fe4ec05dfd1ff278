"""The inputs of the current request, where they arrive, and the log of what was found."""

import base64
import binascii
import json
import os
import sys
import sysconfig
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit

SHORTEST = 4
#: Headers that every client sends; values of the others are inputs.
PLAIN_HEADERS = (
    "Accept", "Accept-Encoding", "Accept-Language", "Connection", "Content-Length", "Content-Type", "Cookie",
    "Host", "User-Agent",
)  # fmt: skip
_INSTALLED = {sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}
_LIBRARY = (*_INSTALLED, "<frozen", "<template", os.path.dirname(__file__))


class Watch:
    """What the current request sent, and where findings are noted."""

    def __init__(self, log: int) -> None:
        self._log, self._seen = log, set[tuple[object, ...]]()

    def inputs(self) -> tuple[tuple[str, str], ...]:
        """Name and value of each input of the current request, decoded ones too; empty outside of one."""
        from flask import has_request_context, request

        if not has_request_context():
            return ()
        known: tuple[tuple[str, str], ...] | None = request.environ.get("dti.inputs")
        if known is None:
            request.environ["dti.inputs"] = known = tuple(_decoded(_sent(request)))
        return known

    def arriving(self, text: object, sign: Callable[[str], bool]) -> tuple[str, bool] | None:
        """An input that stands in `text`, and whether it has the steering sign; None where none is there."""
        whole = text.decode("latin-1") if isinstance(text, bytes | bytearray) else str(text)
        there = [(name, sign(value)) for name, value in self.inputs() if value in whole]
        return max(there, key=lambda one: one[1]) if there else None

    def look(self, rule: str, cwe: int, text: object, sign: Callable[[str], bool]) -> None:
        """Note a finding where an input has arrived in `text`."""
        if (found := self.arriving(text, sign)) is not None:
            self.note(rule, cwe, found[0], "high" if found[1] else "low", application_frame())

    def note(self, rule: str, cwe: int, name: str, confidence: str, place: tuple[str, int] | None) -> None:
        """Write a finding of the current request, unless this place has given it before."""
        from flask import has_request_context, request

        if place is None or not has_request_context() or request.url_rule is None:
            return
        key = (rule, *place, request.method, request.url_rule.rule, confidence)
        if key not in self._seen:
            self._seen.add(key)
            names = ("rule", "file", "line", "method", "route", "confidence")
            said = dict(zip(names, key, strict=True)) | {"cwe": cwe, "input": name}
            os.write(self._log, (json.dumps(said, sort_keys=True) + "\n").encode())


def application_frame(depth: int = 1) -> tuple[str, int] | None:
    """File and line of the innermost caller that is neither a library nor this agent."""
    frame = sys._getframe(depth)
    while frame is not None:
        if not is_library(frame.f_code.co_filename):
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back  # type: ignore[assignment]
    return None


def is_library(name: str) -> bool:
    """Whether a file belongs to Python, a package or this agent."""
    return name.startswith(_LIBRARY)


def _sent(request: Any) -> list[tuple[str, str]]:
    sent: list[tuple[str, str]] = [*request.args.items(multi=True), *request.form.items(multi=True)]
    sent += [(name, str(value)) for name, value in (request.view_args or {}).items()]
    sent += [(name, value) for name, value in request.cookies.items() if name != "session"]
    sent += [(name, value) for name, value in request.headers if name not in PLAIN_HEADERS]
    body = request.get_json(silent=True) if request.is_json else None
    sent += list(_leaves("json", body)) if body is not None else []
    if body is None and not request.form and (raw := request.get_data()):
        sent.append(("body", raw.decode("latin-1")))
    return sent


def _leaves(name: str, value: object) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [leaf for key, one in value.items() for leaf in _leaves(str(key), one)]
    if isinstance(value, list):
        return [leaf for one in value for leaf in _leaves(name, one)]
    return [(name, value)] if isinstance(value, str) else [(name, str(value))] * (value is not None)


def _decoded(sent: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The values that are long enough, and what they are without base64 or percent signs."""
    found = set()
    for name, value in sent:
        found |= {(name, value), (name, unquote(value)), (name, value.strip())}
        with suppress(binascii.Error, ValueError):
            found.add((name, base64.b64decode(value, validate=True).decode("latin-1")))
    return sorted(pair for pair in found if len(pair[1]) >= SHORTEST)


def names_host(value: str, address: str) -> bool:
    """Whether a value holds the host of an address."""
    host = urlsplit(address).netloc
    return bool(host) and host in value
