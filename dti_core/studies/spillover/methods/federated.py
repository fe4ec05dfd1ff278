"""Cells of bridge `federated`: industries that tell growth together, and sources that tell their next fix.

FedAvg is set against clients alone, against rates, and against itself on labels dealt anew within clients.
All rows in one place are shown beside it as what it gives up, not as a rival: they give the rows away.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from dti_core.lab.parallel import run_keyed
from dti_core.studies.spillover.data.clients import load_growth, load_next_week
from dti_core.studies.spillover.methods.task import Task
from dti_core.studies.spillover.model.clients import (
    CLIPPING_NORM,
    DELTA,
    Records,
    Scheme,
    client_losses,
    learn,
    luck_of_learning,
    with_luck,
)
from dti_core.studies.spillover.model.gains import Gains, Outcome, gains, null_gains
from dti_core.studies.spillover.model.losses import NAIVE, WITH, WITHOUT, Losses
from dti_core.studies.spillover.model.sizes import each_unit
from dti_core.studies.spillover.worlds.units import one_rule

World = Literal["null", "planted"]
WORLDS: tuple[World, ...] = ("null", "planted")
#: Draws that are one piece of work, and deals over which the placebo of each is averaged.
BATCH, DEALS = 5, 2
#: Of central noise that protects a client with all its rows.
EPSILONS = (1.0, 4.0)


@dataclass(frozen=True, slots=True)
class Draws:
    """Some draws of one world."""

    cell: str
    records: Records
    world: World
    task: Task
    numbers: range
    luck: float


def firms(task: Task) -> Outcome:
    """Whether a firm's sales outgrow the year's median next year, by a rule industries learn together."""
    return _cell(task, "federated_firms", load_growth())


def fixes(task: Task) -> Outcome:
    """Whether a Debian source mends a vulnerability next week, by a rule that sources learn together."""
    return _cell(task, "federated_fixes", load_next_week())


def draw(batch: Draws) -> list[Gains]:
    """The gains of each draw."""
    found = []
    for number in batch.numbers:
        rng = batch.task.stream(batch.cell, batch.world, str(number))
        make = one_rule if batch.world == "planted" else Records.destroyed
        losses = client_losses(make(batch.records, rng), rng, DEALS)
        judged = gains(losses) if batch.world == "planted" else null_gains(losses)
        found.append(with_luck(judged, batch.luck, DEALS))
    return found


def _cell(task: Task, name: str, records: Records) -> Outcome:
    n_deals = min(20, max(5, task.effort.n_instances // 10))
    losses = client_losses(records, task.stream(name, "observed"), n_deals)
    luck = luck_of_learning(records, losses, task.stream(name, "luck"), n_deals)
    n_draws = min(task.effort.n_draws, task.effort.n_instances)
    tasks = {
        (world, first): Draws(name, records, world, task, range(first, min(n_draws, first + BATCH)), luck)
        for world in WORLDS for first in range(0, n_draws, BATCH)
    }  # fmt: skip
    drawn = run_keyed(draw, tasks, name)
    null, planted = (_of_world(drawn, world) for world in WORLDS)
    size = np.bincount(records.owner[records.learnt], minlength=records.n_clients).astype(float)
    shown = {"alone_less_together": (WITHOUT, WITH), "naive_less_together": (NAIVE, WITH)}
    series = {
        f"{name}_privacy": _protected(task, name, records, losses, n_deals),
        f"{name}_units": each_unit(losses, size, shown),
    }
    return Outcome(with_luck(gains(losses), luck, n_deals), null, planted, (), series)


def _of_world(drawn: Mapping[tuple[World, int], list[Gains]], world: World) -> tuple[Gains, ...]:
    return tuple(one for (made, _), batch in drawn.items() if made == world for one in batch)


def _protected(task: Task, name: str, records: Records, losses: Losses, n_draws: int) -> pd.DataFrame:
    """Gain over the naive answer and over clients alone, in % of the naive loss, by what a client gives away.

    Columns: training, epsilon (inf: no noise), delta, clipping_norm, n_draws of the noise, loss (% of naive),
    gain and alone with their ends. Intervals take clients, periods and draws of the noise as drawn, the rule
    as given.
    """
    rng, rows = task.stream(name, "privacy"), []
    asked: list[tuple[str, Scheme, float]] = [("all rows in one place", "central", np.inf)]
    asked += [("FedAvg", "fedavg", epsilon) for epsilon in (np.inf, *EPSILONS)]
    for training, scheme, epsilon in asked:
        private = np.isfinite(epsilon)
        noise = epsilon if private else None
        found = [learn(records, scheme, rng, epsilon=noise) for _ in range(n_draws if private else 1)]
        told = replace(losses, arms={**losses.arms, WITH: np.stack(found)})
        gain, alone = told.gain(NAIVE), told.gain(WITHOUT)
        rows.append({
            "training": training, "epsilon": epsilon, "delta": DELTA if private else 0.0,
            "clipping_norm": CLIPPING_NORM if private else np.inf, "n_draws": len(found),
            "loss": 100 * told.mean(WITH) / told.mean(NAIVE), "gain": gain.value, "gain_low": gain.low,
            "gain_high": gain.high, "alone": alone.value, "alone_low": alone.low, "alone_high": alone.high,
        })  # fmt: skip
    return pd.DataFrame(rows)
