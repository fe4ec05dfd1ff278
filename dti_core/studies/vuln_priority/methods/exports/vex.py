"""The worklist as CycloneDX 1.6 VEX: what is known of each flaw, for tools that track them."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

#: What a label says of a flaw of own code and of one of a package, in CycloneDX's words; without one it is
#: still looked at.
_STATES = {1.0: ("exploitable", "exploitable"), 0.0: ("false_positive", "not_affected")}
_SEVERITIES = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"), (0.0, "none"))


def worklist_vex(flaws: pd.DataFrame, groups: pd.DataFrame, truth: NDArray[np.float64]) -> bytes:
    """The document: a vulnerability a flaw, in the order of ranks, each affecting a package or a service.

    What is labelled as not real stands behind all others: a flaw of a package as not affecting the service,
    any other as reported falsely.

    Parameters
    ----------
    flaws : as of `each_flaw`. groups : the table of groups. truth : (g,) label of each, nan without one.
    """
    table = {one["group"]: one for one in groups.assign(truth=truth).to_dict("records")}
    components: dict[str, dict[str, Any]] = {}
    listed = flaws.to_dict("records")
    listed += [one for one in table.values() if one["truth"] == 0 and not one["suppressed"]]
    found = []
    for entry in listed:
        group = table[entry["group"]]
        part = _component(group)
        components.setdefault(part["bom-ref"], part)
        found.append(_flaw(entry, group, part["bom-ref"]))
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat": "CycloneDX",
        "specVersion": "1.6", "version": 1, "components": list(components.values()), "vulnerabilities": found,
    }  # fmt: skip
    return (json.dumps(document, ensure_ascii=True, allow_nan=False, indent=1) + "\n").encode()


def _component(group: Mapping[Any, Any]) -> dict[str, Any]:
    service = group["service"]
    if not group["package"]:
        return {"type": "application", "bom-ref": f"service:{service}", "name": service}
    name, version = group["package"], group["version"]
    reference = f"package:{service}:{name}@{version}"
    return {"type": "library", "bom-ref": reference, "name": name, "version": version, "group": service}


def _flaw(entry: Mapping[Any, Any], group: Mapping[Any, Any], reference: str) -> dict[str, Any]:
    score = float(group["severity"])
    rated = {"score": score, "severity": _severity(score), "method": "other"} if score == score else {}
    fix = f"Upgrade to {group['fixed_in']}." if group["fixed_in"] else ""
    state = _STATES.get(group["truth"], ("in_triage", "in_triage"))[bool(group["package"])]
    told = ("rank", "work", "risk_usd", "p_real", "p_exploit", "effort_hours", "tools", "place", "owner")
    return {
        "bom-ref": f"flaw:{entry['group']}", "id": group["cve"] or entry["group"],
        **({"ratings": [rated]} if rated else {}), **({"cwes": [int(entry["cwe"])]} if entry["cwe"] else {}),
        **({"description": group["message"]} if group["message"] else {}),
        **({"recommendation": fix} if fix else {}),
        "analysis": {"state": state, "detail": entry.get("why", "You labelled it not real.")},
        "affects": [{"ref": reference}],
        "properties": [{"name": f"vuln_priority:{key}", "value": _plain(entry[key])}
                       for key in told if key in entry],
    }  # fmt: skip


def _severity(score: float) -> str:
    return next(word for least, word in _SEVERITIES if score >= least)


def _plain(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
