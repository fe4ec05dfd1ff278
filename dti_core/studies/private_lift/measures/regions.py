"""Is it worth fitting a measurement to each region's rules, and what breaks if rules are dealt wrongly?

Lift is the ITT of each channel among all users of a region, those who did not agree included.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product

import numpy as np
import pandas as pd

from dti_core.bridges.privacy import discrete_laplace
from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval, share
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import OBSERVED, Estimate
from dti_core.studies.private_lift.methods.dealing import POLICIES, Dealing
from dti_core.studies.private_lift.model.cells import Array
from dti_core.studies.private_lift.model.lift import intent_to_treat
from dti_core.studies.private_lift.model.rules import Region, Rules, breaches, conduct
from dti_core.studies.private_lift.worlds import MARKETS
from dti_core.studies.private_lift.worlds.market import truth
from dti_core.studies.private_lift.worlds.regions import REGION_WORLDS, Regions, drawn_around, eligible_cells
from dti_core.studies.private_lift.worlds.settings import Market

#: Users of a campaign in each region at which the claim is judged, and those shown beside it.
JUDGED_USERS, SHOWN_USERS = 20_000, (2_000, 20_000, 200_000)
#: Bars of the claim: excess error that matters, and the share of wrong dealings that break a rule where
#: regions are merely ordered by strictness, so that only the laxer one of a pair breaks the other's.
SMALLEST_EXCESS, ORDERED_SHARE = 0.10, 0.5
#: Slope of the log-odds of agreeing on activity; share of conversions that come later than an epoch.
CONSENT_TILT, LATE = -0.8, 0.2
MARKET, LAWLESS = MARKETS["campaign"].settings, "none"
_EXCESS = ("regions_excess_strictest", "share of the fitted error")
_WRONG = ("regions_wrong_share", "share of pairs of regions")
#: Kinds of breach of the two rules that stand in an article; the others are parameters of ours.
ARTICLES = ("measured without consent", "minors measured")


@dataclass(frozen=True, slots=True)
class Task:
    """One Monte Carlo of policies over regions."""

    regions: Regions
    policies: tuple[str, ...]
    n_users: int
    n_campaigns: int
    seed: np.random.SeedSequence


@cache
def _distribution(market: Market) -> tuple[Array, Array]:
    return eligible_cells(market), truth(market).itt


def lift_errors(
    market: Market, region: Region, applied: Rules, n_users: int, n_campaigns: int, rng: np.random.Generator
) -> Array:
    """Errors of the lift in a region that is measured under `applied` rules.

    Returns
    -------
    (n_campaigns, C), in conversions a user. Who gets no report says "no lift". Conversions that come after
    the reports are summed are lost, and the estimate is raised by their known share.
    """
    done, effects = conduct(region, applied, n_users), _distribution(market)[1]
    agreed, seen = region.agree(applied.consent_default), 1 - LATE**applied.retention_epochs
    cells = _distribution(replace(market, consent=agreed, consent_tilt=CONSENT_TILT))[0]
    cells = cells @ np.array([[1.0, 0.0], [1 - seen, seen]])
    drawn = rng.multinomial(round(done.measured), cells.ravel() / cells.sum(), n_campaigns)
    counts = drawn.reshape(-1, *cells.shape).astype(float)
    for _ in range(done.releases if np.isfinite(applied.epsilon_epoch) else 0):
        counts += discrete_laplace(1 / applied.epsilon_epoch, counts.shape, rng)
    itt = intent_to_treat(counts).value / seen
    return np.where(np.isfinite(itt) & (done.releases > 0), itt, 0.0) - effects


def squared_errors(task: Task) -> dict[str, Array]:
    """Mean squared error over channels and dealings: policy -> (R, n_campaigns)."""
    laws, found = [one.rules for one in task.regions], {}
    for name, seed in zip(task.policies, task.seed.spawn(len(task.policies)), strict=True):
        rng = np.random.default_rng(seed)
        errors = [
            lift_errors(MARKET, region, applied, task.n_users, task.n_campaigns, rng)
            for dealing in POLICIES[name].run(laws)
            for region, applied in zip(task.regions, dealing, strict=True)
        ]
        by_region = np.square(errors).mean(axis=2).reshape(-1, len(laws), task.n_campaigns)
        found[name] = by_region.mean(axis=0)
    return found


def rmse(squares: Array) -> Interval:
    """Root of the mean squared error, with a delta-method interval over campaigns."""
    value = float(np.sqrt(squares.mean()))
    return _normal(value, float(squares.std(ddof=1) / np.sqrt(squares.size) / (2 * value)), squares.size)


def excess(squares: Array, fitted: Array) -> Interval:
    """How much larger one RMSE is than another, as a share of it; the two were drawn independently."""
    one, other = rmse(squares), rmse(fitted)
    ratio = one.value / other.value
    error = ratio * np.hypot(one.std_error / one.value, other.std_error / other.value)
    return _normal(ratio - 1, float(error), one.n)


def _normal(value: float, error: float, n: int) -> Interval:
    how = "delta method over simulated campaigns"
    return Interval(value, value - 1.96 * error, value + 1.96 * error, error, n, how)


def broken(regions: Regions, dealing: Dealing, n_users: int) -> list[dict[str, float]]:
    """What a dealing of rules breaks in each region."""
    return [
        breaches(one.rules, conduct(one, applied, n_users))
        for one, applied in zip(regions, dealing, strict=True)
    ]


def wrong_share(regions: Regions) -> float:
    """Share of ordered pairs of regions in which the rules of the second break those of the first."""
    return float(np.mean([bool(kinds) for kinds in kinds_of_pairs(regions)]))


def kinds_of_pairs(regions: Regions) -> list[set[str]]:
    """What the rules of the second of each ordered pair of regions break in the first."""
    rules = [one.rules for one in regions]
    shifted = [tuple(rules[k:] + rules[:k]) for k in range(1, len(rules))]
    return [set(one) for deal in shifted for one in broken(regions, deal, JUDGED_USERS)]


def study_regions(
    regions: Regions, seeds: np.random.SeedSequence, *, n_campaigns: int, n_draws: int
) -> Findings:
    """Error and breaches of each policy at several sizes; the claim's bars in worlds of drawn profiles.

    Parameters
    ----------
    regions : all of the frozen table; the claim is judged on those that have a law. n_campaigns : of each
        policy and size. n_draws : profiles drawn around ours, a world; each has a tenth of the campaigns.
    """
    found, ruled = Findings(), tuple(one for one in regions if one.name != LAWLESS)
    laws, (sizes, *worlds) = [one.rules for one in ruled], seeds.spawn(1 + len(REGION_WORLDS))
    tasks = {
        n: Task(ruled, tuple(POLICIES), n, n_campaigns, seed)
        for n, seed in zip(SHOWN_USERS, sizes.spawn(len(SHOWN_USERS)), strict=True)
    }
    rows = []
    for (n, by_region), policy in product(run_keyed(squared_errors, tasks, "regions").items(), POLICIES):
        squares = {name: one.mean(axis=0) for name, one in by_region.items()}
        error, more = rmse(squares[policy]), excess(squares[policy], squares["fitted"])
        dealings = POLICIES[policy].run(laws)
        done = [one for dealing in dealings for one in broken(ruled, dealing, n)]
        kinds, users = sum(map(len, done)), sum(max(one.values(), default=0) for one in done)
        rows.append((policy, n, error.value, error.low, error.high, more.value, kinds / len(dealings),
                     users / len(dealings)))  # fmt: skip
        if policy != "fitted":
            ours = "_ours" * (policy == "strictest")
            name = f"regions_excess_{policy}" + (f"_n{n}" if n != JUDGED_USERS else ours)
            found.estimates.append(more.estimate(name, _EXCESS[1], policy=policy, users=n))
        if (n, policy) == (JUDGED_USERS, "strictest"):
            found.estimates += [
                excess(*one).estimate(f"{_EXCESS[0]}_{region.name}", _EXCESS[1], policy=policy, users=n,
                                      region=region.name)
                for region, *one in zip(ruled, by_region[policy], by_region["fitted"], strict=True)
            ]  # fmt: skip
    columns = ["policy", "users", "rmse", "low", "high", "excess", "breaches", "users_wronged"]
    found.series |= {"regions": pd.DataFrame(rows, columns=columns), "region_breaches": breach_table(regions)}
    found.series["region_pairs"] = pairs = pair_table(ruled)
    for place, row in pairs.set_index("name").iterrows():
        exact = Interval(row["pairs"], row["pairs"], row["pairs"], 0.0, int(row["of"]), "exact, no interval")
        found.estimates.append(exact.estimate(f"regions_wrong_pairs_{place}", "pairs of regions"))
    for world, seed in zip(REGION_WORLDS, worlds, strict=True):
        found.estimates += _bars_of_world(ruled, world, seed, max(20, n_campaigns // 10), n_draws)
    return found


def breach_table(regions: Regions) -> pd.DataFrame:
    """Users wronged by each kind of breach where the rules of one region are applied in another."""
    rows = [
        (one.name, other.name, kind, users)
        for one, other in product(regions, regions)
        for kind, users in breaches(one.rules, conduct(one, other.rules, JUDGED_USERS)).items()
    ]
    return pd.DataFrame(rows, columns=["law", "applied", "kind", "users"])


def pair_table(regions: Regions) -> pd.DataFrame:
    """Ordered pairs of regions that break a rule, a kind of rule left out, or by rules of articles alone."""
    pairs = kinds_of_pairs(regions)
    kinds = sorted(set().union(*pairs))
    kept = {f"without_{kind.replace(' ', '_')}": (kind, set(kinds) - {kind}) for kind in kinds}
    kept |= {"of_articles": ("all but those of articles", set(ARTICLES))}
    rows = [
        (name, out, sum(bool(one & kind) for one in pairs), len(pairs)) for name, (out, kind) in kept.items()
    ]
    return pd.DataFrame(rows, columns=["name", "left_out", "pairs", "of"])


def _bars_of_world(
    ruled: Regions, world: str, seeds: np.random.SeedSequence, n_campaigns: int, n_draws: int
) -> list[Estimate]:
    """The claim's bars over drawn profiles; around ours, the share of profiles in which they hold."""
    first, *each = seeds.spawn(n_draws + 1)
    rng, shape = np.random.default_rng(first), REGION_WORLDS[world].settings
    drawn = [shape(drawn_around(ruled, rng)) for _ in each]
    tasks = {
        k: Task(one, ("fitted", "strictest"), JUDGED_USERS, n_campaigns, seed)
        for k, (one, seed) in enumerate(zip(drawn, each, strict=True))
    }
    squares = run_keyed(squared_errors, tasks, f"regions, {world}").values()
    more = [excess(one["strictest"].mean(axis=0), one["fitted"].mean(axis=0)) for one in squares]
    wrong = [Interval(one, one, one, 0.0, 1, "exact") for one in map(wrong_share, drawn)]
    strict = replace(_of_draws(*_EXCESS, world, more), at={"policy": "strictest", "users": JUDGED_USERS})
    found = [strict, _of_draws(*_WRONG, world, wrong)]
    if world != OBSERVED:
        return found
    values = np.array([(one.value, other.value) for one, other in zip(more, wrong, strict=True)])
    for name, least in (("sign", 0.0), ("effect", SMALLEST_EXCESS)):
        held = share(int((values > [least, ORDERED_SHARE]).all(axis=1).sum()), n_draws)
        found.append(held.estimate(f"regions_share_{name}", "share of profiles"))
    return found


def _of_draws(name: str, unit: str, world: str, drawn: Sequence[Interval]) -> Estimate:
    """Median over drawn profiles and the middle 95 %; of a control world, also the interval of each draw."""
    low, value, high = np.quantile([one.value for one in drawn], [0.025, 0.5, 0.975])
    how = f"2.5th to 97.5th percentile over {len(drawn)} drawn profiles"
    draws = () if world == OBSERVED else tuple((one.low, one.high) for one in drawn)
    return Estimate(name, value, low, high, unit, len(drawn), how=how, world=world, draws=draws)
