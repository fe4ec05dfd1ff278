"""How strong would omitted variables have to be? Oster's bound on the two-way estimate."""

import numpy as np

from dti_core.studies.esg_constraint.data.sample import Sample
from dti_core.studies.esg_constraint.measures.findings import Findings
from dti_core.studies.esg_constraint.model.sensitivity import oster_bounds


def study_omitted(sample: Sample) -> Findings:
    """Oster's bound, and how much omitted variables must matter, next to the controls, to bring it to 0."""
    found, panel = Findings(), sample.panel
    x = panel.regressors()
    if x.shape[3] == 1:
        found.left_out.append(("Oster bound", "the panel has no control to compare omitted ones with"))
        return found
    bounds = oster_bounds(panel.outcome, x, panel.rated)
    value, n = float(bounds.beta_star[0]), int((panel.rated & np.isfinite(x).all(axis=3)).sum())
    how = "from the estimate to where omitted variables as strong as the controls would put it"
    ends = sorted((float(bounds.long[0]), value))
    found.keep("oster_bound", value, ends, sample.unit, n, how, measure="Oster bound", method="two_way")
    found.test("Oster, delta", float(bounds.delta[0]), "how many times the controls omitted ones must matter")
    return found
