"""Do indices of constraint agree with each other, and what do size and fixed effects leave of each?"""

import numpy as np
import pandas as pd

from dti_core.studies.esg_constraint.data.sample import Sample
from dti_core.studies.esg_constraint.measures.findings import Findings, exact


def study_overlap(sample: Sample) -> Findings:
    """How indices agree with each other, and what size and fixed effects leave of each."""
    seen, how = sample.laid.observed, "exact in this panel, no interval"
    shares = {name: float(np.clip(one.r_squared, 0.0, 1.0)) for name, one in sample.overlaps.items()}
    estimates = [
        exact(f"overlap_{name}", share, "R2", int(seen.sum()), how, measure="overlap", index=name)
        for name, share in shares.items()
    ]
    rows = [[one.index, one.r_squared, one.collinear, one.text] for one in sample.overlaps.values()]
    overlap = pd.DataFrame(rows, columns=["index", "reproduced", "collinear", "diagnosis"])
    correlation = pd.DataFrame({name: values[seen] for name, values in sample.measures.items()}).corr()
    return Findings(estimates, {"overlap": overlap, "index_correlation": correlation})
