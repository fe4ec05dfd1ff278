"""Which channel gets the credit: each method's shares against the true ones."""

import numpy as np
import pandas as pd
from scipy import stats

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval, mean_over_seeds, share
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import OBSERVED
from dti_core.studies.private_lift.measures.reports import Plan
from dti_core.studies.private_lift.measures.telling import At, keep, laplace_variance, released
from dti_core.studies.private_lift.methods.attribution import METHODS, Evidence
from dti_core.studies.private_lift.model.cells import Array
from dti_core.studies.private_lift.model.journeys import journeys_of
from dti_core.studies.private_lift.model.lift import Z, factorial_shapley, shares
from dti_core.studies.private_lift.model.payouts import misallocated, paid_shares
from dti_core.studies.private_lift.worlds import MARKETS
from dti_core.studies.private_lift.worlds.market import draw_counts, joint, truth
from dti_core.studies.private_lift.worlds.paths import expected_journeys, scaled_targeting
from dti_core.studies.private_lift.worlds.settings import Market
from dti_core.studies.private_lift.worlds.users import counted, simulate_users

#: Worlds by the name under which their estimates stand, and the channel that moves nobody.
STUDIED = {OBSERVED: "campaign", "no_targeting": "no_targeting"}
NULL_CHANNEL, CLOSE, CREDIT = "retargeting", 0.03, "share of all credit"
PRIVATE = tuple(name for name in METHODS if name.endswith("_private"))
#: Of targeting, as multiples of the campaign's; and methods that need no single users.
FACTORS = tuple(np.linspace(0, 1.5, 7))
EXACT = tuple(name for name, one in METHODS.items() if "users" not in one.needs and name not in PRIVATE)
#: Users of a campaign whose sampling error is nothing.
_MANY = 10**12

Task = tuple[Market, int, np.random.SeedSequence, float]


def study_attribution(
    seeds: np.random.SeedSequence, n_users: int, n_seeds: int, n_campaigns: int, epsilon: float = 1.0
) -> Findings:
    """Shares that each method credits over `n_seeds` campaigns of `n_users`, against the truth.

    Parameters
    ----------
    n_campaigns : of ten times as many users, in which the experiment alone is judged.
    """
    found, rows = Findings(), []
    *streams, last = seeds.spawn(len(STUDIED) + 1)
    tasks = {(world, i): (MARKETS[name].settings, n_users, one, epsilon)
             for (world, name), stream in zip(STUDIED.items(), streams, strict=True)
             for i, one in enumerate(stream.spawn(n_seeds))}  # fmt: skip
    credited = run_keyed(credits, tasks, "attribution")
    for world, name in STUDIED.items():
        drawn = np.array([credited[world, i] for i in range(n_seeds)])  # (n_seeds, n_methods, C)
        rows += _told(found, drawn, MARKETS[name].settings, world, n_users, epsilon)
    found.series["attribution"] = pd.DataFrame(rows)
    market = MARKETS["campaign"].settings
    found.series["attribution_targeting"] = targeting_curve(market)
    for label, one in {"plain": np.inf, "private": epsilon}.items():
        _experiment(found, label, market, 10 * n_users, n_campaigns, one, np.random.default_rng(last))
    return found


def credits(task: Task) -> Array:
    """What is credited in one campaign, (n_methods, C), in the order of METHODS."""
    market, n_users, seed, epsilon = task
    rng = np.random.default_rng(seed)
    users = simulate_users(market, n_users, rng)
    eligible = counted(users).sum(axis=1)
    evidence = Evidence(journeys_of(users.times, users.converted), epsilon, users, eligible)
    plan = Plan(seed, 1)
    return np.array([method.run(evidence, plan.stream(name)) for name, method in METHODS.items()])


def limits(market: Market) -> dict[str, Array]:
    """Shares that methods which need no single users would credit without sampling error or noise."""
    cells = np.round(joint(market).sum(axis=1) * _MANY).astype(np.int64)
    evidence = Evidence(expected_journeys(market, _MANY), np.inf, eligible=cells)
    made = {name: METHODS[name].run(evidence, np.random.default_rng(0)) for name in EXACT}
    return {name: one / one.sum() for name, one in made.items()}


