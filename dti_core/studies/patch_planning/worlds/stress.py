"""Stresses: what is true of estates while planners believe what was drawn, or the other way round."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from dti_core.studies.patch_planning.model.estates import Estates
from dti_core.studies.patch_planning.worlds.simulate import WAGE_USD
from dti_core.studies.patch_planning.worlds.spans import CAPACITIES

_WEEKS_A_MONTH = 52 / 12
Change = Callable[[Estates], Estates]


def _as_drawn(estates: Estates) -> Estates:
    return estates


@dataclass(frozen=True, slots=True)
class Stress:
    """title : what is wrong. truth, belief : of estates. price : on money, as a multiple of the tuned one."""

    title: str
    truth: Change = _as_drawn
    belief: Change = _as_drawn
    price: float = 1.0

    @property
    def changes_truth(self) -> bool:
        """Whether a rule that was tuned on what is drawn was tuned on something else than the truth."""
        return self.truth is not _as_drawn


def _exploits(factor: float) -> Change:
    def believed(estates: Estates) -> Estates:
        chance = factor * estates.exploits.weekly_chance
        return replace(estates, exploits=replace(estates.exploits, weekly_chance=min(chance, 1.0)))

    return believed


def _more_regressions(estates: Estates) -> Estates:
    """What a bundle costs above its labour is what regressions are expected to cost: once more of that."""
    return replace(estates, cost_usd=2 * estates.cost_usd - WAGE_USD * estates.hours)


def _half_the_windows(estates: Estates) -> Estates:
    """Of a service's windows the second, the fourth and so on do not come."""
    return replace(estates, open=estates.open & (np.cumsum(estates.open, axis=2) % 2 == 1))


def _capacity(monthly: float) -> Change:
    def true(estates: Estates) -> Estates:
        hours = monthly / _WEEKS_A_MONTH * estates.hours.sum(axis=1, keepdims=True)
        return replace(estates, weekly_hours=np.repeat(hours, estates.n_weeks, axis=1))

    return true


STRESSES: Mapping[str, Stress] = MappingProxyType({
    "none": Stress("nothing is wrong"),
    "exploits_half": Stress("exploits are thought half as likely", belief=_exploits(0.5)),
    "exploits_double": Stress("exploits are thought twice as likely", belief=_exploits(2.0)),
    "regressions": Stress("regressions cost twice what is thought", truth=_more_regressions),
    "price_half": Stress("the price on money is half the tuned one", price=0.5),
    "price_double": Stress("the price on money is twice the tuned one", price=2.0),
    "windows": Stress("every second window does not come", truth=_half_the_windows),
} | {
    f"capacity_{name}": Stress(f"hours for {share:.1%} of the work a month", truth=_capacity(share))
    for name, share in CAPACITIES.items()
})  # fmt: skip
