"""What an estate's YAML file and its table of findings hold, and how each value is read."""

import difflib
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, Literal

from dti_core.studies.patch_planning.data.severity import base_score
from dti_core.studies.patch_planning.model.estates import Exploits
from dti_core.studies.patch_planning.worlds.simulate import REPAIR_HOURS, ROLLBACK_MINUTES, WAGE_USD

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
#: Most weeks that are planned, and most services and bundles of an estate.
MAX_WEEKS, MAX_SERVICES, MAX_BUNDLES = 104, 5_000, 30_000
MINUTES_A_DAY = 24 * 60
_NAME = re.compile(r"[\w<>~^][\w .,:;/@+<>=~^()*-]{0,99}")
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_MONEY = re.compile(r"[$\u20ac\u00a3\u00a5]|\b(usd|eur|gbp)\b", re.IGNORECASE)
_FLAGS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}

Kind = Literal[
    "name", "number", "numbers", "count", "flag", "date", "time", "weekday", "list", "names", "severity"
]


@dataclass(frozen=True, slots=True)
class Key:
    """One value that a file may hold. `least` and `most` bound numbers, both included."""

    kind: Kind
    what: str
    needed: bool = False
    least: float = 0.0
    most: float = math.inf
    default: Any = None


def _keys(**keys: Key) -> Mapping[str, Key]:
    return MappingProxyType(keys)


ESTATE = _keys(
    name=Key("name", "what the estate is called", needed=True),
    findings=Key("name", "CSV file with the findings, in the folder of this file"),
    start=Key("date", "first day of the first week, YYYY-MM-DD", needed=True),
    n_weeks=Key("count", "weeks that are planned", needed=True, least=1, most=MAX_WEEKS),
    timezone=Key("name", "IANA name of the zone of all times, such as Europe/Berlin", default="UTC"),
    weekly_hours=Key("numbers", "hours of work a week, one number or a list of one a week; none: no limit"),
    budget_usd=Key("number", "money for the whole time; none: no limit"),
    wage_usd=Key("number", "cost of an hour's work", default=WAGE_USD),
    windows=Key("list", "windows of each service that has none of its own"),
    window_minutes=Key("number", "downtime that one window may hold; none: the shortest window", least=1),
    freeze=Key("list", "dates whose weeks are closed for all"),
    assumptions=Key("list", "how risk and regressions are reckoned"),
    services=Key("list", "a list of services", needed=True),
)
SERVICE = _keys(
    name=Key("name", "name of the service", needed=True),
    calls=Key("names", "services that it calls", default=()),
    entry=Key("flag", "whether users or the outside reach it directly", default=False),
    traffic_usd_per_minute=Key("number", "what a minute of its traffic is worth", needed=True),
    minutes_allowed=Key("number", "downtime for the whole time by its objective (SLO); none: no limit"),
    setup_hours=Key("number", "work once a week in which it is touched", default=0.0, most=168),
    setup_minutes=Key("number", "downtime once a week in which it is touched", default=0.0),
    windows=Key("list", "when it may be touched"),
    freeze=Key("list", "dates whose weeks are closed for it"),
)
WINDOW = _keys(
    weekday=Key("weekday", "day of the week, such as sunday"),
    date=Key("date", "one day, YYYY-MM-DD, instead of a weekday"),
    start=Key("time", "HH:MM", needed=True),
    end=Key("time", "HH:MM, the next day if it is not after the start", needed=True),
)
ASSUMPTIONS = _keys(
    exploit_factor=Key(
        "number", "what weekly loss is multiplied by once an exploit is out", least=1, most=1000,
        default=Exploits().factor,
    ),
    weekly_chance=Key(
        "number", "chance of an exploit coming out in a week", most=1, default=Exploits().weekly_chance
    ),
    tail_weeks=Key(
        "count", "weeks after the last one in which what is still open counts", most=MAX_WEEKS,
        default=Exploits().tail_weeks,
    ),
    repair_hours=Key("number", "work that a regression takes", default=REPAIR_HOURS),
    rollback_minutes=Key("number", "downtime that a regression takes", default=ROLLBACK_MINUTES),
)  # fmt: skip
FINDINGS = _keys(
    service=Key("name", "service that has the flaw", needed=True),
    id=Key("name", "name of the flaw, such as CVE-2026-1234", needed=True),
    cvss=Key("severity", "CVSS vector (2, 3.0, 3.1 or 4.0), or base score from 0 to 10"),
    exploit_probability=Key("number", "chance of exploitation within 30 days, as of EPSS", most=1),
    impact_usd=Key("number", "loss if it is exploited", needed=True),
    exploited=Key("flag", "whether it is known to be exploited (KEV): yes or no", default=False),
    bundle=Key("name", "upgrade that mends it, and others of that name; none: its id"),
    fix_version=Key("name", "version that mends it"),
    hours=Key("number", "work of the upgrade"),
    minutes=Key("number", "downtime of the upgrade"),
    regression_probability=Key("number", "chance that the upgrade breaks something", most=1, default=0.0),
    after=Key("name", "bundle that must be in first"),
    due_by=Key("date", "last day on which it should be mended, YYYY-MM-DD; told, not enforced"),
)
#: Columns that belong to the upgrade: once in its rows, or the same in all.
OF_BUNDLE = ("fix_version", "hours", "minutes", "regression_probability", "after")