def targeting_curve(market: Market) -> pd.DataFrame:
    """Share of the channel that moves nobody, by method, as all targeting grows from none; exact."""
    null = market.names.index(NULL_CHANNEL)
    names = ("last_touch", "linear", "markov", "exposure_shapley", "exposure_shapley_scaled", "factorial")
    found = {factor: limits(scaled_targeting(market, factor)) for factor in FACTORS}
    return pd.DataFrame([{"targeting": factor} | {name: by[name][null] for name in names}
                         for factor, by in found.items()])  # fmt: skip


def _told(
    found: Findings, drawn: Array, market: Market, world: str, n_users: int, epsilon: float
) -> list[dict[str, object]]:
    true, exact, rows = truth(market).shares, limits(market), list[dict[str, object]]()
    null = market.names.index(NULL_CHANNEL)
    for place, (name, method) in enumerate(METHODS.items()):
        at: At = {"method": name, "n_users": n_users, "epsilon": epsilon if name in PRIVATE else np.inf}
        by_channel = pooled(drawn[:, place])
        wrong = mean_over_seeds(misallocated(paid_shares(drawn[:, place]), true))
        for label, one, unit in ((f"credit_{name}_{NULL_CHANNEL}", by_channel[null], CREDIT),
                                 (f"misallocated_{name}", wrong, "share of the budget")):  # fmt: skip
            keep(found, label, one, unit, at, world=world)
        if name in exact and world == OBSERVED:
            limit = float(exact[name][null])
            keep(
                found, f"credit_limit_{name}", limit, CREDIT, {"method": name}, how="exact: no sampling error"
            )
        rows += [
            {"world": world, "method": name, "title": method.title, "channel": label, "share": one.value,
             "low": one.low, "high": one.high, "true": true[c],
             "limit": exact[name][c] if name in exact else np.nan}
            for c, (label, one) in enumerate(zip(market.names, by_channel, strict=True))
        ]  # fmt: skip
    return rows


def pooled(credit: Array) -> list[Interval]:
    """Shares of credit (n_seeds, C) over campaigns: a ratio of means, as one campaign's sum may be near 0."""
    n_seeds = len(credit)
    values, errors = shares(credit.mean(axis=0), np.cov(credit.T) / n_seeds)
    margin = errors * stats.t.ppf(0.975, n_seeds - 1)
    how = f"ratio of means over {n_seeds} seeds, delta method, Student t"
    return [Interval(v, v - m, v + m, e, n_seeds, how, n_seeds=n_seeds)
            for v, m, e in zip(values, margin, errors, strict=True)]  # fmt: skip


def _experiment(
    found: Findings, label: str, market: Market, n_users: int, n_campaigns: int, epsilon: float,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """How often the experiment credits the null channel with 3 points at most, and users for that.

    Those users are exact for the market; the interval says what a planner would reckon from one campaign.
    """
    null = market.names.index(NULL_CHANNEL)
    counts = released(draw_counts(market, n_users, n_campaigns, rng).sum(axis=2), epsilon, rng)
    values, _ = factorial_shapley(counts)
    part = values[:, null] / values.sum(axis=1)
    near = share(int((np.abs(part) <= CLOSE).sum()), n_campaigns)
    exact, *each = users_needed(
        np.concatenate([n_users * joint(market).sum(axis=1)[None], counts]), null, CLOSE, epsilon
    )
    low, high = np.quantile(each, (0.025, 0.975))
    how = f"exact for the market; middle 95 % of what {n_campaigns} campaigns say"
    needed = Interval(exact, low, high, float(np.std(each, ddof=1)), n_campaigns, how)
    at: At = {"epsilon": epsilon, "method": "factorial", "n_users": n_users}
    keep(found, f"experiment_{label}_credit", mean_over_seeds(part), CREDIT, at)
    keep(found, f"experiment_{label}_within_3_points", near, "share of campaigns", at)
    keep(found, f"experiment_{label}_users_for_3_points", needed, "users", at)


def users_needed(counts: Array, channel: int, half_width: float, epsilon: float) -> Array:
    """(k,) users for which the 95 % interval of a channel's share reaches so far to each side.

    From counts (k, 2^C, 2) of campaigns: the variance of a share is a / n + b / n^2 in n users, a of sampling
    and b of noise.
    """
    n = counts.sum(axis=(1, 2))
    sampling, both = (
        shares(*factorial_shapley(counts, one))[1][:, channel] ** 2
        for one in (0.0, laplace_variance(epsilon))
    )
    a, b, most = n * sampling, n**2 * (both - sampling), (half_width / Z) ** 2
    return np.round((a + np.sqrt(a**2 + 4 * most * b)) / (2 * most))
