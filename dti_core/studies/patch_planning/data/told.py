"""What the files of an estate say, value by value: what cannot be read is None, and `check` says why."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from dti_core.lab.described import Described
from dti_core.studies.patch_planning.data import schema
from dti_core.studies.patch_planning.data.schema import Key, value_of
from dti_core.studies.patch_planning.data.windows import Slot
from dti_core.studies.patch_planning.model.estates import Exploits

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """Readable values of the files.

    estate, assumptions : by key. services : by key, one mapping a service. slots : windows of each service.
    freeze : dates of each service, the estate's included. findings : by column, one mapping a row. bundles :
    by name, the rows of the findings that it mends, in the order of the file. places : index of each service
    by its name.
    """

    estate: Values
    assumptions: Values
    services: tuple[Values, ...]
    slots: tuple[tuple[Slot, ...], ...]
    freeze: tuple[frozenset[date], ...]
    findings: tuple[Values, ...]
    bundles: Mapping[str, tuple[int, ...]]
    places: Mapping[str, int]

    @property
    def exploits(self) -> Exploits:
        """How risk moves."""
        told = self.assumptions
        return Exploits(told["exploit_factor"], told["weekly_chance"], told["tail_weeks"])

    @property
    def zone(self) -> ZoneInfo | None:
        """Time zone, None if it is unknown."""
        name = self.estate["timezone"]
        return ZoneInfo(name) if name in zones() else None

    def of_bundle(self, name: str, column: str) -> Any:
        """What the rows of a bundle say of the upgrade: the first value that is given, else the default."""
        given = [self.findings[row][column] for row in self.bundles[name]]
        found = [value for value in given if value is not None]
        return found[0] if found else schema.FINDINGS[column].default


@cache
def zones() -> frozenset[str]:
    """Names of the time zones that this machine knows."""
    return frozenset(available_timezones())


def told_of(described: Described) -> Told:
    """The readable values of an estate's two files."""
    content = described.content
    estate = _values(content, schema.ESTATE)
    services = tuple(_values(one, schema.SERVICE) for one in mappings(content.get("services")))
    slots = tuple(_slots(one["windows"]) or _slots(estate["windows"]) for one in services)
    everywhere = _dates(estate["freeze"])
    rows = described.table.to_dict("records")
    findings = tuple(_values(row, schema.FINDINGS, of_bundle=True) for row in rows)
    bundles: dict[str, tuple[int, ...]] = {}
    for row, finding in enumerate(findings):
        if name := finding["bundle"] or finding["id"]:
            bundles[name] = (*bundles.get(name, ()), row)
    assumptions = content.get("assumptions")
    return Told(
        estate, _values(assumptions if isinstance(assumptions, Mapping) else {}, schema.ASSUMPTIONS),
        services, slots, tuple(everywhere | _dates(one["freeze"]) for one in services), findings, bundles,
        {one["name"]: place for place, one in enumerate(services) if one["name"]},
    )  # fmt: skip


def mappings(raw: Any) -> list[Mapping[Any, Any]]:
    """The mappings in what should be a list of them."""
    return [one for one in raw if isinstance(one, Mapping)] if isinstance(raw, list) else []


def read_or_none(key: Key, raw: Any) -> Any:
    """A value, None if it is empty or cannot be read."""
    try:
        return value_of(key, raw)
    except ValueError:
        return None


def _values(found: Mapping[Any, Any], keys: Mapping[str, Key], *, of_bundle: bool = False) -> dict[str, Any]:
    """Each key's value, or its default; not that of an upgrade, which another row may give."""
    values = {name: read_or_none(key, found.get(name)) for name, key in keys.items()}
    wait = schema.OF_BUNDLE if of_bundle else ()
    return {
        name: keys[name].default if value is None and name not in wait else value
        for name, value in values.items()
    }


def _slots(raw: Any) -> tuple[Slot, ...]:
    slots = []
    for one in mappings(raw):
        window = _values(one, schema.WINDOW)
        times = window["start"], window["end"]
        if None not in times and (window["date"] is None) != (window["weekday"] is None):
            slots.append(Slot(*times, weekday=window["weekday"], day=window["date"]))
    return tuple(slots)


def _dates(raw: Any) -> frozenset[date]:
    day = Key("date", "a date")
    found = (read_or_none(day, one) for one in raw) if isinstance(raw, list) else ()
    return frozenset(one for one in found if one is not None)
