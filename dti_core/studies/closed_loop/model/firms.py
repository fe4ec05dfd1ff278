"""Firms of two sizes and the shocks that they meet, the same whatever is done about them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
#: One firm in eleven is large, as 20 of 220.
ONE_LARGE_IN = 11
SMALL, LARGE = 0, 1
CLASSES = ("small", "large")


@dataclass(frozen=True, slots=True)
class Habits:
    """How firms differ and how fast things move; all assumed.

    large_over_small : sales of a typical large firm over those of a small one. spread : standard deviation of
    lasting differences between firms of a class, in logs, small and large. shock : the same of a quarter's
    news; memory : what of it is left a quarter later. adjustment : share of the way to its balance that an
    outcome goes in a quarter; learning : the same of a technology. push : growth of every technology a quarter
    that nobody asked for. bound : largest log deviation that is followed.
    """

    large_over_small: float = 50.0
    spread: tuple[float, float] = (0.4, 0.2)
    shock: float = 0.1
    memory: float = 0.7
    adjustment: float = 0.5
    learning: float = 0.1
    push: float = 0.01
    bound: float = 3.0


HABITS = Habits()


@dataclass(frozen=True, slots=True)
class Shocks:
    """What happens to firms.

    base : (n_firms,) size at the start, small ones 1 on average. classes : (n_firms,) SMALL or LARGE.
    own : (n_quarters, n_firms, n_nodes) what moves a node by itself, lasting differences included.
    mixed : (n_quarters, n_firms) who gets whose signal if signals are shuffled, within classes.
    """

    base: Array
    classes: NDArray[np.int64]
    own: Array
    mixed: NDArray[np.int64]


def draw_shocks(
    n_firms: int, n_quarters: int, n_nodes: int, rng: np.random.Generator, habits: Habits = HABITS
) -> Shocks:
    """One world of firms."""
    classes = (np.arange(n_firms) >= n_firms - n_firms // ONE_LARGE_IN).astype(np.int64)
    base = np.where(classes == LARGE, habits.large_over_small, 1.0) * np.exp(rng.normal(0, 0.5, n_firms))
    lasting = rng.normal(size=(n_firms, n_nodes)) * np.array(habits.spread)[classes][:, None]
    news = rng.normal(0, habits.shock, (n_quarters, n_firms, n_nodes))
    own = np.empty_like(news)
    own[0] = news[0] / np.sqrt(1 - habits.memory**2)
    for quarter in range(1, n_quarters):
        own[quarter] = habits.memory * own[quarter - 1] + news[quarter]
    mixed = np.tile(np.arange(n_firms), (n_quarters, 1))
    for row in mixed:
        for one in (SMALL, LARGE):
            members = np.flatnonzero(classes == one)
            row[members] = rng.permutation(members)
    return Shocks(base, classes, own + lasting, mixed)
