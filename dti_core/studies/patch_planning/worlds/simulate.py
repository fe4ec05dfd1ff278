"""Estates drawn from a world."""

import numpy as np
from scipy.special import ndtr

from dti_core.studies.patch_planning.model.estates import NEVER, NONE, Array, Estates, Flags, Ints
from dti_core.studies.patch_planning.worlds.graphs import Graph, heavy_tailed
from dti_core.studies.patch_planning.worlds.settings import Setting

#: Dollars of an hour's work.
WAGE_USD = 95.0
#: Chance that an upgrade breaks something, and minutes that going back takes, the upgrade's own aside.
REGRESSION, ROLLBACK_MINUTES = 0.06, 30.0
#: Hours that are spent on a regression.
REPAIR_HOURS = 6.0
WINDOW_MINUTES = 60.0
#: Of severity scores with expected losses: a score says what a flaw could do, little of who will use it.
SEVERITY_RANK_CORRELATION = 0.4


def simulate_estates(
    setting: Setting, n_estates: int, n_services: int, rng: np.random.Generator, graph: Graph | None = None
) -> Estates:
    """Estates of a world: assumptions, none of it observed but a graph that is given.

    Parameters
    ----------
    graph : of n_estates x n_services, heavy-tailed graphs are drawn without.
    """
    graph = graph or heavy_tailed(n_estates, n_services, rng)
    size = (n_estates, n_services * setting.slots)
    service = np.repeat(np.arange(n_services), setting.slots)[None].repeat(n_estates, axis=0)
    traffic = setting.traffic_usd * rng.lognormal(0.0, 1.0, (n_estates, n_services))
    hour = rng.lognormal(0.0, 0.35, (n_estates, n_services, setting.n_weeks))
    outage = graph.cascade(traffic)[..., None] * hour
    loss = rng.standard_normal(size)
    risk = setting.risk_usd * np.exp(setting.risk_spread * loss)
    hours, minutes = np.round(1 + rng.exponential(3.0, size), 1), np.round(2 + rng.exponential(6.0, size), 1)
    rollback = np.take_along_axis(outage.mean(axis=2), service, axis=1) * ROLLBACK_MINUTES
    cost = hours * WAGE_USD + REGRESSION * (REPAIR_HOURS * WAGE_USD + rollback)
    setup_hours, setup_minutes = (
        np.round(rng.uniform(0.5, 2.0, traffic.shape), 1), np.round(rng.uniform(2.0, 8.0, traffic.shape), 1)
    )  # fmt: skip
    weekly_hours = setting.hours * hours.sum(axis=1, keepdims=True) / setting.n_weeks
    known = _known(setting, size, rng)
    return Estates(
        service=service, after=_chains(setting, size, rng), known=known,
        exploited=_exploited(setting, known, rng),
        risk_usd=risk * np.take_along_axis(graph.exposure(), service, axis=1),
        severity=_severity(loss, rng),
        hours=hours, cost_usd=cost, minutes=minutes, setup_hours=setup_hours,
        setup_usd=setup_hours * WAGE_USD, setup_minutes=setup_minutes,
        open=_windows(setting, outage.shape, rng), outage_usd=outage,
        weekly_hours=np.repeat(weekly_hours, setting.n_weeks, axis=1),
        budget_usd=setting.budget * cost.sum(axis=1),
        minutes_allowed=setting.minutes_allowed * minutes.reshape(*traffic.shape, -1).sum(axis=2),
        window_minutes=WINDOW_MINUTES, callers=graph.callers, exploits=setting.exploits,
    )  # fmt: skip


def _severity(loss: Array, rng: np.random.Generator) -> Array:
    """Scores of which all are as frequent, and whose ranks go with those of losses as far as assumed."""
    share = 2 * np.sin(np.pi * SEVERITY_RANK_CORRELATION / 6)  # the normal correlation behind that of ranks
    noise = rng.standard_normal(loss.shape)
    return np.round(10 * ndtr(share * loss + np.sqrt(1 - share**2) * noise), 1)


def _known(setting: Setting, size: tuple[int, int], rng: np.random.Generator) -> Ints:
    """The week in which each bundle is known: the first one, or any later one for those that come late."""
    late, week = rng.random(size) < setting.late, rng.integers(1, setting.n_weeks, size)
    return np.where(late, week, 0)


def _exploited(setting: Setting, known: Ints, rng: np.random.Generator) -> Ints:
    """The week in which an exploit comes out, at the same chance in each week after a bundle is known."""
    chance = setting.exploits.weekly_chance
    if chance <= 0:
        return np.full(known.shape, NEVER)
    week = known + rng.geometric(chance, known.shape)
    return np.where(week < setting.n_weeks + setting.exploits.tail_weeks, week, NEVER)


def _windows(setting: Setting, shape: tuple[int, ...], rng: np.random.Generator) -> Flags:
    """(N, S, T) weeks with a window; a service without any gets one."""
    windows = rng.random(shape) < setting.windows
    least = rng.integers(0, shape[2], shape[:2])
    windows[np.arange(shape[0])[:, None], np.arange(shape[1]), least] |= ~windows.any(axis=2)
    return windows


def _chains(setting: Setting, size: tuple[int, int], rng: np.random.Generator) -> Ints:
    """The bundle that must be in first: the one before it of the same service, or NONE."""
    own = np.arange(size[1])[None].repeat(size[0], axis=0)
    chained = (rng.random(size) < setting.chained) & (own % setting.slots > 0)
    return np.where(chained, own - 1, NONE)
