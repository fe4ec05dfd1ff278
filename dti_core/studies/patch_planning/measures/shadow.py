"""What an hour more and a dollar more would be worth, over the assumption set (for claim C57).

Shadow prices of the linear relaxation, for one who knows which flaws come: what scarcity costs at best. Both
are above what is paid anyway, as the objective charges the wage of each hour that is used, and each dollar.
"""

import numpy as np
import pandas as pd

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import share
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import Estimate
from dti_core.studies.patch_planning.measures.ratios import spread_over
from dti_core.studies.patch_planning.methods.exact import relax
from dti_core.studies.patch_planning.methods.lessons import SMALL
from dti_core.studies.patch_planning.methods.plan import foreseen
from dti_core.studies.patch_planning.model.estates import Array
from dti_core.studies.patch_planning.model.weeks import Quarter
from dti_core.studies.patch_planning.worlds.assumed import N_ASSUMED, PREFIX
from dti_core.studies.patch_planning.worlds.draws import draw_estates
from dti_core.studies.patch_planning.worlds.simulate import WAGE_USD

#: From which worth, above what is paid, an hour and a dollar would earn twice what they cost.
TWICE = {"hour": WAGE_USD, "dollar": 1.0}
QUANTILES = (0.025, 0.25, 0.5, 0.75, 0.975)
Task = tuple[str, tuple[int, ...]]


def study_shadow(seeds: np.random.SeedSequence, n_worlds: int, n_estates: int) -> Findings:
    """Estimates `shadow_hour_usd`, `shadow_dollar_usd` and in how many worlds they pay; series `shadow`."""
    worlds = [f"{PREFIX}{number}" for number in range(min(n_worlds, N_ASSUMED))]
    tasks: dict[str, Task] = {
        world: (world, tuple(int(one) for one in own.generate_state(n_estates, np.uint64)))
        for world, own in zip(worlds, seeds.spawn(len(worlds)), strict=True)
    }
    done = run_keyed(shadow_prices, tasks, "shadow prices")
    found, rows = Findings(), []
    for column, what in enumerate(TWICE):
        means = np.array([one[:, column].mean() for one in done.values()])
        unit, at = f"dollars for one {what} more, above its price", {"measure": "shadow price", "of": what}
        found.estimates += [
            spread_over(f"shadow_{what}_usd", means, unit, at, of="worlds of the assumption set"),
            _pays(means, what),
        ]
        rows += [{"world": world, "of": what, "usd": value} for world, value in zip(done, means, strict=True)]
    found.series["shadow"] = pd.DataFrame(rows)
    found.series["shadow_quantiles"] = pd.DataFrame([
        {"of": what, "quantile": q, "usd": float(some["usd"].quantile(q))}
        for what, some in found.series["shadow"].groupby("of") for q in QUANTILES
    ])  # fmt: skip
    return found


def shadow_prices(task: Task) -> Array:
    """(N, 2) by estate: an hour more, on average over the weeks, and a dollar more, in dollars."""
    world, seeds = task
    rows = []
    for seed in seeds:
        estate = draw_estates(world, SMALL, [seed])
        found = relax(estate, foreseen(estate)[0], Quarter.begin(estate))
        rows.append([found.hour_usd.mean(), found.money_usd])
    return np.array(rows)


def _pays(means: Array, what: str) -> Estimate:
    return share(int((means > TWICE[what]).sum()), len(means)).estimate(
        f"shadow_{what}_share", "share of the assumption set", measure="share above its price again", of=what
    )
