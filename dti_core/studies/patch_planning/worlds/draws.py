"""Estates of a named world by their seeds: each follows from its own seed, alone or in a batch."""

from collections.abc import Iterable

import numpy as np

from dti_core.studies.patch_planning.model.estates import Estates, join
from dti_core.studies.patch_planning.worlds import WORLDS
from dti_core.studies.patch_planning.worlds.assumed import PREFIX, assumed
from dti_core.studies.patch_planning.worlds.settings import Setting
from dti_core.studies.patch_planning.worlds.simulate import simulate_estates


def setting_of(world: str) -> Setting:
    """What makes a world of `WORLDS`, or one of the assumption set."""
    if world.startswith(PREFIX):
        return assumed(int(world.removeprefix(PREFIX)))
    return WORLDS[world].settings


def draw_estate(world: str, n_services: int, seed: int) -> Estates:
    """The one estate of a seed."""
    return simulate_estates(setting_of(world), 1, n_services, np.random.default_rng(seed))


def draw_estates(world: str, n_services: int, seeds: Iterable[int]) -> Estates:
    """An estate a seed."""
    return join([draw_estate(world, n_services, int(seed)) for seed in seeds])
