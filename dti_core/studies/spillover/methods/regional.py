"""Private sums under the rules of four regions: set region by region, strictest, or dealt wrongly (C37b).

Members are dealt to regions by chance, as none of the data names regions of these laws. A region's sums are
made and released within it, of members who take part, with its epsilon; who forecasts adds them up.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import permutations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.lab.record import Estimate
from dti_core.studies.spillover.data.regions import Profile, load_profiles
from dti_core.studies.spillover.methods.draws import (
    draws_of,
    gain_estimates,
    gains_row,
    named,
)
from dti_core.studies.spillover.methods.sums import (
    LAST,
    centre_of,
    learning_periods,
    losses_of,
    ratings_members,
)
from dti_core.studies.spillover.methods.task import Task
from dti_core.studies.spillover.methods.warnings import fixes_months
from dti_core.studies.spillover.model import months as by_month
from dti_core.studies.spillover.model.gains import Gains, Outcome, gains, null_gains
from dti_core.studies.spillover.model.losses import NAIVE, PLACEBO, WITH, WITHOUT, Losses
from dti_core.studies.spillover.model.months import Months
from dti_core.studies.spillover.model.sums import (
    STEPS,
    Release,
    Sums,
    group_means,
    of_members,
    release_sums,
    shrunk,
    steps_of,
)
from dti_core.studies.spillover.worlds.sums import Members, planted_members, planted_months

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
STRICTEST, AS_DEALT = "strictest everywhere", "wrong, unlawful"
#: A firm stands for so many users of commerce, in whom a least batch is told.
USERS_A_FIRM = 100.0
#: Standard deviation within a group, as a share of the range of a value, that weights of regions reckon with.
SPREAD = 0.15
#: Rules of the planted world: in two regions of four a sum is all but noise, in the others there is none.
APART = (
    Profile("tight", 0.02, 0.1, 1.0), Profile("strict", 0.02, 0.1, 1.0),
    Profile("open", float("inf"), 1.0, 1.0), Profile("loose", float("inf"), 1.0, 1.0),
)  # fmt: skip
#: Releases in a draw of a control world: two of each way to deal four rules wrongly.
N_RELEASES = 18
#: The rules of each region, as applied.
Applied = tuple[Profile, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where members are, (n_seeds, n_members): their region, and how readily each takes part, in [0, 1)."""

    region: Codes
    readiness: Array

    def rows(self, seeds: Codes) -> "Place":
        """The same for some seeds."""
        return Place(self.region[seeds], self.readiness[seeds])

    def reports(self, profile: Profile, region: int) -> NDArray[np.bool_]:
        """Who is in the region and takes part under these rules."""
        return (self.region == region) & (self.readiness < profile.taking_part)


def dealt_place(n_seeds: int, n_members: int, n_regions: int, rng: np.random.Generator) -> Place:
    """Members dealt evenly to regions."""
    even = np.tile(np.arange(n_members) % n_regions, (n_seeds, 1))
    return Place(rng.permuted(even, axis=1), rng.random((n_seeds, n_members)))


def wrongly(profiles: Applied, seed: int, *, lawful: bool) -> Applied:
    """Rules of other regions: the seed's derangement; if `lawful`, tightened to what each region asks for."""
    n = len(profiles)
    wrong = [one for one in permutations(range(n)) if all(one[k] != k for k in range(n))]
    dealt = [profiles[k] for k in wrong[seed % len(wrong)]]
    return tuple(d.with_rules_of(own) if lawful else d for d, own in zip(dealt, profiles, strict=True))


def strictest(profiles: Applied) -> Applied:
    """The strictest of each rule in every region."""
    return tuple(one.with_rules_of(*profiles) for one in profiles)


def by_rules(
    place: Place, rules: Callable[[int], Applied], forecast: Callable[[Codes, Applied], Array]
) -> Array:
    """Forecasts of all seeds, made together for seeds under the same rules."""
    groups: dict[Applied, list[int]] = {}
    for seed in range(len(place.region)):
        groups.setdefault(rules(seed), []).append(seed)
    parts = {tuple(seeds): forecast(np.array(seeds), applied) for applied, seeds in groups.items()}
    order = np.argsort([seed for seeds in parts for seed in seeds])
    return np.concatenate(list(parts.values()))[order]


def policies(profiles: Applied) -> Mapping[str, Callable[[int], Applied]]:
    """Arm -> rules as applied, by seed."""
    tight = strictest(profiles)
    return {
        WITH: lambda _: profiles, PLACEBO: lambda seed: wrongly(profiles, seed, lawful=True),
        STRICTEST: lambda _: tight, AS_DEALT: lambda seed: wrongly(profiles, seed, lawful=False),
    }  # fmt: skip


