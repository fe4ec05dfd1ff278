"""What each arrow is worth to the loop: by Shapley, added first, and taken away last."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval, share
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import Estimate
from dti_core.studies.closed_loop.data.cards import SWITCHED
from dti_core.studies.closed_loop.data.loop import Loop
from dti_core.studies.closed_loop.measures.effects import LEAST_ADDED, PERCENT, SHARE
from dti_core.studies.closed_loop.measures.spans import both, of_world, span
from dti_core.studies.closed_loop.model.draws import PRIORS, Prior, draw_places, sizes_at
from dti_core.studies.closed_loop.model.firms import Shocks, draw_habits, draw_shocks
from dti_core.studies.closed_loop.model.world import SIGNALS, at_once, outcome, simulate, told, welfare
from dti_core.studies.closed_loop.worlds.loops import bridging, dealt_anew

Array = NDArray[np.float64]
#: Most draws of sizes that arrows are weighed under; draws, firms and orders of a control world.
MOST_DRAWS, CONTROL_DRAWS, CONTROL_FIRMS, CONTROL_ORDERS, MOST_CONTROLS = 60, 8, 44, 1, 40
#: Percent of what all arrows move from which a difference between two is of interest.
MATTERS = 1.0
BRIDGES, TOGETHER = "bridges_over_arrows", "% of what all arrows move"


@dataclass(frozen=True, slots=True)
class Order:
    """One order in which arrows are added, and the same backwards, in one world of firms."""

    loop: Loop
    sizes: Array
    n_firms: int
    n_quarters: int
    seed: int
    beside: bool = True


@dataclass(frozen=True, slots=True)
class Worth:
    """(n_draws, n_players) what an arrow adds: on average over orders, alone, and as the last one.

    The latter two are empty where nobody asked for them.
    """

    shapley: Array
    alone: Array
    last: Array


def players(loop: Loop) -> NDArray[np.int64]:
    """Places of the arrows that can be switched: all but those of nature."""
    return np.flatnonzero(loop.kind(*SWITCHED))


def worth_of(order: Order) -> Worth:
    """What arrows add to what all firms achieve, in this order and backwards, alone and last."""
    rng = np.random.default_rng(order.seed)
    those = players(order.loop)
    forward = rng.permutation(len(those))
    shocks = draw_shocks(order.loop.roles, order.n_firms, order.n_quarters, rng, draw_habits(rng))
    n, one = len(those), np.eye(len(those), dtype=bool)
    masks = np.concatenate(
        [_growing(forward), _growing(forward[::-1]), *((one, ~one) if order.beside else ())]
    )
    values = values_of(order, those, masks, shocks)
    steps = np.zeros((len(order.sizes), n))
    for first, line in ((0, forward), (n + 1, forward[::-1])):
        steps[:, line] += np.diff(values[:, first : first + n + 1], axis=1) / 2
    nothing, everything = values[:, :1], values[:, n : n + 1]
    if not order.beside:
        return Worth(steps, steps[:, :0], steps[:, :0])
    alone, last = values[:, 2 * n + 2 : 3 * n + 2], values[:, 3 * n + 2 :]
    return Worth(steps, alone - nothing, everything - last)


def values_of(order: Order, those: NDArray[np.int64], masks: NDArray[np.bool_], shocks: Shocks) -> Array:
    """(n_draws, n_masks) welfare of all firms where only some arrows are on.

    An arrow out of a technology that is off is taken away; one of feedback tells the level at the start.

    Parameters
    ----------
    those : (n_players,) places of the arrows. masks : (n_masks, n_players) which are on.
    """
    loop, found, together = order.loop, [], at_once(order.n_firms)
    asked = [(draw, mask) for draw in range(len(order.sizes)) for mask in range(len(masks))]
    technology = loop.kind("technology")[those]
    for first in range(0, len(asked), together):
        draws, some = np.array(asked[first : first + together]).T
        shown, signals = order.sizes[draws].copy(), told(loop, len(some), "closed")
        for player, arrow in enumerate(those):
            off = ~masks[some, player]
            if technology[player]:
                shown[off, arrow] = 0.0
            else:
                signals[off, :, arrow] = SIGNALS.index("frozen")
        found.append(welfare(loop, outcome(loop, simulate(loop, shown, shocks, signals)))[:, -1])
    return np.concatenate(found).reshape(len(order.sizes), len(masks))


def _growing(line: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n + 1, n) masks: none, the first of the line, the first two, ..., all."""
    masks = np.zeros((len(line) + 1, len(line)), dtype=bool)
    for step, player in enumerate(line, start=1):
        masks[step:, player] = True
    return masks


