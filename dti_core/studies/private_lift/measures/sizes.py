"""What can a business of each size learn, at each epsilon?

A business *learns nothing* at a size if the 95 % interval of all incremental conversions leaves out 0 in
fewer than half of such campaigns, although the advertising works. All of epsilon goes into the one histogram
that lift needs; a report of several shares it.
"""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import norm

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval, share
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import Estimate
from dti_core.studies.private_lift.measures.campaigns import (
    draw_outcomes,
    outcome_cells,
    published,
    stream,
    word,
)
from dti_core.studies.private_lift.model.cells import Array
from dti_core.studies.private_lift.model.lift import caused, incremental, normal, scored
from dti_core.studies.private_lift.worlds import MARKETS, changed
from dti_core.studies.private_lift.worlds.settings import Market

SIZES = (*(int(step * 10**power) for power in (3, 4, 5) for step in (1, 1.5, 2, 3, 5, 7)), 1_000_000)
#: Those that the table keeps, for the figure.
KEPT = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
EPSILONS = (0.25, 0.5, 1.0, 2.0, 4.0, math.inf)
#: The two markets: five channels that more than double conversions, and one with a rare conversion.
SHOWN = ("campaign", "criteo")
#: Ways to publish whose sizes are told: the best trusted one, no trust in one party, no trust at all.
TOLD = ("central", "two_noises", "skellam", "local")
#: Market and size at which campaigns without any lift tell how often their interval lies above 0.
SKEWED, SKEWED_USERS = "criteo", 50_000
#: Share of campaigns that must leave out 0 for a business to learn anything.
LEARNS = 0.5
#: Chance with which a lift must be found to be called so, and the normal quantile that it takes.
POWER = 0.8
BELOW = float(norm.ppf(POWER))
Task = tuple[Market, str, int, int, np.random.SeedSequence]


def study_sizes(seeds: np.random.SeedSequence, n_campaigns: int = 1000) -> Findings:
    """Power, error and smallest lift found by size, epsilon and method; from which size one learns anything.

    Parameters
    ----------
    n_campaigns : a market and size; the same campaigns for all methods and epsilons.
    """
    places = [(world, size) for world in SHOWN for size in SIZES]
    tasks = {
        (world, size, name): (MARKETS[world].settings, name, size, n_campaigns, seed)
        for (world, size), seed in zip(places, seeds.spawn(len(places)), strict=True)
        for name in TOLD
    }
    done = run_keyed(learn, tasks, "sizes")
    rows = [(*place, epsilon, *found) for place, parts in done.items() for epsilon, found in parts.items()]
    table = pd.DataFrame(
        rows, columns=["world", "n_users", "method", "epsilon", "power", "se_ratio", "smallest_lift"]
    )
    found = Findings(series={"sizes": table[table["n_users"].isin(KEPT)].reset_index(drop=True)})
    for (world, name, epsilon), curve in table.groupby(["world", "method", "epsilon"]):
        if math.isinf(epsilon) and name != TOLD[0]:
            continue
        told = "no_privacy" if math.isinf(epsilon) else f"{name}_eps{word(epsilon)}"
        if one := least_size(curve["n_users"].to_list(), curve["power"].to_list(), n_campaigns):
            found.estimates.append(
                one.estimate(f"least_size_{world}_{told}", "users", measure="least size", market=str(world),
                             method=str(name), epsilon=word(epsilon))
            )  # fmt: skip
        else:
            why = f"power stays below {LEARNS:.0%} up to {SIZES[-1]:,} users"
            found.missed.append((f"least size, {world}, {name} at epsilon {epsilon:g}", why))
    found.estimates += _false_alarms(stream(seeds, "no lift"), 20 * n_campaigns)
    return found


