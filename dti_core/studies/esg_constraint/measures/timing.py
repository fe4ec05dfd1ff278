"""When does it happen? Coming and past constraints, and the years around a policy shock."""

from typing import cast

import numpy as np
import pandas as pd

from dti_core.studies.esg_constraint.data.sample import Sample
from dti_core.studies.esg_constraint.measures.findings import Findings, coefficients, reason
from dti_core.studies.esg_constraint.model.arrays import Integers
from dti_core.studies.esg_constraint.model.regression import least_squares, shifted
from dti_core.studies.esg_constraint.model.sensitivity import leads_and_lags
from dti_core.studies.esg_constraint.model.shock import average_effect, event_study, relaxed

LEADS, LAGS = 2, 3
HORIZON = range(-4, 6)
#: Years that must remain once leads and lags are taken off both ends, so that firm effects leave something.
MIN_YEARS_LEFT = 2


def study_timing(sample: Sample) -> Findings:
    """Leads and lags of the constraint, and years around the policy shock; both as far as the years reach."""
    found = Findings()
    found.attempt("leads and lags", lambda: _leads_lags(sample, found))
    if sample.panel.cohort is None:
        why = "needs the column cohort, the year of a firm's relief, inside the years of the panel"
        found.left_out.append(("event study", why))
    else:
        found.attempt("event study", lambda: _event_study(sample, found))
    return found


def window(n_years: int) -> tuple[int, int]:
    """Leads and lags that a panel of so many years allows, LEADS and LAGS at most."""
    spare = max(0, n_years - MIN_YEARS_LEFT)
    n_lags = min(LAGS, max(1, (spare + 1) // 2))
    return min(LEADS, max(0, spare - n_lags)), n_lags


def _leads_lags(sample: Sample, found: Findings) -> None:
    panel = sample.panel
    seen = np.flatnonzero((panel.exists & np.isfinite(panel.treatment)).any(axis=(0, 1)))
    n_leads, n_lags = window(int(seen.max() - seen.min()) + 1 if len(seen) else 0)
    if not n_leads:
        found.left_out.append(("leads of the constraint", "the panel is too short for a year to come"))
        return
    if (n_leads, n_lags) != (LEADS, LAGS):
        why = f"{n_leads} instead of {LEADS} and {n_lags} instead of {LAGS}: the panel is short"
        found.left_out.append(("further leads and lags", why))
    controls = panel.regressors()[..., 1:]
    fit = leads_and_lags(panel.outcome, panel.treatment, controls, panel.rated, n_leads, n_lags)
    found.series["leads_lags"] = coefficients(fit, [-k for k in range(-n_leads, n_lags + 1)])
    found.add("lead_effect", fit, sample.unit, n_leads - 1, measure="effect by year", years=1.0)
    found.test("Leads, p", float(fit.diagnostics["leads_p"][0]), "small: the rating moves later constraints")


def _event_study(sample: Sample, found: Findings) -> None:
    """Rating and constraint around the policy, in as many years as the panel has on either side."""
    panel = sample.panel
    outcomes = {"rating": (panel.outcome, panel.rated), "constraint": (panel.treatment, panel.exists)}
    units = {"rating": "grades", "constraint": sample.measure}
    frames, cohort = [], cast(Integers, panel.cohort)
    for name, (values, seen) in outcomes.items():
        try:
            study = event_study(values, seen & np.isfinite(values), cohort, HORIZON)
        except ValueError as error:
            found.left_out.append((f"event study of {name}", reason(error)))
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
        reached = shifted(relaxed(cohort, panel.outcome.shape[2]), 1)[..., None]
        did = least_squares(panel.outcome, reached, panel.rated)
        found.add("did_two_way", did, "grades", measure="two-way effects of the policy", outcome="rating")
