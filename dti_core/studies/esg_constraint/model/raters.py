"""Raters: noisy, persistent, graded on nine steps, and not interested in every firm."""

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from dti_core.studies.esg_constraint.model.firms import Array

if TYPE_CHECKING:
    from dti_core.studies.esg_constraint.model.noise import Noise
    from dti_core.studies.esg_constraint.model.world import WorldSettings

#: Grades run from 1 (worst) to 9; one sd of a score is this many grades around the middle.
N_GRADES, GRADE_SD = 9, 1.6
#: Latent coverage above which a firm is rated: about three quarters of the firm-years.
RATED_THRESHOLD = -0.35
SIZE_IN_COVERAGE, MEMBER_IN_COVERAGE = 0.6, 1.0


def score(esg: Array, error: Array, rater_noise: float) -> Array:
    """A rater's score in its own sd: latent ESG and error have unit variance, error is weighted."""
    return (esg + rater_noise * error) / math.sqrt(1.0 + rater_noise**2)


def grade(esg: Array, error: Array, rater_noise: float) -> Array:
    """Grades 1..9: the score on equal steps, cut at both ends."""
    middle = (N_GRADES + 1) / 2
    return np.clip(np.rint(middle + GRADE_SD * score(esg, error, rater_noise)), 1, N_GRADES)


def grade_slope() -> float:
    """Mean number of grades that one sd of score moves, cut ends counted; for a standard normal score.

    The mean derivative of the expected grade is the sum of the normal density at the steps between grades.
    """
    steps = (np.arange(1, N_GRADES) + 0.5 - (N_GRADES + 1) / 2) / GRADE_SD
    return float(stats.norm.pdf(steps).sum())


def is_rated(
    settings: "WorldSettings", noise: "Noise", size: Array, member: NDArray[np.bool_], news: Array
) -> NDArray[np.bool_]:
    """(n_draws, n_firms, n_years) whether raters cover a firm: size, index membership, luck and `news`.

    `news` is 0 where coverage is ignorable; else it is made of the outcome and the regressor, so that the
    rated firms are a selected sample.
    """
    luck = 0.8 * noise.fixed["coverage"][..., None] + 0.6 * noise.yearly["coverage"]
    latent = luck + SIZE_IN_COVERAGE * size + MEMBER_IN_COVERAGE * member + news
    return (latent > RATED_THRESHOLD) & (settings.years >= settings.first_rating_year)