def _false_alarms(rng: np.random.Generator, n_campaigns: int) -> list[Estimate]:
    """Share of campaigns without lift or noise whose interval lies above 0; a two-sided test means 2.5 %.

    The usual interval beside ours takes the error for normal, with the variance at the estimate.
    """
    market = changed(MARKETS[SKEWED].settings, effect=0.0)
    counts = draw_outcomes(market, SKEWED_USERS, n_campaigns, rng).astype(float)
    ours = incremental(counts, 0.0, market.holdout)[:, -1]
    return [
        share(int((one.low > 0).sum()), n_campaigns).estimate(
            f"least_size_false_alarms{end}_{SKEWED}", "share of campaigns", measure="false alarms",
            market=SKEWED, users=SKEWED_USERS,
        )
        for end, one in (("", ours), ("_usual", normal(ours.value, ours.std_error)))
    ]  # fmt: skip


def learn(task: Task) -> dict[float, tuple[float, float, float]]:
    """By epsilon: share of campaigns that leave out 0, error over that without noise, smallest lift found.

    That lift is of all channels together, over the conversions of as many users with no advertising.
    """
    market, name, n_users, n_campaigns, seed = task
    counts = draw_outcomes(market, n_users, n_campaigns, stream(seed, "campaigns"))
    rng = stream(seed, name)
    plain = _spread(market, n_users)
    found = {}
    for epsilon in EPSILONS:
        used = "none" if math.isinf(epsilon) else name
        noisy, variance = published(counts, used, epsilon, rng)
        total = incremental(noisy, variance, market.holdout)[:, -1]
        power, sd = float(((total.low > 0) | (total.high < 0)).mean()), float(np.std(total.value))
        noise = variance if isinstance(variance, float) else variance.mean(axis=0)
        found[epsilon] = (power, sd / plain, smallest_lift(market, n_users, noise))
    return found


def smallest_lift(market: Market, n_users: int, noise_variance: float | Array) -> float:
    """Lift whose interval lies above 0 with a chance of POWER; infinite where none does.

    Of all channels together, whose effects grow in proportion: an estimate that fewer than 1 - POWER fall
    below still has a lower end above 0. Approximate where effects are so large that channels meet.
    """
    none, own = (n_users * outcome_cells(one) for one in (changed(market, effect=0.0), market))
    change = own - none
    most = (none[..., 0] / np.maximum(change[..., 1], 1e-300)).min()
    times = np.geomspace(1e-6 * most, most, 300)[:, None, None]
    here = caused(none + times * change, noise_variance, market.holdout)
    value, variance, slope = here.value[:, -1], here.variance[:, -1], here.slope[:, 0]
    away = -BELOW * np.sqrt(variance)
    there = np.maximum(variance + slope * away, 0.0)
    low = scored(value + away, there, slope, skewness=here.skewness[:, -1]).low
    if (first := int((low > 0).argmax())) == 0:
        return math.inf
    rate, ends = float(none[..., 1].sum() / n_users), slice(first - 1, first + 1)
    return float(np.interp(0.0, low[ends], value[ends])) / (n_users * (1 - market.holdout) * rate)


def _spread(market: Market, n_users: int) -> float:
    """Standard error of all incremental conversions without noise, from the market's exact cells."""
    return float(incremental(n_users * outcome_cells(market), 0.0, market.holdout).std_error[-1])


def least_size(sizes: Sequence[int], power: Sequence[float], n: int) -> Interval | None:
    """Size at which power passes LEARNS, with bounds where its Wilson bounds do; None if one never does.

    The last crossing counts: power that was there by chance at a smaller size and went again is none.
    """
    bounds = [share(round(one * n), n) for one in power]
    value, low, high = (
        _crossing(sizes, curve) for curve in (power, [b.high for b in bounds], [b.low for b in bounds])
    )
    if value is None or low is None or high is None:
        return None
    how = "Wilson, power interpolated in the logarithm of size"
    return Interval(value, min(low, value), max(high, value), (high - low) / 3.92, n, how)


def _crossing(sizes: Sequence[int], curve: Sequence[float]) -> float | None:
    below = [k for k, one in enumerate(curve) if one < LEARNS]
    if not below:
        return float(sizes[0])
    k = below[-1]
    if k == len(sizes) - 1:
        return None
    step = (LEARNS - curve[k]) / (curve[k + 1] - curve[k])
    return float(sizes[k] * (sizes[k + 1] / sizes[k]) ** step)
