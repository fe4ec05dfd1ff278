"""Worlds x methods -> measures -> Result."""

from dataclasses import dataclass

import numpy as np

from dti_core.lab.config import Config
from dti_core.lab.data import DataCard
from dti_core.lab.intervals import Interval
from dti_core.lab.kept import keep
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import OBSERVED, Result
from dti_core.studies.vuln_priority.data import Floats, Parameters
from dti_core.studies.vuln_priority.measures import location, location_over_draws
from dti_core.studies.vuln_priority.methods import METHODS
from dti_core.studies.vuln_priority.model import draw_sample
from dti_core.studies.vuln_priority.worlds import WORLDS


@dataclass(frozen=True, slots=True)
class Cell:
    """One method in one control world: how many draws of how many rows, and its random numbers."""

    world: str
    method: str
    n_draws: int
    n_rows: int
    seeds: np.random.SeedSequence


@keep
def estimate(config: Config, sample: Floats, card: DataCard) -> Result:
    """Every method on the sample, then in every control world."""
    values = config.typed(Parameters)
    found = [
        location(name, method.run(sample, config.stream(OBSERVED, "method", name)))
        for name, method in METHODS.items()
    ]
    cells = {
        (world, name): Cell(world, name, values.n_draws, len(sample), config.seeds(world, "draws", name))
        for world in WORLDS
        if world != OBSERVED
        for name in METHODS
    }
    drawn = run_keyed(run_cell, cells, "control worlds")
    found += [location_over_draws(name, world, draws) for (world, name), draws in drawn.items()]
    return Result(config, card, tuple(found))


def run_cell(cell: Cell) -> list[Interval]:
    """The interval of each draw of a world."""
    settings, method = WORLDS[cell.world].settings, METHODS[cell.method]
    found = []
    for seeds in cell.seeds.spawn(cell.n_draws):
        making, judging = map(np.random.default_rng, seeds.spawn(2))
        found.append(method.run(draw_sample(settings, cell.n_rows, making), judging))
    return found
