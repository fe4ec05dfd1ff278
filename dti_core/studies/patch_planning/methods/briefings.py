"""What is tuned before anything is judged, world by world, on estates that no test sees."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dti_core.studies.patch_planning.methods.exact import Effort
from dti_core.studies.patch_planning.methods.rules import ORDERS, Order, Price, Rule
from dti_core.studies.patch_planning.methods.tuning import Grid, Tuned, best_rule, tune_rolling, tune_rule
from dti_core.studies.patch_planning.worlds.draws import draw_estates, setting_of

#: Estates on which rules are tuned, and those on which the price of plans made anew each week is, which cost
#: a hundred times as much.
N_RULES, N_ROLLING = {11: 256, 50: 48}, {11: 64, 50: 24}
#: The latter where all flaws are known at once, so that a program takes seconds; none is not tuned.
N_ROLLING_KNOWN = {11: 16, 50: 0}
#: Estates of tuning are drawn from seeds below this, those of trainings and tests from others.
_SEEDS = 1_000
#: Multiples of the rule's price that are tried for plans made anew each week.
_MULTIPLES = (0.25, 0.5, 1.0, 2.0)
#: Orders tuned for the worlds of the assumption set: those that ask what a bundle is worth net of its cost.
BEST_ORDERS: tuple[Order, ...] = ("net", "net_per_hour", "net_per_dollar", "net_per_hour_and_dollar")
_QUICK = Effort(gap=0.01, seconds=3600.0, nodes=50)


@dataclass(frozen=True, slots=True)
class Briefing:
    """What planners of a world and size were told by its tuning.

    prices, values, inside : of each order its price, the share of the loss that it saves on the tuning
    estates, and whether the price lies inside the grid. rolling : price for plans made anew each week.
    n_evaluations : prices tried an order. outage_usd : what a minute of downtime usually costs there.
    """

    prices: Mapping[Order, Price]
    values: Mapping[Order, float]
    inside: Mapping[Order, bool]
    rolling: Price
    n_evaluations: int
    outage_usd: float

    @property
    def rule(self) -> Rule:
        """The tuned rule: the order that saved most, at its price."""
        order = max(self.values, key=self.values.__getitem__)
        return Rule(order, self.prices[order])

    def of(self, order: Order) -> Rule:
        """The rule of an order, at its price."""
        return Rule(order, self.prices[order])

    def as_json(self) -> dict[str, Any]:
        """To be written down."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Briefing":
        """What `as_json` gave."""
        prices = {order: Price(**price) for order, price in found["prices"].items()}
        return cls(**{**found, "prices": prices, "rolling": Price(**found["rolling"])})


def brief(world: str, n_services: int, orders: Sequence[Order] = ORDERS, *, exact: bool = True) -> Briefing:
    """Tune orders, and where plans are made `exact` the price of those made anew each week."""
    estates = draw_estates(world, n_services, range(N_RULES[n_services]))
    tuned: dict[Order, Tuned] = {
        order: tune_rule(estates, order, np.random.default_rng(_SEEDS)) for order in orders
    }
    rule, rolling = best_rule(tuned), Price()
    n_rolling = (N_ROLLING if setting_of(world).late > 0 else N_ROLLING_KNOWN)[n_services]
    if exact and n_rolling:
        axes = {"price": tuple(rule.price.price * one for one in _MULTIPLES),
                "decay": tuple({rule.price.decay, 1.0}), "pace": tuple({0.0, rule.price.pace})}  # fmt: skip
        rolling = tune_rolling(
            estates.take(slice(0, n_rolling)),
            _QUICK,
            Grid({name: tuple(sorted(axis)) for name, axis in axes.items()}, n_wider=0),
        ).price
    return Briefing(
        {order: one.price for order, one in tuned.items()},
        {order: one.value for order, one in tuned.items()},
        {order: one.inside for order, one in tuned.items()}, rolling, Grid().n_evaluations,
        float(estates.outage_usd.mean()),
    )  # fmt: skip
