"""Do measures of constraint agree with each other, and what do size and fixed effects leave of each?"""

import numpy as np
import pandas as pd

from dti_core.studies.esg_constraint.data.layout import Rectangle
from dti_core.studies.esg_constraint.data.sample import Measures
from dti_core.studies.esg_constraint.measures.findings import Findings, exact


def study_overlap(laid: Rectangle, made: Measures) -> Findings:
    """How measures agree with each other, and what size and fixed effects leave of each.

    `overlap_NAME` is the share of an index that the controls which it contains reproduce; `overlap_size_NAME`
    that of any measure which a function of size and the controls of the rating equation reproduce.
    """
    how = "exact in this panel, no interval"
    if not made.values:
        return Findings(
            left_out=[("measures of constraint", "no column constraint, and no index can be made")]
        )
    n, found = int(laid.observed.sum()), Findings()
    rows = []
    for name, with_size in made.with_size.items():
        one, kinds = made.overlaps.get(name), {"overlap_size": with_size}
        kinds |= {"overlap": one} if one else {}
        for kind, overlap in kinds.items():
            share = float(np.clip(overlap.r_squared, 0.0, 1.0))
            measure = kind.replace("_", " with ")
            found.estimates.append(exact(f"{kind}_{name}", share, "R2", n, how, measure=measure, index=name))
        told = one if one and one.collinear else with_size if with_size.collinear or not one else one
        reproduced = one.r_squared if one else float("nan")
        rows.append([name, reproduced, with_size.r_squared, bool(made.refused(name)), told.text])
    names = ["index", "reproduced", "by_size", "collinear", "diagnosis"]
    found.series["overlap"] = pd.DataFrame(rows, columns=names)
    flat = {name: values[laid.observed] for name, values in made.values.items()}
    found.series["index_correlation"] = pd.DataFrame(flat).corr()
    return found
