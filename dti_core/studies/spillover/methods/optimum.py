"""The exact plan of a budget: a mixed integer program that knows all that is to come, solved by HiGHS."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from dti_core.studies.spillover.model.knapsacks import NEVER, Array, Ints, Knapsacks

#: Share of the optimum that may be missing where the search ends, and branches after which it does.
GAP, NODES = 5e-3, 50


@dataclass(frozen=True, slots=True)
class Best:
    """The best plan that was found of each instance, (N, A, K), and (N,) what no plan can exceed."""

    start: Ints
    bound: Array


@dataclass(frozen=True, slots=True)
class _Columns:
    """Choices of one instance: measure, programme and period of each start, then all set-ups (A x T)."""

    measure: Ints
    programme: Ints
    period: Ints
    net: Array


def optimum(sacks: Knapsacks, *, whole: bool = True) -> Best:
    """The best plan of each instance in hindsight, arrivals and surges known from the start.

    Maximises what is truly earned less cost, under the limits of `admit`. Nothing is begun before it is
    known, but the plan knows what will be. Without `whole` measures may be begun in part: the bound alone has
    a meaning then, and is found in no time.
    """
    starts, bounds = zip(
        *(_solve(sacks.take(slice(one, one + 1)), whole) for one in range(len(sacks))), strict=True
    )
    return Best(np.concatenate(starts), np.array(bounds))


def _solve(one: Knapsacks, whole: bool) -> tuple[Ints, float]:
    from scipy.optimize import Bounds, LinearConstraint, milp

    columns, n_setups = _columns(one), one.open[0].size
    if not len(columns.net):
        return np.full(one.value.shape, NEVER, dtype=np.int64), 0.0
    cost = np.concatenate([-columns.net, np.repeat(one.setup_cost[0], one.n_periods)])
    rows, upper = _limits(one, columns)
    found = milp(
        cost, constraints=LinearConstraint(rows, -np.inf, upper),
        integrality=np.full(len(cost), int(whole)), bounds=Bounds(0.0, 1.0),
        options={"mip_rel_gap": GAP, "node_limit": NODES},
    )  # fmt: skip
    start = np.full(one.value[0].size, NEVER, dtype=np.int64)
    if found.x is not None:
        begun = found.x[: len(cost) - n_setups] > 0.5
        start[columns.measure[begun]] = columns.period[begun]
    dual = found.mip_dual_bound if whole else found.fun
    if dual is None or not np.isfinite(dual):
        raise ArithmeticError(f"the exact plan of an instance has no bound: {found.message}")
    return start.reshape(one.value.shape), max(0.0, -float(dual))


def _columns(one: Knapsacks) -> _Columns:
    """Starts that are allowed; those of no worth alone are kept only if others need the measure."""
    _, n_measures = one.value.shape[1:]
    periods = range(one.n_periods)
    net = np.stack([one.earned(np.full(one.value.shape, t))[0] - one.cost[0] for t in periods], axis=-1)
    net = net.reshape(-1, one.n_periods)
    allowed = one.known[0].reshape(-1, 1) <= np.arange(one.n_periods)
    allowed &= np.repeat(one.open[0], n_measures, axis=0)
    needed = np.append(one.chained[0].ravel()[1:], False)
    measure, period = np.nonzero(allowed & ((net > 0) | needed[:, None]))
    return _Columns(measure, measure // n_measures, period, net[measure, period])


def _limits(one: Knapsacks, columns: _Columns) -> tuple[sparse.csr_matrix, Array]:
    """Rows and upper ends: each once, set-ups, chains, hours of each period, money."""
    n, n_periods = len(columns.net), one.n_periods
    n_measures, n_programmes = one.value[0].size, len(one.setup_cost[0])
    width, each = n + n_programmes * n_periods, np.arange(n)
    once = sparse.csr_matrix((np.ones(n), (columns.measure, each)), (n_measures, width))
    setup = n + columns.programme * n_periods + columns.period
    fees = sparse.csr_matrix((np.ones(n), (each, each)), (n, width))
    fees -= sparse.csr_matrix((np.ones(n), (each, setup)), (n, width))
    hours = sparse.csr_matrix(
        (one.hours[0].ravel()[columns.measure], (columns.period, each)), (n_periods, width)
    )
    setups = np.arange(n_programmes * n_periods)
    spent = np.repeat(one.setup_hours[0], n_periods)
    hours += sparse.csr_matrix((spent, (setups % n_periods, n + setups)), (n_periods, width))
    money = np.append(one.cost[0].ravel()[columns.measure], np.repeat(one.setup_cost[0], n_periods))
    chains = _chains(one, columns, width)
    rows = sparse.vstack([once, fees, chains, hours, sparse.csr_matrix(money)]).tocsr()
    upper = np.concatenate([
        np.ones(n_measures), np.zeros(n + chains.shape[0]), np.full(n_periods, one.capacity[0]), one.budget,
    ])  # fmt: skip
    return rows, upper


def _chains(one: Knapsacks, columns: _Columns, width: int) -> sparse.csr_matrix:
    """A row a start of a chained measure: at most as many starts of the one before, by that period."""
    chained = np.flatnonzero(one.chained[0].ravel()[columns.measure])
    before = columns.measure[chained] - 1
    frees = (columns.measure[None] == before[:, None]) & (
        columns.period[None] <= columns.period[chained][:, None]
    )
    rows, at = np.nonzero(frees)
    size = (len(chained), width)
    found = sparse.csr_matrix((np.ones(len(chained)), (np.arange(len(chained)), chained)), size)
    return found - sparse.csr_matrix((np.ones(len(rows)), (rows, at)), size)
