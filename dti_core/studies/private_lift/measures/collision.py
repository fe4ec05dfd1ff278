"""Does privacy collide with measuring lift: how much error does it add, and is a plain guess better?

Markets are drawn from a set of assumptions, so that an answer ranges over what is not known, not over
simulation alone. The error of all incremental conversions is that of an estimator which is linear in the
counts, so that its growth by noise is exact; a constant guess is compared on simulated campaigns.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.random import Generator
from scipy.stats import binom

from dti_core.bridges.privacy import oue_variance
from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval, share
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import OBSERVED, Estimate
from dti_core.studies.private_lift.measures.campaigns import (
    draw_outcomes,
    measured_truth,
    outcome_cells,
    published,
    stream,
    word,
)
from dti_core.studies.private_lift.methods.noise import METHODS, laplace_variance
from dti_core.studies.private_lift.model.cells import Array
from dti_core.studies.private_lift.model.lift import incremental
from dti_core.studies.private_lift.model.report import SHARES
from dti_core.studies.private_lift.worlds import CAMPAIGN, NOISES
from dti_core.studies.private_lift.worlds.regions import eligible_cells
from dti_core.studies.private_lift.worlds.settings import Market

SMALL, LARGE = 5_000, 1_000_000
SIZES = (1_000, SMALL, 20_000, 100_000, LARGE)
#: Error that privacy adds from which it matters: what a fifth fewer users would cost, 1 / sqrt(.8) = 1.12.
MATTERS = 0.1
#: Epsilon at which the claim is judged, and what is left of it for lift in a report of several histograms.
JUDGED, SHARED = 1.0, SHARES["outcomes"]
#: Name of an estimate's end or world -> way to publish and epsilon; the judged one has no end.
ARMS: Mapping[str, tuple[str, float]] = {
    "": ("central", JUDGED), "_shared": ("central", SHARED),
    **{f"@{name}": world.settings for name, world in NOISES.items()},
}  # fmt: skip
#: Ways of the table: title -> way to publish, epsilon, whether one coin holds a user out of all channels.
TABLE: Mapping[str, tuple[str, float, bool]] = {
    "central, epsilon 1": ("central", 1.0, False),
    "central, epsilon 0.5": ("central", 0.5, False),
    "two noises, epsilon 1": ("two_noises", 1.0, False),
    "two noises, epsilon 0.5": ("two_noises", 0.5, False),
    f"central, shared, epsilon {SHARED:g}": ("central", SHARED, False),
    "central, one holdout, epsilon 1": ("central", 1.0, True),
}
#: Markets of which the growth is exact, for each that is simulated; values of a control world that are kept.
EXACT_EACH, MOST_DRAWS = 20, 200
#: Median and spread (of the logarithm) of total lift: medians of 663 trials were 29, 18 and 5 % by funnel
#: (Gordon, Moakler, Zettelmeyer 2022).
LIFT, LIFT_SPREAD = 0.18, 0.8
Errors = dict[int, tuple[Array, Array, Array]]


def draw_market(rng: Generator) -> Market:
    """A market from the set of assumptions: one to five channels, rate, lift and holdout all drawn."""
    base = math.exp(rng.uniform(math.log(0.002), math.log(0.03)))
    lift = LIFT * math.exp(LIFT_SPREAD * rng.normal())
    kept = CAMPAIGN.channels[: int(rng.integers(1, 6))]
    unscaled = sum(channel.effect * channel.reach for _, channel in kept)
    channels = tuple(
        (name, replace(channel, effect=min(1.0, channel.effect * lift * base / unscaled)))
        for name, channel in kept
    )
    return replace(CAMPAIGN, channels=channels, base_rate=base, holdout=rng.uniform(0.1, 0.5))


def study_collision(seeds: np.random.SeedSequence, n_markets: int = 60, n_campaigns: int = 300) -> Findings:
    """Error that privacy adds to lift, for a small and a large campaign, and a constant guess beside both.

    Parameters
    ----------
    n_markets : draws of a market in which campaigns are simulated, for the constant guess; the exact growth
    is of EXACT_EACH times as many. n_campaigns : a market and size.
    """
    found, rng = Findings(), stream(seeds, "exact")
    markets = [draw_market(rng) for _ in range(EXACT_EACH * n_markets)]
    ways = {**{end: (*arm, False) for end, arm in ARMS.items()}, **TABLE}
    each = np.array([growths(one, tuple(ways.values())) for one in markets])
    growth = dict(zip(ways, np.moveaxis(each, 2, 0), strict=True))
    for size in (SMALL, LARGE):
        column = SIZES.index(size)
        found.estimates += [_over_markets(size, end, growth[end][:, column]) for end in ARMS]
        collide = share(int((growth[""][:, column] >= MATTERS).sum()), len(markets))
        at: dict[str, str | float] = {"measure": "privacy adds a tenth to the error", "users": size}
        found.estimates.append(
            replace(
                collide.estimate(f"markets_that_collide_{size}_users", "share of the assumption set"), at=at
            )
        )
    found.estimates += _spared(growth[""])
    found.series["collision"] = _table(growth)
    tasks = {k: (seed, n_campaigns) for k, seed in enumerate(seeds.spawn(n_markets))}
    simulated = list(run_keyed(market_errors, tasks, "collision").values())
    found.estimates += _against_constant(simulated, stream(seeds, "constant"))
    return found


def growths(market: Market, ways: Sequence[tuple[str, float, bool]]) -> Array:
    """(SIZES, ways) by how much privacy raises the standard error of all incremental conversions.

    sqrt(1 + noise variance / sampling variance) - 1 of `incremental` at the expected counts.
    """
    cells = eligible_cells(market)
    coin = cells[[0, -1]] / cells[[0, -1]].sum(axis=1, keepdims=True)
    both = {False: cells, True: coin * np.array([[market.holdout], [1 - market.holdout]])}
    sizes, found = np.array(SIZES, dtype=float)[:, None, None], np.empty((len(SIZES), len(ways)))
    sampling = {one: _variance(sizes * cells, 0.0, market) for one, cells in both.items()}
    unit = {one: _variance(sizes * cells, 1.0, market) - sampling[one] for one, cells in both.items()}
    for k, (method, epsilon, one) in enumerate(ways):
        counts = sizes * both[one]
        if method == "local":  # whose noise depends on the counts
            flat = counts.reshape(len(counts), -1)
            noise = oue_variance(flat, flat.sum(axis=1), epsilon).reshape(counts.shape)
            added = _variance(counts, noise, market) - sampling[one]
        else:
            added = _noise(method, epsilon) * unit[one]
        found[:, k] = np.sqrt(1 + added / sampling[one]) - 1
    return found


def _variance(counts: Array, noise: float | Array, market: Market) -> Array:
    return incremental(counts, noise, market.holdout).std_error[..., -1] ** 2


@lru_cache
def _noise(method: str, epsilon: float) -> float:
    """Variance of the noise in each count, where it does not depend on the count."""
    release = METHODS[method].run(np.zeros(1, dtype=np.int64), epsilon, np.random.default_rng(0))
    return float(release.variance)


def turns_at_epsilon(growth: float) -> float:
    """Epsilon of central noise at which the error grows by MATTERS where it grows by so much at JUDGED."""
    ratio = ((1 + growth) ** 2 - 1) / laplace_variance(JUDGED)
    return math.acosh(1 + ratio / ((1 + MATTERS) ** 2 - 1))


def turning(growth: Array, share_of_markets: float = 0.975) -> Interval:
    """Epsilon at which that share of markets stays below MATTERS, from the growth of each at JUDGED.

    The ends are those of the quantile over drawn markets: values of the ranks between which the binomial
    number of markets below it falls in 95 %, whatever their distribution; infinite where too few were drawn.
    """
    n, ordered = len(growth), np.append(np.sort(growth), np.inf)
    ranks = binom.ppf((0.025, 0.975), n, share_of_markets).astype(int) - np.array([1, 0])
    middle = turns_at_epsilon(float(np.quantile(growth, share_of_markets)))
    low, high = (turns_at_epsilon(float(one)) for one in ordered[np.maximum(ranks, 0)])
    how = f"exact in each of {n} drawn markets; order statistics of their {share_of_markets:.1%} quantile"
    return Interval(middle, low, high, (high - low) / 3.92, n, how)


def _spared(growth: Array) -> list[Estimate]:
    """Share of markets (n_markets, SIZES) spared at a size, and from which epsilon the large ones are not."""
    large = growth[:, SIZES.index(LARGE)]
    spared = (np.minimum(growth[:, SIZES.index(SMALL)], large) < MATTERS).sum()
    return [
        share(int(spared), len(growth)).estimate(
            "markets_that_collide_at_one_size_at_most", "share of the assumption set",
            measure="privacy adds a tenth to the error at both sizes", users=LARGE,
        ),
        turning(large).estimate("collision_turns_at_epsilon", "epsilon", measure="error growth", users=LARGE),
    ]  # fmt: skip


def _table(growth: Mapping[str, Array]) -> pd.DataFrame:
    rows = [
        (size, way, METHODS[method].title, epsilon, *np.quantile(growth[way][:, k], (0.5, 0.025, 0.975)))
        for way, (method, epsilon, _) in TABLE.items() for k, size in enumerate(SIZES)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["n_users", "way", "method", "epsilon", "median", "low", "high"])


def market_errors(task: tuple[np.random.SeedSequence, int]) -> Errors:
    """Size -> errors of all incremental conversions, as shares of all conversions: published, plain.

    The third of each is the share itself and the conversions in each campaign of which a constant guess errs.
    """
    seed, n_campaigns = task
    rng = np.random.default_rng(seed)
    market = draw_market(rng)
    caused = (1 - market.holdout) * measured_truth(market).itt.sum()
    rate = float(outcome_cells(market)[:, 1].sum())
    found: Errors = {}
    for size in SIZES:
        counts = draw_outcomes(market, size, n_campaigns, rng)
        plain = _total(counts.astype(float), 0.0, market) - size * caused
        noisy, variance = published(counts, *ARMS[""], rng)
        error = _total(noisy, variance, market) - size * caused
        scale = size * rate
        seen = noisy[..., 1].sum(axis=1) / scale
        found[size] = error / scale, plain / scale, np.array([caused / rate, *seen])
    return found


def _total(counts: Array, variance: float | Array, market: Market) -> Array:
    return incremental(counts, variance, market.holdout).value[..., -1]


def _over_markets(size: int, end: str, values: Array) -> Estimate:
    """Median over the drawn markets and the range that holds 95 % of them."""
    world = end[1:] if end.startswith("@") else OBSERVED
    low, high = np.quantile(values, (0.025, 0.975))
    method, epsilon = ARMS[end]
    return Estimate(
        f"lift_error_growth_{size}_users" + end * (world == OBSERVED), float(np.median(values)), low, high,
        "relative growth of RMSE", len(values), world=world,
        how=f"95 % of {len(values)} markets drawn from the assumption set, exact in each",
        at={"measure": "error growth", "users": size, "method": method, "epsilon": word(epsilon)},
        draws=() if world == OBSERVED else tuple((one, one) for one in values[:MOST_DRAWS].tolist()),
    )  # fmt: skip


def _guess_errors(size: int, markets: list[Errors]) -> Array:
    """(n_markets,) mean squared error of the guess that as large a share is incremental as elsewhere."""
    shares = np.array([errors[size][2][0] for errors in markets])
    elsewhere = (shares.sum() - shares) / max(1, len(shares) - 1)
    seen = np.array([errors[size][2][1:] for errors in markets])
    return ((elsewhere[:, None] * seen - shares[:, None]) ** 2).mean(axis=1)


def _against_constant(markets: list[Errors], rng: Generator, n_resamples: int = 1000) -> list[Estimate]:
    """RMSE of the constant guess over that of the private estimate; above 1 the experiment is worth it."""
    found = []
    picks = rng.integers(len(markets), size=(n_resamples, len(markets)))
    for size in SIZES:
        guess = _guess_errors(size, markets)
        for column, name in ((0, "private"), (1, "plain")):
            own = np.array([(errors[size][column] ** 2).mean() for errors in markets])
            drawn = np.sqrt(guess[picks].mean(axis=1) / own[picks].mean(axis=1))
            low, high = np.quantile(drawn, (0.025, 0.975))
            found.append(
                Estimate(f"constant_over_{name}_error_{size}_users", math.sqrt(guess.mean() / own.mean()),
                         low, high, "ratio of RMSE", len(markets), how="bootstrap of markets",
                         at={"measure": "constant lift", "users": size, "method": name, "epsilon": 1.0})
            )  # fmt: skip
    return found
