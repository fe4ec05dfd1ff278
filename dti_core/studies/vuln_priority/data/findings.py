"""One finding, whatever tool reported it, and its fingerprint."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from hashlib import blake2b
from typing import Any, Literal

import pandas as pd

Kind = Literal["sast", "dast", "iast", "sca", "unknown"]
Level = Literal["error", "warning", "note", "none"]
#: What makes a finding itself: its message, its level and the file of the scan may change.
IDENTITY = (
    "tool", "rule", "cwe", "service", "file", "line", "route", "method", "parameter", "package", "cve",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """What one tool reported once.

    service : as the scan says, "" if it does not. file : path as text, never opened. line : from 1.
    severity : from 0 to 10. suppressed : the tool's user has waved it away. origin : file of the scan and
    place within it. Texts are "" and numbers None where the scan says nothing.
    """

    tool: str
    kind: Kind
    rule: str
    message: str
    cwe: int | None
    service: str = ""
    file: str = ""
    line: int | None = None
    route: str = ""
    method: str = ""
    parameter: str = ""
    package: str = ""
    version: str = ""
    fixed_in: str = ""
    cve: str = ""
    level: Level = "warning"
    severity: float | None = None
    suppressed: bool = False
    origin: str = ""


NAMES = tuple(one.name for one in fields(Finding))


def table_of(findings: Iterable[Finding]) -> pd.DataFrame:
    """A row a finding, columns as `Finding` names them; cwe and line 0, severity nan, where there is none."""
    rows = list(findings)
    columns: dict[str, Any] = {name: [getattr(one, name) for one in rows] for name in NAMES}
    for name in ("cwe", "line"):
        columns[name] = pd.array([one or 0 for one in columns[name]], dtype="int64")
    columns["severity"] = pd.array(columns["severity"], dtype="Float64").to_numpy(
        "float64", na_value=float("nan")
    )
    columns["suppressed"] = pd.array(columns["suppressed"], dtype="bool")
    texts = {name: pd.array(columns[name], dtype="str") for name in NAMES if isinstance(columns[name], list)}
    return pd.DataFrame(columns | texts)


def fingerprints(table: pd.DataFrame, columns: Sequence[str] = IDENTITY) -> list[str]:
    """Sixteen hexadecimal digits a finding, the same in every run, made of these columns."""
    told = zip(*(table[name].astype("str").tolist() for name in columns), strict=True)
    return [blake2b("\0".join(one).encode(), digest_size=8).hexdigest() for one in told]
