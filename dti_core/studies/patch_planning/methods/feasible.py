"""All plans that one estate's limits allow, searched again and again for other objectives."""

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from dti_core.studies.patch_planning.methods.program import Program, build
from dti_core.studies.patch_planning.model.estates import Array, Estates, Ints
from dti_core.studies.patch_planning.model.weeks import Quarter

#: A search ends with a plan that none can exceed by more than this share, or after so many nodes, which are
#: the same on every machine; one that takes so many seconds is an error.
GAP, NODES, SECONDS = 2e-3, 500, 3600.0
#: Loss avoided at which every patch is worth while, whoever asks.
_ALWAYS_USD = 1e12


@dataclass(frozen=True, slots=True)
class FeasiblePlans:
    """Plans of one estate from week 0 on.

    service, visit : (Y,) of each set-up column of the program. proven : of each search so far, whether its
    plan is the best within the gap; the others ended at the limit on nodes.
    """

    program: Program
    service: Ints
    visit: Ints
    begin: Quarter
    proven: list[bool] = field(default_factory=list)

    def best(self, values: Array, setups: Array) -> Ints:
        """(B,) week of each bundle in the plan that is worth most, NEVER if it is left open.

        Parameters
        ----------
        values : (B, T) of patching a bundle in a week. setups : (S, T), at most 0, of touching a service.

        Raises
        ------
        RuntimeError if a search ends otherwise than with a plan that is proven, or the last node's.
        """
        program = self.program
        worth = np.concatenate([values[program.bundle, program.week], setups[self.service, self.visit]])
        scale = float(np.abs(worth).max(initial=0.0))
        if not scale > 0:
            return self.begin.plan[0].copy()
        found = milp(
            -worth / scale, integrality=np.ones(program.n_columns), bounds=Bounds(0, 1),
            constraints=LinearConstraint(program.rows, ub=program.limits),
            options={"mip_rel_gap": GAP, "node_limit": NODES, "time_limit": SECONDS},
        )  # fmt: skip
        if found.x is None or (found.status and found.mip_node_count < NODES):
            raise RuntimeError(f"HiGHS gave no plan, though patching nothing is one: {found.message}")
        self.proven.append(found.status == 0)
        return program.plan(found.x, self.begin)


def feasible_plans(estate: Estates) -> FeasiblePlans:
    """All plans of one estate, given as Estates of length 1.

    Assumes: planners learn nothing later that would make them change a plan of week 0.
    """
    begin = Quarter.begin(estate)
    always = np.full((estate.n_bundles, estate.n_weeks), _ALWAYS_USD)
    program = build(estate, always, begin, price=0.0)
    cells = np.unique(estate.service[0, program.bundle] * estate.n_weeks + program.week)
    return FeasiblePlans(program, cells // estate.n_weeks, cells % estate.n_weeks, begin)
