"""Which channel gets the credit: each method's shares against the true ones, and how far rules disagree."""

from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import brentq

from dti_core.lab.intervals import Interval, mean_over_seeds, share
from dti_core.lab.methods import left_out
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import OBSERVED, Estimate
from dti_core.studies.private_lift.measures.findings import Findings
from dti_core.studies.private_lift.measures.release import GUARANTEE, laplace_variance, released
from dti_core.studies.private_lift.methods.attribution import METHODS, Evidence
from dti_core.studies.private_lift.model.cells import Array
from dti_core.studies.private_lift.model.journeys import Journeys, journeys_of
from dti_core.studies.private_lift.model.lift import factorial_shapley, shares
from dti_core.studies.private_lift.model.payouts import misallocated, paid_shares
from dti_core.studies.private_lift.worlds import WORLDS
from dti_core.studies.private_lift.worlds.market import draw_counts, joint, truth
from dti_core.studies.private_lift.worlds.paths import expected_journeys, scaled_targeting
from dti_core.studies.private_lift.worlds.settings import Market
from dti_core.studies.private_lift.worlds.users import counted, simulate_users

#: Worlds by the name under which their estimates stand, and the channel that moves nobody.
STUDIED = {OBSERVED: "campaign", "no_targeting": "no_targeting"}
NULL_CHANNEL, CLOSE = "retargeting", 0.03
PRIVATE = tuple(name for name in METHODS if name.endswith("_private"))
#: Users of a campaign whose sampling error is nothing.
_MANY = 10**12
FACTORS = tuple(np.linspace(0, 1.5, 13))

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
    streams = dict(zip(STUDIED, seeds.spawn(len(STUDIED)), strict=True))
    tasks = {(world, i): (WORLDS[STUDIED[world]].settings, n_users, one, epsilon)
             for world in STUDIED for i, one in enumerate(streams[world].spawn(n_seeds))}  # fmt: skip
    credited = run_keyed(credits, tasks, "attribution")
    for world, name in STUDIED.items():
        drawn = np.array([credited[world, i] for i in range(n_seeds)])  # (n_seeds, n_methods, C)
        rows += _told(found, drawn, WORLDS[name].settings, world, n_users, epsilon)
    found.series["attribution"] = pd.DataFrame(rows)
    found.series["attribution_targeting"] = targeting_curve(WORLDS["campaign"].settings)
    _experiment(found, WORLDS["campaign"].settings, 10 * n_users, n_campaigns, epsilon, seeds.spawn(1)[0])
    return found


def credits(task: Task) -> Array:
    """What is credited in one campaign, (n_methods, C), in the order of METHODS."""
    market, n_users, seed, epsilon = task
    rng = np.random.default_rng(seed)
    users = simulate_users(market, n_users, rng)
    eligible = counted(users).sum(axis=1)
    evidence = Evidence(journeys_of(users.times, users.converted), epsilon, users, eligible)
    return np.array([method.run(evidence, rng) for method in METHODS.values()])


def limits(market: Market) -> dict[str, Array]:
    """Shares that methods which need no single users would credit without sampling error or noise."""
    cells = np.round(joint(market).sum(axis=1) * _MANY).astype(np.int64)
    evidence = Evidence(expected_journeys(market, _MANY), np.inf, eligible=cells)
    names = [
        name for name, one in METHODS.items() if "users" not in one.needs and not name.endswith("private")
    ]
    made = {name: METHODS[name].run(evidence, np.random.default_rng(0)) for name in names}
    return {name: one / one.sum() for name, one in made.items()}


def targeting_curve(market: Market) -> pd.DataFrame:
    """Share of the channel that moves nobody, by method, as all targeting grows from none; exact."""
    null, kept = market.names.index(NULL_CHANNEL), ("last_touch", "linear", "markov", "exposure_shapley",
                                                    "exposure_shapley_scaled", "factorial")  # fmt: skip
    rows = [{"targeting": factor} | {name: by[name][null] for name in kept}
            for factor in FACTORS for by in [limits(scaled_targeting(market, factor))]]  # fmt: skip
    return pd.DataFrame(rows)


