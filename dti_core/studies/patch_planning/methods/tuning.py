"""Prices tuned on training estates: the same grid and the same number of evaluations for every rival."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

from dti_core.studies.patch_planning.methods.exact import Effort
from dti_core.studies.patch_planning.methods.plan import run_rolling, run_rule
from dti_core.studies.patch_planning.methods.rules import Order, Price, Rule
from dti_core.studies.patch_planning.model.estates import Estates, Ints
from dti_core.studies.patch_planning.model.plans import account
from dti_core.studies.patch_planning.model.worth import loss_without_usd

Axes = Mapping[str, tuple[float, ...]]
AXES: Axes = MappingProxyType(
    {
        "price": (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0),
        "decay": (0.0, 0.25, 0.5, 1.0, 2.0),
        "pace": (0.0, 0.5, 1.0, 2.0, 4.0),
    }
)

#: Trials that a lengthened axis brings.
MORE = 16


@dataclass(frozen=True, slots=True)
class Grid:
    """Where to look for a price: rising values of each of its fields, and how many to try in all.

    n_wider : how often an axis is lengthened because the best price stands at its end, with `MORE` trials
    each time; a rival that ends at an edge is no rival.
    """

    axes: Axes = field(default_factory=lambda: AXES)
    n_evaluations: int = 48
    n_wider: int = 3

    def wider(self, price: Price) -> "Grid | None":
        """With two more values, each the double of the one before, where the price is the last of an axis."""
        ends = {
            name: (*values, 2 * values[-1], 4 * values[-1])
            for name, values in self.axes.items()
            if getattr(price, name) == values[-1] > 0
        }
        if not ends or not self.n_wider:
            return None
        return Grid({**self.axes, **ends}, self.n_evaluations + MORE, self.n_wider - 1)

    def neighbours(self, price: Price) -> list[Price] | None:
        """Next to it on each axis; None if it is the last of one, or the first and not 0, the natural end."""
        found = []
        for name, values in self.axes.items():
            at = values.index(getattr(price, name))
            if at + 1 == len(values) or (at == 0 and values[0] > 0):
                return None
            found += [replace(price, **{name: values[to]}) for to in (at - 1, at + 1) if to >= 0]
        return found


@dataclass(frozen=True, slots=True)
class Tuned:
    """The best price of a grid, and all that was tried.

    value : share of the loss without any patch that is saved, net. table : value of each price tried, in the
    order of trials. inside : whether worse or equal neighbours were tried on all sides, so that no wider grid
    is called for; 0 is an end by nature.
    """

    price: Price
    value: float
    table: tuple[tuple[Price, float], ...]
    inside: bool


def tune(value: Callable[[Price], float], grid: Grid | None = None) -> Tuned:
    """Search along one axis after the other from the middle of the grid, until none helps or trials end."""
    grid = grid or Grid()
    best = Price(**{name: values[len(values) // 2] for name, values in grid.axes.items()})
    table: dict[Price, float] = {best: value(best)}
    best = _climb(value, grid, table, best)
    while wide := grid.wider(best):
        grid, best = wide, _climb(value, wide, table, best)
    beside = grid.neighbours(best)
    inside = beside is not None and all(price in table for price in beside)
    return Tuned(best, table[best], tuple(table.items()), inside)


def _climb(value: Callable[[Price], float], grid: Grid, table: dict[Price, float], best: Price) -> Price:
    """The best price that is met from `best` on, axis by axis; what is tried goes into the table."""
    while True:
        before = best
        for name, values in grid.axes.items():
            for one in values:
                price = replace(best, **{name: one})
                if price not in table and len(table) < grid.n_evaluations:
                    table[price] = value(price)
            along = [replace(best, **{name: one}) for one in values]
            best = max((price for price in along if price in table), key=table.__getitem__)
        if best == before:
            return best


def tune_rule(
    estates: Estates, order: Order, rng: np.random.Generator | None = None, grid: Grid | None = None
) -> Tuned:
    """The price of an order; the random one draws the same for each price."""
    return tune(
        lambda price: saved_share(estates, run_rule(estates, Rule(order, price), deepcopy(rng))), grid
    )


def tune_rolling(estates: Estates, effort: Effort | None = None, grid: Grid | None = None) -> Tuned:
    """The price of plans made anew each week."""
    return tune(lambda price: saved_share(estates, run_rolling(estates, price, effort).plan), grid)


def best_rule(tuned: Mapping[Order, Tuned]) -> Rule:
    """The order that saved most on the training estates, at its price."""
    order = max(tuned, key=lambda one: tuned[one].value)
    return Rule(order, tuned[order].price)


def saved_share(estates: Estates, plan: Ints) -> float:
    """Net gain as a share of the loss without any patch: a ratio of sums over estates."""
    lost = float(loss_without_usd(estates).sum())
    return float(account(estates, plan).net_usd.sum()) / max(lost, 1.0)