def regional_means(
    members: Members, place: Place, applied: Applied, centre: Array, rng: np.random.Generator,
    batch_scale: float,
) -> Array:  # fmt: skip
    """Group means (n_seeds, n_groups, n_years - 1) from the sums of all regions, noisy ones at less weight.

    A region whose reports of a year are fewer than its least batch reports nothing that year.
    """
    steps, codes = steps_of(members.values, members.bounds)[:, :-1], members.codes[None]
    total = Sums(np.zeros(1), np.zeros(1), 0.0)
    for region, profile in enumerate(applied):
        inside = np.where(place.reports(profile, region)[:, :, None], steps, np.nan)
        enough = np.isfinite(inside).sum(axis=1, keepdims=True) >= profile.least_batch * batch_scale
        one = release_sums(inside, codes, members.n_groups, Release(profile.epsilon), len(inside), rng)
        expected = len(steps) * profile.taking_part / len(applied) / members.n_groups
        weight = 1 / (1 + one.variance / STEPS**2 / (expected * SPREAD**2))
        total += Sums(one.up * enough, one.down * enough, one.variance).weighed(weight)
    return group_means(total, members.bounds, centre)


def firm_losses(
    members: Members, profiles: Applied, n_seeds: int, rng: np.random.Generator,
    batch_scale: float = 1 / USERS_A_FIRM,
) -> Losses:  # fmt: skip
    """Squared errors of next year's rating by policy, which share who reads, who is where and takes part."""
    own, target = members.read(n_seeds, rng)[:, :, :-1], members.values[:, 1:]
    learning = learning_periods(target.shape[1])
    centre = centre_of(own, learning)
    place = dealt_place(n_seeds, len(target), len(profiles), rng)

    def forecast(seeds: Codes, applied: Applied) -> Array:
        means = regional_means(members, place.rows(seeds), applied, centre[seeds], rng, batch_scale)
        return shrunk(own[seeds], of_members(means, members.codes[None]), target, learning)

    arms = {arm: by_rules(place, rules, forecast) for arm, rules in policies(profiles).items()}
    arms |= {WITHOUT: shrunk(own, centre, target, learning), NAIVE: own, LAST: np.clip(own, *members.bounds)}
    return losses_of(arms, target, members.codes, pooled=True)


def month_losses(
    months: Months, profiles: Applied, n_seeds: int, rng: np.random.Generator,
    batch_scale: float = 1 / USERS_A_FIRM,
) -> Losses:  # fmt: skip
    """Brier scores of activity in the next month by policy; noisier regions count less."""
    place = dealt_place(n_seeds, len(months.active), len(profiles), rng)
    base, rate = by_month.own_rate(months)

    def forecast(seeds: Codes, applied: Applied) -> Array:
        found, asked = np.zeros((2, len(seeds), months.n_origins))
        for region, profile in enumerate(applied):
            inside = place.rows(seeds).reports(profile, region)
            release = Release(profile.epsilon, steps=1)
            counts = inside.astype(np.float64) @ months.active[:, :-1]
            expected = base * len(months.active) * profile.taking_part / len(applied)
            enough = inside.sum(axis=1, keepdims=True) >= profile.least_batch * batch_scale
            weight = enough / (1 + release.variance / expected)
            found += weight * (counts + release.noise(counts.shape, rng))
            asked += weight * len(months.active) * profile.taking_part / len(applied)
        totals = np.where(asked > 0, len(months.active) * found / np.maximum(asked, 1e-12), 0.0)
        return by_month.with_totals(months, totals)

    arms = {arm: by_rules(place, rules, forecast) for arm, rules in policies(profiles).items()}
    shape = (n_seeds, *months.target.shape)
    arms |= {
        WITHOUT: np.broadcast_to(by_month.without_totals(months), shape), NAIVE: np.full(shape, base),
        by_month.HISTORY: np.broadcast_to(rate, shape),
    }  # fmt: skip
    return by_month.losses_of(months, arms)


def regional_gains(losses: Losses) -> Gains:
    """Gains of privacy set region by region: carried over wrong regions, worth over the strictest setting."""
    return gains(contest(losses))


def contest(losses: Losses) -> Losses:
    """The arms that own rules are set against."""
    kept = (WITH, WITHOUT, PLACEBO, NAIVE, STRICTEST)
    return replace(losses, arms={name: losses.arms[name] for name in kept})


