"""Estates on an observed calendar: the services are Debian sources, the bundles their uploads of a quarter.

Observed are the sources, the weeks and how many vulnerabilities each upload closes. Losses, exploits, work,
downtime, who calls whom and hands are drawn from `Assumptions`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd
from scipy.special import ndtr

from dti_core.studies.patch_planning.model.estates import NEVER, NONE, Array, Estates, Flags, Ints
from dti_core.studies.patch_planning.worlds.assumptions import Assumptions
from dti_core.studies.patch_planning.worlds.graphs import heavy_tailed
from dti_core.studies.patch_planning.worlds.simulate import (
    REGRESSION,
    REPAIR_HOURS,
    ROLLBACK_MINUTES,
    WINDOW_MINUTES,
)  # fmt: skip

N_WEEKS, YEAR = 13, 52
WEEKS_A_MONTH = YEAR / 12
#: Weeks after which half of what was found is still open, and shape of the survival: .18 are after a year.
#: Source: Kenna Security and Cyentia, Prioritization to Prediction 2 (2019), as quoted by others.
HALF_OPEN, SHAPE = 13, 0.653
#: Share of weeks in which a service may be touched.
WINDOWS = 0.6


@dataclass(frozen=True, slots=True)
class Calendar:
    """Uploads of Q quarters and the year before each, at most B a quarter; n_cves is 0 where there is none.

    service, since, n_cves, after : (Q, B) number of the source within its quarter, week of the upload,
    negative before the quarter, vulnerabilities closed, and the upload of that source before it. starts :
    (Q,) first week on the whole calendar.
    """

    service: Ints
    since: Ints
    n_cves: Ints
    after: Ints
    starts: Ints

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def n_services(self) -> int:
        """S, sources of the quarter with most."""
        return int(self.service.max()) + 1

    def take(self, which: Ints) -> Self:
        """Some of the quarters, in that order."""
        return type(self)(*(getattr(self, name)[which] for name in self.__slots__))


def cut_quarters(uploads: pd.DataFrame, n_weeks: int) -> Calendar:
    """The quarters of weekly uploads (source, week, n_cves), each with the uploads of the year before it.

    Parameters
    ----------
    n_weeks : of the whole calendar, from week 0 on; what is left at its end is no quarter.
    """
    starts = np.arange(YEAR, n_weeks - N_WEEKS + 1, N_WEEKS)
    if not len(starts):
        raise ValueError(f"{n_weeks} weeks hold no quarter after a year; {YEAR + N_WEEKS} are needed")
    parts = []
    for start in starts:
        part = uploads[uploads["week"].between(start - YEAR, start + N_WEEKS - 1)]
        part = part.sort_values(["source", "week"], ignore_index=True)
        same = part["source"].eq(part["source"].shift()).to_numpy()
        rows = np.arange(len(part))
        columns = (pd.factorize(part["source"])[0], part["week"] - start, part["n_cves"],
                   np.where(same, rows - 1, NONE))  # fmt: skip
        parts.append(np.stack([np.asarray(one, dtype=np.int64) for one in columns]))
    packed = np.zeros((4, len(parts), max(part.shape[1] for part in parts)), dtype=np.int64)
    packed[3] = NONE
    for quarter, part in enumerate(parts):
        packed[:, quarter, : part.shape[1]] = part
    service, since, n_cves, after = packed
    return Calendar(service, since, n_cves, after, starts)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Estates with what their planners may go by beside it.

    quarter : (N,) which of the calendar's. which : (N,) which of the sets of assumptions. since : (N, B)
    week of the upload, negative before the quarter. seen : the estates as planners see them,
    other than `estates` only where exploits stay hidden from them.
    """

    estates: Estates
    quarter: Ints
    which: Ints
    since: Ints
    seen: Estates


