"""From a plan back to dates: a row for each upgrade that is made, and for each that is left, with reasons."""

from collections.abc import Iterable, Iterator
from datetime import UTC, timedelta
from typing import Any

import numpy as np
import pandas as pd

from dti_core.studies.patch_planning.data.margins import Margins, margins_of
from dti_core.studies.patch_planning.data.own import OwnEstate
from dti_core.studies.patch_planning.model.estates import NONE, Ints
from dti_core.studies.patch_planning.model.plans import broken_limits

CALENDAR = (
    "week", "start", "end", "service", "bundle", "findings", "fix_version", "hours", "cost_usd",
    "downtime_minutes", "risk_removed_usd", "due_by", "why",
)  # fmt: skip
NOT_PLANNED = ("service", "bundle", "findings", "fix_version", "weekly_risk_usd", "due_by", "kept_out")
#: What a limit is called in a reason.
_LIMITS = {
    "hours": "the hours of the week", "budget": "the budget", "window minutes": "the length of the window",
    "objective": "the downtime that the objective allows", "order": "the order of upgrades",
}  # fmt: skip


def calendar_rows(estate: OwnEstate, plan: Ints) -> pd.DataFrame:
    """The upgrades that a plan makes, a row each, by time; what must be in first stands first.

    Parameters
    ----------
    plan : (1, B) week of each bundle, NEVER if it is left.

    Returns
    -------
    CALENDAR columns. start and end are local times in the service's window, one upgrade behind the other; the
    first of a service and week carries its set-up, so that hours, cost and minutes add up to the plan's.
    risk_removed_usd is the loss that is expected to be avoided until the last week that counts.

    Raises
    ------
    ValueError for a plan that breaks a limit: no calendar is made of it.
    """
    if broken := [name for name, found in broken_limits(estate.estates, plan).items() if found[0]]:
        raise ValueError(f"the plan breaks {', '.join(broken)}, so no calendar is made of it")
    margins, n_weeks = margins_of(estate.estates, plan), estate.estates.n_weeks
    rows = [row for week in range(n_weeks) for row in _week(estate, margins, plan, week)]
    frame = pd.DataFrame(sorted(rows, key=lambda row: row["start"]), columns=list(CALENDAR))
    return frame if rows else frame.astype({"start": "datetime64[us, UTC]", "end": "datetime64[us, UTC]"})


def not_planned(estate: OwnEstate, plan: Ints) -> pd.DataFrame:
    """The bundles that a plan leaves, the riskiest first: what each still costs a week, and what kept it out.

    The reason is found by adding the bundle alone to the plan, week by week: the limits that it breaks in the
    week in which it breaks the fewest, or that it would lose more than it gains.
    """
    left = np.flatnonzero(plan[0] >= estate.estates.n_weeks)
    margins = margins_of(estate.estates, plan)
    rows = [_left(estate, margins, int(bundle)) for bundle in left]
    rows.sort(key=lambda row: -row["weekly_risk_usd"])
    return pd.DataFrame(rows, columns=list(NOT_PLANNED))


def _week(estate: OwnEstate, margins: Margins, plan: Ints, week: int) -> Iterator[dict[str, Any]]:
    """Rows of one week; bundles of a service are in an order that their predecessors allow."""
    arrays = estate.estates
    for service in range(arrays.n_services):
        window = estate.windows[service][week]
        bundles = np.flatnonzero((plan[0] == week) & (arrays.service[0] == service))
        if window is None or not len(bundles):
            continue
        moment, setup = window.start.astimezone(UTC), True
        for bundle in _ordered(arrays.after[0], bundles):
            minutes = arrays.minutes[0, bundle] + setup * arrays.setup_minutes[0, service]
            end = moment + timedelta(minutes=float(minutes))
            yield _told(estate, bundle) | {
                "week": week + 1,
                "start": pd.Timestamp(moment.astimezone(estate.zone)),
                "end": pd.Timestamp(end.astimezone(estate.zone)),
                "hours": float(arrays.hours[0, bundle] + setup * arrays.setup_hours[0, service]),
                "cost_usd": float(arrays.cost_usd[0, bundle] + setup * arrays.setup_usd[0, service]),
                "downtime_minutes": float(minutes),
                "risk_removed_usd": float(margins.worth_usd[week, bundle]),
                "why": "; ".join(_why(estate, margins, plan, bundle)),
            }
            moment, setup = end, False


