"""Firms of two sizes and the shocks that they meet, the same whatever is done about them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
#: One firm in eleven is large, as 20 of 220.
ONE_LARGE_IN = 11
SMALL, LARGE = 0, 1
CLASSES = ("small", "large")
#: From 5, where small firms are two thirds of all sales, to 50, where they are a sixth.
LARGE_OVER_SMALL = (5.0, 50.0)


@dataclass(frozen=True, slots=True)
class Habits:
    """How firms differ and how fast things move; all assumed.

    large_over_small : sales of a typical large firm over those of a small one, an assumption drawn within
    LARGE_OVER_SMALL. spread : standard deviation of lasting differences in needs between firms of a class, in
    logs, small and large (those in money are their

    sizes). shock : the same of a quarter's news; memory : what of it is left a quarter later. adjustment :
    share of the way to its balance that an outcome goes in a quarter; learning : the same of a technology.
    push : growth of every technology a quarter that nobody asked for. bound : largest log deviation that is
    followed.
    """

    large_over_small: float = 16.0
    spread: tuple[float, float] = (0.4, 0.2)
    shock: float = 0.1
    memory: float = 0.7
    adjustment: float = 0.5
    learning: float = 0.1
    push: float = 0.01
    bound: float = 3.0


HABITS = Habits()


def draw_habits(rng: np.random.Generator) -> Habits:
    """Habits with a ratio of sizes even in logarithms within its range."""
    low, high = np.log(LARGE_OVER_SMALL)
    return Habits(large_over_small=float(np.exp(rng.uniform(low, high))))


@dataclass(frozen=True, slots=True)
class Shocks:
    """What happens to firms.

    base : (n_firms,) size at the start, small ones 1 on average. classes : (n_firms,) SMALL or LARGE. own :
    (n_quarters, n_firms, n_nodes) what moves a node by itself, lasting differences included; nothing on
    average over the firms of a class, by their sizes, so that no world is luckier than another. mixed :
    (n_quarters, n_firms) who gets whose signal if signals are shuffled, within classes. heard : the same for
    signals that are not; everybody's own but in a world in which signals say nothing.
    """

    base: Array
    classes: NDArray[np.int64]
    own: Array
    mixed: NDArray[np.int64]
    heard: NDArray[np.int64]


def draw_shocks(
    roles: Sequence[str], n_firms: int, n_quarters: int, rng: np.random.Generator, habits: Habits = HABITS
) -> Shocks:
    """One world of firms; `roles` are those of the nodes."""
    n_nodes = len(roles)
    classes = (np.arange(n_firms) >= n_firms - n_firms // ONE_LARGE_IN).astype(np.int64)
    base = np.where(classes == LARGE, habits.large_over_small, 1.0) * np.exp(rng.normal(0, 0.5, n_firms))
    lasting = rng.normal(size=(n_firms, n_nodes)) * np.array(habits.spread)[classes][:, None]
    lasting *= np.array(roles) == "need"
    news = rng.normal(0, habits.shock, (n_quarters, n_firms, n_nodes))
    own = np.empty_like(news)
    own[0] = news[0] / np.sqrt(1 - habits.memory**2)
    for quarter in range(1, n_quarters):
        own[quarter] = habits.memory * own[quarter - 1] + news[quarter]
    heard = np.tile(np.arange(n_firms), (n_quarters, 1))
    own += lasting
    for one in (SMALL, LARGE):
        members = classes == one
        own[:, members] -= np.average(own[:, members], axis=1, weights=base[members])[:, None]
    return Shocks(base, classes, own, shuffled(classes, n_quarters, rng), heard)


def shuffled(classes: NDArray[np.int64], n_quarters: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(n_quarters, n_firms) firms dealt to firms of the same class, anew each quarter."""
    mixed = np.empty((n_quarters, len(classes)), dtype=np.int64)
    for row in mixed:
        for one in (SMALL, LARGE):
            members = np.flatnonzero(classes == one)
            row[members] = rng.permutation(members)
    return mixed


def deaf(shocks: Shocks, rng: np.random.Generator) -> Shocks:
    """The same world where every signal is that of another firm of the class: telling it right is telling it
    wrong."""
    return replace(shocks, heard=shuffled(shocks.classes, len(shocks.mixed), rng))
