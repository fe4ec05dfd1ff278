"""A world of firms in which needs and money draw development, and what is developed changes needs and money.

Each quarter, for firm f and technology k, d = sum of size x signal over the arrows into k. Development is
dealt in proportion to base x exp(d); its total is what the arrows of money alone make it, so that need moves
money and makes none. What is learned of a technology nears the logarithm of its development over its usual
share, and what is known of others a quarter before spills over. An outcome nears the sum of all arrows into
it, with the firm's own news. Resources are dealt alike, with fixed totals.

All numbers are logarithmic deviations from a path without any of this, but for the lasting differences.
"""

from collections.abc import Collection, Mapping
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
_AT_HAND = 11_000


@dataclass(frozen=True, slots=True)
class Course:
    """What became of a world, for each draw of sizes.

    levels : (n_draws, n_quarters, n_groups, n_nodes) log of a group's total over its base, of outcomes alone.
    imbalance : largest gap of what was dealt in the last quarter from what there was, as a share. clipped :
    (n_draws,) share of cells at the bound.
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
    news = np.ascontiguousarray(own.transpose(0, 2, 1))
    n_draws, (n_quarters, n_nodes, n_firms) = len(sizes), news.shape
    dealing = _Dealing(loop, sizes, signals, shocks)
    settled, counted = loop.role("need", "money"), [n for n, word in enumerate(loop.better) if word]
    direct, spilt = _direct(loop, sizes, settled), _direct(loop, sizes, loop.role("technology"))
    rows = {node: row for row, node in enumerate(loop.role("technology"))}
    spilt = [(begin, rows[end], size) for begin, end, size in spilt]
    state = np.zeros((n_nodes, n_draws, n_firms))
    state[settled] = news[0, settled][:, None]
    learned = np.zeros((len(dealing.technologies), n_draws, n_firms))
    start, clipped = _class_means(state, shocks), np.zeros(n_draws)
    levels = np.full((n_draws, n_quarters, len(GROUPS), n_nodes), np.nan)
    weights = _weights(shocks)
    for quarter in range(n_quarters):
        developed, dealt = dealing.deal(state, start, quarter, check=quarter == n_quarters - 1)
        learned += habits.learning * (developed - learned)
        known = learned + habits.push * quarter
        for begin, row, size in spilt:
            known[row] += size * state[begin]
        state[dealing.technologies] = known
        state[dealing.resources] = dealt
        targets = {node: np.repeat(news[quarter, node][None], n_draws, axis=0) for node in settled}
        for begin, end, size in direct:
            targets[end] += size * state[begin]
        for node in settled:
            state[node] += habits.adjustment * (targets[node] - state[node])
        clipped += _clip(state, habits.bound)
        levels[:, quarter][..., counted] = np.log(np.exp(state[counted]) @ weights).transpose(1, 2, 0)
    return Course(levels, dealing.imbalance, clipped / n_quarters)


class _Dealing:
    """Who gets what of development and of resources; arrays are (nodes, draws, firms)."""

    def __init__(self, loop: Loop, sizes: Array, signals: NDArray[np.int64], shocks: Shocks) -> None:
        self.technologies, self.resources = loop.role("technology"), loop.role("resource")
        self.imbalance = 0.0
        self._shape = len(sizes), len(shocks.base)
        self._shocks, self._base = shocks, shocks.base
        places = {
            node: row for those in (self.technologies, self.resources) for row, node in enumerate(those)
        }
        self._heard = None if (shocks.heard == np.arange(len(shocks.base))).all() else shocks.heard
        self._arrows = [
            (
                int(loop.starts[arrow]), places[int(loop.ends[arrow])], loop.kinds[arrow],
                sizes[:, arrow, None], _modes(signals[:, :, arrow], shocks),
            )
            for arrow in np.flatnonzero(loop.kind("need", "money", "deal"))
        ]  # fmt: skip

    def deal(self, state: Array, start: Array, quarter: int, *, check: bool) -> tuple[Array, Array]:
        """Logarithms of development and of resources over their usual shares."""
        wanted, paid = (np.zeros((len(self.technologies), *self._shape)) for _ in range(2))
        asked = np.zeros((len(self.resources), *self._shape))
        for begin, row, kind, size, modes in self._arrows:
            moved = size * self._signal(state[begin], start[begin], modes, quarter)
            if kind == "deal":
                asked[row] += moved
                continue
            wanted[row] += moved
            if kind == "money":
                paid[row] += moved
        total = (np.exp(paid) @ self._base).sum(axis=0)
        developed = self._shares(wanted, total, (0,), check=check)
        return developed, self._shares(asked, np.full(self._shape[0], self._base.sum()), (), check=check)

    def _signal(self, now: Array, then: Array, modes: dict[str, Array | None], quarter: int) -> Array:
        """What an arrow tells of each firm, (n_draws, n_firms); a mode's mask is None where all tell so."""
        found: Array | float = 0.0
        for mode, mask in modes.items():
            if mode == "closed":
                heard = now if self._heard is None else now[:, self._heard[quarter]]
            else:
                heard = then if mode == "frozen" else now[:, self._shocks.mixed[quarter]]
            found = heard if mask is None else found + heard * mask
        return np.asarray(found)

    def _shares(self, wanted: Array, total: Array, over: tuple[int, ...], *, check: bool) -> Array:
        """What each is dealt, in logarithms over its base, of a total that is dealt as it is wanted."""
        weights = (np.exp(wanted) @ self._base).sum(axis=over, keepdims=True)
        share = wanted + np.log(total / weights)[..., None]
        if check:
            dealt = (np.exp(share) @ self._base).sum(axis=over, keepdims=True)
            self.imbalance = max(self.imbalance, float(np.abs(dealt / total - 1).max(initial=0.0)))
        return np.asarray(share)


