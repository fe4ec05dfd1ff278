"""Findings that are one flaw, by place and family of CWE, by route, or by package and CVE; reversible."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.studies.vuln_priority.data.findings import fingerprints

Ints = NDArray[np.int64]
#: Lines between a place and the middle of its group, and between neighbours, at most.
LINES = 3
#: CWE numbers that tools use for one kind of flaw.
FAMILIES: Mapping[str, tuple[int, ...]] = {
    "SQL injection": (89, 564, 943), "code or command injection": (77, 78, 88, 94, 95, 96, 97),
    "template injection": (1336,), "unsafe reflection": (470, 915),
    "cross-site scripting": (79, 80, 81, 83, 84, 85, 86, 87),
    "path traversal": (22, 23, 24, 35, 36, 73, 98), "deserialisation": (502,), "XXE": (611, 776, 827),
    "request forgery by the server": (918, 441), "request forgery": (352,), "open redirect": (601,),
    "LDAP injection": (90,), "XPath injection": (91, 643), "header injection": (93, 113, 644),
    "log injection": (117,), "weak cryptography": (326, 327, 328, 347, 759, 760, 916),
    "weak randomness": (330, 331, 335, 338), "written secret": (259, 312, 321, 522, 798),
    "missing access control": (284, 285, 287, 306, 425, 639, 862, 863), "certificate not checked": (295, 297),
    "sent in clear": (311, 319), "cookie flags": (614, 1004, 1275), "told to strangers": (200, 209, 497, 532),
    "exhaustion": (400, 730, 770, 1333), "permissions": (276, 732), "temporary file": (377, 378, 379),
    "debug mode": (215, 489, 1188), "regular expression": (185, 625),
}  # fmt: skip
_FAMILY = {cwe: name for name, numbers in FAMILIES.items() for cwe in numbers}
LEVELS = {"none": 0, "note": 1, "warning": 2, "error": 3}
COLUMNS = (
    "group", "service", "file", "line", "route", "method", "parameter", "package", "version", "fixed_in",
    "cve", "cwe", "family", "tools", "kinds", "level", "severity", "n_members", "suppressed", "message",
)  # fmt: skip
#: Family of what names a CVE and no CWE.
PACKAGE = "known flaw of a package"
#: What may differ between findings of one fingerprint.
_TOLD = ("message", "version", "fixed_in", "origin")


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of findings, and which finding is in which.

    table : a row a group, with `COLUMNS`: group is its name, the smallest fingerprint of its members; cwe 0
    and line 0 without; level and severity the worst; suppressed if all are; rows in the order of names.
    of : (n,) row of each finding in it.
    """

    table: pd.DataFrame
    of: Ints


def family_of(cwe: int | None) -> str:
    """The kind of flaw that a CWE belongs to; "CWE-n" for one that stands alone, "" for none."""
    return _FAMILY.get(cwe, f"CWE-{cwe}") if cwe else ""


def work_of(groups: pd.DataFrame) -> pd.Series:
    """(g,) name of the work that mends each group: its own, or one of the upgrade of a service's package."""
    packaged, names = (groups["package"] != "").to_numpy(), groups["group"].copy()
    names[packaged] = fingerprints(groups[packaged], ("service", "package"))
    return names


def group(findings: pd.DataFrame) -> Groups:
    """One group for each flaw, whatever the order of findings.

    Findings are the same if, in one service and of one family of CWE, they lie in one file within `LINES`
    lines of their middle, or at one route and parameter; or if they name one package and one CVE. A finding
    with both a line and a route joins the two. Without CWE only what one rule of one tool says is the same.

    Parameters
    ----------
    findings : as `table_of` gives them, with the service of each.
    """
    if findings.empty:
        return Groups(pd.DataFrame(columns=list(COLUMNS)), np.zeros(0, dtype=np.int64))
    marked = findings.reset_index(drop=True)
    marked["group"] = pd.array(fingerprints(marked), dtype="str")
    marked["family"] = _families(marked)
    told = marked["group"] + pd.array(fingerprints(marked, _TOLD), dtype="str")
    order = told.to_numpy(dtype=object).astype("S32").argsort(kind="stable")
    components = _components(marked)
    _, first = np.unique(components[order], return_index=True)
    of = np.argsort(np.argsort(first))[components]
    return Groups(_table(marked, of, order, len(first)), of)


def _families(findings: pd.DataFrame) -> pd.Series:
    numbers = findings["cwe"]
    named = numbers.map({cwe: family_of(int(cwe)) for cwe in numbers.unique()})
    nameless = (findings["tool"] + ": " + findings["rule"]).where(findings["cve"] == "", PACKAGE)
    return named.where(numbers > 0, nameless).astype("str")


