"""Does it matter who rates, and on which scale? Ranks, another rater, ratings as regressors."""

import numpy as np

from dti_core.studies.esg_constraint.data.sample import Sample
from dti_core.studies.esg_constraint.measures.findings import Findings
from dti_core.studies.esg_constraint.model.instruments import two_stage
from dti_core.studies.esg_constraint.model.regression import least_squares
from dti_core.studies.esg_constraint.model.selection import year_rank


def study_raters(sample: Sample) -> Findings:
    """Another rater, ranks; the second rater as instrument where ratings are regressors."""
    found, panel = Findings(), sample.panel
    x, rating, second = panel.regressors(), panel.outcome, panel.second_rating
    ranks = least_squares(year_rank(rating, panel.rated), x, panel.rated)
    unit = sample.unit.replace("grades", "share of ranks")
    found.add("effect_rank", ranks, unit, measure="effect of outcome", outcome="rank")
    if second is None:
        found.left_out.append(("raters compared", "the panel has no rating_b"))
        return found
    both = panel.rated & np.isfinite(second)
    if not both.any():
        found.left_out.append(("raters compared", "no firm-year has both ratings"))
        return found
    for name, outcome in {"rater_b": second, "rater_a_minus_b": rating - second}.items():
        fit = least_squares(outcome, x, both)
        found.add(f"effect_{name}", fit, sample.unit, measure="effect of outcome", outcome=name)
    controls = x[..., 1:]
    turned = {
        "least_squares": least_squares(
            panel.treatment, np.concatenate([rating[..., None], controls], axis=3), both
        ),
        "second_rater": two_stage(panel.treatment, rating, controls, second[..., None], both),
    }
    for name, fit in turned.items():
        found.add(f"reverse_{name}", fit, sample.turned, measure="reverse effect", by=name)
    return found
