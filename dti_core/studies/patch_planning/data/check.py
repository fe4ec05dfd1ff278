"""Judge a user's estate: all problems of both files at once, each with its place and a remedy."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from dti_core.lab.data import Problem
from dti_core.lab.described import Described
from dti_core.studies.patch_planning.data import schema
from dti_core.studies.patch_planning.data.arrays import first_month
from dti_core.studies.patch_planning.data.check_bundles import check_bundles
from dti_core.studies.patch_planning.data.schema import near, problems_of_keys, shown, value_of
from dti_core.studies.patch_planning.data.severity import weekly
from dti_core.studies.patch_planning.data.told import Told, told_of, zones
from dti_core.studies.patch_planning.data.windows import WEEK, Slot, windows_by_week

#: Cells of one column that are named one by one.
_NAMED = 3
#: A problem that does not stop the study.
_warning = partial(Problem, blocks=False)


def check_estate(described: Described) -> list[Problem]:
    """All problems of an estate, those that block first; an empty list means clean files."""
    told = told_of(described)
    found = [Problem(text) for text in _check_yaml(described)]
    found += [Problem(text) for text in _check_cells(described)]
    found += _check_services(told, described)
    found += _check_weeks(told, described)
    found += _check_windows(told, described)
    found += _check_findings(told, described)
    found += check_bundles(told, described.table_file)
    return sorted(dict.fromkeys(found), key=lambda problem: not problem.blocks)


def _check_yaml(described: Described) -> Iterator[str]:
    """Keys and values of the YAML file, whatever they mean together."""
    content, file = described.content, described.file
    yield from problems_of_keys(file, content, schema.ESTATE)
    yield from _check_slots(file, content)
    assumptions = content.get("assumptions") or {}
    if isinstance(assumptions, Mapping):
        yield from problems_of_keys(f"{file}: assumptions", assumptions, schema.ASSUMPTIONS)
    else:
        yield f"{file}: assumptions: '{shown(assumptions)}' is no mapping; write 'name: number' lines."
    services = content.get("services")
    if not isinstance(services, list) or not services:
        yield f"{file}: services: no list of services. Begin each with '- name: ...'."
        return
    if len(services) > schema.MAX_SERVICES:
        yield f"{file}: {len(services):,} services; at most {schema.MAX_SERVICES:,} are planned. Split it."
    for place, one in enumerate(services, 1):
        if not isinstance(one, Mapping):
            yield f"{file}: service {place}: '{shown(one)}' is no mapping. Begin it with '- name: ...'."
            continue
        where = f"{file}: service {shown(one.get('name') or place)}"
        yield from problems_of_keys(where, one, schema.SERVICE)
        yield from _check_slots(where, one)


def _check_slots(where: str, found: Mapping[Any, Any]) -> Iterator[str]:
    for key in ("windows", "freeze"):
        if (raw := found.get(key)) is not None and not isinstance(raw, list):
            yield f"{where}: {key}: '{shown(raw)}' is no list. Begin each entry with '- '."
    for day in found["freeze"] if isinstance(found.get("freeze"), list) else ():
        yield from _unreadable(f"{where}: freeze", schema.Key("date", "a day of the closed week"), day)
    for place, one in enumerate(found["windows"] if isinstance(found.get("windows"), list) else (), 1):
        if not isinstance(one, Mapping):
            yield f"{where}: window {place}: '{shown(one)}' is no mapping of weekday, start and end."
            continue
        yield from problems_of_keys(f"{where}: window {place}", one, schema.WINDOW)
        if (one.get("weekday") is None) == (one.get("date") is None):
            yield f"{where}: window {place}: give either weekday (every week) or date (once)."


def _unreadable(where: str, key: schema.Key, raw: Any) -> Iterator[str]:
    try:
        value_of(key, raw)
    except ValueError as error:
        yield f"{where}: {error} ({key.what})."


def _check_cells(described: Described) -> Iterator[str]:
    """Columns and cells of the findings, whatever they mean together."""
    table, file = described.table, described.table_file
    for name in table.columns:
        if name not in schema.FINDINGS:
            yield f"{file}: unknown column '{shown(name)}'. {near(name, schema.FINDINGS)}"
    for name, key in schema.FINDINGS.items():
        if name not in table:
            if key.needed:
                yield f"{file}: no column '{name}' ({key.what}). Add it."
            continue
        wrong = [
            f"{file} line {row + 2}: {text.removeprefix(': ')}"
            for row, cell in enumerate(table[name])
            for text in problems_of_keys("", {name: cell}, {name: key})
        ]
        yield from wrong[:_NAMED]
        if len(wrong) > _NAMED:
            yield f"{file}: {len(wrong) - _NAMED} more cells of {name} are wrong in such ways."


def _check_services(told: Told, described: Described) -> Iterator[Problem]:
    file, names = described.file, [one["name"] for one in told.services if one["name"]]
    for name in sorted({one for one in names if names.count(one) > 1}):
        yield Problem(f"{file}: service {name} stands there twice. Rename or remove one.")
    for one in told.services:
        for called in one["calls"]:
            if called not in told.places:
                yield Problem(
                    f"{file}: service {one['name']}: calls the unknown service '{called}'. "
                    f"{near(called, told.places)}"
                )
    if told.services and not any(one["entry"] for one in told.services):
        yield Problem(
            f"{file}: no service is an entry, so nothing can be attacked. Say 'entry: true' where users come."
        )


def _check_weeks(told: Told, described: Described) -> Iterator[Problem]:
    file, estate = described.file, told.estate
    if (zone := estate["timezone"]) not in zones():
        yield Problem(f"{file}: timezone: '{zone}' is unknown. {_near_zone(zone)}")
    raw = described.content.get("weekly_hours")
    if isinstance(raw, list):
        n_weeks = estate["n_weeks"]
        if n_weeks is not None and len(raw) != n_weeks:
            yield Problem(f"{file}: weekly_hours: {len(raw)} numbers for {n_weeks} weeks. Give one a week.")


def _near_zone(zone: str) -> str:
    found = [name for name in zones() if name.split("/")[-1].lower() == str(zone).lower()]
    return f"Did you mean '{found[0]}'?" if found else near(zone, zones() if len(zone) > 3 else ["UTC"])


def _check_windows(told: Told, described: Described) -> Iterator[Problem]:
    file, estate = described.file, told.estate
    start, n_weeks = estate["start"], estate["n_weeks"]
    if start is None or n_weeks is None:
        return
    touched = {finding["service"] for finding in told.findings}
    least = least_minutes(told)
    for one, slots, freeze in zip(told.services, told.slots, told.freeze, strict=True):
        where = f"{file}: service {one['name']}"
        yield from (Problem(f"{where}: {text}") for text in _outside(slots, start, start + n_weeks * WEEK))
        if one["name"] not in touched:
            continue
        if not slots:
            yield Problem(f"{where}: has findings and no window, so nothing can be mended. Add windows.")
        elif told.zone and not any(windows_by_week(slots, start, n_weeks, told.zone, freeze, least)):
            yield _warning(f"{where}: no window within the {n_weeks} weeks is open, so its findings stay.")
    lengths = {slot.minutes for slots in told.slots for slot in slots}
    if (asked := estate["window_minutes"]) is not None and lengths and asked > min(lengths):
        yield Problem(
            f"{file}: window_minutes: {asked:g}, and the shortest window has {min(lengths)}. Lower it."
        )
    if asked is None and len(lengths) > 1:
        yield _warning(
            f"{file}: windows are of {min(lengths)} to {max(lengths)} minutes; {min(lengths)} count for all. "
            "Give those that are too short to use less, or leave them out."
        )


def _outside(slots: Iterable[Slot], start: Any, end: Any) -> Iterator[str]:
    for slot in slots:
        if slot.day and slot.day < start:
            yield f"window {slot} lies before the start {start}: in the past. Remove it, or move the start."
        if slot.day and slot.day >= end:
            yield f"window {slot} lies after the last week, which ends before {end}. Remove it."


def least_minutes(told: Told) -> float:
    """Downtime that every window holds: as given, else the shortest window's length."""
    lengths = [slot.minutes for slots in told.slots for slot in slots]
    return float(told.estate["window_minutes"] or min(lengths, default=1))


