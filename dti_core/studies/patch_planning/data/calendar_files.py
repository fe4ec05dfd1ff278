"""A calendar as files: CSV for tables, iCalendar for calendars, and what was left open."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pandas as pd
from icalendar import Calendar, Event

from dti_core.lab.record import Result
from dti_core.studies.patch_planning.data.own import OwnEstate

CALENDAR_CSV, CALENDAR_ICS, NOT_PLANNED_CSV = "patch_calendar.csv", "patch_calendar.ics", "not_planned.csv"


def calendar_files(name: str, calendar: pd.DataFrame, left: pd.DataFrame, made: datetime) -> dict[str, bytes]:
    """The files of a plan, by name.

    Parameters
    ----------
    name : of the estate. calendar, left : as `calendar_rows` and `not_planned` give them. made : when the
    plan was made, with its time zone.
    """
    return {
        CALENDAR_CSV: _csv(calendar),
        CALENDAR_ICS: _icalendar(name, calendar, made),
        NOT_PLANNED_CSV: _csv(left),
    }


def files_of(result: Result, estate: OwnEstate) -> dict[str, bytes]:
    """The files of the plan in a Result, as of the start of its run."""
    calendar, left = result.series["calendar"], result.series["not_planned"]
    return calendar_files(estate.name, calendar, left, result.config.created)


def _csv(table: pd.DataFrame) -> bytes:
    times = {key: table[key].map(pd.Timestamp.isoformat) for key in ("start", "end") if key in table}
    numbers = table.select_dtypes("float").round(2)
    told = table.assign(**numbers, **times)
    return told.to_csv(index=False, lineterminator="\n").encode()


def _icalendar(name: str, calendar: pd.DataFrame, made: datetime) -> bytes:
    """Events in local time with its zone; an upgrade keeps its UID when it is planned anew."""
    book = Calendar()
    book.add("prodid", "-//dti_core//patch_planning//EN")
    book.add("version", "2.0")
    book.add("x-wr-calname", f"Patches of {name}")
    for row in calendar.to_dict("records"):
        book.add_component(_event(name, row, made))
    if len(calendar):
        first, last = calendar["start"].iloc[0].date(), calendar["end"].iloc[-1].date()
        book.add_missing_timezones(first.replace(month=1, day=1), last.replace(year=last.year + 1, day=1))
    return book.to_ical()


def _event(name: str, row: Mapping[Any, Any], made: datetime) -> Event:
    event = Event()
    key = "\0".join((name, row["service"], row["bundle"]))
    event.add("uid", f"{hashlib.sha256(key.encode()).hexdigest()[:32]}@patch-planning")
    event.add("dtstamp", made)
    event.add("dtstart", row["start"].to_pydatetime())
    event.add("dtend", row["end"].to_pydatetime())
    event.add("summary", f"{row['service']}: {row['bundle']} {row['fix_version']}".strip())
    event.add("location", row["service"])
    event.add("description", _description(row))
    return event


def _description(row: Mapping[Any, Any]) -> str:
    due = f"\nDue by {row['due_by']}" if row["due_by"] else ""
    return (
        f"Mends {row['findings']}\n{row['why']}\n{row['hours']:.1f} hours of work, "
        f"{row['cost_usd']:,.0f} USD, {row['downtime_minutes']:.0f} minutes of downtime, "
        f"{row['risk_removed_usd']:,.0f} USD of expected loss avoided{due}"
    )
