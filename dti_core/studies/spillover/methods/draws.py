"""Draws of control worlds that need no training, and what the book is told of them."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from dti_core.bridges.privacy import compose
from dti_core.lab.intervals import Interval
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import OBSERVED, Estimate
from dti_core.studies.spillover.methods.task import Task
from dti_core.studies.spillover.model.gains import Gains, Outcome
from dti_core.studies.spillover.model.sums import Release

#: Releases in a draw of a control world, and draws in a piece of work.
DRAW_SEEDS, CHUNK = 8, 25
Array = NDArray[np.float64]
Codes = NDArray[np.int64]
Draw = Callable[[np.random.Generator], Gains]


def named(name: str, *parts: str | float) -> str:
    """A name of its own for an estimate at some place: letters, digits and underscores."""
    words = [f"{part:g}".replace(".", "") if isinstance(part, float) else part for part in parts]
    return "_".join([name, *("_".join(re.findall(r"[a-z0-9]+", word.lower())) for word in words)])


def promised(release: Release, n_periods: int) -> dict[str, str | float]:
    """What a release promises a member, for the rows of a table: of one period, and of all together."""
    one = release.guarantee
    return {"guarantee": one.text, "epsilon of all periods": compose(*[one] * n_periods).epsilon}


def draws_of(task: Task, cell: str, draws: Mapping[str, Draw]) -> dict[str, tuple[Gains, ...]]:
    """Gains of `effort.n_draws` draws of each control world, spread over cores."""
    numbers = range(task.effort.n_draws)
    chunks = {
        (world, start): partial(_chunk, draw, task, (cell, world), numbers[start : start + CHUNK])
        for world, draw in draws.items()
        for start in numbers[::CHUNK]
    }
    found = run_keyed(_call, chunks, f"{cell}: control worlds")
    return {
        world: tuple(one for key, some in found.items() if key[0] == world for one in some) for world in draws
    }


def _chunk(draw: Draw, task: Task, names: tuple[str, ...], numbers: Sequence[int]) -> tuple[Gains, ...]:
    return tuple(draw(task.stream(*names, str(number))) for number in numbers)


def _call(work: Callable[[], tuple[Gains, ...]]) -> tuple[Gains, ...]:
    return work()


def gain_estimates(name: str, outcome: Outcome, **at: str | float) -> tuple[Estimate, ...]:
    """The lesser gain of an outcome, in the observed world and with the draws of both control worlds."""
    found = [outcome.observed.lesser.estimate(name, "% of the naive error", OBSERVED, **at)]
    for world, many in (("null", outcome.null), ("planted", outcome.planted)):
        found.append(drawn_estimate(name, "% of the naive error", world, [one.lesser for one in many], **at))
    return tuple(found)


def drawn_estimate(
    name: str, unit: str, world: str, draws: Sequence[Interval], **at: str | float
) -> Estimate:
    """What a control world gives in the middle of its draws, with the interval of each."""
    values = np.array([one.value for one in draws])
    low, middle, high = np.quantile(values, [0.025, 0.5, 0.975])
    return Estimate(
        name, float(middle), float(low), float(high), unit, len(draws), world=world, at=at,
        how=f"median and 95 % of {len(draws)} draws", draws=tuple((one.low, one.high) for one in draws),
    )  # fmt: skip


def gains_row(found: Gains, **at: str | float) -> dict[str, str | float]:
    """A row of a table: where, the three gains with their ends, the best rival and each arm's loss."""
    row: dict[str, str | float] = {**at, "rival": found.rival}
    for name in ("added", "carried", "worth"):
        one: Interval = getattr(found, name)
        row |= {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}
    return row | {f"loss of {arm}": loss for arm, loss in found.losses.items()}


def by_bootstrap(
    measure: Callable[[int, Codes], Array], units: Mapping[str, str], arms: Sequence[str], n_seeds: int,
    clusters: Codes, n_resamples: int, rng: np.random.Generator,
) -> tuple[Estimate, ...]:  # fmt: skip
    """Measures of each arm, and the first arm's less those of each other, over members and releases.

    Members hang together in clusters (n_members,), which are resampled whole.

    Parameters
    ----------
    measure : of a release and rows of members, (n_measures, n_arms). units : name -> unit of each measure.
    """
    everybody, codes = np.arange(len(clusters)), np.unique(clusters)
    inside = [np.flatnonzero(clusters == code) for code in codes]
    value = np.mean([measure(seed, everybody) for seed in range(n_seeds)], axis=0)
    boot = np.array([
        measure(int(rng.integers(n_seeds)), np.concatenate([inside[k] for k in some]))
        for some in rng.integers(len(codes), size=(n_resamples, len(codes)))
    ])  # fmt: skip
    found = list[Estimate]()
    for place, (name, unit) in enumerate(units.items()):
        one, many = value[place], boot[:, place]
        for arm, kind in enumerate(arms):
            found.append(_centred(named(name, kind), unit, one[arm], many[:, arm], arm=kind))
            if arm > 0:
                gap, gaps = one[0] - one[arm], many[:, 0] - many[:, arm]
                found.append(_centred(named(f"{name}_over", kind), unit, gap, gaps, against=kind))
    return tuple(found)


def _centred(name: str, unit: str, value: float, boot: Array, **at: str | float) -> Estimate:
    low, high = np.quantile(boot - boot.mean() + value, [0.025, 0.975])
    how = f"bootstrap of members, or clusters of them, and releases, {len(boot)} resamples"
    return Estimate(name, float(value), float(low), float(high), unit, len(boot), how=how, at=at)