def cadence_estates(
    calendar: Calendar, sets: Sequence[Assumptions], n_draws: int, rng: np.random.Generator,
    surges: Array | None = None,
) -> Drawn:  # fmt: skip
    """Estates by set of assumptions, then quarter, then draw; all sets must share their exploits.

    Parameters
    ----------
    surges : (Q, N_WEEKS) chance that an exploit comes out in a week of the quarter, over its mean; planners
    know the mean alone.
    """
    (exploits,) = {one.exploits for one in sets}
    quarter = np.tile(np.repeat(np.arange(len(calendar)), n_draws), len(sets))
    which = np.repeat(np.arange(len(sets)), len(calendar) * n_draws)
    here, size = _still_open(calendar.take(quarter), rng), (len(quarter), calendar.n_services)
    real = here.n_cves > 0

    def of(name: str) -> Array:
        return np.array([getattr(one, name) for one in sets])[which][:, None]

    graph = heavy_tailed(*size, rng)
    hour = rng.lognormal(0.0, 0.35, (*size, N_WEEKS))
    outage = graph.cascade(of("traffic_usd") * rng.lognormal(0.0, 1.0, size))[..., None] * hour
    loss, severity = _losses(here.n_cves, of("risk_spread"), of("likely_share"), rng)
    worked = of("hours_spread") * _beside(loss, real, of("hours_follow_risk"), rng)
    hours = np.round(np.maximum(of("hours") * np.exp(worked), 0.1), 1).astype(np.float64)
    minutes = np.round(2 + rng.exponential(6.0, hours.shape), 1)
    rollback = np.take_along_axis(outage.mean(axis=2), here.service, axis=1) * ROLLBACK_MINUTES
    wage = of("wage_usd")
    cost = hours * wage + REGRESSION * (REPAIR_HOURS * wage + rollback)
    setup = np.round(rng.uniform(0.5, 2.0, size), 1)
    known = np.where(real, np.maximum(here.since, 0), NEVER)
    estates = Estates(
        service=here.service, after=here.after, known=known,
        exploited=_exploited(here.since, known, exploits.weekly_chance,
                             None if surges is None else surges[quarter], rng),
        risk_usd=of("risk_usd") * loss * np.take_along_axis(graph.exposure(), here.service, axis=1),
        severity=severity, hours=hours, cost_usd=cost, minutes=minutes,
        setup_hours=setup, setup_usd=setup * wage,
        setup_minutes=np.round(rng.uniform(2.0, 8.0, size), 1),
        open=rng.random((*size, N_WEEKS)) < WINDOWS, outage_usd=outage,
        weekly_hours=_hands(hours, known, which, of("capacity")),
        budget_usd=2 * (cost.sum(axis=1) + N_WEEKS * (setup * wage).sum(axis=1)),
        minutes_allowed=np.full(size, N_WEEKS * WINDOW_MINUTES),
        window_minutes=WINDOW_MINUTES, callers=graph.callers, exploits=exploits,
    )  # fmt: skip
    return Drawn(estates, quarter, which, here.since, estates)


def alike(drawn: Drawn) -> Drawn:
    """The same calendar with nothing to choose by: one age, loss, work and price; exploits come out unseen.

    Which bundle an exploit strikes still differs, so that plans differ in what they earn, by luck alone.
    There is no set-up, whose sharing would be something to choose by, and no week is closed.
    """
    first, here = Assumptions(), drawn.estates
    flat, nothing = np.ones_like(here.hours), np.zeros_like(here.setup_hours)
    known = np.where(here.known < NEVER, 0, NEVER)
    same = replace(
        here, known=known, after=np.full_like(here.after, NONE), risk_usd=first.risk_usd * flat,
        severity=5 * flat,
        hours=first.hours * flat, cost_usd=first.hours * first.wage_usd * flat, minutes=8 * flat,
        setup_hours=nothing, setup_usd=nothing, setup_minutes=nothing,
        outage_usd=np.full_like(here.outage_usd, first.traffic_usd), open=np.ones_like(here.open),
    )  # fmt: skip
    hidden = replace(same, exploited=np.full_like(here.exploited, NEVER))
    return replace(drawn, estates=same, since=np.zeros_like(known), seen=hidden)


