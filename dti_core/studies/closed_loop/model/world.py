"""A world of firms in which needs and money draw development, and what is developed changes needs and money.

Each quarter, for firm f and technology k, d = sum of size x signal over the arrows into k. Development is
dealt in proportion to base x exp(d); its total is what the arrows of money alone make it, so that need moves
money and makes none. A technology nears the logarithm of its development over its usual share. An outcome
nears the sum of all arrows into it, with the firm's own news. Resources are dealt alike, with fixed totals.

All numbers are logarithmic deviations from a path without any of this, but for the lasting differences.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dti_core.studies.closed_loop.data.loop import Loop
from dti_core.studies.closed_loop.model.firms import CLASSES, HABITS, Habits, Shocks

Array = NDArray[np.float64]
Signal = Literal["closed", "frozen", "permuted", "off"]
#: What an arrow of feedback tells of a firm: its own state, the mean of its class at the start, the state of
#: another firm of its class, or nothing.
SIGNALS: tuple[Signal, ...] = ("closed", "frozen", "permuted", "off")
#: Groups of firms whose totals are told.
GROUPS = (*CLASSES, "all")
#: Draws times firms that are followed at once: what a processor keeps at hand.
_AT_HAND = 3500


@dataclass(frozen=True, slots=True)
class Course:
    """What became of a world, for each draw of sizes.

    levels : (n_draws, n_quarters, n_groups, n_nodes) logarithm of a group's total over its base. imbalance :
    largest gap of what was dealt from what there was, as a share of it. clipped : (n_draws,) share of cells
    at the bound.
    """

    levels: Array
    imbalance: float
    clipped: Array


def simulate(
    loop: Loop,
    sizes: Array,
    shocks: Shocks,
    signals: NDArray[np.int64],
    habits: Habits = HABITS,
    pulse: Mapping[int, Array] | None = None,
) -> Course:
    """Follow one world of firms under many draws of sizes at once.

    Parameters
    ----------
    sizes : (n_draws, n_arrows); 0 takes an arrow away. signals : (n_draws, n_classes, n_arrows) places in
    SIGNALS, read for arrows of feedback alone. pulse : node -> (n_quarters,) what is added to the news of
    every firm.
    """
    own = shocks.own if pulse is None else _with_pulse(shocks.own, pulse)
    n_draws, (n_quarters, n_firms, n_nodes) = len(sizes), own.shape
    world = _Dealing(loop, sizes, signals, shocks)
    settled = loop.role("need", "money")
    moved = np.zeros((n_draws, n_nodes, n_nodes))
    direct = loop.kind("technology", "nature")
    moved[:, loop.starts[direct], loop.ends[direct]] = sizes[:, direct]
    state = np.zeros((n_draws, n_firms, n_nodes))
    state[..., settled] = own[0][:, settled]
    learned = np.zeros((n_draws, n_firms, len(world.technologies)))
    start = _class_means(state, shocks)
    levels, clipped = np.empty((n_draws, n_quarters, len(GROUPS), n_nodes)), 0.0
    for quarter in range(n_quarters):
        developed, dealt = world.deal(state, start, quarter)
        learned += habits.learning * (developed - learned)
        state[..., world.technologies] = learned + habits.push * quarter
        state[..., world.resources] = dealt
        target = state @ moved + own[quarter]
        state[..., settled] += habits.adjustment * (target - state)[..., settled]
        clipped = clipped + (np.abs(state) > habits.bound).mean(axis=(1, 2))
        np.clip(state, -habits.bound, habits.bound, out=state)
        levels[:, quarter] = _totals(state, shocks)
    return Course(levels, world.imbalance, np.asarray(clipped / n_quarters))


class _Dealing:
    """Who gets what of development and of resources."""

    def __init__(self, loop: Loop, sizes: Array, signals: NDArray[np.int64], shocks: Shocks) -> None:
        self.technologies, self.resources = loop.role("technology"), loop.role("resource")
        self.imbalance = 0.0
        fed = loop.kind("need", "money", "deal")
        self._starts = loop.starts[fed]
        told_to = signals[:, :, fed][:, shocks.classes]
        self._modes = [told_to == mode for mode in range(3)]
        ends, money = loop.ends[fed], loop.kind("money")[fed]
        self._into = sizes[:, fed, None] * (ends[:, None] == np.array(self.technologies, dtype=int))
        self._money = self._into * money[:, None]
        self._dealt = sizes[:, fed, None] * (ends[:, None] == np.array(self.resources, dtype=int))
        self._base, self._heard, self._mixed = shocks.base[None, :, None], shocks.heard, shocks.mixed

    def deal(self, state: Array, start: Array, quarter: int) -> tuple[Array, Array]:
        """Logarithms of development and of resources over their usual shares, (n_draws, n_firms, ...)."""
        now, then = state[..., self._starts], start[..., self._starts]
        told = (now[:, self._heard[quarter]], then, now[:, self._mixed[quarter]])
        signal = sum(one * mode for one, mode in zip(told, self._modes, strict=True))
        wanted, paid = signal @ self._into, signal @ self._money
        total = (self._base * np.exp(paid)).sum(axis=(1, 2), keepdims=True)
        developed = self._shares(wanted, total, (1, 2))
        resources = signal @ self._dealt
        usual = self._base.sum(axis=1, keepdims=True)
        return developed, self._shares(resources, usual, (1,))

    def _shares(self, wanted: Array, total: Array, over: tuple[int, ...]) -> Array:
        """What each is dealt, in logarithms over its base, of a total that is dealt as it is wanted."""
        weights = self._base * np.exp(wanted)
        share = np.log(total / weights.sum(axis=over, keepdims=True)) + wanted
        dealt = (self._base * np.exp(share)).sum(axis=over, keepdims=True)
        self.imbalance = max(self.imbalance, float(np.abs(dealt / total - 1).max(initial=0.0)))
        return np.asarray(share)


def _totals(state: Array, shocks: Shocks) -> Array:
    """(n_draws, n_groups, n_nodes) logarithms of totals over the base of each group."""
    member = np.array([shocks.classes == one for one in range(len(CLASSES))] + [shocks.classes >= 0])
    weight = member * shocks.base
    weight = weight / weight.sum(axis=1, keepdims=True)
    return np.asarray(np.log(weight @ np.exp(state)))


def _with_pulse(own: Array, pulse: Mapping[int, Array]) -> Array:
    shifted = own.copy()
    for node, added in pulse.items():
        shifted[..., node] += added[:, None]
    return shifted


def at_once(n_firms: int) -> int:
    """How many draws of sizes are best followed together."""
    return max(1, _AT_HAND // n_firms)


def _class_means(state: Array, shocks: Shocks) -> Array:
    """The state with every firm at the mean of its class, by size."""
    means = np.empty_like(state)
    for one in range(len(CLASSES)):
        members = shocks.classes == one
        means[:, members] = np.average(state[:, members], axis=1, weights=shocks.base[members])[:, None]
    return means


def told(loop: Loop, n_draws: int, signal: Signal) -> NDArray[np.int64]:
    """(n_draws, n_classes, n_arrows) every arrow of feedback tells in the same way."""
    return np.full((n_draws, len(CLASSES), len(loop.arrows)), SIGNALS.index(signal))


def outcome(loop: Loop, course: Course) -> Array:
    """(n_draws, n_groups, n_nodes) mean level over all quarters, in percent, better upwards; NaN for the
    rest."""
    sign = np.array([{"more": 1.0, "less": -1.0}.get(word, np.nan) for word in loop.better])
    return np.asarray(100 * course.levels.mean(axis=1) * sign)


def welfare(loop: Loop, found: Array) -> Array:
    """(n_draws, n_groups) mean over fields of the mean of their outcomes, in percent."""
    fields = list(dict.fromkeys(loop.fields[n] for n, word in enumerate(loop.better) if word))
    parts = [
        np.mean(
            [found[..., n] for n, word in enumerate(loop.better) if word and loop.fields[n] == one], axis=0
        )
        for one in fields
    ]
    return np.asarray(np.mean(parts, axis=0))