def _told(
    found: Findings, drawn: Array, market: Market, world: str, n_users: int, epsilon: float
) -> list[dict[str, object]]:
    true, exact = truth(market).shares, limits(market)
    rows: list[dict[str, object]] = []
    for place, (name, method) in enumerate(METHODS.items()):
        at: dict[str, str | float] = {"method": name, "n_users": n_users}
        at |= {"epsilon": epsilon, "guarantee": GUARANTEE} if name in PRIVATE else {}
        for channel, (label, one) in enumerate(zip(market.names, pooled(drawn[:, place]), strict=True)):
            rows.append({
                "world": world, "method": name, "title": method.title, "channel": label, "share": one.value,
                "low": one.low, "high": one.high, "true": true[channel],
                "limit": exact[name][channel] if name in exact else np.nan,
            })  # fmt: skip
            if label == NULL_CHANNEL:
                kept = one.estimate(
                    f"credit_{name}_{label}", "share of all credit", world, channel=label, **at
                )
                found.estimates.append(kept)
        if name in exact and world == OBSERVED:
            share_ = float(exact[name][market.names.index(NULL_CHANNEL)])
            found.estimates.append(Estimate(
                f"credit_limit_{name}", share_, share_, share_, "share of all credit", n_users,
                how="without sampling error, exact", at={"method": name, "channel": NULL_CHANNEL},
            ))  # fmt: skip
        wrong = mean_over_seeds(misallocated(paid_shares(drawn[:, place]), true))
        found.estimates.append(wrong.estimate(f"misallocated_{name}", "share of the budget", world, **at))
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
    found: Findings, market: Market, n_users: int, n_campaigns: int, epsilon: float,
    seed: np.random.SeedSequence,
) -> None:  # fmt: skip
    """How often the experiment credits the null channel with 3 points at most, and users for that."""
    rng, null = np.random.default_rng(seed), market.names.index(NULL_CHANNEL)
    counts = draw_counts(market, n_users, n_campaigns, rng).sum(axis=2)
    for label, one in {"plain": np.inf, "private": epsilon}.items():
        values, _ = factorial_shapley(released(counts, one, rng))
        part = values[:, null] / values.sum(axis=1)
        at: dict[str, str | float] = {"method": "factorial", "n_users": n_users}
        at |= {"epsilon": epsilon, "guarantee": GUARANTEE} if label == "private" else {}
        mean = mean_over_seeds(part)
        found.estimates.append(
            mean.estimate(f"experiment_{label}_credit_{NULL_CHANNEL}", "share of all credit", **at)
        )
        near = share(int((np.abs(part) <= CLOSE).sum()), n_campaigns)
        found.estimates.append(
            near.estimate(f"experiment_{label}_within_3_points", "share of campaigns", **at)
        )
        needed = users_needed(market, null, CLOSE, one)
        found.estimates.append(Estimate(
            f"experiment_{label}_users_for_3_points", needed, needed, needed, "users", n_campaigns,
            how="exact variance, no interval", at=at | {"n_users": needed},
        ))  # fmt: skip


def users_needed(market: Market, channel: int, half_width: float, epsilon: float) -> float:
    """Users for which the 95 % interval of a channel's share reaches so far to each side."""
    cells = joint(market).sum(axis=1)

    def gap(log_users: float) -> float:
        values, covariance = factorial_shapley(cells * 10**log_users, laplace_variance(epsilon))
        return float(1.96 * shares(values, covariance)[1][channel] - half_width)

    return float(np.round(10 ** brentq(gap, 4.5, 12)))


def study_paths(journeys: Journeys, rng: np.random.Generator, n_resamples: int) -> Findings:
    """How far rules lie apart on real paths, where nothing was randomised and no truth is known.

    Distances are halves of summed absolute differences of shares: the part of a budget that moves.
    """
    lacking = left_out(METHODS, ())
    names = [name for name in METHODS if name not in lacking and name not in PRIVATE]
    found = Findings(
        left_out=[(f"{name} on real paths", f"needs {', '.join(why)}") for name, why in lacking.items()]
    )
    again = [
        np.vstack([one, rng.poisson(one, (n_resamples, len(one)))])
        for one in (journeys.converted, journeys.missed)
    ]
    evidence = Evidence(Journeys(journeys.steps, *again, journeys.n_channels), np.inf)
    made = [METHODS[name].run(evidence, rng) for name in names]
    table = np.stack([one / one.sum(axis=-1, keepdims=True) for one in made], axis=1)
    error = 1.96 * table[1:].std(axis=0, ddof=1)
    found.series["attribution_rules"] = pd.DataFrame([
        {"method": name, "title": METHODS[name].title, "channel": float(c), "share": table[0, m, c],
         "low": table[0, m, c] - error[m, c], "high": table[0, m, c] + error[m, c]}
        for m, name in enumerate(names) for c in range(journeys.n_channels)
    ])  # fmt: skip
    pairs = {pair: _apart(table, *map(names.index, pair)) for pair in combinations(names, 2)}
    for (one, other), values in pairs.items():
        if "last_touch" in (one, other):
            rival = other if one == "last_touch" else one
            kept = _bootstrapped(values, journeys).estimate(
                f"rules_apart_last_touch_{rival}", "share of all credit", method=rival, against="last_touch"
            )
            found.estimates.append(kept)
    mean = _bootstrapped(np.mean(list(pairs.values()), axis=0), journeys)
    found.estimates.append(mean.estimate("rules_apart_mean", "share of all credit"))
    return found


def _apart(table: Array, one: int, other: int) -> Array:
    return np.abs(table[:, one] - table[:, other]).sum(axis=1) / 2


def _bootstrapped(values: Array, journeys: Journeys) -> Interval:
    error = float(values[1:].std(ddof=1))
    how = f"Poisson bootstrap of users, {len(values) - 1} resamples, normal"
    return Interval(
        values[0], values[0] - 1.96 * error, values[0] + 1.96 * error, error, int(journeys.n_users), how
    )