def study_worth(
    loop: Loop, places: Array, n_firms: int, n_quarters: int, n_orders: int, n_controls: int,
    seeds: np.random.SeedSequence,
) -> Findings:  # fmt: skip
    """Worth of each arrow under both priors, whether bridges are worth more than others, and controls."""
    first, second = seeds.spawn(2)
    found = weigh(
        loop,
        places[:MOST_DRAWS],
        n_firms,
        n_quarters,
        [int(one) for one in first.generate_state(n_orders)],
        "orders of arrows",
    )
    findings = Findings()
    names = [loop.arrows[place] for place in players(loop)]
    rows = []
    for prior, worth in found.items():
        for column, name in enumerate(names):
            spans = [span(getattr(worth, way)[:, column]) for way in ("shapley", "alone", "last")]
            at = {"arrow": name, "prior": prior}
            findings.estimates.append(
                spans[0].estimate(f"worth_{name}_{prior.replace('-', '_')}", PERCENT, **at)
            )
            rows.append({"prior": prior, "arrow": name, "kind": loop.kinds[players(loop)[column]]} | {
                f"{way}_{end}": getattr(one, end)
                for way, one in zip(("shapley", "alone", "last"), spans, strict=True)
                for end in ("value", "low", "high")
            })  # fmt: skip
    findings.series["worth"] = pd.DataFrame(rows)
    if not (loop.kind("technology") & loop.crosses()).any():
        findings.left_out.append(("bridges over arrows", "no arrow of technology leads to another field"))
        return findings
    findings.estimates.append(_bridges(loop, found).estimate(BRIDGES, TOGETHER))
    pooled = np.concatenate([_over_random(loop, worth) for worth in found.values()])
    positive = share(int((pooled > MATTERS).sum()), len(pooled))
    findings.estimates.append(positive.estimate(f"{BRIDGES}_share", SHARE, of=BRIDGES))
    findings.estimates += list(_controls(loop, n_quarters, min(n_controls, MOST_CONTROLS), second))
    return findings


def weigh(
    loop: Loop, places: Array, n_firms: int, n_quarters: int, seeds: Sequence[int], label: str
) -> dict[Prior, Worth]:
    """Worth of each arrow for each draw of sizes, mean over orders."""
    tasks = {
        f"{prior} {k}": Order(loop, sizes_at(loop, places, prior), n_firms, n_quarters, int(seed))
        for prior in PRIORS for k, seed in enumerate(seeds)
    }  # fmt: skip
    done = run_keyed(worth_of, tasks, label)
    return {prior: _mean([done[key] for key in tasks if key.startswith(prior)]) for prior in PRIORS}


def _mean(parts: list[Worth]) -> Worth:
    return Worth(
        *(np.mean([getattr(one, way) for one in parts], axis=0) for way in ("shapley", "alone", "last"))
    )


def _over_random(loop: Loop, worth: Worth) -> Array:
    """(n_draws,) mean worth of arrows of technology into other fields, less that of all arrows.

    In percent of what all arrows move, signs aside, at the median of the draws.
    """
    those = players(loop)
    abroad = (loop.kind("technology") & loop.crosses())[those]
    together = max(float(np.abs(np.median(worth.shapley, axis=0)).sum()) / 100, LEAST_ADDED)
    return np.asarray((worth.shapley[:, abroad].mean(axis=1) - worth.shapley.mean(axis=1)) / together)


def _bridges(loop: Loop, found: dict[Prior, Worth]) -> Interval:
    return both({prior: _over_random(loop, worth) for prior, worth in found.items()})


@dataclass(frozen=True, slots=True)
class Control:
    """A control world in which arrows are weighed."""

    world: str
    loop: Loop
    n_quarters: int
    seed: int


def _controls(
    loop: Loop, n_quarters: int, n_controls: int, seeds: np.random.SeedSequence
) -> Iterator[Estimate]:
    words = seeds.generate_state(2 * n_controls).reshape(2, -1)
    tasks = {
        f"{world} {k}": Control(world, loop, n_quarters, int(word))
        for world, row in zip(("null", "planted"), words, strict=True)
        for k, word in enumerate(row)
    }
    done = run_keyed(of_control, tasks, "control orders of arrows")
    for world in ("null", "planted"):
        yield of_world(BRIDGES, TOGETHER, world, [done[key] for key in tasks if key.startswith(world)])


def of_control(asked: Control) -> Interval:
    """Whether bridges are worth more than other arrows, in one draw of a control world."""
    rng = np.random.default_rng(asked.seed)
    loop = asked.loop if asked.world == "null" else bridging(rng)
    places = draw_places(loop, CONTROL_DRAWS, rng)
    seeds = rng.integers(2**31, size=CONTROL_ORDERS)
    sizes = {
        prior: _dealt_sizes(loop, places, prior, rng)
        if asked.world == "null"
        else sizes_at(loop, places, prior)
        for prior in PRIORS
    }
    return _bridges(loop, {
        prior: _mean([worth_of(Order(loop, some, CONTROL_FIRMS, asked.n_quarters, int(seed),
        beside=False)) for seed in seeds])
        for prior, some in sizes.items()
    })  # fmt: skip


def _dealt_sizes(loop: Loop, places: Array, prior: Prior, rng: np.random.Generator) -> Array:
    """Sizes of which each draw is of arrows that were dealt their ranges anew: no arrow is worth more for
    sure."""
    rows = []
    for _ in places:
        dealt = dealt_anew(loop, rng)
        rows.append(sizes_at(dealt, draw_places(dealt, 1, rng), prior))
    return np.concatenate(rows)
