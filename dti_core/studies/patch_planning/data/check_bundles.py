"""Judge the upgrades of an estate: one service each, one story in all rows, an order that can be kept."""

from collections.abc import Iterator
from functools import partial

from dti_core.lab.data import Problem
from dti_core.studies.patch_planning.data import schema
from dti_core.studies.patch_planning.data.schema import near
from dti_core.studies.patch_planning.data.told import Told

_warning = partial(Problem, blocks=False)


def check_bundles(told: Told, file: str) -> Iterator[Problem]:
    """Problems of the bundles of the findings in `file`."""
    if len(told.bundles) > schema.MAX_BUNDLES:
        yield Problem(
            f"{file}: {len(told.bundles):,} bundles; at most {schema.MAX_BUNDLES:,} are planned. Split it."
        )
    for name, rows in told.bundles.items():
        lines = ", ".join(str(row + 2) for row in rows[:5])
        where = f"{file}: bundle {name} (line {lines})"
        services = list(dict.fromkeys(told.findings[row]["service"] for row in rows))
        if len(services) > 1:
            yield Problem(
                f"{where}: is of more than one service, {', '.join(map(str, services[:3]))}; an upgrade is "
                "of one service: give each its own bundle, and join them by `after` if their order matters."
            )
        yield from _check_upgrade(told, name, where)
    yield from _check_order(told, file)
    yield from _check_size(told, file)


def _check_upgrade(told: Told, name: str, where: str) -> Iterator[Problem]:
    for column in schema.OF_BUNDLE:
        given = {told.findings[row][column] for row in told.bundles[name]} - {None}
        if len(given) > 1:
            values = ", ".join(sorted(map(str, given))[:3])
            yield Problem(
                f"{where}: {column} differs between its rows ({values}). It is one upgrade: keep one."
            )
        elif not given and column in ("hours", "minutes"):
            yield Problem(
                f"{where}: {column} is missing ({schema.FINDINGS[column].what}). Add it in one row."
            )


def _check_order(told: Told, file: str) -> Iterator[Problem]:
    after = {name: told.of_bundle(name, "after") for name in told.bundles}
    for name, first in after.items():
        if first and first not in after:
            yield Problem(f"{file}: bundle {name}: after the unknown bundle '{first}'. {near(first, after)}")
    settled: set[str] = set()
    for name in after:
        walked: list[str] = []
        at: str | None = name
        while at in after and at not in settled and at not in walked:
            walked.append(at)
            at = after[at]
        if at in walked:
            circle = walked[walked.index(at) :]
            yield Problem(
                f"{file}: {' after '.join([*circle[:5], circle[0]])}: each waits for the next. Remove one."
            )
        settled |= set(walked)


def _check_size(told: Told, file: str) -> Iterator[Problem]:
    """Upgrades that fit no week by themselves; they can be told, but never planned."""
    weekly = told.estate["weekly_hours"]
    most = max(weekly, default=None) if isinstance(weekly, tuple) else weekly
    for name in told.bundles:
        service = told.findings[told.bundles[name][0]]["service"]
        if service not in told.places:
            continue
        place = told.places[service]
        of_service = told.services[place]
        hours = (told.of_bundle(name, "hours") or 0) + (of_service["setup_hours"] or 0)
        minutes = (told.of_bundle(name, "minutes") or 0) + (of_service["setup_minutes"] or 0)
        holds = [told.estate["window_minutes"] or slot.minutes for slot in told.slots[place]]
        limits = {
            "hours of work with the set-up, and no week has more than": (hours, most),
            "minutes of downtime with the set-up, and a window holds": (minutes, max(holds, default=None)),
            "minutes of downtime with the set-up, and the objective allows": (
                minutes, of_service["minutes_allowed"],
            ),
        }  # fmt: skip
        for text, (needs, has) in limits.items():
            if has is not None and needs > has:
                yield _warning(f"{file}: bundle {name} never fits: {needs:g} {text} {has:g}. Split it.")
