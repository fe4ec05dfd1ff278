"""Which way does it run, and for whom? Each side on the other's past; small firms, firms of the state."""

import numpy as np

from dti_core.studies.esg_constraint.data.sample import Sample, firm_constant
from dti_core.studies.esg_constraint.measures.findings import Findings
from dti_core.studies.esg_constraint.model.arrays import Array
from dti_core.studies.esg_constraint.model.regression import least_squares
from dti_core.studies.esg_constraint.model.sensitivity import cross_lagged


def study_direction(sample: Sample) -> Findings:
    """Each of rating and constraint on the other's past; small against large, state against private firms."""
    found, panel = Findings(), sample.panel
    there, back = cross_lagged(panel.outcome, panel.treatment, panel.rated)
    found.add("cross_constraint_to_rating", there, sample.unit, measure="cross lag", outcome="rating")
    found.add("cross_rating_to_constraint", back, sample.turned, measure="cross lag", outcome="constraint")
    x = panel.regressors()
    for name, group in _groups(sample).items():
        if group is None or not np.isfinite(group).any() or not 0 < np.nanmean(group) < 1:
            found.left_out.append((f"effect by group: {name}", "needs assets or ownership of both kinds"))
            continue
        inside = np.where(np.isfinite(group), group, 0.0)[..., None, None]
        fit = least_squares(panel.outcome, np.concatenate([x[..., :1] * inside, x], axis=3), panel.rated)
        found.add(f"effect_{name}", fit, sample.unit, measure="difference of effects", groups=name)
    return found


def _groups(sample: Sample) -> dict[str, Array | None]:
    """(1, n_firms) 1 for the first-named group; None where the columns are missing."""
    state, small = sample.laid.columns.get("state"), sample.panel.small
    return {
        "small_minus_large": None if small is None else small.astype(float),
        "state_minus_private": None if state is None else firm_constant(state),
    }
