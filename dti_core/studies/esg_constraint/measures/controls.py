"""Would a panel like the one that is judged show the effect, and none where there is none?"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from dti_core.lab.config import Config
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import Estimate
from dti_core.studies.esg_constraint.measures.coverage import controls_of, estimate_draws, joined
from dti_core.studies.esg_constraint.methods import AVERAGE, DECIDING
from dti_core.studies.esg_constraint.model.panel import Panel
from dti_core.studies.esg_constraint.worlds import WORLDS
from dti_core.studies.esg_constraint.worlds.settings import WorldSettings
from dti_core.studies.esg_constraint.worlds.simulate import batches, simulate

#: The worlds that judge a claim's estimate; the last may not refute it.
JUDGES = ("effect", "no_effect", "constraint_error")
#: Controls of larger panels have this many firms, and so find less than the panel could.
MOST_FIRMS, LEAST_FIRMS = 8000, 10
#: Firms times draws that a control may cost (50 seconds), and that one task holds in memory.
FIRM_DRAWS, FIRM_DRAWS_PER_TASK = 480_000, 3000


def sized_controls(config: Config, panel: Panel) -> Iterator[Estimate]:
    """The control worlds with as many rated firm-years, in as many years, as one real panel has.

    The planted effect stays what it is: a panel that is too small to show it cannot decide the claim.
    """
    n_firms, first = size_like(panel)
    n_draws, size = min(config.n_draws, FIRM_DRAWS // n_firms), max(1, FIRM_DRAWS_PER_TASK // n_firms)
    tasks = {
        (name, start): (batch, (DECIDING, AVERAGE))
        for name in JUDGES
        for start, batch in batches(
            replace(WORLDS[name].settings, n_firms=n_firms, first_rating_year=first),
            config.seeds("controls", name),
            n_draws,
            size,
        ).items()
    }
    done = run_keyed(estimate_draws, tasks, "panels like this one")
    for name in JUDGES:
        draws = joined([part for (world, _), part in done.items() if world == name])
        for one in controls_of(draws, name):
            yield replace(one, how=f"{one.how}, panels of {n_firms} firms as large as the one judged")


def size_like(panel: Panel) -> tuple[int, int]:
    """Firms and first rated year of a simulated panel with as many rated firm-years in as many years."""
    plain = WorldSettings()
    rated = panel.rated[0]
    n_rated_years = min(max(3, int(rated.any(axis=0).sum())), plain.n_years - 1)
    first = plain.first_year + plain.n_years - n_rated_years
    like = simulate(replace(plain, first_rating_year=first), [np.random.default_rng(0)])
    firms = round(plain.n_firms * int(rated.sum()) / int(like.rated.sum()))
    return min(max(firms, LEAST_FIRMS), MOST_FIRMS), first


def replaced(estimates: Iterable[Estimate], by: Iterable[Estimate]) -> list[Estimate]:
    """`estimates`, those of the same key taken from `by`."""
    other = {one.key: one for one in by}
    return [other.get(one.key, one) for one in estimates]
