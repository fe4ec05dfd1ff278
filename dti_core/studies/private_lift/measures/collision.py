"""Does privacy collide with measuring lift: how much error does it add, and is a plain guess better?

Markets are drawn from a set of assumptions, so that an answer ranges over what is not known, not over
simulation alone. The error of all incremental conversions is compared on the same campaigns.
"""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from dti_core.lab.intervals import share
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import OBSERVED, Estimate
from dti_core.studies.private_lift.measures.campaigns import (
    draw_outcomes,
    measured_truth,
    outcome_cells,
    published,
    stream,
)
from dti_core.studies.private_lift.measures.findings import Findings
from dti_core.studies.private_lift.model.cells import Array
from dti_core.studies.private_lift.model.lift import incremental, summed
from dti_core.studies.private_lift.model.report import SHARES
from dti_core.studies.private_lift.worlds import CAMPAIGN, NOISES
from dti_core.studies.private_lift.worlds.settings import Market

SMALL, LARGE = 5_000, 1_000_000
SIZES = (1_000, SMALL, 20_000, 100_000, LARGE)
#: Error that privacy adds from which it matters: what a fifth fewer users would cost, 1 / sqrt(.8) = 1.12.
MATTERS = 0.1
#: World -> way to publish and epsilon. Nearly without noise nothing may be found, with local noise it must.
#: SHARED is no world of its own: what is left of epsilon 1 for lift in a report of several histograms.
SHARED = "shared"
ARMS: Mapping[str, tuple[str, float]] = {
    OBSERVED: ("central", 1.0),
    **{name: world.settings for name, world in NOISES.items()},
    SHARED: ("central", SHARES["outcomes"]),
}
#: Median and spread (of the logarithm) of total lift: medians of 663 trials were 29, 18 and 5 % by funnel
#: (Gordon, Moakler, Zettelmeyer 2022).
LIFT, LIFT_SPREAD = 0.18, 0.8
Errors = dict[tuple[str, int], tuple[Array, Array, Array]]


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
    n_markets : draws of a market; in each control world too, one interval a draw. n_campaigns : a market and
    size, the same for all.
    """
    tasks = {k: (seed, n_campaigns) for k, seed in enumerate(seeds.spawn(n_markets))}
    markets = list(run_keyed(market_errors, tasks, "collision").values())
    found = Findings()
    for size in (SMALL, LARGE):
        for world in ARMS:
            ratios = [_growth(*errors[world, size][:2]) for errors in markets]
            found.estimates.append(_over_markets(size, world, ratios, n_campaigns))
        collide = sum(_growth(*errors[OBSERVED, size][:2])[0] >= MATTERS for errors in markets)
        found.estimates.append(
            share(collide, n_markets).estimate(
                f"markets_that_collide_{size}_users", "share of the assumption set",
                measure="privacy adds a tenth to the error", users=size,
            )
        )  # fmt: skip
    spared = sum(
        any(_growth(*errors[OBSERVED, size][:2])[0] < MATTERS for size in (SMALL, LARGE))
        for errors in markets
    )
    found.estimates.append(
        share(spared, n_markets).estimate(
            "markets_that_collide_at_one_size_at_most", "share of the assumption set",
            measure="privacy adds a tenth to the error at both sizes", users=LARGE,
        )
    )  # fmt: skip
    found.estimates += _against_constant(markets, stream(seeds, "constant"))
    return found


def market_errors(task: tuple[np.random.SeedSequence, int]) -> Errors:
    """(world, size) -> errors of all incremental conversions, as shares of all conversions: published, plain.

    The third of each is the share itself in each campaign of which a constant guess errs.
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
        for world, (method, epsilon) in ARMS.items():
            noisy, variance = published(counts, method, epsilon, rng)
            error = _total(noisy, variance, market) - size * caused
            conversions = noisy[..., 1].sum(axis=1)
            scale = size * rate
            found[world, size] = (
                error / scale,
                plain / scale,
                np.array([caused / rate, *conversions / scale]),
            )
    return found


def _total(counts: Array, variance: float | Array, market: Market) -> Array:
    return summed(*incremental(counts, variance, market.holdout))[0]


def _growth(noisy: Array, plain: Array) -> tuple[float, float, float]:
    """RMSE of one over RMSE of the other, less 1, with a 95 % interval from the pairs (delta method)."""
    squares = noisy**2, plain**2
    a, b = (float(one.mean()) for one in squares)
    error = float(np.std(0.5 * (squares[0] / a - squares[1] / b))) / math.sqrt(len(noisy))
    middle = 0.5 * math.log(a / b)
    value, low, high = (math.exp(middle + step * error) - 1 for step in (0.0, -1.96, 1.96))
    return value, low, high


def _over_markets(
    size: int, world: str, ratios: list[tuple[float, float, float]], n_campaigns: int
) -> Estimate:
    """Median over the drawn markets and the range that holds 95 % of them."""
    values = np.array([value for value, _, _ in ratios])
    low, high = np.quantile(values, (0.025, 0.975))
    shared = world == SHARED
    world = OBSERVED if shared else world
    return Estimate(
        f"lift_error_growth_{size}_users" + "_shared" * shared, float(np.median(values)), low, high,
        "relative growth of RMSE", len(values) * n_campaigns, world=world, n_seeds=len(values),
        how=f"95 % of {len(values)} markets drawn from the assumption set",
        at={"measure": "error growth", "users": size},
        draws=() if world == OBSERVED else tuple((low, high) for _, low, high in ratios),
    )  # fmt: skip


def _guess_errors(size: int, markets: list[Errors]) -> Array:
    """(n_markets,) mean squared error of the guess that as large a share is incremental as elsewhere."""
    shares = np.array([errors[OBSERVED, size][2][0] for errors in markets])
    elsewhere = (shares.sum() - shares) / max(1, len(shares) - 1)
    seen = np.array([errors[OBSERVED, size][2][1:] for errors in markets])
    return ((elsewhere[:, None] * seen - shares[:, None]) ** 2).mean(axis=1)


def _against_constant(markets: list[Errors], rng: Generator, n_resamples: int = 1000) -> list[Estimate]:
    """RMSE of the constant guess over that of the private estimate; above 1 the experiment is worth it."""
    found = []
    picks = rng.integers(len(markets), size=(n_resamples, len(markets)))
    for size in SIZES:
        guess = _guess_errors(size, markets)
        for column, name in ((0, "private"), (1, "plain")):
            own = np.array([(errors[OBSERVED, size][column] ** 2).mean() for errors in markets])
            drawn = np.sqrt(guess[picks].mean(axis=1) / own[picks].mean(axis=1))
            low, high = np.quantile(drawn, (0.025, 0.975))
            found.append(
                Estimate(f"constant_over_{name}_error_{size}_users", math.sqrt(guess.mean() / own.mean()),
                         low, high, "ratio of RMSE", len(markets), how="bootstrap of markets",
                         at={"measure": "constant lift", "users": size, "method": name, "epsilon": 1.0})
            )  # fmt: skip
    return found