def _check_findings(told: Told, described: Described) -> Iterator[Problem]:
    """What the rows mean: services that are there, each flaw once, a chance, dates that can be kept."""
    first: dict[tuple[Any, Any], int] = {}
    start, exploits = told.estate["start"], told.exploits
    factor = exploits.factor / first_month(exploits)
    chances = [name for name in ("cvss", "exploit_probability") if name in described.table]
    for row, one in enumerate(told.findings):
        where, service = f"{described.table_file} line {row + 2}", one["service"]
        if service and service not in told.places:
            yield Problem(f"{where}: unknown service '{service}'. {near(service, told.places)}")
        if (key := (service, one["id"])) in first and None not in key:
            yield Problem(f"{where}: {one['id']} of {service} stands in line {first[key] + 2} too. Keep one.")
        first.setdefault(key, row)
        typed = [described.table[name].iloc[row] for name in chances]
        if not any(typed) and not one["exploited"]:
            yield Problem(f"{where}: neither cvss nor exploit_probability. Give one of them.")
        if one["due_by"] and start and one["due_by"] < start:
            yield Problem(f"{where}: due_by {one['due_by']} lies before the start {start}. Correct one.")
        chance = one["exploit_probability"]
        if chance and not one["exploited"] and weekly(chance) * factor > 1:
            yield _warning(
                f"{where}: exploit_probability {chance:g}, times the factor {exploits.factor:g} of an "
                "exploit that is out, is more than one loss a week. Say 'yes' in exploited if one is."
            )