def value_of(key: Key, raw: Any) -> Any:
    """A value as typed in YAML or CSV, read by its kind; None if empty. ValueError says what is wrong."""
    if raw is None or raw == "":
        return None
    if key.kind == "numbers" and isinstance(raw, list):
        return tuple(_number(key, one) for one in raw)
    if key.kind in ("number", "numbers", "count"):
        return _number(key, raw)
    return _READERS[key.kind](raw)


def near(name: object, known: Iterable[str]) -> str:
    """A hint at the known name that is nearest, or at all of them: one sentence."""
    names = list(known)
    found = difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    if found:
        return f"Did you mean '{found[0]}'?"
    shown = ", ".join(names[:15]) + (f" and {len(names) - 15} more" if len(names) > 15 else "")
    return f"Known: {shown or 'none'}."


def problems_of_keys(where: str, found: Mapping[Any, Any], keys: Mapping[str, Key]) -> Iterator[str]:
    """What is unknown, missing or unreadable among the values of one mapping."""
    for name in found:
        if name not in keys:
            yield f"{where}: unknown '{shown(name)}'. {near(name, keys)}"
    for name, key in keys.items():
        try:
            value = value_of(key, found.get(name))
        except ValueError as error:
            yield f"{where}: {name}: {error} ({key.what})."
        else:
            if value is None and key.needed:
                yield f"{where}: {name} is missing ({key.what}). Add it."


def shown(raw: object) -> str:
    """A foreign value, cut to what a message can hold."""
    text = " ".join(str(raw).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _number(key: Key, raw: Any) -> float:
    if isinstance(raw, str):
        if _MONEY.search(raw):
            raise ValueError(f"'{shown(raw)}' bears a currency; write the bare number of US dollars")
        if "," in raw:
            raise ValueError(f"'{shown(raw)}' has a comma; write 1200 for a thousand, 1.5 for one and a half")
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        raise ValueError(f"'{shown(raw)}' is no number")
    try:
        number = float(raw)
    except (ValueError, OverflowError):
        raise ValueError(f"'{shown(raw)}' is no number") from None
    if not math.isfinite(number):
        raise ValueError(f"'{shown(raw)}' is not finite; leave it out if it is not known")
    if not key.least <= number <= key.most:
        bounds = f"{key.least:g} or more" if key.most == math.inf else f"from {key.least:g} to {key.most:g}"
        raise ValueError(f"{shown(raw)} is not {bounds}")
    if key.kind == "count" and number % 1:
        raise ValueError(f"{shown(raw)} is no whole number")
    return int(number) if key.kind == "count" else number


def _name(raw: Any) -> str:
    if not isinstance(raw, str):
        raise ValueError(f"'{shown(raw)}' is no text; put it in quotation marks")
    if not _NAME.fullmatch(raw):
        raise ValueError(
            f"'{shown(raw)}' is no name: at most 100 letters, digits, blanks and . , : ; / @ + - ( ) *"
        )
    return raw


def _flag(raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    if str(raw).lower() not in _FLAGS:
        raise ValueError(f"'{shown(raw)}' is neither yes nor no")
    return _FLAGS[str(raw).lower()]


def _date(raw: Any) -> date:
    if type(raw) is date:
        return raw
    try:
        return date.fromisoformat(raw if isinstance(raw, str) and len(raw) == 10 else "")
    except ValueError:
        raise ValueError(f"'{shown(raw)}' is no date YYYY-MM-DD") from None


def _time(raw: Any) -> int:
    """Minutes after midnight; YAML reads 22:00 without quotation marks as 22 * 60."""
    if type(raw) is int and 0 <= raw < MINUTES_A_DAY:
        return raw
    if not (found := _TIME.fullmatch(raw) if isinstance(raw, str) else None):
        raise ValueError(f"'{shown(raw)}' is no time HH:MM")
    return 60 * int(found[1]) + int(found[2])


def _weekday(raw: Any) -> int:
    found = [place for place, day in enumerate(WEEKDAYS) if str(raw).lower() in (day, day[:3])]
    if not found:
        raise ValueError(f"'{shown(raw)}' is no day of the week. {near(str(raw).lower(), WEEKDAYS)}")
    return found[0]


def _list(raw: Any) -> Any:
    return raw


def _names(raw: Any) -> tuple[str, ...]:
    if not isinstance(raw, list):
        raise ValueError(f"'{shown(raw)}' is no list; write [{shown(raw)}]")
    return tuple(_name(one) for one in raw)


_READERS = {
    "name": _name, "flag": _flag, "date": _date, "time": _time, "weekday": _weekday, "list": _list,
    "names": _names, "severity": base_score,
}  # fmt: skip
