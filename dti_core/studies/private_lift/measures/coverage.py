"""Do the intervals of lift, noise included, hold what they promise, for every way to publish?"""

import numpy as np
import pandas as pd

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import share
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import OBSERVED, Estimate
from dti_core.studies.private_lift.measures.campaigns import (
    draw_outcomes,
    measured_truth,
    published,
    stream,
    word,
)
from dti_core.studies.private_lift.methods.noise import METHODS
from dti_core.studies.private_lift.model.cells import Array, Flags
from dti_core.studies.private_lift.model.lift import Measured, incremental, relative_lift, sides
from dti_core.studies.private_lift.worlds import MARKETS
from dti_core.studies.private_lift.worlds.settings import Market

EPSILONS = (0.25, 0.5, 1.0, 2.0, 4.0)
SIZES = (5_000, 50_000)
#: An interval of 95 % is offered as valid where this range holds the share of campaigns that it covers.
VALID = (0.93, 0.97)
#: Bias, in standard deviations, from which it is not offered either.
LEAST_BIAS = 0.1
#: Conversions that must be expected on the smaller side for an interval to be offered: with fewer, all that
#: it misses lies on one side.
LEAST_CONVERSIONS = 10.0
#: Share of campaigns whose noise must leave a lift for the coverage of lift to be told.
ANSWERED = 0.1
Task = tuple[Market, int, str, int, np.random.SeedSequence]
COLUMNS = ["offered", "coverage", "channel", "bias_sd", "lift", "bounded"]


def study_coverage(seeds: np.random.SeedSequence, n_campaigns: int = 2000) -> Findings:
    """Share of campaigns whose interval of all incremental conversions holds the truth; a channel's lift too.

    Parameters
    ----------
    n_campaigns : a world and size; the same campaigns for all methods and epsilons.
    """
    places = [(world, size) for world in MARKETS for size in SIZES]
    tasks = {
        (world, size, name): (MARKETS[world].settings, size, name, n_campaigns, seed)
        for (world, size), seed in zip(places, seeds.spawn(len(places)), strict=True)
        for name in METHODS
    }
    done = run_keyed(covers, tasks, "coverage")
    rows = [(*place, epsilon, *found) for place, parts in done.items() for epsilon, found in parts.items()]
    table = pd.DataFrame(rows, columns=["world", "n_users", "method", "epsilon", *COLUMNS])
    table["valid"] = table["coverage"].between(*VALID) & (table["bias_sd"].abs() < LEAST_BIAS)
    ranges = table.groupby(["world", "n_users", "method"], sort=False, as_index=False).agg(
        offered=("offered", "all"), lowest=("coverage", "min"), highest=("coverage", "max"),
        worst_channel=("channel", "min"), lowest_of_lift=("lift", "min"), bounded=("bounded", "min"),
    )  # fmt: skip
    return Findings(_summary(table, n_campaigns), {"coverage": ranges}, missed=_failures(table))


def covers(task: Task) -> dict[float, tuple[bool, float, float, float, float, float]]:
    """By epsilon, the values of COLUMNS: whether an interval is offered, shares that cover, bias, bounds.

    coverage : of all channels' incremental conversions. channel : the worst channel's. lift : the worst
    channel's, of its lift in percent, where it is bounded in a campaign's counts or says that it is not.
    """
    market, n_users, name, n_campaigns, seed = task
    counts = draw_outcomes(market, n_users, n_campaigns, stream(seed, "campaigns"))
    rng = stream(seed, name)
    true = measured_truth(market)
    offered = conversions_held(market, n_users) >= LEAST_CONVERSIONS
    found = {}
    for epsilon in EPSILONS:
        noisy, variance = published(counts, name, epsilon, rng)
        caused = n_users * (1 - market.holdout) * np.append(true.itt, true.itt.sum())
        counted, lift = incremental(noisy, variance, market.holdout), relative_lift(sides(noisy, variance))
        answered, every, total = ~np.isnan(lift.low), _held(counted, caused), counted.value[:, -1]
        found[epsilon] = (
            offered, float(every[:, -1].mean()), float(every[:, :-1].mean(axis=0).min()),
            float((total.mean() - caused[-1]) / total.std()),
            float(_held(lift, true.lift)[answered].mean()) if answered.mean() >= ANSWERED else np.nan,
            float(np.isfinite(lift.low).mean()),
        )  # fmt: skip
    return found


def conversions_held(market: Market, n_users: int) -> float:
    """Conversions expected on the smaller side of a channel's comparison."""
    return n_users * min(market.holdout, 1 - market.holdout) * float(measured_truth(market).value[0])


def _held(found: Measured, true: Array) -> Flags:
    return (found.low <= true) & (true <= found.high)


def _summary(table: pd.DataFrame, n_campaigns: int) -> list[Estimate]:
    """Coverage at the larger size, at epsilon 1 only in the other worlds, and how many offers are kept."""
    found = []
    seen = table[table["n_users"] == SIZES[-1]]
    seen = seen[(seen["world"] == "campaign") | (seen["epsilon"] == 1)]
    for row in seen.itertuples():
        interval = share(round(row.coverage * n_campaigns), n_campaigns)
        found.append(
            interval.estimate(f"lift_coverage_{row.method}_eps{word(row.epsilon)}", "share of campaigns",
                              OBSERVED if row.world == "campaign" else row.world,
                              measure="coverage", method=row.method, epsilon=row.epsilon)
        )  # fmt: skip
    for name, rows in table[table["offered"]].groupby("method"):
        kept = share(int(rows["valid"].sum()), len(rows))
        found.append(kept.estimate(f"coverage_kept_{name}", "share of worlds, sizes and epsilons",
                                   measure="offers kept", method=str(name)))  # fmt: skip
    return found


def _failures(table: pd.DataFrame) -> list[tuple[str, str]]:
    """What is offered and does not hold, and what is not offered."""
    rows = table[table["offered"] & ~table["valid"]]
    failed = [
        (f"interval of lift, {row.method} at epsilon {row.epsilon:g}, {row.world}, {row.n_users:,} users",
         f"covers in {row.coverage:.1%} of campaigns, bias {row.bias_sd:.2f} sd")
        for row in rows.itertuples()
    ]  # fmt: skip
    closed = table[~table["offered"]].groupby(["world", "n_users"])["coverage"].agg(["min", "max"])
    return failed + [
        (f"interval of lift, {world}, {size:,} users",
         f"fewer than {LEAST_CONVERSIONS:g} conversions on a side; would cover {low:.0%} to {high:.0%}")
        for (world, size), (low, high) in zip(closed.index, closed.to_numpy(), strict=True)
    ]  # fmt: skip
