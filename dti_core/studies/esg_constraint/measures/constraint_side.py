"""What accounts alone say of constraints: how the measures move, and whether cash flow moves investment."""

from functools import partial

import numpy as np
import pandas as pd

from dti_core.studies.esg_constraint.data.layout import Rectangle
from dti_core.studies.esg_constraint.data.sample import Measures, small_firms
from dti_core.studies.esg_constraint.data.schema import SENSITIVITY
from dti_core.studies.esg_constraint.measures.findings import Findings
from dti_core.studies.esg_constraint.measures.persistence import autocorrelation, between_share
from dti_core.studies.esg_constraint.model.arrays import Array, Mask
from dti_core.studies.esg_constraint.model.regression import least_squares

UNIT = "investment a unit of cash flow, both over assets"


def study_constraint_side(laid: Rectangle, made: Measures) -> Findings:
    """Each measure of constraint in numbers, and the cash-flow sensitivity of investment by size of firm.

    A sensitivity is no proof of a constraint (Kaplan and Zingales 1997).
    """
    found = Findings()
    rows = []
    for name, values in made.values.items():
        known = values[np.isfinite(values) & laid.observed]
        moves = [between_share(values, laid.observed), autocorrelation(values, laid.observed)]
        rows.append([name, known.size, known.mean(), known.std(), *moves])
    if rows:
        names = ["measure", "firm-years", "mean", "sd", "between firms", "AR(1)"]
        found.series["measures"] = pd.DataFrame(rows, columns=names)
    found.attempt(SENSITIVITY, lambda: _sensitivity(laid, found))
    return found


def _sensitivity(laid: Rectangle, found: Findings) -> None:
    """Investment on cash flow and, if there is one, growth of sales, with firm and year effects."""
    columns = laid.columns
    if lacking := [name for name in ("investment", "cash_flow") if name not in columns]:
        needed = " and ".join(name.replace("investment", "capex") for name in lacking)
        found.left_out.append((SENSITIVITY, f"needs {needed} with assets"))
        return
    growth = [columns[name] for name in ("sales_growth",) if name in columns]
    x, y, seen = np.stack([columns["cash_flow"], *growth], axis=3), columns["investment"], laid.observed

    def add(firms: str, design: Array, rows: Mask) -> None:
        name, at = f"sensitivity_{firms}", {"measure": SENSITIVITY, "method": "two_way", "firms": firms}
        found.add(name, least_squares(y, design, rows), UNIT, 0, **at)

    add("all", x, seen)
    if (small := small_firms(laid)) is None:
        found.left_out.append((f"{SENSITIVITY} by size", "needs assets of both small and large firms"))
        return
    few = small[..., None] > 0
    both = np.concatenate([x[..., :1] * few[..., None], x], axis=3)
    groups = {"small": (x, seen & few), "large": (x, seen & ~few), "small_minus_large": (both, seen)}
    for firms, (design, rows) in groups.items():
        found.attempt(f"{SENSITIVITY}, {firms}", partial(add, firms, design, rows))