def _still_open(calendar: Calendar, rng: np.random.Generator) -> Calendar:
    """What nobody has patched before the quarter, in columns without gaps; earlier uploads are older."""
    chance = np.exp2(-((np.maximum(-calendar.since, 0) / HALF_OPEN) ** SHAPE))
    real = (calendar.n_cves > 0) & (rng.random(chance.shape) < chance)
    after, place = _nearest(calendar.after, real), np.cumsum(real, axis=1) - 1
    after = np.where(after == NONE, NONE, np.take_along_axis(place, np.maximum(after, 0), axis=1))
    order = np.argsort(~real, axis=1, kind="stable")[:, : int(real.sum(axis=1).max())]
    n_cves, after = np.where(real, calendar.n_cves, 0), np.where(real, after, NONE)

    def kept(one: Ints) -> Ints:
        return np.take_along_axis(one, order, axis=1)

    return Calendar(kept(calendar.service), kept(calendar.since), kept(n_cves), kept(after), calendar.starts)


def _losses(n_cves: Ints, spread: Array, likely: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """(N, B) summed loss of each upload's vulnerabilities, over the median one's; and the worst one's score.

    The score stands for CVSS: it knows the impact and not the chance, and all scores are as frequent.
    """
    place = np.repeat(np.arange(n_cves.size), n_cves.ravel())
    rows = place // n_cves.shape[1]
    impact, chance = rng.normal(size=(2, len(place)))
    part = likely[rows, 0]
    one = np.exp(spread[rows, 0] * (np.sqrt(part) * chance + np.sqrt(1 - part) * impact))
    worst = np.full(n_cves.size, -np.inf)
    np.maximum.at(worst, place, impact)
    summed: Array = np.bincount(place, one, minlength=n_cves.size).astype(np.float64)
    return summed.reshape(n_cves.shape), np.round(10 * ndtr(worst).reshape(n_cves.shape), 1)


def _beside(loss: Array, real: Flags, correlation: Array, rng: np.random.Generator) -> Array:
    """(N, B) standard normal, correlated with the logarithm of loss within each estate."""
    log = np.log(np.where(real, loss, 1.0))
    n = np.maximum(real.sum(axis=1, keepdims=True), 1)
    centred = np.where(real, log - log.sum(axis=1, keepdims=True) / n, 0.0)
    scale = np.sqrt((centred**2).sum(axis=1, keepdims=True) / n)
    own = rng.normal(size=loss.shape)
    return correlation * centred / np.maximum(scale, 1e-9) + np.sqrt(1 - correlation**2) * own


def _nearest(after: Ints, real: Flags) -> Ints:
    """(N, B) the nearest earlier upload of the source that is open in this estate, or NONE."""
    rows, found = np.arange(len(after))[:, None], after
    for _ in range(after.shape[1]):
        skip = (found != NONE) & ~real[rows, found]
        if not skip.any():
            break
        found = np.where(skip, after[rows, found], found)
    return found


def _exploited(
    since: Ints, known: Ints, chance: float, surge: Array | None, rng: np.random.Generator
) -> Ints:
    """(N, B) week in which an exploit comes out, from the week after the upload on, or NEVER."""
    if chance <= 0:
        return np.full(known.shape, NEVER)
    wait = rng.exponential(1.0, known.shape) / -np.log1p(-chance)
    week = since + np.ceil(wait).astype(np.int64)
    if surge is not None:
        pace = np.ones((len(since), 2 * YEAR))
        pace[:, YEAR : YEAR + N_WEEKS] = surge
        clock = np.cumsum(pace, axis=1)
        reached = np.take_along_axis(clock, since + YEAR, axis=1) + wait
        week = (clock[:, None] < reached[..., None]).sum(axis=2) - YEAR
    return np.where(known < NEVER, week, NEVER).astype(np.int64)


def _hands(hours: Array, known: Ints, which: Ints, capacity: Array) -> Array:
    """(N, T) hours of one team a set: its share, a month, of the work that is open in a mean week."""
    share_known = np.clip(N_WEEKS - known, 0, N_WEEKS) / N_WEEKS
    work = (hours * share_known).sum(axis=1)
    mean = np.bincount(which, work) / np.bincount(which)
    weekly = capacity * mean[which][:, None] / WEEKS_A_MONTH
    return np.repeat(weekly, N_WEEKS, axis=1)
