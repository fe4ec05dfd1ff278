"""Does it matter who rates, and on which scale? Ranks, grades, another rater, ratings as regressors."""

import numpy as np
import pandas as pd

from dti_core.studies.esg_constraint.data.sample import Sample
from dti_core.studies.esg_constraint.measures.findings import CANNOT, Findings, reason
from dti_core.studies.esg_constraint.model.instruments import two_stage
from dti_core.studies.esg_constraint.model.panel import Panel
from dti_core.studies.esg_constraint.model.regression import least_squares
from dti_core.studies.esg_constraint.model.selection import ordered_logit, year_rank

#: An ordered logit takes minutes beyond this many firm-years; the ranks say the same.
MAX_ORDERED_LOGIT = 30_000
#: A rating of more levels is a score, not a grade: an ordered logit would fit a threshold for each.
MAX_GRADES = 15


def study_raters(sample: Sample) -> Findings:
    """Another rater, ranks, an ordered logit; the second rater as instrument where ratings are regressors."""
    found, panel = Findings(), sample.panel
    x, rating, second = panel.regressors(), panel.outcome, panel.second_rating
    ranks = least_squares(year_rank(rating, panel.rated), x, panel.rated)
    unit = sample.unit.replace("grades", "share of ranks")
    found.add("effect_rank", ranks, unit, measure="effect of outcome", outcome="rank")
    _ordered_logit(panel, found)
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


def _ordered_logit(panel: Panel, found: Findings) -> None:
    """Ordered logit with firm means of the regressors (Mundlak's device) and year dummies."""
    x = panel.regressors()
    known = panel.rated & np.isfinite(x).all(axis=3)
    if known.sum() > MAX_ORDERED_LOGIT:
        found.left_out.append(("ordered logit", f"more than {MAX_ORDERED_LOGIT:,} firm-years; see the ranks"))
        return
    firm, year = np.nonzero(known[0])
    if (levels := len(np.unique(panel.outcome[0, firm, year]))) > MAX_GRADES:
        why = f"the rating has {levels} levels, more than {MAX_GRADES} grades; see the ranks"
        found.left_out.append(("ordered logit", why))
        return
    rows = pd.DataFrame(x[0, firm, year])
    means = rows.groupby(firm).transform("mean")
    dummies = pd.get_dummies(year, drop_first=True, dtype=float)
    design = np.column_stack([rows, means, dummies])
    design = design[:, design.std(axis=0) > 0]
    try:
        fit = ordered_logit(panel.outcome[0, firm, year], design, firm.astype(np.int64))
    except CANNOT as error:
        found.left_out.append(("ordered logit", reason(error)))
        return
    unit = "log odds a unit of constraint"
    found.add("effect_ordered_logit", fit, unit, measure="effect of outcome", outcome="grade")
