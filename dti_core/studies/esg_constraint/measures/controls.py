"""Would a panel like the one that is judged show the effect, and none where there is none?"""

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from dti_core.lab.config import Config
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import Estimate
from dti_core.studies.esg_constraint.measures.coverage import (
    controls_of,
    estimate_draws,
    joined,
    share_of,
)
from dti_core.studies.esg_constraint.measures.persistence import autocorrelation
from dti_core.studies.esg_constraint.methods import AVERAGE, DECIDING
from dti_core.studies.esg_constraint.model.panel import Panel
from dti_core.studies.esg_constraint.worlds import WORLDS
from dti_core.studies.esg_constraint.worlds.settings import WorldSettings
from dti_core.studies.esg_constraint.worlds.simulate import batches, simulate

#: The worlds that judge a claim's estimate; the last may not refute it.
JUDGES = ("effect", "no_effect", "constraint_error")
#: A world that no test of instruments gives away, and its draws at the size at which C16b can be decided.
UNSEEN, UNSEEN_DRAWS = "hidden_shock", 24
#: AR(1) of the constraint among which that of a judged panel is looked for, and the panel that shows each.
LASTING, LASTING_FIRMS = (0.0, 0.2, 0.4, 0.6, 0.75, 0.85, 0.92, 0.97), 600
#: Controls of larger panels have this many firms, and so find less than the panel could.
MOST_FIRMS, LEAST_FIRMS = 8000, 10
#: Firms times draws that a control may cost (50 seconds), and that one task holds in memory.
FIRM_DRAWS, FIRM_DRAWS_PER_TASK = 480_000, 3000


def sized_controls(config: Config, panel: Panel) -> Iterator[Estimate]:
    """The control worlds with as many rated firm-years, in as many years, as one real panel has.

    Their constraint lasts as that of the panel does: what lasts moves less within firms, so that the same
    effect is smaller in the units of the claim. The planted effect stays what it is: a panel that is too
    small to show it cannot decide the claim.
    """
    n_firms, first = size_like(panel)
    lasting = persistence_within(panel)
    n_draws, size = min(config.n_draws, FIRM_DRAWS // n_firms), max(1, FIRM_DRAWS_PER_TASK // n_firms)
    tasks = {
        (name, start): (batch, (DECIDING, AVERAGE))
        for name in JUDGES
        for start, batch in batches(
            replace(as_lasting(WORLDS[name].settings, lasting, first), n_firms=n_firms),
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


def unseen_at_size(config: Config) -> Estimate:
    """How often a shock that nobody measures is taken for an effect, in panels that are large enough."""
    settings = replace(WORLDS[UNSEEN].settings, n_firms=MOST_FIRMS)
    n_draws = max(1, min(UNSEEN_DRAWS, config.n_draws // 10))
    made = batches(settings, config.seeds("controls", UNSEEN), n_draws, 1)
    tasks = {start: (batch, (DECIDING, AVERAGE)) for start, batch in made.items()}
    draws = joined(list(run_keyed(estimate_draws, tasks, "panels with a hidden shock").values()))
    found = share_of(draws.passed & (draws.standard[:, 2] < 0))
    return found.estimate(
        "found_by_unseen_shock", "share of draws", measure="found_by_unseen_shock", method=DECIDING,
        firms=float(MOST_FIRMS),
    )  # fmt: skip


def persistence_within(panel: Panel) -> float:
    """Correlation of last year's constraint with that of the year before, both less firm and year means."""
    values = np.where(panel.rated, panel.regressors()[..., 0], np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # firms and years without any
        values = values - np.nanmean(values, axis=2, keepdims=True)
        values = values - np.nanmean(values, axis=1, keepdims=True)
    return autocorrelation(values[:1], panel.rated[:1])


def as_lasting(settings: WorldSettings, seen: float, first: int) -> WorldSettings:
    """The world with the AR(1) that shows `seen` in a window that begins in `first`; as it is for NaN."""
    if not np.isfinite(seen):
        return replace(settings, first_rating_year=first)
    worlds = [
        replace(settings, first_rating_year=first, n_firms=LASTING_FIRMS, persistence=one) for one in LASTING
    ]
    shown = [persistence_within(simulate(one, [np.random.default_rng(0)]).panel()) for one in worlds]
    rising = np.argmax(shown) + 1  # what lasts for ever looks like a firm effect, and errors stay
    lasts = float(np.interp(seen, shown[:rising], LASTING[:rising]))
    return replace(settings, first_rating_year=first, persistence=lasts)


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
