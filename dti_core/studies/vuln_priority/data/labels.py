"""Labels of the user: which findings were real, by fingerprint or by place."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.studies.vuln_priority.data.findings import fingerprints
from dti_core.studies.vuln_priority.data.same import Groups, family_of, work_of

_REAL = {"yes": 1.0, "true": 1.0, "1": 1.0, "no": 0.0, "false": 0.0, "0": 0.0, "": np.nan}
_NAMED = 3


def problems_of(table: pd.DataFrame, file: str) -> list[str]:
    """What is wrong in a table of labels, all cells as text; other columns, as of a worklist, are let be."""
    found = []
    by_place = {"file", "line", "cwe"} <= set(table)
    if "real" not in table or not (by_place or {"fingerprint", "group"} & set(table)):
        return [f"{file}: needs columns real and fingerprint, group, or file, line and cwe. Add them."]
    for row in table.index[~table["real"].str.lower().isin(list(_REAL))][:_NAMED]:
        found += [f"{file} line {row + 2}: real: '{table['real'][row][:40]}' is neither yes nor no."]
    if by_place:
        numbers = table[["line", "cwe"]].replace(r"(?i)^cwe-", "", regex=True)
        bad = table.index[~numbers.apply(lambda column: column.str.fullmatch(r"\d{0,8}")).all(axis=1)]
        found += [f"{file} line {row + 2}: line and cwe must be whole numbers." for row in bad[:_NAMED]]
    return found


def truth_of(groups: Groups, findings: pd.DataFrame, table: pd.DataFrame) -> NDArray[np.float64]:
    """(g,) 1 for groups that are real, 0 if they are not, nan without a label, inf where labels differ.

    A label of one member counts for its group, one of an upgrade for all its groups, and one by place for
    each finding of its file, line and family.
    """
    truth = np.full(len(groups.table), np.nan)
    if not len(truth) or "real" not in table:
        return truth
    real = table["real"].str.lower().map(_REAL).to_numpy(dtype=float)
    for row, names in enumerate(_rows_of(groups, findings, table)):
        for at in names if np.isfinite(real[row]) else ():
            truth[at] = real[row] if np.isnan(truth[at]) or truth[at] == real[row] else np.inf
    return truth


def _rows_of(groups: Groups, findings: pd.DataFrame, table: pd.DataFrame) -> list[list[int]]:
    """Groups that each label speaks of."""
    by_name: dict[object, set[int]] = {}
    for name, at in zip(fingerprints(findings), groups.of.tolist(), strict=True):
        by_name.setdefault(name, set()).add(at)
    for at, name in enumerate(work_of(groups.table)):
        by_name.setdefault(name, set()).add(at)
    families = [family_of(cwe) for cwe in findings["cwe"]]
    for *place, at in zip(findings["file"], findings["line"], families, groups.of.tolist(), strict=True):
        by_name.setdefault(tuple(place), set()).add(at)
    rows = []
    for label in table.to_dict("records"):
        names: list[object] = [label.get("fingerprint") or None, label.get("group") or None]
        line, cwe = (str(label.get(key) or "0").lower().removeprefix("cwe-") for key in ("line", "cwe"))
        if label.get("file") and line.isdigit() and cwe.isdigit():
            names.append((label["file"], int(line), family_of(int(cwe))))
        rows.append(sorted({at for name in names for at in by_name.get(name, ())}))
    return rows
