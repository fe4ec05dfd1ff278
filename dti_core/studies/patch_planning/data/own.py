"""A user's estate: from its two files to one estate that every planner takes."""

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from dti_core.lab.described import Described
from dti_core.studies.patch_planning.data.arrays import arrays_of, rows_of
from dti_core.studies.patch_planning.data.check import least_minutes
from dti_core.studies.patch_planning.data.told import Told, told_of
from dti_core.studies.patch_planning.data.windows import Window, windows_by_week
from dti_core.studies.patch_planning.model.estates import Estates


@dataclass(frozen=True, slots=True)
class Upgrade:
    """One bundle: what it mends, and what mends it. due_by is told, not enforced."""

    name: str
    service: str
    findings: tuple[str, ...]
    fix_version: str
    after: str
    due_by: date | None
    exploited: bool


@dataclass(frozen=True, slots=True)
class OwnEstate:
    """An estate with its names and dates.

    services : S names. upgrades : B bundles, in the order of `estates`. windows : of each service, the window
    of each of T weeks, None without. estates : the one estate as arrays. n_assumed : findings whose chance of
    exploitation was not given, and is assumed.
    """

    name: str
    start: date
    zone: ZoneInfo
    services: tuple[str, ...]
    upgrades: tuple[Upgrade, ...]
    windows: tuple[tuple[Window | None, ...], ...]
    estates: Estates
    n_assumed: int


def estate_of(described: Described) -> OwnEstate:
    """The estate in files that `check_estate` does not block."""
    told = told_of(described)
    start, n_weeks, zone = told.estate["start"], told.estate["n_weeks"], told.zone or ZoneInfo("UTC")
    least = least_minutes(told)
    windows = tuple(
        windows_by_week(slots, start, n_weeks, zone, freeze, least)
        for slots, freeze in zip(told.slots, told.freeze, strict=True)
    )
    upgrades = tuple(_upgrade(told, name) for name in _in_order(told))
    return OwnEstate(
        told.estate["name"], start, zone, tuple(one["name"] for one in told.services),
        upgrades, windows, arrays_of(told, [one.name for one in upgrades], windows, least),
        sum(one["exploit_probability"] is None for one in told.findings),
    )  # fmt: skip


def _in_order(told: Told) -> list[str]:
    """Names of the bundles by service, each behind its predecessors; else in the order of the file."""

    def rank(name: str) -> tuple[int, int]:
        depth, at = 0, told.of_bundle(name, "after")
        while at:
            depth, at = depth + 1, told.of_bundle(at, "after")
        return told.places[told.findings[told.bundles[name][0]]["service"]], depth

    return sorted(told.bundles, key=rank)


def _upgrade(told: Told, name: str) -> Upgrade:
    rows = rows_of(told, name)
    return Upgrade(
        name, rows[0]["service"], tuple(row["id"] for row in rows), told.of_bundle(name, "fix_version") or "",
        told.of_bundle(name, "after") or "", min(filter(None, (row["due_by"] for row in rows)), default=None),
        any(row["exploited"] for row in rows),
    )  # fmt: skip
