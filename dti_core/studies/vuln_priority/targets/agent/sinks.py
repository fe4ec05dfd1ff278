"""The calls that the agent of interactive testing watches, and which signs in a value steer them."""

import functools
import hashlib
import inspect
import logging
import pickle
import random
import sqlite3
import sys
from collections.abc import Callable
from typing import Any
from xml.etree import ElementPath

from dti_core.studies.vuln_priority.targets.agent.watch import (
    Watch,
    application_frame,
    is_library,
    names_host,
)

WEAK_RANDOM = ("random", "randint", "randrange", "choice", "choices", "sample", "getrandbits", "uniform")


def _has(*signs: str) -> Callable[[str], bool]:
    return lambda value: any(sign in value for sign in signs)


QUOTE, SHELL, MARKUP = _has("'", '"'), _has(";", "|", "&", "$(", "`"), _has("<")
CLIMB, BREAK, TEMPLATE = _has("../", "..\\"), _has("\n", "\r"), _has("{{", "{%")


def _any_sign(value: str) -> bool:
    return True


def audited(watch: Watch) -> dict[str, Callable[..., None]]:
    """Event of Python's audit hook -> what looks at it."""

    def opened(path: object, mode: object, flags: object) -> None:
        if isinstance(path, str | bytes):
            absolute = _text(path).startswith
            watch.look("file-opened", 22, path, lambda v: CLIMB(v) or (v.startswith("/") and absolute(v)))

    def started(executable: object, arguments: Any, *_: object) -> None:
        words = (
            [_text(one) for one in arguments] if isinstance(arguments, list | tuple) else [_text(arguments)]
        )
        if len(words) == 1 or words[1] == "-c":
            watch.look("command-started", 78, words[-1], SHELL)

    def system(command: object) -> None:
        watch.look("command-started", 78, _text(command), SHELL)

    def compiled(source: object, name: object) -> None:
        if isinstance(source, str | bytes) and name != "<template>":
            watch.look("code-compiled", 95, source, _has("(", "_", "*"))

    def asked(address: object, *_: object) -> None:
        if any(names_host(value, _text(address)) for _, value in watch.inputs()):
            watch.look("address-asked", 918, _text(address), lambda v: names_host(v, _text(address)))

    return {
        "open": opened, "subprocess.Popen": started, "os.system": system, "compile": compiled,
        "urllib.Request": asked,
    }  # fmt: skip


def wrap(watch: Watch) -> None:
    """Replace the watched calls by ones that look first; packages that are not installed are left out."""
    _wrap_database(watch)
    _wrap_weak(watch)
    _wrap_loaders(watch)
    _wrap_sax(watch)
    _wrap_flask(watch)

    def logged(self: logging.Logger, record: logging.LogRecord) -> None:
        if not is_library(record.pathname):
            watch.look("log-written", 117, record.getMessage(), BREAK)

    _before(logging.Logger, "handle", logged)


