"""What one bundle adds to a plan in any week, and which limits it would break there."""

from dataclasses import dataclass

import numpy as np

from dti_core.studies.patch_planning.model.estates import NONE, Array, Estates, Flags, Ints
from dti_core.studies.patch_planning.model.plans import SLACK, Ledger, account
from dti_core.studies.patch_planning.model.worth import planned_worth_usd


@dataclass(frozen=True, slots=True)
class Margins:
    """A plan of one estate, ready for questions on single bundles.

    plan : (B,) weeks. n : (S, T) bundles of each service and week. worth_usd : (T, B) loss that each bundle
    is expected to avoid from each week on.
    """

    arrays: Estates
    plan: Ints
    n: Ints
    ledger: Ledger
    worth_usd: Array

    def gain(self, bundle: int, weeks: Ints) -> Array:
        """(3, W) expected loss avoided, money and cost of downtime of a bundle in `weeks`."""
        arrays, service = self.arrays, self.arrays.service[0, bundle]
        fresh = self._fresh(bundle, weeks)
        minutes = arrays.minutes[0, bundle] + fresh * arrays.setup_minutes[0, service]
        spent = arrays.cost_usd[0, bundle] + fresh * arrays.setup_usd[0, service]
        return np.array(
            [self.worth_usd[weeks, bundle], spent, minutes * arrays.outage_usd[0, service, weeks]]
        )

    def broken(self, bundle: int, weeks: Ints) -> dict[str, Flags]:
        """By limit, (W,) whether a bundle that is not planned would break it in `weeks`."""
        arrays, ledger, service = self.arrays, self.ledger, self.arrays.service[0, bundle]
        fresh, over = self._fresh(bundle, weeks), 1 + SLACK
        hours = arrays.hours[0, bundle] + fresh * arrays.setup_hours[0, service]
        minutes = arrays.minutes[0, bundle] + fresh * arrays.setup_minutes[0, service]
        spent = arrays.cost_usd[0, bundle] + fresh * arrays.setup_usd[0, service]
        used = ledger.minutes[0, service]
        return {
            "hours": ledger.hours[0, weeks] + hours > arrays.weekly_hours[0, weeks] * over,
            "budget": ledger.spent_usd[0] + spent > arrays.budget_usd[0] * over,
            "window minutes": used[weeks] + minutes > arrays.window_minutes * over,
            "objective": used.sum() + minutes > arrays.minutes_allowed[0, service] * over,
            "order": self._too_early(bundle, weeks),
        }

    def _fresh(self, bundle: int, weeks: Ints) -> Flags:
        """(W,) whether no other bundle of its service is planned in these weeks."""
        others = self.n[self.arrays.service[0, bundle], weeks] - (self.plan[bundle] == weeks)
        return others == 0

    def _too_early(self, bundle: int, weeks: Ints) -> Flags:
        first = self.arrays.after[0, bundle]
        if first == NONE:
            return np.zeros(len(weeks), dtype=bool)
        same = self.arrays.service[0, first] == self.arrays.service[0, bundle]
        return weeks < self.plan[first] + (not same)


def margins_of(arrays: Estates, plan: Ints) -> Margins:
    """Of a plan, (1, B), of one estate."""
    n = np.zeros(arrays.open.shape[1:], dtype=np.int64)
    done = plan[0] < arrays.n_weeks
    np.add.at(n, (arrays.service[0, done], plan[0, done]), 1)
    weeks = [np.full(plan.shape, week) for week in range(arrays.n_weeks)]
    worth = np.concatenate([planned_worth_usd(arrays, week) for week in weeks])
    return Margins(arrays, plan[0], n, account(arrays, plan), worth)