def _components(marked: pd.DataFrame) -> Ints:
    """(n,) number of the connected part of each finding; findings with an equal key are connected."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n, edges = len(marked), []
    service = _codes(marked["service"])
    kind = _paired(service, _codes(marked["family"]))
    file = _paired(kind, _codes(marked["file"]))
    has = {name: marked[name].to_numpy(dtype=object) != "" for name in ("file", "route", "package", "cve")}
    packaged = has["package"] & has["cve"]
    keys = {
        "line": (_windows(file, marked["line"].to_numpy()), has["file"] & ~packaged),
        "route": (_paired(_paired(kind, _codes(marked["route"])), _codes(marked["parameter"])), has["route"]),
        "package": (_paired(_paired(service, _codes(marked["package"])), _codes(marked["cve"])), packaged),
        "same": (_codes(marked["group"]), np.ones(n, dtype=bool)),
    }
    offset = n
    for values, asked in keys.values():
        rows = np.flatnonzero(asked)
        edges.append((rows, offset + values[rows]))
        offset += int(values.max()) + 1
    one, other = (np.concatenate(ends) for ends in zip(*edges, strict=True))
    graph = coo_array((np.ones(len(one), dtype=np.int8), (one, other)), shape=(offset, offset))
    found: Ints = np.unique(connected_components(graph, directed=False)[1][:n], return_inverse=True)[1]
    return found


def _windows(file: Ints, line: Ints) -> Ints:
    """(n,) number of the window of lines that each place lies in; windows are cut in the order of lines.

    A window ends where the next line is more than `LINES` away, or 2 * `LINES` from its first one. Places
    without a line (0) lie in a window of their own.
    """
    order = np.lexsort((line, file))
    found = np.empty(len(line), dtype=np.int64)
    window, before, first, last = -1, -1, 0, 0
    for place, here, at in zip(order.tolist(), file[order].tolist(), line[order].tolist(), strict=True):
        if here != before or at - last > LINES or at - first > 2 * LINES or (last == 0 < at):
            window, before, first = window + 1, here, at
        found[place], last = window, at
    return found


def _codes(column: pd.Series) -> Ints:
    return np.asarray(pd.factorize(column)[0], dtype=np.int64)


def _paired(one: Ints, other: Ints) -> Ints:
    """(n,) a number for each pair of numbers, from 0 without gaps."""
    return np.asarray(pd.factorize(one * (int(other.max(initial=0)) + 1) + other)[0], dtype=np.int64)


def _table(marked: pd.DataFrame, of: Ints, order: Ints, n: int) -> pd.DataFrame:
    """The row of each group: each part from the first member, in `order`, that tells most of it."""
    told = {
        ("group", "service"): np.ones(len(of), dtype=bool),
        ("file", "line"): (marked["file"] != "").to_numpy() * (1 + (marked["line"] > 0).to_numpy()),
        ("route", "method", "parameter"): (marked["route"] != "").to_numpy(),
        ("package", "version", "cve"): (marked["package"] != "").to_numpy(),
        ("fixed_in",): (marked["fixed_in"] != "").to_numpy(),
        ("cwe", "family"): (marked["cwe"] > 0).to_numpy(),
        ("message",): (marked["message"] != "").to_numpy(),
    }
    table: dict[str, Any] = {}
    for names, much in told.items():
        key = (4 * of + 3 - much.astype(np.int64))[order]
        ranked = order[np.argsort(key, kind="stable")]
        first = ranked[np.searchsorted(of[ranked], np.arange(n))]
        table |= {name: marked[name].array[first] for name in names}
    by_group = pd.Series(of)
    for name in ("tool", "kind"):
        pairs = pd.DataFrame({"of": of, name: marked[name].array}).drop_duplicates().sort_values(["of", name])
        table[f"{name}s"] = pairs.groupby("of")[name].agg(", ".join).astype("str").array
    worst = marked["level"].map(LEVELS).groupby(by_group).max().to_numpy()
    table["level"] = pd.array(np.array(list(LEVELS), dtype=object)[worst], dtype="str")
    table["severity"] = marked["severity"].groupby(by_group).max().to_numpy()
    table["n_members"] = np.bincount(of, minlength=n)
    table["suppressed"] = marked["suppressed"].groupby(by_group).all().to_numpy(dtype=bool)
    return pd.DataFrame(table)[list(COLUMNS)]
