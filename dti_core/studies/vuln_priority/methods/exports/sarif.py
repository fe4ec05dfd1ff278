"""The worklist as SARIF 2.1.0 with ranks, which viewers sort by; each result lists the findings behind it."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from dti_core.studies.vuln_priority.data.same import Groups

TOOL = "vuln_priority worklist"
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
#: Columns of the worklist that a result bears as properties.
_TOLD = (
    "group", "work", "in_week", "service", "owner", "tools", "p_real", "p_real_low", "p_real_high",
    "p_exploit", "reach", "impact_usd", "risk_usd", "risk_low_usd", "risk_high_usd", "effort_hours",
)  # fmt: skip
_WHERE = ("route", "method", "parameter", "package", "version", "fixed_in", "cve")


def worklist_sarif(flaws: pd.DataFrame, groups: Groups, findings: pd.DataFrame) -> bytes:
    """The log: `rank` falls from 100 for the first entry; `properties.members` undoes the grouping.

    Parameters
    ----------
    flaws : as of `each_flaw`; `properties.work` names the upgrade that several share.
    """
    table = groups.table.to_dict("records")
    rows = {one["group"]: row for row, one in enumerate(table)}
    told = findings[["tool", "rule", "origin"]].to_dict("records")
    by_group = np.argsort(groups.of, kind="stable")
    starts = np.searchsorted(groups.of[by_group], np.arange(len(groups.table) + 1))
    cwes = sorted({int(one) for one in flaws["cwe"] if one})
    place_of_cwe = {cwe: place for place, cwe in enumerate(cwes)}
    results = []
    for entry in flaws.to_dict("records"):
        row = rows[entry["group"]]
        members = [told[at] for at in by_group[starts[row] : starts[row + 1]]]
        one = _result(entry, table[row], members, len(flaws))
        if entry["cwe"]:
            index = place_of_cwe[int(entry["cwe"])]
            taxa = [{"id": str(entry["cwe"]), "index": index, "toolComponent": _CWE}]
            one |= {"ruleIndex": index, "taxa": taxa}
        results.append(one)
    rules = [{"id": f"CWE-{cwe}", "properties": {"tags": [f"external/cwe/cwe-{cwe:03d}"]}} for cwe in cwes]
    run = {
        "tool": {"driver": {"name": TOOL, "rules": rules}},
        "taxonomies": [{"name": "CWE", "taxa": [{"id": str(cwe)} for cwe in cwes]}], "results": results,
    }  # fmt: skip
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return (json.dumps(log, ensure_ascii=True, allow_nan=False, indent=1) + "\n").encode()


_CWE = {"name": "CWE", "index": 0}


def _result(
    entry: Mapping[Any, Any], group: Mapping[Any, Any], members: list[dict[Any, Any]], n: int
) -> dict[str, Any]:
    location: dict[str, Any] = {}
    if group["file"]:
        region = {"region": {"startLine": int(group["line"])}} if group["line"] else {}
        location["physicalLocation"] = {"artifactLocation": {"uri": quote(group["file"])}, **region}
    if group["route"]:
        endpoint = f"{group['method'] or 'GET'} {group['route']}"
        location["logicalLocations"] = [{"fullyQualifiedName": endpoint}]
    where = {key: group[key] for key in _WHERE}
    rated = {"security-severity": str(group["severity"])} if group["severity"] == group["severity"] else {}
    said = f"{entry['family'] or 'A flaw'}: {entry['place']}. {entry['why']} {group['message']}"
    return {
        "ruleId": f"CWE-{entry['cwe']}" if entry["cwe"] else "no CWE",
        "level": group["level"], "rank": round(100 * (1 - (entry["rank"] - 1) / n), 4),
        "message": {"text": said.strip()},
        "locations": [location] if location else [],
        "partialFingerprints": {"vulnPriorityGroup/v1": entry["group"]},
        "properties": {
            **{key: entry[key] for key in _TOLD}, **{key: one for key, one in where.items() if one},
            **rated, **({"cwe": int(entry["cwe"])} if entry["cwe"] else {}), "members": members,
        },
    }  # fmt: skip
