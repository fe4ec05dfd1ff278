"""Plans by whose wish: one party's, the firm's dollars, equal shares, the Nash bargain, dealt weights."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dti_core.lab.errors import DataError
from dti_core.studies.patch_planning.methods.feasible import FeasiblePlans
from dti_core.studies.patch_planning.model.estates import Array, Ints
from dti_core.studies.patch_planning.model.parties import Stakes

#: Steps of weights towards the Nash product, and the least share of its best that a party is reckoned with.
STEPS, LEAST_SHARE = 6, 0.02
#: Weight of the others in a party's own plan: who is indifferent does not hurt them for nothing.
COURTESY = 1e-3


@dataclass(frozen=True, slots=True)
class Bargain:
    """What came of one estate: plans by whose wish, and the most that the Nash product can be.

    plans : name -> (B,) weeks. best : (P,) what each party's own plan is worth to it, as reported.
    log_bound : the log of the Nash product of reported shares that no lottery of plans exceeds.
    """

    plans: Mapping[str, Ints]
    best: Array
    log_bound: float


def bargain(
    feasible: FeasiblePlans, stakes: Stakes, dollars: tuple[Array, Array], dealt: Ints, names: tuple[str, ...]
) -> Bargain:
    """All plans of one estate by what the parties report.

    Equal shares and dealt weights are one program each; the Nash bargain is the best by its product of all
    that its weights lead to (Frank and Wolfe's steps on the sum of logarithms), the others' plans included.

    Parameters
    ----------
    dollars : (B, T) and (S, T), what the firm counts. dealt : (P,) whose best each share is taken of where
    weights are dealt. names : of the parties.

    Raises
    ------
    DataError naming the party to which no plan is worth more than none.
    """
    equal = np.ones(len(names))
    own = [
        feasible.best(*stakes.weighed(np.where(np.arange(len(names)) == one, 1.0, COURTESY)))
        for one in range(len(names))
    ]
    best = np.array([stakes.of(plan)[one] for one, plan in enumerate(own)])
    if (best <= 0).any():
        poor = names[int(np.argmin(best))]
        raise DataError(f"no plan is worth more than none to the party '{poor}': raise what it gains by.")
    plans = {f"own_{name}": plan for name, plan in zip(names, own, strict=True)}
    plans["dollars"] = feasible.best(*dollars)
    plans["equal"] = feasible.best(*stakes.weighed(equal / best))
    plans["joint"], weights, log_bound = _nash(feasible, stakes, best, list(plans.values()))
    plans["dealt"] = feasible.best(*stakes.weighed(weights / best[dealt]))
    return Bargain(plans, best, log_bound)


def _nash(
    feasible: FeasiblePlans, stakes: Stakes, best: Array, known: list[Ints]
) -> tuple[Ints, Array, float]:
    """The plan of the greatest product of shares that was met, its weights, and the bound on the product.

    Source: Nash (1950); Frank and Wolfe (1956). The sum of logarithms lies below its tangents, so that no
    lottery of plans exceeds the tangent at the mixture, within the gap of the program.
    """
    pool = list(known)
    mix = np.maximum(stakes.of(pool[-1]) / best, LEAST_SHARE)
    bound = 0.0
    for step in range(STEPS):
        pool.append(feasible.best(*stakes.weighed(1 / (mix * best))))
        shares = stakes.of(pool[-1]) / best
        bound = min(bound, float(np.log(mix).sum() + (shares / mix).sum() - len(mix)))
        mix = np.maximum(mix + 2 / (step + 3) * (shares - mix), LEAST_SHARE)
    told = [stakes.of(plan) / best for plan in pool]
    joint = pool[max(range(len(pool)), key=lambda one: (log_product(told[one]), told[one].min()))]
    return joint, 1 / np.maximum(stakes.of(joint) / best, LEAST_SHARE), bound


def log_product(shares: Array) -> float:
    """Log of the Nash product of shares, minus infinity where a party does not gain."""
    return float(np.log(shares).sum()) if (shares > 0).all() else -np.inf


def distance_to_nash(shares: Array, log_bound: float) -> float:
    """What is missing to the Nash bargain over lotteries of plans, in [0, 1].

    1 less the geometric mean of shares as a part of the bound on it; 1 where a party does not gain.
    """
    return 1.0 - float(np.exp((log_product(shares) - log_bound) / len(shares)))