def _before(owner: Any, name: str, look: Callable[..., None]) -> None:
    """Let `look` see the arguments of a call before it runs."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def watched(*given: Any, **named: Any) -> Any:
        look(*given, **named)
        return original(*given, **named)

    setattr(owner, name, watched)


def _wrap_database(watch: Watch) -> None:
    def look(sql: object) -> None:
        watch.look("sql-executed", 89, sql, QUOTE)

    class Cursor(sqlite3.Cursor):
        def execute(self, sql: str, *given: Any) -> Any:
            look(sql)
            return super().execute(sql, *given)

        def executescript(self, sql: str, /) -> Any:
            look(sql)
            return super().executescript(sql)

    class Connection(sqlite3.Connection):
        def cursor(self, factory: Any = Cursor) -> Any:
            return super().cursor(factory)

        def execute(self, sql: str, *given: Any) -> Any:
            return self.cursor().execute(sql, *given)

        def executescript(self, sql: str, /) -> Any:
            return self.cursor().executescript(sql)

    plain = sqlite3.connect

    @functools.wraps(plain)
    def connect(*given: Any, **named: Any) -> sqlite3.Connection:
        return plain(*given, **({"factory": Connection} | named))

    sqlite3.connect = connect  # type: ignore[assignment]


def _wrap_weak(watch: Watch) -> None:
    """Calls that are weak whatever they are given: only where the service itself makes them."""

    def weak(rule: str, cwe: int) -> Callable[..., None]:
        def look(*given: object, **named: object) -> None:
            caller = sys._getframe(2)
            if named.get("usedforsecurity", True) and not is_library(caller.f_code.co_filename):
                watch.note(rule, cwe, "", "medium", (caller.f_code.co_filename, caller.f_lineno))

        return look

    for name in ("md5", "sha1"):
        _before(hashlib, name, weak("weak-hash", 327))
    for name in WEAK_RANDOM:
        _before(random, name, weak("predictable-random", 330))
    made = weak("predictable-random", 330)

    class Random(random.Random):
        def __init__(self, *given: Any) -> None:
            made()
            super().__init__(*given)

    random.Random = Random  # type: ignore[misc,assignment]


def _wrap_sax(watch: Watch) -> None:
    """Python's own XML parser resolves external entities only if it is told to."""
    from xml.sax import expatreader, handler

    def told(self: object, name: object, state: object) -> None:
        if name == handler.feature_external_ges and state:
            watch.note("entities-resolved", 611, "", "medium", application_frame())

    def found(element: object, path: str, *_: object) -> None:
        watch.look("xpath-searched", 643, path, QUOTE)

    _before(expatreader.ExpatParser, "setFeature", told)
    for name in ("find", "findall", "findtext", "iterfind"):
        _before(ElementPath, name, found)


def _wrap_loaders(watch: Watch) -> None:
    def unpickled(data: object, **_: object) -> None:
        watch.look("pickle-loaded", 502, data, _any_sign)

    _before(pickle, "loads", unpickled)
    try:
        import yaml
    except ModuleNotFoundError:
        pass
    else:

        def parsed(stream: object, Loader: type = yaml.UnsafeLoader) -> None:
            if issubclass(Loader, yaml.UnsafeLoader | yaml.Loader):
                watch.look("yaml-loaded", 502, stream, _any_sign)

        _before(yaml, "load", parsed)
        _before(yaml, "unsafe_load", parsed)
    try:
        from lxml import etree
    except ModuleNotFoundError:
        return
    entities: set[int] = set()
    plain = etree.XMLParser

    def parser(*given: Any, **named: Any) -> Any:
        made = plain(*given, **named)
        if named.get("resolve_entities", "internal") is True:
            entities.add(id(made))
        return made

    def read(text: object, parser: object = None, **_: object) -> None:
        if id(parser) in entities:
            watch.look("entities-resolved", 611, text, _has("<!ENTITY", "<!DOCTYPE"))

    etree.XMLParser = parser
    for name in ("fromstring", "XML", "parse"):
        _before(etree, name, read)


def _wrap_flask(watch: Watch) -> None:
    import flask
    import jinja2

    def templated(self: object, source: object, *_: object, **__: object) -> None:
        watch.look("template-compiled", 1336, source, TEMPLATE)

    def redirected(self: object, location: str, *_: object, **__: object) -> None:
        if (found := watch.arriving(location, lambda v: names_host(v, location))) and (
            found[1] or any(location.startswith(value) for _, value in watch.inputs())
        ):
            watch.note("redirect-sent", 601, found[0], "high" if found[1] else "low", application_frame())

    def answered(self: flask.Flask, response: flask.Response) -> None:
        if (rule := flask.request.url_rule) is None:
            return
        if response.mimetype == "text/html" and not response.is_streamed:
            found = watch.arriving(response.get_data(), MARKUP)
            if found is not None and found[1]:
                watch.note("markup-sent", 79, found[0], "high", _view(self, rule.endpoint))

    _before(jinja2.Environment, "from_string", templated)
    _before(flask.Flask, "redirect", redirected)
    _before(flask.Flask, "process_response", answered)


def _view(app: Any, endpoint: str) -> tuple[str, int]:
    written = inspect.unwrap(app.view_functions[endpoint]).__code__
    return written.co_filename, written.co_firstlineno


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
