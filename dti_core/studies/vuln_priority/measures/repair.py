"""How soon what gets exploited is repaired, by the order of work and the capacity of a team. Simulated.

The teams have a backlog of a random composition to begin with, each month brings findings of the simulated
catalogue, and a published share of what is open is closed at each month's end. An order cannot make the
backlog smaller: it only decides who waits. Among equal scores lots are drawn, so that none favours the old.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import OBSERVED
from dti_core.studies.vuln_priority.measures.catalogue import ORDERS, append_rows, over_draws
from dti_core.studies.vuln_priority.model.survival import (
    Array,
    Flags,
    logrank,
    median_time,
    open_share,
    restricted_mean,
    team_mean,
    work_off,
)  # fmt: skip
from dti_core.studies.vuln_priority.worlds.catalogue import CATALOGUES, simulate_catalogue

#: Share of open findings closed in a month: low, middle, high of published firms (Cyentia and Kenna, 2022).
CAPACITIES: Mapping[str, float] = {"low": 0.066, "median": 0.152, "high": 0.271}
#: Months of arrivals, those whose findings are followed, and the horizon of the restricted mean.
N_MONTHS, FOLLOWED, HORIZON = 24, 12, 12.0
#: Findings a month of a team, and the share that is exploited: the middle of the 2 to 5 % that FIRST gives.
ARRIVALS, RATE = 100, 0.03
PAST_RECORDS = 20_000
MONTHS = "months"
OLDEST = "oldest_first"
CONTROLS = ("independent", "planted")
#: Orders that are told in estimates; the rest stands in tables.
TOLD = ("risk", "epss", "cvss", "random")


Arrays = dict[str, Array]


@dataclass(frozen=True, slots=True)
class Teams:
    """Teams of one world and capacity that are simulated together."""

    world: str
    capacity: float
    n_teams: int
    orders: tuple[str, ...]
    seeds: np.random.SeedSequence


def study_repair(
    seeds: np.random.SeedSequence, *, n_teams: int, n_draws: int, n_control_teams: int, n_resamples: int
) -> Findings:
    """Median and restricted mean of the time to repair of what is exploited, and what an order saves.

    Parameters
    ----------
    n_teams : of each capacity. n_draws : of each control world, with `n_control_teams` at middle capacity.
    """
    found = Findings()
    working, resampling, *drawing = seeds.spawn(2 + len(CONTROLS))
    orders = (*ORDERS, OLDEST)
    tasks: dict[tuple[str, str | int], Teams] = {
        (OBSERVED, name): Teams(OBSERVED, capacity, n_teams, orders, one)
        for (name, capacity), one in zip(CAPACITIES.items(), working.spawn(len(CAPACITIES)), strict=True)
    }
    for world, seed in zip(CONTROLS, drawing, strict=True):
        for number, one in enumerate(seed.spawn(n_draws)):
            middle = CAPACITIES["median"]
            tasks[world, number] = Teams(world, middle, n_control_teams, ("risk", "cvss"), one)
    done = run_keyed(follow, tasks, "repair")
    rng = np.random.default_rng(resampling)
    for name in CAPACITIES:
        _tell(found, name, done[OBSERVED, name], orders, rng, n_resamples)
    for world in CONTROLS:
        drawn = [saved(done[world, number], "risk") for number in range(n_draws)]
        rows = np.array([[one.value, one.low, one.high] for one in drawn])
        key = "repair_saved_risk_over_cvss_median"
        found.estimates.append(over_draws(key, MONTHS, world, rows, order="risk", capacity="median"))
    return found


def follow(teams: Teams) -> Arrays:
    """Findings of the first `FOLLOWED` months, all teams one after the other, with their times by order.

    Returns
    -------
    team, exploited; by order time_* (months until closed or last seen) and closed_*; backlog_* (F, T).
    """
    rng = np.random.default_rng(teams.seeds)
    settings = replace(CATALOGUES[teams.world].settings, rate=RATE)
    n_before = round(ARRIVALS / teams.capacity)
    shape = (teams.n_teams, n_before + ARRIVALS * N_MONTHS)
    here = simulate_catalogue(settings, shape[0] * shape[1], rng)
    past = simulate_catalogue(settings, PAST_RECORDS, rng)
    arrived = np.sort(rng.uniform(0, N_MONTHS, (shape[0], ARRIVALS * N_MONTHS)), axis=1)
    arrived = np.hstack([np.full((shape[0], n_before), -1.0), arrived])
    followed = (arrived >= 0) & (arrived < FOLLOWED)
    told: Arrays = {
        "team": np.nonzero(followed)[0].astype(np.float64),
        "exploited": here.exploited.reshape(shape)[followed].astype(np.float64),
    }
    for name in teams.orders:
        score = -arrived if name == OLDEST else ORDERS[name](past, here, rng).reshape(shape)
        worked = work_off(arrived, score, rng.random(shape), teams.capacity, N_MONTHS)
        closed = worked.month >= 0
        until = np.where(closed, worked.month + 1, N_MONTHS)
        told[f"time_{name}"] = (until - arrived)[followed]
        told[f"closed_{name}"] = closed[followed].astype(np.float64)
        told[f"backlog_{name}"] = worked.backlog.astype(np.float64)
    return told


def saved(part: Arrays, order: str, rival: str = "cvss") -> Interval:
    """Months of the first year that an order saves an exploited finding against its rival."""
    early = {name: np.minimum(part[f"time_{name}"], HORIZON) for name in (order, rival)}
    return _by_team(part, early[rival] - early[order])


def _by_team(part: Arrays, each: Array) -> Interval:
    """Mean of a number of each finding over those that are exploited."""
    team, exploited = part["team"].astype(np.int64), part["exploited"]
    sums, counts = (np.bincount(team, one).astype(np.float64) for one in (each * exploited, exploited))
    return team_mean(sums, counts)


def _tell(
    found: Findings, capacity: str, part: Arrays, orders: tuple[str, ...], rng: np.random.Generator,
    n_resamples: int,
) -> None:  # fmt: skip
    team, exploited = part["team"].astype(np.int64), part["exploited"] > 0
    n_teams = int(team.max()) + 1
    drawn = rng.multinomial(n_teams, np.full(n_teams, 1 / n_teams), size=n_resamples)
    weights = np.vstack([np.ones(n_teams), drawn])[:, team[exploited]].astype(np.float64)
    for name in orders:
        times, closed = part[f"time_{name}"], part[f"closed_{name}"] > 0
        ends, left = open_share(times[exploited], closed[exploited], weights)
        middle = _median(median_time(ends, left, N_MONTHS - FOLLOWED), int(exploited.sum()))
        mean, gain = _by_team(part, np.minimum(times, HORIZON)), saved(part, name)
        told = {f"repair_median_{name}_{capacity}": middle, f"repair_mean_12_{name}_{capacity}": mean}
        if name != "cvss":
            told[f"repair_saved_{name}_over_cvss_{capacity}"] = gain
        for key, one in told.items() if name in TOLD else ():
            found.estimates.append(one.estimate(key, MONTHS, order=name, capacity=capacity, data="simulated"))
        every = open_share(times, closed, np.ones((1, len(times))))
        row = {"capacity": capacity, "order": name, "exploited": int(exploited.sum()),
               "median": middle.value, "median_low": middle.low, "median_high": middle.high,
               "mean_12": mean.value, "mean_12_low": mean.low, "mean_12_high": mean.high,
               "saved": gain.value, "saved_low": gain.low, "saved_high": gain.high,
               "mean_12_of_all": restricted_mean(*every, HORIZON)[0],
               "open_at_12_of_all": _at(*every, HORIZON)[0],
               "logrank_p_against_cvss": _against(part, name, exploited),
               "mean_backlog": part[f"backlog_{name}"].mean()}  # fmt: skip
        append_rows(found, "repair_orders", pd.DataFrame([row]))
        grid = np.arange(0, N_MONTHS - FOLLOWED + 0.01, 0.25)
        curve = [_at(ends, left[:1], time)[0] for time in grid]
        line = {"capacity": capacity, "order": name, "months": grid, "open": curve}
        append_rows(found, "repair_curves", pd.DataFrame(line))


def _at(ends: Array, left: Array, time: float) -> Array:
    """(R,) share that is still open at a time."""
    before = int(np.searchsorted(ends, time, side="right"))
    share: Array = left[:, before - 1] if before else np.ones(len(left))
    return share


def _median(drawn: Array, n: int) -> Interval:
    """The first of medians, with the bounds of 95 % of the others, which are those of resampled teams."""
    low, high = np.quantile(drawn[1:], [0.025, 0.975])
    value = float(drawn[0])
    longest = f"{N_MONTHS - FOLLOWED} if not reached"
    how = f"Kaplan-Meier, bootstrap of teams, {len(drawn) - 1} resamples; {longest}"
    error = float(np.std(drawn[1:], ddof=1))
    return Interval(value, min(value, float(low)), max(value, float(high)), error, n, how)


def _against(part: Arrays, name: str, exploited: Flags) -> float:
    """p-value of the log-rank test on times by this order and by CVSS, as if findings were independent."""
    if name == "cvss":
        return 1.0
    both = [(part[f"time_{one}"][exploited], part[f"closed_{one}"][exploited]) for one in (name, "cvss")]
    times, closed = (np.concatenate(pair) for pair in zip(*both, strict=True))
    return logrank(times, closed > 0, np.repeat([0, 1], int(exploited.sum())))