def _cell(
    task: Task, cell: str, field: str, losses: Callable[..., Losses], planted: Callable[..., Gains],
) -> Outcome:  # fmt: skip
    profiles, n_seeds = load_profiles(), max(2, task.effort.n_instances)
    found = losses(profiles, n_seeds, task.stream(cell, "observed"))
    alike = (profiles[0],) * len(profiles)
    draws = draws_of(task, cell, {"null": partial(_null, losses, alike), "planted": planted})
    outcome = Outcome(regional_gains(found), draws["null"], draws["planted"])
    at = {"field": field}
    against = {STRICTEST: STRICTEST, "wrong, lawful": PLACEBO, AS_DEALT: AS_DEALT, "no sums": WITHOUT}
    against |= {arm: arm for arm in (LAST, by_month.HISTORY) if arm in found.arms}
    estimates = gain_estimates(named("regional_gain", field), outcome, **at) + tuple(
        found.gain(arm, WITH).estimate(
            named("regional", field, "over", name), "% of the naive error", against=name, **at
        )
        for name, arm in against.items()
    )
    series = {
        f"{cell}_profiles": _profiles(task, cell, losses, profiles),
        f"{cell}_settings": _settings(task, cell, losses, profiles),
    }
    return replace(outcome, estimates=(*estimates, breach_estimate(profiles, field)), series=series)


def _null(losses: Callable[..., Losses], alike: Applied, rng: np.random.Generator) -> Gains:
    return null_gains(contest(losses(alike, N_RELEASES, rng)).resampled(rng))


def _profiles(
    task: Task, cell: str, losses: Callable[..., Losses], profiles: Sequence[Profile]
) -> pd.DataFrame:
    """Gains over no sums where every region has one profile, and where batches are told in firms."""
    n_seeds, rows = max(2, task.effort.n_instances // 4), []
    for one in profiles:
        found = losses((one,) * len(profiles), n_seeds, task.stream(cell, one.name))
        row = gains_row(regional_gains(found), profile=one.name, epsilon=one.epsilon)
        rows.append(row | {"users a firm": USERS_A_FIRM})
    printed = losses(tuple(profiles), n_seeds, task.stream(cell, "printed"), batch_scale=1.0)
    row = gains_row(regional_gains(printed), profile="each its own", epsilon=float("nan"))
    rows.append(row | {"users a firm": 1.0})
    return pd.DataFrame(rows)


def _settings(task: Task, cell: str, losses: Callable[..., Losses], profiles: Applied) -> pd.DataFrame:
    """Gains by setting: members dealt anew, rules other than assumed, the same in both fields."""
    n_settings, n_seeds = min(40, task.effort.n_instances), max(2, task.effort.n_instances // 10)
    rows = []
    for number in range(n_settings):
        rng = task.shared.stream("settings", str(number))
        other = tuple(one.varied(rng) for one in profiles)
        found = losses(other, n_seeds, task.stream(cell, "settings", str(number)))
        rows.append(gains_row(regional_gains(found), setting=number))
    return pd.DataFrame(rows)


def breach_estimate(profiles: Applied, field: str) -> Estimate:
    """Share of members whose region's law is broken when rules are dealt to wrong regions as they are."""
    n = len(profiles)
    cases = [wrongly(profiles, seed, lawful=False) for seed in range(9)]
    broken = [
        dealt.with_rules_of(own) != replace(dealt, name=dealt.name)
        for case in cases for dealt, own in zip(case, profiles, strict=True)
    ]  # fmt: skip
    share = float(np.mean(broken))
    return Estimate(
        named("regional_breaches", field), share, share, share, "share of members", n * len(cases),
        how="all ways of dealing wrongly", at={"field": field},
    )  # fmt: skip


def _planted_ratings(members: Members, rng: np.random.Generator) -> Gains:
    drawn = planted_members(members.values.shape, members.n_groups, members.bounds, rng)
    return regional_gains(firm_losses(drawn, APART, N_RELEASES, rng))


def _planted_fixes(months: Months, rng: np.random.Generator) -> Gains:
    active = planted_months(months.active.shape, rng)
    drawn = Months(active, np.where(active > 0, 0.0, np.nan))
    return regional_gains(month_losses(drawn, APART, N_RELEASES, rng))


def run_ratings(task: Task) -> Outcome:
    """Next year's social rating from country means, privacy set region by region (C37b in finance)."""
    members = ratings_members()
    return _cell(
        task, "regional_ratings", "finance", partial(firm_losses, members), partial(_planted_ratings, members)
    )


def run_fixes(task: Task) -> Outcome:
    """Which Debian source mends next, from totals with privacy set region by region (C37b in security)."""
    months = fixes_months()
    return _cell(
        task, "regional_fixes", "security", partial(month_losses, months), partial(_planted_fixes, months)
    )
