"""When does it happen? Coming and past constraints, and the years around a policy shock."""

import numpy as np
import pandas as pd

from dti_core.studies.esg_constraint.data.sample import Sample
from dti_core.studies.esg_constraint.measures.findings import Findings, coefficients
from dti_core.studies.esg_constraint.model.regression import least_squares, shifted
from dti_core.studies.esg_constraint.model.sensitivity import leads_and_lags
from dti_core.studies.esg_constraint.model.shock import average_effect, event_study, relaxed

LEADS, LAGS = 2, 3
HORIZON = range(-4, 6)


def study_timing(sample: Sample) -> Findings:
    """Leads and lags of the constraint, and years around the policy shock."""
    found, panel = Findings(), sample.panel
    controls = panel.regressors()[..., 1:]
    fit = leads_and_lags(panel.outcome, panel.treatment, controls, panel.rated, LEADS, LAGS)
    found.series["leads_lags"] = coefficients(fit, [-k for k in range(-LEADS, LAGS + 1)])
    found.add("lead_effect", fit, sample.unit, LEADS - 1, measure="effect by year", years=1.0)
    found.test("Leads, p", float(fit.diagnostics["leads_p"][0]), "small: the rating moves later constraints")
    if panel.cohort is None:
        found.left_out.append(("event study", "needs the column cohort, the year of a firm's relief"))
        return found
    outcomes = {"rating": (panel.outcome, panel.rated), "constraint": (panel.treatment, panel.exists)}
    units = {"rating": "grades", "constraint": sample.measure}
    frames = []
    for name, (values, seen) in outcomes.items():
        try:
            study = event_study(values, seen & np.isfinite(values), panel.cohort, HORIZON)
        except ValueError as error:
            found.left_out.append((f"event study of {name}", str(error)))
            continue
        frames.append(coefficients(study, list(HORIZON)).assign(outcome=name))
        later = [k for k, since in enumerate(HORIZON) if since >= 1 and np.isfinite(study.std_error[0, k])]
        if later:
            after = average_effect(study, np.array(later))
            found.add(f"event_{name}", after, units[name], measure="event study", outcome=name)
        p = float(study.diagnostics["pre_trend_p"][0])
        found.test(f"Event study of {name}, leads p", p, "small: reached firms moved apart before")
    if frames:
        found.series["event_study"] = pd.concat(frames)
        reached = shifted(relaxed(panel.cohort, panel.outcome.shape[2]), 1)[..., None]
        did = least_squares(panel.outcome, reached, panel.rated)
        found.add("did_two_way", did, "grades", measure="two-way effects of the policy", outcome="rating")
    return found
