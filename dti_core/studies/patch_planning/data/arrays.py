"""From what a user's files say to the arrays of one estate."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dti_core.studies.patch_planning.data.severity import exploit_chance, weekly
from dti_core.studies.patch_planning.data.told import Told
from dti_core.studies.patch_planning.data.windows import Window
from dti_core.studies.patch_planning.model.estates import NEVER, NONE, Array, Estates, Exploits, Ints
from dti_core.studies.patch_planning.worlds.graphs import Graph

#: Severity of a bundle of which no score is given.
_MIDDLE_SCORE = 5.0


def arrays_of(
    told: Told, names: Sequence[str], windows: Sequence[Sequence[Window | None]], least: float
) -> Estates:
    """The one estate, its bundles in the order of `names`; a limit that is not given never binds.

    An hour's work costs the wage. An upgrade costs its work and, at its chance of a regression, the repair
    and the downtime of going back. Downtime costs the service's traffic and a share of its callers'. A flaw's
    loss over the first 30 days is its chance of exploitation within them times its impact, less with each
    call between an entry and its service, whether an exploit may still come out or, where one of its bundle
    is exploited already, is out.

    Parameters
    ----------
    windows : of each service and week. least : minutes that every window holds.
    """
    estate, assumed, graph = told.estate, told.assumptions, graph_of(told)
    exploits, n_weeks, wage = told.exploits, estate["n_weeks"], estate["wage_usd"]
    rows = [rows_of(told, name) for name in names]
    place = {name: index for index, name in enumerate(names)}
    service = np.array([[told.places[of_bundle[0]["service"]] for of_bundle in rows]])
    known_out = np.array([[any(one["exploited"] for one in of_bundle) for of_bundle in rows]])
    loss = np.array([[_weekly_loss_usd(of_bundle) for of_bundle in rows]])
    outage = graph.cascade(_of_services(told, "traffic_usd_per_minute"))
    hours, minutes = (_of_bundles(told, names, column) for column in ("hours", "minutes"))
    setup_hours, setup_minutes = (_of_services(told, key) for key in ("setup_hours", "setup_minutes"))
    going_back = assumed["rollback_minutes"] * np.take_along_axis(outage, service, axis=1)
    broken = _of_bundles(told, names, "regression_probability")
    cost = hours * wage + broken * (assumed["repair_hours"] * wage + going_back)
    all_hours = float(hours.sum() + n_weeks * setup_hours.sum())
    all_minutes = float(minutes.sum() + n_weeks * setup_minutes.max())
    return Estates(
        service=service, known=np.zeros_like(service), exploited=np.where(known_out, 0, NEVER),
        after=np.array([[place.get(told.of_bundle(name, "after"), NONE) for name in names]]),
        risk_usd=loss * np.take_along_axis(graph.exposure(), service, axis=1)
        / np.where(known_out, exploits.factor, first_month(exploits)),
        severity=np.array([[_severity(of_bundle) for of_bundle in rows]]),
        hours=hours, cost_usd=cost, minutes=minutes, setup_hours=setup_hours, setup_usd=setup_hours * wage,
        setup_minutes=setup_minutes, open=np.array([[[one is not None for one in row] for row in windows]]),
        outage_usd=np.repeat(outage[..., None], n_weeks, axis=2),
        weekly_hours=np.broadcast_to(_or(estate["weekly_hours"], all_hours), (1, n_weeks)).astype(float),
        budget_usd=np.array([_or(estate["budget_usd"], float(cost.sum()) + all_hours * wage)]),
        minutes_allowed=_of_services(told, "minutes_allowed", all_minutes), window_minutes=least,
        callers=graph.callers, exploits=exploits,
    )  # fmt: skip


def first_month(exploits: Exploits) -> float:
    """What the base loss is multiplied by on average over four weeks, no exploit out at their start."""
    quiet = (1 - exploits.weekly_chance) ** np.arange(4)
    return float(np.mean(quiet + (1 - quiet) * exploits.factor))


def rows_of(told: Told, name: str) -> list[Mapping[str, Any]]:
    """The findings that a bundle mends."""
    return [told.findings[row] for row in told.bundles[name]]


def graph_of(told: Told) -> Graph:
    """Who calls whom, one estate; a call of itself does not count."""
    callers: list[list[int]] = [[] for _ in told.services]
    for place, one in enumerate(told.services):
        for called in {told.places[name] for name in one["calls"]} - {place}:
            callers[called].append(place)
    return Graph(padded(callers), np.array([[one["entry"] for one in told.services]]))


def padded(callers: Sequence[Sequence[int]]) -> Ints:
    """(1, S, D) callers of each service, NONE beyond; D is at least 1."""
    width = max(1, *map(len, callers))
    return np.array([[[*one, *[NONE] * (width - len(one))] for one in callers]])


def _of_bundles(told: Told, names: Sequence[str], column: str) -> Array:
    return np.array([[told.of_bundle(name, column) for name in names]], dtype=float)


def _of_services(told: Told, key: str, otherwise: float = 0.0) -> Array:
    return np.array([[_or(one[key], otherwise) for one in told.services]], dtype=float)


def _weekly_loss_usd(rows: Sequence[Mapping[str, Any]]) -> float:
    return sum(weekly(_chance(one)) * one["impact_usd"] for one in rows)


def _severity(rows: Sequence[Mapping[str, Any]]) -> float:
    """The highest base score that a bundle mends; the middle of the scale where none is given."""
    return max((float(one["cvss"]) for one in rows if one["cvss"] is not None), default=_MIDDLE_SCORE)


def _chance(row: Mapping[str, Any]) -> float:
    given = row["exploit_probability"]
    return exploit_chance(row["cvss"], exploited=row["exploited"]) if given is None else float(given)


def _or(value: Any, otherwise: float) -> Any:
    return otherwise if value is None else value
