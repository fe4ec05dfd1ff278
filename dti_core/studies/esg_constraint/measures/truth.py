"""What is true in the simulated panel: one effect, told on each scale on which the chapter speaks of it."""

import numpy as np
import pandas as pd

from dti_core.studies.esg_constraint.data.sample import Sample
from dti_core.studies.esg_constraint.measures.coverage import STANDARD, standard_unit
from dti_core.studies.esg_constraint.measures.findings import Findings, exact
from dti_core.studies.esg_constraint.worlds.raters import Truth


def study_truth(of: Truth, sample: Sample) -> Findings:
    """The true effect and reverse effect of the panel, where its own constraint is the measure.

    The table `truth` has a row a scale; each is the row above times one number.
    """
    unit = float(standard_unit(sample.panel)[0])
    standard = of.grades * unit
    per_grade = of.reverse * of.esg_sd / of.grades if of.grades else 0.0
    rows = {
        "true_effect": (of.grades, sample.unit),
        "true_reverse_effect": (per_grade, sample.turned),
        "true_rating_effect": (standard, STANDARD),
    }
    n = int(sample.panel.rated.sum())
    found = Findings([
        exact(name, value, unit, n, "set in the simulator", measure="truth", of=name)
        for name, (value, unit) in rows.items()
    ])  # fmt: skip
    found.series["truth"] = conversion(of, standard, unit)
    return found


def conversion(of: Truth, standard: float, unit: float) -> pd.DataFrame:
    """A row a scale: the effect on it, the factor that made it of the row above, and what the factor is."""
    rows = [
        ("sd of latent ESG", of.esg_sd, np.nan, "set in the simulator, a unit of last year's constraint"),
        ("sd of a rater's score", of.rating_sd, of.noise_share, "sd of ESG over sd of a score with noise"),
        ("grades", of.grades, of.slope, "grades that a sd of score moves, cut ends counted"),
        (STANDARD, standard, unit,
         "sd of the constraint that firm and year effects leave, over the sd of this panel's rating"),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["scale", "effect", "factor", "the factor is"])
