"""Is it worth fitting a measurement to each region's rules, and what breaks if the rules are dealt wrongly?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import permutations

import numpy as np
import pandas as pd

from dti_core.bridges.privacy import discrete_laplace
from dti_core.lab.intervals import Interval, share
from dti_core.lab.methods import Method
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import OBSERVED, Estimate
from dti_core.studies.private_lift.measures.findings import Findings
from dti_core.studies.private_lift.model.cells import Array
from dti_core.studies.private_lift.model.lift import intent_to_treat
from dti_core.studies.private_lift.model.rules import Region, Rules, breaches, conduct, laxest, strictest
from dti_core.studies.private_lift.worlds import WORLDS
from dti_core.studies.private_lift.worlds.market import truth
from dti_core.studies.private_lift.worlds.regions import (
    REGION_WORLDS,
    Regions,
    drawn_around,
    eligible_cells,
)
from dti_core.studies.private_lift.worlds.settings import Market

Dealing = tuple[Rules, ...]
#: Users of a campaign in each region at which the claim is judged, and those shown beside it.
JUDGED_USERS, SHOWN_USERS = 20_000, (2_000, 20_000, 200_000)
#: Bars of the claim: excess error that matters, and share of wrong dealings that a mere order would give.
SMALLEST_EXCESS, ORDERED_SHARE = 0.10, 0.5
#: Slope of the log-odds of agreeing on activity, and conversions later than an epoch after the report begins.
CONSENT_TILT, LATE = -0.8, 0.2
LAWLESS = "none"


def _derangements(rules: Sequence[Rules]) -> list[Dealing]:
    places = range(len(rules))
    orders = (order for order in permutations(places) if all(map(int.__ne__, order, places)))
    return [tuple(rules[k] for k in order) for order in orders]


#: Each turns the regions' own rules into the dealings of rules that it may lead to.
POLICIES: dict[str, Method[Callable[[Sequence[Rules]], list[Dealing]]]] = {
    "fitted": Method("Own rules in each region", lambda rules: [tuple(rules)]),
    "strictest": Method("Strictest of each rule everywhere", lambda rules: [(strictest(rules),) * len(rules)]),
    "laxest": Method("Laxest of each rule everywhere", lambda rules: [(laxest(rules),) * len(rules)]),
    "wrong": Method("Rules of another region in each", _derangements),
}


@dataclass(frozen=True, slots=True)
class Task:
    """One Monte Carlo of policies over regions: plain data for a worker."""

    regions: Regions
    policies: tuple[str, ...]
    n_users: int
    n_campaigns: int
    seed: np.random.SeedSequence
    market: str = "campaign"


@cache
def _cells(market: Market) -> Array:
    return eligible_cells(market)


@cache
def _effects(market: Market) -> Array:
    return truth(market).itt


def lift_errors(
    market: Market, region: Region, applied: Rules, n_users: int, n_campaigns: int, rng: np.random.Generator
) -> Array:
    """Errors of the ITT of each channel among all users of a region, measured under `applied` rules.

    Returns
    -------
    (n_campaigns, C), in conversions a user. Who gets no report says "no lift". Conversions that come after
    the reports are summed are lost, and the estimate is raised by their known share.
    """
    done, effects = conduct(region, applied, n_users), _effects(market)
    if not done.releases:
        return np.tile(-effects, (n_campaigns, 1))
    agreed = region.agree(applied.consent_default)
    cells = _cells(replace(market, consent=agreed, consent_tilt=CONSENT_TILT)).copy()
    seen = 1 - LATE**applied.retention_epochs
    cells[:, 0] += (1 - seen) * cells[:, 1]
    cells[:, 1] *= seen
    drawn = rng.multinomial(round(done.measured), cells.ravel() / cells.sum(), n_campaigns)
    counts = drawn.reshape(-1, *cells.shape)
    if np.isfinite(applied.epsilon_epoch):
        for _ in range(done.releases):
            counts += discrete_laplace(1 / applied.epsilon_epoch, counts.shape, rng)
    itt = intent_to_treat(counts.astype(float)).value / seen
    return np.where(np.isfinite(itt), itt, 0.0) - effects


def squared_errors(task: Task) -> dict[str, Array]:
    """Mean squared error over regions and channels: policy -> (dealings, campaigns)."""
    market = WORLDS[task.market].settings
    laws = [region.rules for region in task.regions]
    found = {}
    for name, seed in zip(task.policies, task.seed.spawn(len(task.policies)), strict=True):
        rng, rows = np.random.default_rng(seed), []
        for dealing in POLICIES[name].run(laws):
            errors = [
                lift_errors(market, region, applied, task.n_users, task.n_campaigns, rng)
                for region, applied in zip(task.regions, dealing, strict=True)
            ]
            rows.append(np.mean(np.square(errors), axis=(0, 2)))
        found[name] = np.array(rows)
    return found


def rmse(squares: Array) -> Interval:
    """Root of the mean squared error, with a delta-method interval over campaigns."""
    by_campaign = squares.mean(axis=0)
    mean, n = float(by_campaign.mean()), by_campaign.size
    value = np.sqrt(mean)
    error = float(by_campaign.std(ddof=1) / np.sqrt(n) / (2 * value))
    return _normal(float(value), error, n)


def excess(squares: Array, fitted: Array) -> Interval:
    """How much larger one RMSE is than another, as a share of it; the two were drawn independently."""
    ours, theirs = (rmse(one) for one in (squares, fitted))
    ratio = ours.value / theirs.value
    error = ratio * np.hypot(ours.std_error / ours.value, theirs.std_error / theirs.value)
    return _normal(ratio - 1, float(error), ours.n)


def _normal(value: float, error: float, n: int) -> Interval:
    how = "delta method over simulated campaigns"
    return Interval(value, value - 1.96 * error, value + 1.96 * error, error, n, how)


def breached(regions: Regions, dealing: Dealing, n_users: int) -> list[dict[str, float]]:
    """What a dealing of rules breaks in each region."""
    return [
        breaches(region.rules, conduct(region, applied, n_users))
        for region, applied in zip(regions, dealing, strict=True)
    ]


def wrong_share(regions: Regions, n_users: int) -> float:
    """Share of ordered pairs of regions in which the rules of the second break those of the first."""
    pairs = [(one, other.rules) for one in regions for other in regions if one is not other]
    return float(np.mean([bool(breaches(one.rules, conduct(one, rules, n_users))) for one, rules in pairs]))


def drawn_wrong_share(
    shape: Callable[[Regions], Regions], regions: Regions, n_draws: int, rng: np.random.Generator
) -> Interval:
    """`wrong_share` over profiles drawn around ours: mean and the middle 95 %."""
    found = np.array([wrong_share(shape(drawn_around(regions, rng)), JUDGED_USERS) for _ in range(n_draws)])
    low, high = np.quantile(found, [0.025, 0.975])
    how = "2.5th to 97.5th percentile over profiles drawn around ours"
    return Interval(float(found.mean()), float(low), float(high), float(found.std()), n_draws, how)


def study_regions(
    regions: Regions, seeds: np.random.SeedSequence, *,
    n_campaigns: int, n_control_draws: int, n_profiles: int, market: str = "campaign",
) -> Findings:  # fmt: skip
    """Error and breaches of each policy, at several sizes, in control worlds and over drawn profiles.

    Parameters
    ----------
    regions : all of the frozen table. The claim is judged on those that have a law; `with_none` adds the other.
    n_campaigns : of each size and policy; a draw of a control or a profile has a tenth of them.
    """
    found, ruled = Findings(), tuple(one for one in regions if one.name != LAWLESS)
    main, controls, profiles = seeds.spawn(3)
    sets = {"by_law": ruled, "with_none": regions}
    tasks = {
        (which, n): Task(sets[which], tuple(POLICIES), n, n_campaigns, seed, market)
        for (which, n), seed in zip(
            [(which, n) for which in sets for n in SHOWN_USERS], main.spawn(2 * len(SHOWN_USERS)), strict=True
        )
    }
    _keep_policies(found, sets, run_keyed(squared_errors, tasks, "regions"))
    _keep_controls(found, ruled, controls, n_campaigns // 10, n_control_draws, n_profiles, market)
    _keep_profiles(found, ruled, profiles, n_campaigns // 10, n_profiles, market)
    return found


def _keep_policies(
    found: Findings, sets: Mapping[str, Regions], drawn: Mapping[tuple[str, int], dict[str, Array]]
) -> None:
    rows = []
    for (which, n), squares in drawn.items():
        laws = [region.rules for region in sets[which]]
        for policy in POLICIES:
            error, more = rmse(squares[policy]), excess(squares[policy], squares["fitted"])
            broken = [breached(sets[which], deal, n) for deal in POLICIES[policy].run(laws)]
            kinds = float(np.mean([sum(map(len, deal)) for deal in broken]))
            wronged = float(np.mean([sum(max(one.values(), default=0) for one in deal) for deal in broken]))
            at: dict[str, str | float] = {"policy": policy, "users": n, "set": which}
            end = f"{policy}_{which}_n{n}"
            found.estimates.append(error.estimate(f"regions_rmse_{end}", "conversions a user", **at))
            if policy != "fitted":
                unit = "share of the fitted error"
                found.estimates.append(more.estimate(f"regions_excess_{end}", unit, **at))
            rows.append({**at, "rmse": error.value, "low": error.low, "high": error.high, "excess": more.value,
                         "breaches": kinds, "users_wronged": wronged})  # fmt: skip
    found.series["regions"] = pd.DataFrame(rows)
    found.series["region_breaches"] = breach_table(sets["with_none"])


def breach_table(regions: Regions) -> pd.DataFrame:
    """Users wronged by each kind of breach where the rules of one region are applied in another."""
    rows = [
        {"law": one.name, "applied": other.name, "kind": kind, "users": users}
        for one in regions
        for other in regions
        for kind, users in breaches(one.rules, conduct(one, other.rules, JUDGED_USERS)).items()
    ]
    return pd.DataFrame(rows, columns=["law", "applied", "kind", "users"])


def _keep_controls(
    found: Findings, ruled: Regions, seeds: np.random.SeedSequence, n_campaigns: int, n_draws: int,
    n_profiles: int, market: str,
) -> None:  # fmt: skip
    """The claim's two bars in each world; in a control every draw has profiles of its own."""
    name, unit = f"regions_excess_strictest_by_law_n{JUDGED_USERS}", "share of the fitted error"
    for (world, made), seed in zip(REGION_WORLDS.items(), seeds.spawn(len(REGION_WORLDS)), strict=True):
        shape, (first, *each) = made.settings, seed.spawn(n_draws + 1)
        rng = np.random.default_rng(first)
        shares = drawn_wrong_share(shape, ruled, n_profiles, rng)
        kept, at = ("regions_wrong_share", "share of wrong dealings"), {"users": JUDGED_USERS}
        if world == "regions":
            found.estimates.append(shares.estimate(*kept, OBSERVED, **at))
            continue
        tasks = {
            (world, k): Task(
                shape(drawn_around(ruled, rng)), ("fitted", "strictest"), JUDGED_USERS, n_campaigns, one, market
            )
            for k, one in enumerate(each)
        }
        squares = run_keyed(squared_errors, tasks, f"regions, {world}").values()
        drawn = [excess(one["strictest"], one["fitted"]) for one in squares]
        again = [drawn_wrong_share(shape, ruled, 20, rng) for _ in each]
        found.estimates += [_of_draws(name, unit, world, drawn), _of_draws(*kept, world, again)]


