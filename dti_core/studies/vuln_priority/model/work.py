"""Items to be looked at, their costs and worth, and what an order of work avoids in given hours."""

from dataclasses import dataclass

import numpy as np

from dti_core.studies.vuln_priority.model.evidence import Flags, Floats, Ints


@dataclass(frozen=True, slots=True)
class Items:
    """Findings of an estate, or of several (..., n): what is true, and what who orders them is told.

    real : whether the flaw is there. loss_usd : expected loss of a year if it stays, 0 where none is there.
    triage_hours, fix_hours : work to find out, and to mend what is real. told_* : the same as told
    beforehand.
    exploit : chance of exploitation in a year. impact_usd : loss if it is exploited. severity : the tools'
    own word, 0 to 10. service : whose impact it is.
    """

    real: Flags
    service: Ints
    severity: Floats
    exploit: Floats
    impact_usd: Floats
    triage_hours: Floats
    fix_hours: Floats
    told_exploit: Floats
    told_impact_usd: Floats
    dealt_impact_usd: Floats
    told_fix_hours: Floats

    @property
    def loss_usd(self) -> Floats:
        """Expected loss of a year by what is real and stays."""
        return self.real * self.exploit * self.impact_usd

    @property
    def hours(self) -> Floats:
        """Work that an item takes once it is looked at."""
        return self.triage_hours + self.real * self.fix_hours

    def told_hours(self, chance: Floats) -> Floats:
        """Work that an item is expected to take when it is real with that chance."""
        return self.triage_hours + chance * self.told_fix_hours


def avoided(items: Items, score: Floats, budget_hours: Floats | float) -> Floats:
    """(...,) share of the whole loss that is avoided by working items from the highest score down.

    The last item is done in part, so that no share hangs on one item's size. Ties keep the order of items;
    an item whose score is -inf is never come to.

    Parameters
    ----------
    score : (..., n). budget_hours : (...,), or one for all.
    """
    order = np.argsort(-score, axis=-1, kind="stable")
    hours = np.take_along_axis(np.where(score == -np.inf, np.inf, items.hours), order, -1)
    loss = np.take_along_axis(items.loss_usd, order, -1)
    ends = np.cumsum(hours, axis=-1)
    known = np.isfinite(hours)
    left = np.asarray(budget_hours)[..., None] - (ends - np.where(known, hours, 0.0))
    part = np.clip(np.divide(left, hours, out=np.zeros_like(loss), where=known), 0.0, 1.0)
    total = items.loss_usd.sum(axis=-1)
    saved = (part * loss).sum(axis=-1)
    return np.divide(saved, total, out=np.zeros_like(total), where=total > 0)


def turned(levels: Floats, rng: np.random.Generator) -> Floats:
    """(..., n_services) levels of services dealt to the wrong ones, in one cycle through all of them."""
    cycle = np.argsort(rng.random(levels.shape), axis=-1)
    found = np.empty_like(levels)
    np.put_along_axis(found, cycle, np.take_along_axis(levels, np.roll(cycle, 1, axis=-1), -1), -1)
    return found
