"""A policy that reaches firms in different years: what it did to ratings, and how far trends may part."""

import numpy as np
import pandas as pd

from dti_core.studies.esg_constraint.data.sample import Sample
from dti_core.studies.esg_constraint.measures.findings import CANNOT, Findings, coefficients, reason
from dti_core.studies.esg_constraint.model.fit import Fit
from dti_core.studies.esg_constraint.model.staggered import (
    GRID,
    aggregated,
    breakdown,
    by_years_since,
    group_time_effects,
    honest_interval,
    joint_quantile,
)

#: Ratings react a year after relief, so that the year of the shock is no effect yet.
FIRST_EFFECT, EARLIEST, LATEST = 1, -4, 5
#: Steps of unequal trends, in the largest before the shock, that the table shows.
RELATIVE = (0.0, 0.25, 0.5, 1.0, 2.0)
_LEFT_OUT = "staggered difference-in-differences"


def study_staggered(sample: Sample, n_resamples: int, rng: np.random.Generator) -> Findings:
    """Effects of relief by cohort and year, by years since, overall; joint bands; honest bounds."""
    found, panel = Findings(), sample.panel
    if panel.cohort is None:
        found.left_out.append((_LEFT_OUT, "needs the column cohort, the year of a firm's relief"))
        return found
    try:
        cells = group_time_effects(panel.outcome[0], panel.rated[0], panel.cohort[0])
    except CANNOT as error:
        found.left_out.append((_LEFT_OUT, reason(error)))
        return found
    years, low_high = sample.laid.years, cells.fit.interval()
    found.series["group_time"] = pd.DataFrame({
        "cohort": years[cells.cohort], "year": years[cells.year], "effect": cells.effect,
        "low": low_high[0][0], "high": low_high[1][0], "firms reached": cells.members.sum(axis=0),
    })  # fmt: skip
    since, study, influence = by_years_since(cells, EARLIEST, LATEST)
    wide = joint_quantile(influence, rng, n_resamples) * study.std_error[0]
    events = coefficients(study, since)
    found.series["staggered"] = events.assign(joint_low=study.coef[0] - wide, joint_high=study.coef[0] + wide)
    later = cells.since >= FIRST_EFFECT
    if not later.any():
        found.left_out.append((_LEFT_OUT, "no rating later than the year of a shock"))
        return found
    overall, _ = aggregated(cells, [later])
    found.add("att_overall", overall, "grades", measure="group-time effects", outcome="rating")
    _bounds(study, since, found)
    return found


def _bounds(study: Fit, since: list[int], found: Findings) -> None:
    """The first and the mean effect after the shock, if trends part as before it, or a multiple of that."""
    after = [k for k in since if k >= FIRST_EFFECT]
    frame = pd.DataFrame({"relative": RELATIVE})
    for name, years in {"first year": after[:1], "mean over years": after}.items():
        try:
            ends = [honest_interval(study, since, years, relative) for relative in RELATIVE]
        except CANNOT as error:
            found.left_out.append(("honest bounds of the policy's effect", reason(error)))
            return
        frame[name] = float(study.coef[0, [since.index(k) for k in years]].mean())
        frame[[f"{name}_low", f"{name}_high"]] = ends
        reads = f"steps between trends, in the largest before, that the sign survives; sought to {GRID[-1]:g}"
        found.test(f"Policy, breakdown of parallel trends, {name}", breakdown(study, since, years), reads)
    found.series["honest"] = frame
