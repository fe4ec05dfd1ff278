"""How large each room of the package is, in lines of code, against what the house allows it."""

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import dti_core

_PACKAGE = Path(dti_core.__file__).parent
#: Most lines of code of the lab, of the command, of each bridge and study, and of all together.
LIMITS = {"lab": 4_400, "book": 2_000, "cli": 1_250, "bridges": 500, "studies": 2_500, "dti_core": 24_000}
#: Rooms that are over their limit: what they may have until they are not, and why they are.
OVER = {
    "dti_core": (
        50_400,
        "seven studies of nine; nine below the limit are not in prospect",
    ),
    "book": (
        2_950,
        "seven questions of one's own size, and the loop by size with the page on which readers move it",
    ),
    "cli": (
        1_280,
        "the command of own sizes, whose options are made from the questions",
    ),
    "bridges/privacy": (
        665,
        "exact samplers, accounting, a ledger that survives kills, and audits, behind one face",
    ),
    "bridges/secure_sum": (
        512,
        "sums for histograms and for updates, whose refusals and aborts are half of them",
    ),
    "bridges/federated": (
        620,
        "two array kernels and any torch module, six schemes, opacus, attacks on members and by clients",
    ),
    "bridges/policies": (
        700,
        "five algorithms, each in a file of its own, limits by multipliers, resuming, weights without code",
    ),
    "lab": (
        5_520,
        "records that cannot lie, kept results, hostile files; the tables and plots of all studies",
    ),
    "studies/esg_constraint": (
        5_260,
        "fourteen worlds, five packages beside fourteen estimators of our own, own panels of any shape",
    ),
    "studies/private_lift": (
        7_010,
        "eleven questions with registries of their own: report, paths, trials, groups, regions, offers",
    ),
    "studies/patch_planning": (
        6_325,
        "own estates with a calendar, exact plans, rules, agents, arrivals; four claims with their controls",
    ),
    "studies/spillover": (
        4_800,
        "thirty cells over five bridges and three fields, planted worlds of each, own series, frontiers",
    ),
    "studies/vuln_priority": (
        7_250,
        "a lab that writes, serves and proves itself, five scanners, own scans of any tool, six exports",
    ),
    "studies/lstm_portfolio": (
        3_900,
        "two samples, worlds drawn many times, nine volatility models, shares that come and go, tear sheet",
    ),
}


@dataclass(frozen=True, slots=True)
class Size:
    """A room, its lines of code, the most that it should have, the most that it has leave for, and why."""

    room: str
    lines: int
    limit: int
    leave: int
    why: str = ""


def ledger(package: Path = _PACKAGE) -> list[Size]:
    """Sizes of the lab, the command, every bridge, every study, and of the package."""
    counts = {path: code_lines(path.read_text(encoding="utf-8")) for path in package.rglob("*.py")}
    rooms: dict[str, int] = {}
    for path, lines in sorted(counts.items()):
        side, *inside = path.relative_to(package).with_suffix("").parts
        if side in LIMITS and inside != ["__init__"]:
            room = f"{side}/{inside[0]}" if side in ("bridges", "studies") else side
            rooms[room] = rooms.get(room, 0) + lines
    rooms["dti_core"] = sum(counts.values())
    limits = {room: LIMITS[room.split("/")[0]] for room in rooms}
    return [Size(room, n, limits[room], *OVER.get(room, (limits[room],))) for room, n in rooms.items()]


@cache
def code_lines(source: str) -> int:
    """Lines that hold code: no comments, no blanks, no docstrings."""
    rows, tree = source.splitlines(), ast.parse(source)
    lines = {number for number, row in enumerate(rows, 1) if row.strip() and not row.lstrip().startswith("#")}
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    unsaid: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr) and node.end_lineno != node.lineno:
            one = re.search(r"\"{3}|'{3}", rows[node.lineno - 1])  # else several, one below the other
            lines |= _span(node) if one else set()
        elif isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            unsaid |= _span(node.body[0])
    return len(lines - unsaid)


def _span(node: ast.stmt | ast.expr) -> set[int]:
    return set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