def _modes(signals: NDArray[np.int64], shocks: Shocks) -> dict[str, Array | None]:
    """Mode -> (n_draws, n_firms) who tells in it, None where all do; `off` tells nothing."""
    found: dict[str, Array | None] = {}
    for place, mode in enumerate(SIGNALS[:-1]):
        here = signals == place
        if here.all():
            return {mode: None}
        if here.any():
            found[mode] = here[:, shocks.classes].astype(float)
    return found


def _direct(loop: Loop, sizes: Array, ends: Collection[int]) -> list[tuple[int, int, Array]]:
    """Start, end and (n_draws, 1) sizes of the arrows of technology and nature into these nodes."""
    those = np.flatnonzero(loop.kind("technology", "nature") & np.isin(loop.ends, list(ends)))
    return [(int(loop.starts[one]), int(loop.ends[one]), sizes[:, one, None]) for one in those]


def _clip(state: Array, bound: float) -> Array:
    """Hold the state within the bound; (n_draws,) share of cells that were beyond."""
    beyond = np.abs(state) > bound
    if not beyond.any():
        return np.zeros(state.shape[1])
    np.clip(state, -bound, bound, out=state)
    return np.asarray(beyond.mean(axis=(0, 2)))


def _weights(shocks: Shocks) -> Array:
    """(n_firms, n_groups) each firm's share in the base of its groups."""
    member = np.array([shocks.classes == one for one in range(len(CLASSES))] + [shocks.classes >= 0])
    weight = (member * shocks.base).T
    return np.asarray(weight / weight.sum(axis=0))


def at_once(n_firms: int) -> int:
    """How many draws of sizes are best followed together."""
    return max(1, _AT_HAND // n_firms)


def _class_means(state: Array, shocks: Shocks) -> Array:
    """The state with every firm at the mean of its class, by size."""
    means = np.empty_like(state)
    for one in range(len(CLASSES)):
        members = shocks.classes == one
        means[..., members] = np.average(state[..., members], axis=-1, weights=shocks.base[members])[
            ..., None
        ]
    return means


def _with_pulse(own: Array, pulse: Mapping[int, Array]) -> Array:
    shifted = own.copy()
    for node, added in pulse.items():
        shifted[..., node] += added[:, None]
    return shifted


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
