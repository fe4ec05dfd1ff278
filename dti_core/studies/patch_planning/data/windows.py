"""Maintenance windows: from days and times in a time zone to the one of each week."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dti_core.studies.patch_planning.data.schema import MINUTES_A_DAY, WEEKDAYS

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Slot:
    """When a service may be touched: every week on `weekday` (0 = Monday), or once on `day`.

    start, end : minutes after midnight; an end that is not after the start lies on the next day.
    """

    start: int
    end: int
    weekday: int | None = None
    day: date | None = None

    def __str__(self) -> str:
        when = self.day.isoformat() if self.day else WEEKDAYS[self.weekday or 0]
        ends = (f"{minute // 60:02}:{minute % 60:02}" for minute in (self.start, self.end))
        return f"{when} {'-'.join(ends)}"

    @property
    def minutes(self) -> int:
        """Its length on a day on which no clock is changed."""
        return self.end - self.start + MINUTES_A_DAY * (self.end <= self.start)

    def within(self, week: date, zone: ZoneInfo) -> "Window | None":
        """The window that begins in the seven days from `week` on, if there is one."""
        day = self.day or week + timedelta(days=((self.weekday or 0) - week.weekday()) % 7)
        if not week <= day < week + WEEK:
            return None
        next_day = day + timedelta(days=self.end <= self.start)
        return Window(_moment(day, self.start, zone), _moment(next_day, self.end, zone))


@dataclass(frozen=True, slots=True)
class Window:
    """One window; start and end are moments with their time zone."""

    start: datetime
    end: datetime

    @property
    def minutes(self) -> float:
        """How long it really is, which the change of a clock may shorten."""
        return (self.end.astimezone(UTC) - self.start.astimezone(UTC)) / timedelta(minutes=1)


def windows_by_week(
    slots: Sequence[Slot], start: date, n_weeks: int, zone: ZoneInfo, freeze: Iterable[date], minutes: float
) -> tuple[Window | None, ...]:
    """The first window of each week that holds `minutes`; None in weeks without, and in frozen ones."""
    frozen = {(day - start) // WEEK for day in freeze}
    found: list[Window | None] = []
    for week in range(n_weeks):
        open_ones = [slot.within(start + week * WEEK, zone) for slot in slots if week not in frozen]
        fit = sorted((one for one in open_ones if one and one.minutes >= minutes), key=lambda one: one.start)
        found.append(fit[0] if fit else None)
    return tuple(found)


def _moment(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """A local time; one that a change of the clock skips is moved on with it."""
    local = datetime.combine(day, time(minute // 60, minute % 60), zone)
    return local.astimezone(UTC).astimezone(zone)
