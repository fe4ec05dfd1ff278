"""The worklist as the two files of study patch_planning: services with windows, and findings by upgrade."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd
import yaml

from dti_core.studies.vuln_priority.data.services import UNASSIGNED, Service, Services
from dti_core.studies.vuln_priority.methods.exports.table import rows_as_csv
from dti_core.studies.vuln_priority.methods.worklist import latest

ESTATE, FINDINGS = "estate.yaml", "estate_findings.csv"
#: Flaws that are handed on, from the first rank down: more than any quarter mends.
MOST_ROWS = 5_000
#: Downtime of an upgrade or a fix; the window that every service is given, to be corrected by its owner.
MINUTES = 5
WINDOW = {"weekday": "sunday", "start": "02:00", "end": "03:00"}
HEADS = (
    "service", "id", "cvss", "exploit_probability", "impact_usd", "bundle", "fix_version", "hours", "minutes",
)  # fmt: skip


def patch_files(
    flaws: pd.DataFrame, groups: pd.DataFrame, services: Services, *, start: date, n_weeks: int = 12,
    weekly_hours: float = 40.0, exploit_days: float = 30.0,
) -> dict[str, bytes]:  # fmt: skip
    """Two files by name, which `dti data check patch_planning` takes.

    A package of a service is one upgrade with all its flaws; any other flaw is mended by itself. The chance
    of exploitation handed on is P(real) x P(exploit) within 30 days; that study reckons reach by itself.
    Without a service that the internet reaches, each that has a flaw is an entry.

    Parameters
    ----------
    flaws : as of `each_flaw`; nothing in it is labelled as not real. groups : the table of groups. start :
    first day of the plan. weekly_hours : of work on flaws. exploit_days : time that `p_exploit` speaks of.
    """
    columns = ["group", "package", "version", "fixed_in", "cve"]
    listed = flaws.head(MOST_ROWS).merge(groups[columns], on="group").to_dict("records")
    touched = {one["service"] for one in listed}
    each = [one for one in services.each if one.name != UNASSIGNED or one.name in touched]
    entries = {one.name for one in each if one.exposure == "internet" and one.name != UNASSIGNED} or touched
    entries |= {UNASSIGNED}
    estate = {
        "name": "worklist", "findings": FINDINGS, "start": start, "n_weeks": n_weeks,
        "weekly_hours": weekly_hours, "windows": [WINDOW],
        "services": [_service(one, one.name in entries) for one in each],
    }  # fmt: skip
    text = yaml.safe_dump(estate, sort_keys=False, allow_unicode=True)
    return {ESTATE: text.encode(), FINDINGS: rows_as_csv([HEADS, *_rows(listed, exploit_days)])}


def _service(one: Service, entry: bool) -> dict[str, Any]:
    per_minute = round(one.revenue_usd_per_hour / 60, 4)
    return {"name": one.name, "entry": entry, "calls": list(one.calls), "traffic_usd_per_minute": per_minute}


def _rows(listed: Sequence[Mapping[Any, Any]], exploit_days: float) -> Iterator[list[object]]:
    """A row a flaw; what belongs to an upgrade stands in its first row."""
    upgrades: dict[tuple[str, str], list[Mapping[Any, Any]]] = {}
    for one in listed:
        upgrades.setdefault((one["service"], one["package"] or one["group"]), []).append(one)
    taken: set[str] = set()
    for (service, mended), flaws in upgrades.items():
        bundle = _fit(f"{service} {mended}", taken)
        fix = latest(one["fixed_in"] for one in flaws)
        of_bundle = [fix, round(max(one["effort_hours"] for one in flaws), 2), MINUTES]
        ids: set[str] = set()
        for one in flaws:
            none = math.log1p(-min(one["p_exploit"], 1 - 1e-9)) * 30 / exploit_days
            chance = one["p_real"] * -math.expm1(none)
            severity = one["severity"] if one["severity"] == one["severity"] else ""
            name = _fit(one["cve"] or one["group"], ids)
            yield [service, name, severity, round(chance, 8), round(one["impact_usd"], 2), bundle, *of_bundle]
            of_bundle = ["", "", ""]


def _fit(said: str, taken: set[str]) -> str:
    """A name that the study takes and that is not taken yet, as near to what was said as may be."""
    plain = re.sub(r"[^\w .,:;/@+<>=~^()*-]", "-", said).strip()
    plain = plain if re.match(r"[\w<>~^]", plain) else f"_{plain}"
    name, number = plain[:90], 1
    while name in taken:
        number += 1
        name = f"{plain[:90]} {number}"
    taken.add(name)
    return name
