"""Cells of bridge `pooling`: shops, travel sites, firms and sources of software, small and large.

Every cell sets a unit's rate or mean, partly pooled, against one rate for all and against the unit alone. The
placebo learns how much units differ where their outcomes were dealt anew among them, which leaves it little
but one rate for all. Controls: all outcomes dealt anew (null), units that differ by a known strength
(planted), and units that have nothing in common, where pooling must not be found to help the small.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import pandas as pd

from dti_core.lab.intervals import Interval, mean_over_seeds
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import Estimate
from dti_core.studies.spillover.data.units import (
    load_firm_values,
    load_fix_weeks,
    load_sites,
    load_stores,
)
from dti_core.studies.spillover.methods.task import Task
from dti_core.studies.spillover.model.gains import Gains, Outcome, gains, null_gains
from dti_core.studies.spillover.model.losses import WITH, WITHOUT, Array, Losses
from dti_core.studies.spillover.model.sizes import QUARTERS, by_size, each_unit, quarters
from dti_core.studies.spillover.model.tellings import FULL_WEIGHT, SETTINGS
from dti_core.studies.spillover.model.units import POOLED, Counts, Values, value_losses
from dti_core.studies.spillover.worlds.units import differing, differing_values, unrelated

NULL, PLANTED, UNRELATED = "null", "planted", "unrelated"
#: Draws that are one piece of work, and cells of counts above which they take `FEWER` units and categories.
BATCH, MOST_CELLS = 5, 100_000
#: Every so many of the units by size, and so many categories by frequency.
FEWER = (2, 12)
#: Trials above which a unit weighs no more, in the table beside the verdict's own choice: from units that
#: weigh alike to trials that do.
WEIGHTS = (1.0, 10.0, 30.0, FULL_WEIGHT, 300.0, np.inf)
#: Years from which a firm's next value is told, and what decides.
WINDOW, TOLD = 3, "capital_to_sales"
Of = TypeVar("Of", Counts, Values)
Piece = TypeVar("Piece")


@dataclass(frozen=True, slots=True)
class Drawn:
    """What one draw yields: its gains, and those at both ends of the range of sizes, in % of the naive loss.

    small : loss of the best lone prior less that partly pooled, smallest quarter of units. large : pooled
    loss less that of the best lone prior, largest quarter.
    """

    gains: Gains
    small: Interval
    large: Interval


@dataclass(frozen=True, slots=True)
class Batch(Generic[Of]):
    """Draws of one world: cell, its units, and the numbers of the draws."""

    cell: str
    units: Of
    world: str
    task: Task
    numbers: Sequence[int]

    def streams(self) -> list[np.random.Generator]:
        """Random numbers of each draw."""
        return [self.task.stream(self.cell, self.world, str(number)) for number in self.numbers]


def stores(task: Task) -> Outcome:
    """Which categories are bought in a basket of a shop, told from its own baskets and other shops'."""
    return _count_cell(task, "pooling_stores", _spread(load_stores(), 1, 10 * task.effort.n_instances))


def sites(task: Task) -> Outcome:
    """Which searches by a channel end in a booking on a travel site, told from its own and other sites'."""
    return _count_cell(task, "pooling_sites", load_sites())


def fixes(task: Task) -> Outcome:
    """In which weeks of the next half-year a source mends a vulnerability, told from its and others' past."""
    return _count_cell(task, "pooling_fixes", load_fix_weeks())


def firms(task: Task) -> Outcome:
    """A firm's log capital to sales next year, told from its and others' last years.

    The table holds the same arms for the growth of sales and for patents, which decide nothing.
    """
    name, panels = "pooling_firms", load_firm_values()
    found = {
        kind: gains(value_losses(panel, WINDOW, task.stream(name, kind), n_shuffles(task)))
        for kind, panel in panels.items()
    }
    drawn = run_keyed(draw_values, _batches(task, name, panels[TOLD], (NULL, PLANTED)), name)
    null, planted = (tuple(_of_world(drawn, world)) for world in (NULL, PLANTED))
    rows = [{"value": kind, **_row(one)} for kind, one in found.items()]
    return Outcome(found[TOLD], null, planted, (), {f"{name}_values": pd.DataFrame(rows)})