def _ordered(after: Ints, bundles: Iterable[int]) -> list[int]:
    """The bundles of one window, each behind those that it needs, else in their order."""
    waiting, placed = [int(one) for one in bundles], list[int]()
    while waiting:
        ready = next(one for one in waiting if after[one] not in waiting)
        placed.append(ready)
        waiting.remove(ready)
    return placed


def _told(estate: OwnEstate, bundle: int) -> dict[str, Any]:
    upgrade = estate.upgrades[bundle]
    return {
        "service": upgrade.service, "bundle": upgrade.name, "findings": ", ".join(upgrade.findings),
        "fix_version": upgrade.fix_version, "due_by": str(upgrade.due_by or ""),
    }  # fmt: skip


def _why(estate: OwnEstate, margins: Margins, plan: Ints, bundle: int) -> Iterator[str]:
    """Reasons for a bundle that is planned, each a clause."""
    arrays, upgrade, week = estate.estates, estate.upgrades[bundle], plan[0, bundle]
    gains, spent, outage = margins.gain(bundle, plan[:, bundle])[:, 0]
    yield f"avoids {gains:,.0f} USD for {spent:,.0f} USD of money and {outage:,.0f} USD of downtime"
    if upgrade.exploited:
        yield "known to be exploited"
    first = arrays.after[0, bundle]
    if first != NONE:
        yield f"needs {estate.upgrades[first].name} first"
    if behind := [estate.upgrades[one].name for one in np.flatnonzero(arrays.after[0] == bundle)]:
        yield f"opens the way to {', '.join(behind)}"
    together = np.flatnonzero((plan[0] == week) & (arrays.service[0] == arrays.service[0, bundle]))
    if shared := [estate.upgrades[one].name for one in together if one != bundle]:
        yield f"shares the set-up with {', '.join(shared)}"
    window = estate.windows[arrays.service[0, bundle]][week]
    if upgrade.due_by and window and window.start.date() > upgrade.due_by:
        yield f"late: due by {upgrade.due_by}"


def _left(estate: OwnEstate, margins: Margins, bundle: int) -> dict[str, Any]:
    arrays = estate.estates
    out = arrays.exploited[0, bundle] <= 0
    risk = arrays.risk_usd[0, bundle] * (arrays.exploits.factor if out else 1.0)
    return _told(estate, bundle) | {
        "weekly_risk_usd": float(risk), "kept_out": _kept_out(estate, margins, bundle),
    }  # fmt: skip


def _kept_out(estate: OwnEstate, margins: Margins, bundle: int) -> str:
    """What kept a bundle out, by trying it in every week with a window."""
    arrays = estate.estates
    first = arrays.after[0, bundle]
    if first != NONE and margins.plan[first] >= arrays.n_weeks:
        return f"waits for {estate.upgrades[first].name}, which is not planned"
    weeks = np.flatnonzero(arrays.open[0, arrays.service[0, bundle]])
    if not len(weeks):
        return "no window of its service is open"
    avoided, spent, outage = margins.gain(bundle, weeks)
    gains = avoided - spent - outage
    if gains.max() <= 0:
        return f"not worth it: at best it would cost {-gains.max():,.0f} USD more than it avoids"
    broken = margins.broken(bundle, weeks)
    n_broken = np.where(gains > 0, np.sum(list(broken.values()), axis=0), len(broken) + 1)
    best = int(np.argmin(n_broken))
    limits = [words for name, words in _LIMITS.items() if broken[name][best]]
    if not limits:
        week, gain = weeks[best] + 1, gains[best]
        return f"nothing kept it out: in week {week} it would gain {gain:,.0f} USD; the plan is not the best"
    return f"kept out by {', '.join(limits)}"