def _of_draws(name: str, unit: str, world: str, drawn: Sequence[Interval]) -> Estimate:
    """A control world's estimate: mean over its draws, the middle 95 % of them, and the interval of each."""
    values = np.array([one.value for one in drawn])
    low, high = np.quantile(values, [0.025, 0.975])
    how = f"2.5th to 97.5th percentile over {len(drawn)} draws of the world"
    return Estimate(
        name, float(values.mean()), min(float(low), float(values.mean())), max(float(high), float(values.mean())),
        unit, len(drawn), len(drawn), how=how, world=world, draws=tuple((one.low, one.high) for one in drawn),
    )  # fmt: skip


def _keep_profiles(
    found: Findings, ruled: Regions, seeds: np.random.SeedSequence, n_campaigns: int, n_profiles: int, market: str
) -> None:
    """The share of profiles drawn around ours in which the claim's sign, and its smallest effect, hold."""
    first, *each = seeds.spawn(n_profiles + 1)
    rng = np.random.default_rng(first)
    sets = [drawn_around(ruled, rng) for _ in each]
    tasks = {
        k: Task(drawn, ("fitted", "strictest"), JUDGED_USERS, n_campaigns, seed, market)
        for k, (drawn, seed) in enumerate(zip(sets, each, strict=True))
    }
    squares = run_keyed(squared_errors, tasks, "regions, drawn profiles").values()
    more = np.array([excess(one["strictest"], one["fitted"]).value for one in squares])
    wrong = np.array([wrong_share(drawn, JUDGED_USERS) for drawn in sets])
    for name, least in (("sign", 0.0), ("effect", SMALLEST_EXCESS)):
        held = int(((more > least) & (wrong > ORDERED_SHARE)).sum())
        found.estimates.append(share(held, n_profiles).estimate(f"regions_share_{name}", "share of profiles"))
    low, high = np.quantile(more, [0.025, 0.975])
    how = "2.5th to 97.5th percentile over profiles drawn around ours"
    whole = Interval(float(np.median(more)), float(low), float(high), float(more.std()), n_profiles, how)
    found.estimates.append(
        whole.estimate("regions_excess_strictest_over_profiles", "share of the fitted error", users=JUDGED_USERS)
    )
    columns = {"excess": more, "wrong_share": wrong}
    for region_number, region in enumerate(ruled):
        columns[f"epsilon_{region.name}"] = np.array([one[region_number].rules.epsilon_epoch for one in sets])
    found.series["region_profiles"] = pd.DataFrame(columns).head(300)
