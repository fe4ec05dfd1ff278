"""Items to be looked at, their costs and worth, and what an order of work avoids in given hours."""

from dataclasses import dataclass

import numpy as np

from dti_core.studies.vuln_priority.model.evidence import Flags, Floats, Ints


@dataclass(frozen=True, slots=True)
class Items:
    """One estate's findings: what is true, and what who orders them is told. All arrays (n,).

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


def avoided(items: Items, score: Floats, budget_hours: float) -> float:
    """Share of the whole loss that is avoided by working items from the highest score down.

    The last item is done in part, so that no share hangs on one item's size. Ties keep the order of items;
    an item whose score is -inf is never come to.
    """
    order = np.argsort(-score, kind="stable")
    order = order[score[order] > -np.inf]
    total = items.loss_usd.sum()
    if not (total > 0 and len(order)):
        return 0.0
    spent = np.r_[0.0, np.cumsum(items.hours[order])]
    saved = np.r_[0.0, np.cumsum(items.loss_usd[order])]
    return float(np.interp(budget_hours, spent, saved) / total)


def deal(values: Floats, service: Ints, rng: np.random.Generator) -> Floats:
    """(n,) values of services dealt to the wrong ones: each service's values go to another as a whole.

    Parameters
    ----------
    values : (n,), of which the geometric mean of a service moves; what differs within it stays.
    """
    names = np.unique(service)
    if len(names) < 2:
        return values
    log = np.log(values)
    mean = np.array([log[service == name].mean() for name in names])
    turned = rng.permutation(len(names))
    cycle = np.empty(len(names), dtype=int)
    cycle[turned] = np.roll(turned, 1)  # one cycle through all, so that none keeps its own
    at = np.searchsorted(names, service)
    return np.asarray(np.exp(log - mean[at] + mean[cycle][at]))
