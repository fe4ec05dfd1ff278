"""How often is the planted effect found, by firms, years with ratings and estimator?"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from dti_core.lab.config import Config
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import Estimate
from dti_core.studies.esg_constraint.measures.coverage import fit_or_miss, passes, share_of
from dti_core.studies.esg_constraint.methods import AVERAGE, DECIDING, METHODS
from dti_core.studies.esg_constraint.model.arrays import Mask
from dti_core.studies.esg_constraint.model.panel import Panel
from dti_core.studies.esg_constraint.worlds import WORLDS
from dti_core.studies.esg_constraint.worlds.simulate import Batch, batches

FIRMS = (124, 248, 496, 992, 1984)
YEARS = (3, 5, 9)
#: The estimator that everybody uses, and the one that survives reverse effects, for all firms and for small
#: ones, by years with ratings: its AR(3) test, a gate of the claim, asks for six.
SHOWN: Mapping[str, tuple[int, ...]] = {"two_way": YEARS, AVERAGE: YEARS[2:], DECIDING: YEARS[2:]}
WANTED_POWER = 0.80
FIRM_DRAWS_PER_TASK = 3000


def power_curve(config: Config) -> Iterator[Estimate]:
    """Share of panels in which the planted effect is found, by firms, years with ratings and estimator."""
    tasks: dict[tuple[int, int], Batch] = {}
    for firms in FIRMS:
        settings, size = replace(WORLDS["effect"].settings, n_firms=firms), FIRM_DRAWS_PER_TASK // firms
        seeds = config.seeds("power", str(firms))
        made = batches(settings, seeds, config.n_power_draws, max(1, size))
        tasks |= {(firms, start): batch for start, batch in made.items()}
    done = run_keyed(find, tasks, "power")
    for firms in FIRMS:
        parts = [part for (n_firms, _), part in done.items() if n_firms == firms]
        for name, years in parts[0]:
            power = share_of(np.concatenate([part[name, years] for part in parts]))
            yield power.estimate(
                f"power_{name}_{firms}_firms_{years}_years", "share of draws",
                measure="power", method=name, firms=float(firms), years=float(years),
            )  # fmt: skip


def find(batch: Batch) -> dict[tuple[str, int], Mask]:
    """(estimator, years) -> (n_draws,) whether the interval lies on the true side of 0, past gates."""
    panel = batch.panel()
    fits = {
        (name, n_years): fit_or_miss(METHODS[name], _last_years(panel, n_years))
        for name, lengths in SHOWN.items()
        for n_years in lengths
    }
    return {
        key: (fit.interval()[1][:, 0] < 0) & (passes(fit) if key[0] == DECIDING else True)
        for key, fit in fits.items()
    }


def _last_years(panel: Panel, n_years: int) -> Panel:
    """The same panel, rated in its last years only."""
    rated = np.arange(panel.outcome.shape[2]) >= panel.outcome.shape[2] - n_years
    return replace(panel, outcome=np.where(rated, panel.outcome, np.nan))
