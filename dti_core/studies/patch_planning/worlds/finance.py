"""Estates under a binding budget, and what planners are told that each bundle costs."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from dti_core.lab.methods import World
from dti_core.studies.patch_planning.model.estates import Array, Estates, Exploits
from dti_core.studies.patch_planning.worlds import TIGHT_BUDGET
from dti_core.studies.patch_planning.worlds.settings import Setting
from dti_core.studies.patch_planning.worlds.simulate import simulate_estates
from dti_core.studies.patch_planning.worlds.spans import Span, draw_each

#: Dials of `Setting`. A budget of a half hardly binds, for hours and windows run out first; it has a world of
#: its own.
SPANS = {
    "windows": Span(0.4, 0.8), "hours": Span(0.6, 1.2), "late": Span(0.4, 0.9), "risk_spread": Span(1.0, 2.0),
    "budget": Span(0.08, 0.3, ratio=True), "risk_usd": Span(20.0, 120.0, ratio=True),
}  # fmt: skip
#: Spread of the logarithm of what a bundle costs beside its hours (licences, outside help): 0 where labour is
#: all, 1 where it is the least. It goes with nothing else.
COST_SPREAD = Span(0.0, 1.0)
CENTRAL_SPREAD = 0.5


@dataclass(frozen=True, slots=True)
class Costs:
    """How true costs spread, whether all are alike first, and how noisily each planner sees them."""

    spread: float
    alike: bool = False
    noise: float = 0.0


@dataclass(frozen=True, slots=True)
class Purse:
    """A set of assumptions: the estates' world and its costs."""

    setting: Setting
    costs: Costs


@dataclass(frozen=True, slots=True)
class Control:
    """Costs of a control world, and what else of its setting is not drawn."""

    costs: Costs
    fixed: Mapping[str, Any] = field(default_factory=dict)


#: What a planner may be told of costs: the truth, their mean alone, or those of other bundles.
TOLD = ("with", "without", "dealt")
_STEADY = {"risk_spread": 0.3, "risk_usd": 120.0, "late": 0.0, "exploits": Exploits(1.0, 0.0)}
_CENTRAL = Costs(CENTRAL_SPREAD)
#: Worlds with fixed assumptions; those of the controls vary as the deciding ones do, but for their costs.
PURSES: dict[str, World[Purse]] = {
    "tight_budget": World("Budget of an eighth", "observed", Purse(TIGHT_BUDGET, _CENTRAL)),
    "half_budget": World("Budget of a half", "observed", Purse(replace(TIGHT_BUDGET, budget=0.5), _CENTRAL)),
}
COST_WORLDS: dict[str, World[Control]] = {
    "costs_alike": World("All cost the same, seen with noise", "negative", Control(Costs(0.0, True, 0.5))),
    "costs_apart": World(
        "Costs spread widely, risks hardly, none changes", "positive", Control(Costs(1.2), _STEADY)
    ),
}


def draw_purse(rng: np.random.Generator, control: Control | None = None) -> Purse:
    """A set of assumptions; that of a control world but for what it fixes."""
    dials: dict[str, Any] = dict(draw_each(SPANS, rng))
    drawn, setting = Costs(COST_SPREAD.draw(rng)), replace(TIGHT_BUDGET, **dials)
    if control is None:
        return Purse(setting, drawn)
    return Purse(replace(setting, **control.fixed), control.costs)


def fill_estates(
    purse: Purse, n_estates: int, n_services: int, rng: np.random.Generator
) -> tuple[Estates, Mapping[str, Estates]]:
    """The estates as they are, and as each planner of TOLD believes them to be, but for costs the same."""
    made = simulate_estates(purse.setting, n_estates, n_services, rng)
    mean = made.cost_usd.mean(axis=1, keepdims=True)
    base = np.broadcast_to(mean, made.cost_usd.shape) if purse.costs.alike else made.cost_usd
    cost = base * rng.lognormal(0.0, purse.costs.spread, base.shape)
    cost = cost * mean / cost.mean(axis=1, keepdims=True)
    setup = made.setup_usd.mean(axis=1, keepdims=True) + 0 * made.setup_usd
    true = replace(made, cost_usd=cost, setup_usd=setup if purse.costs.alike else made.setup_usd)

    def told(cost_usd: Array, setup_usd: Array) -> Estates:
        noise = rng.lognormal(0.0, purse.costs.noise, cost.shape)
        return replace(true, cost_usd=cost_usd * noise, setup_usd=setup_usd)

    return true, {
        "with": told(cost, true.setup_usd),
        "without": told(np.broadcast_to(mean, cost.shape), setup),
        "dealt": told(rng.permuted(cost, axis=1), rng.permuted(true.setup_usd, axis=1)),
    }
