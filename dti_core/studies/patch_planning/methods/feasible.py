"""All plans that one estate's limits allow, searched again and again for other objectives."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from dti_core.studies.patch_planning.model.estates import NEVER, NONE, Array, Estates, Ints

#: A plan is taken as the best one if none can be better by more than this share.
GAP = 2e-3


@dataclass(frozen=True, slots=True)
class FeasiblePlans:
    """Plans of one estate as binary programs: x of a bundle and week, y of a service and week that is touched.

    bundle, week : (X,) of each x. service, visit : (Y,) of each y. limits : of (x, y) together. n_bundles : B.
    """

    bundle: Ints
    week: Ints
    service: Ints
    visit: Ints
    limits: LinearConstraint
    n_bundles: int

    def best(self, values: Array, setups: Array, gap: float = GAP) -> Ints:
        """(B,) week of each bundle in the plan that is worth most, NEVER if it is left open.

        Parameters
        ----------
        values : (B, T) of patching a bundle in a week. setups : (S, T), at most 0, of touching a service.
        """
        worth = np.concatenate([values[self.bundle, self.week], setups[self.service, self.visit]])
        plan = np.full(self.n_bundles, NEVER)
        scale = float(np.abs(worth).max(initial=0.0))
        if not scale > 0:
            return plan
        found = milp(
            -worth / scale, constraints=self.limits, integrality=np.ones(len(worth)), bounds=Bounds(0, 1),
            options={"mip_rel_gap": gap, "time_limit": 20.0},
        )  # fmt: skip
        if found.x is None:
            raise ValueError(f"no plan within 20 s: {found.message}")
        taken = found.x[: len(self.bundle)] > 0.5
        plan[self.bundle[taken]] = self.week[taken]
        return plan


def feasible_plans(estate: Estates) -> FeasiblePlans:
    """All plans of one estate, given as Estates of length 1, whose bundles are known when they are patched.

    Assumes: an exploit that comes out changes no limit, so that the first week's best plan stays the best.
    """
    if len(estate) != 1:
        raise ValueError(f"one estate, not {len(estate)}")
    service, after = estate.service[0], estate.after[0]
    weeks = np.arange(estate.n_weeks)
    may = estate.open[0][service] & (estate.known[0][:, None] <= weeks)
    bundle, week = np.nonzero(may)
    at, visit = np.nonzero(estate.open[0])
    n_x, n_y = len(bundle), len(at)
    place = np.full(estate.open[0].shape, NONE)
    place[at, visit] = np.arange(n_y)
    goes_with = place[service[bundle], week]
    x, ones = np.arange(n_x), np.ones(n_x)
    once = _rows(bundle, x, ones, estate.n_bundles, n_x)
    linked = sparse.hstack([sparse.identity(n_x), _rows(x, goes_with, -ones, n_x, n_y)])
    hours = sparse.hstack([_rows(week, x, estate.hours[0][bundle], estate.n_weeks, n_x),
                           _rows(visit, np.arange(n_y), estate.setup_hours[0][at], estate.n_weeks, n_y)])  # fmt: skip
    money = np.concatenate([estate.cost_usd[0][bundle], estate.setup_usd[0][at]])[None]
    down, down_setup = estate.minutes[0][bundle], estate.setup_minutes[0][at]
    windows = sparse.hstack([_rows(goes_with, x, down, n_y, n_x), sparse.diags(down_setup)])
    objective = sparse.hstack([_rows(service[bundle], x, down, estate.n_services, n_x),
                               _rows(at, np.arange(n_y), down_setup, estate.n_services, n_y)])  # fmt: skip
    order = _order(service, after, bundle, week)
    blocks = [sparse.hstack([once, _none(estate.n_bundles, n_y)]), linked, hours, sparse.csr_matrix(money),
              windows, objective, sparse.hstack([order, _none(order.shape[0], n_y)])]  # fmt: skip
    most = np.concatenate([
        np.ones(estate.n_bundles), np.zeros(n_x), estate.weekly_hours[0], estate.budget_usd,
        np.full(n_y, estate.window_minutes), estate.minutes_allowed[0], np.zeros(order.shape[0]),
    ])  # fmt: skip
    limits = LinearConstraint(sparse.vstack(blocks).tocsr(), -np.inf, most)
    return FeasiblePlans(bundle, week, at, visit, limits, estate.n_bundles)


def _order(service: Ints, after: Ints, bundle: Ints, week: Ints) -> sparse.csr_matrix:
    """(rows, X) x of a bundle less all x of its predecessor by then: in the same week only in one service."""
    rows = []
    for column in np.flatnonzero(after[bundle] != NONE):
        first = after[bundle[column]]
        together = service[first] == service[bundle[column]]
        by_then = week <= week[column] if together else week < week[column]
        row = -((bundle == first) & by_then).astype(float)
        row[column] = 1.0
        rows.append(row)
    return sparse.csr_matrix(np.array(rows).reshape(len(rows), len(bundle)))


def _rows(row: Ints, column: Ints, value: Array, n_rows: int, n_columns: int) -> sparse.csr_matrix:
    return sparse.csr_matrix((value, (row, column)), shape=(n_rows, n_columns))


def _none(n_rows: int, n_columns: int) -> sparse.csr_matrix:
    return sparse.csr_matrix((n_rows, n_columns))