def n_shuffles(task: Task) -> int:
    """Deals over which the observed placebo is averaged: 2 to 5, by effort."""
    return min(5, max(2, task.effort.n_instances // 20))


def draw_counts(batch: Batch[Counts]) -> list[Drawn]:
    """What each draw of a world of counts yields."""
    setting, make = SETTINGS[batch.cell], _COUNT_WORLDS[batch.world]
    found = []
    for rng in batch.streams():
        made = make(batch.units, rng)
        losses = setting.weighted(setting.losses(made, rng))
        judged = null_gains(losses) if batch.world == NULL else gains(losses)
        found.append(Drawn(judged, *_ends(losses, setting.size(made))))
    return found


def draw_values(batch: Batch[Values]) -> list[Gains]:
    """The gains of each draw of a world of values."""
    found = []
    for rng in batch.streams():
        plain, panel = batch.world == NULL, batch.units
        made = panel.shuffled(rng) if plain else differing_values(panel, WINDOW, rng)
        losses = value_losses(made, WINDOW, rng, 1)
        found.append(null_gains(losses) if plain else gains(losses))
    return found


_COUNT_WORLDS: Mapping[str, Callable[[Counts, np.random.Generator], Counts]] = {
    NULL: Counts.shuffled,
    PLANTED: differing,
    UNRELATED: unrelated,
}


def _count_cell(task: Task, name: str, counts: Counts) -> Outcome:
    """The outcome of a cell with counts: observed, drawn, and by size of the units."""
    setting = SETTINGS[name]
    plain = setting.losses(counts, task.stream(name, "placebo"), n_shuffles(task))
    losses = setting.weighted(plain)
    fewer = _spread(counts, *FEWER) if counts.hits.size > MOST_CELLS else counts
    drawn = run_keyed(draw_counts, _batches(task, name, fewer, tuple(_COUNT_WORLDS)), name)
    alike, planted, unlike = (_of_world(drawn, world) for world in (NULL, PLANTED, UNRELATED))
    size = setting.size(counts)
    small, large = _ends(losses, size)
    estimates = (
        *_told(f"{name}_small_gain", small, [one.small for one in unlike], [one.small for one in planted]),
        *_told(f"{name}_large_harm", large, [one.large for one in alike], [one.large for one in planted]),
    )
    shown = {"alone_less_partly": (WITHOUT, WITH), "pooled_less_partly": (POOLED, WITH)}
    weights = [{"most": most, **_row(gains(setting.weighted(plain, most)))} for most in WEIGHTS]
    series = {
        f"{name}_sizes": by_size(losses, size, tuple(setting.lone), POOLED),
        f"{name}_weights": pd.DataFrame(weights), f"{name}_units": each_unit(losses, size, shown),
    }  # fmt: skip
    null, there = (tuple(one.gains for one in many) for many in (alike, planted))
    return Outcome(gains(losses), null, there, estimates, series)


def _ends(losses: Losses, size: Array) -> tuple[Interval, Interval]:
    """Gain of partial pooling to the smallest quarter, and harm of one pool to the largest."""
    small, large = (losses.of_units(quarters(losses, size)[name]) for name in (QUARTERS[0], QUARTERS[-1]))
    return small.gain(WITHOUT, WITH), large.gain(POOLED, WITHOUT)


def _spread(counts: Counts, every: int, n_kinds: int) -> Counts:
    """Every so many of the units by size, and categories evenly over the range of how often they occur."""
    ordered = np.argsort(counts.size, kind="stable")
    kinds = np.argsort(counts.hits.sum(axis=(0, 1)), kind="stable")
    n = len(kinds)
    chosen = kinds[np.unique(np.linspace(0, n - 1, min(n, n_kinds)).round().astype(np.int64))]
    return counts.some(np.sort(ordered[::every]), np.sort(chosen))


def _batches(
    task: Task, name: str, units: Of, worlds: Iterable[str]
) -> dict[tuple[str, int], Batch[Of]]:  # fmt: skip
    n_draws = min(task.effort.n_draws, task.effort.n_instances)
    return {
        (world, first): Batch(name, units, world, task, range(first, min(n_draws, first + BATCH)))
        for world in worlds for first in range(0, n_draws, BATCH)
    }  # fmt: skip


def _of_world(drawn: Mapping[tuple[str, int], Sequence[Piece]], world: str) -> list[Piece]:
    return [one for (made, _), batch in drawn.items() if made == world for one in batch]


def _told(
    name: str, observed: Interval, null: Sequence[Interval], planted: Sequence[Interval]
) -> Iterable[Estimate]:
    """An interval as observed and, with that of each draw, in both control worlds."""
    unit = "% of naive loss"
    yield observed.estimate(name, unit)
    for world, many in ((NULL, null), (PLANTED, planted)):
        mean, ends = mean_over_seeds([one.value for one in many]), tuple((one.low, one.high) for one in many)
        yield Estimate(
            name, mean.value, mean.low, mean.high, unit, many[0].n, len(many), how=mean.how, world=world,
            draws=ends,
        )  # fmt: skip


def _row(found: Gains) -> dict[str, str | float]:
    """Gains with their ends, the best rival, and the loss of each arm, in % of the naive one."""
    row: dict[str, str | float] = {"rival": found.rival}
    for name in ("added", "carried", "worth"):
        one: Interval = getattr(found, name)
        row |= {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}
    return row | {f"loss_{name}": loss for name, loss in found.losses.items()}
