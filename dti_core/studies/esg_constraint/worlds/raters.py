"""Raters: noisy, persistent, graded on nine steps, and not interested in every firm."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from dti_core.studies.esg_constraint.model.arrays import Array, Mask
from dti_core.studies.esg_constraint.worlds.noise import Noise
from dti_core.studies.esg_constraint.worlds.settings import WorldSettings

#: Grades run from 1 (worst) to 9; one sd of a score is this many grades around the middle.
N_GRADES, GRADE_SD = 9, 1.6
#: Latent coverage above which a firm is rated: about three quarters of the firm-years.
RATED_THRESHOLD = -0.35
SIZE_IN_COVERAGE, MEMBER_IN_COVERAGE = 0.6, 1.0


@dataclass(frozen=True, slots=True)
class Truth:
    """The coefficient that estimators aim at, for a within-firm sd of lagged constraint, by unit of outcome.

    esg_sd : on latent ESG in its sd. rating_sd : on a rater's score in its sd (smaller by the rater's noise).
    grades : on the printed grade 1..9 (rating_sd times the mean slope of the grading).
    reverse : of constraint in its within-firm sd on latent ESG of the same year in its sd.
    noise_share, slope : what makes the second number of the first, and the third of the second.
    """

    esg_sd: float
    reverse: float
    noise_share: float
    slope: float

    @property
    def rating_sd(self) -> float:
        """On a rater's score."""
        return self.esg_sd * self.noise_share

    @property
    def grades(self) -> float:
        """On the printed grade."""
        return self.rating_sd * self.slope


def truth(settings: WorldSettings) -> Truth:
    """What is true in a world for small firms, and for all where nothing else is said; for both raters."""
    noise_share = 1 / math.sqrt(1.0 + settings.rater_noise**2)
    return Truth(settings.effect, settings.reverse_effect, noise_share, grade_slope())


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


def leaning(error: Array, size: Array, size_bias: float) -> Array:
    """A rater's error that moves with the firm's size of the year, again of about unit variance."""
    return (error + size_bias * size) / math.sqrt(1.0 + size_bias**2) if size_bias else error


def is_rated(
    settings: WorldSettings, noise: Noise, size: Array, rank: Array, member: Mask, news: Array
) -> Mask:
    """(n_draws, n_firms, n_years) whether raters cover a firm: size, index membership, luck and `news`.

    `news` is 0 where coverage is ignorable; else it is made of the outcome and the regressor, so that the
    rated firms are a selected sample. `rank` : (n_draws, n_firms) of size, which decides when raters start.
    """
    luck = 0.8 * noise.fixed["coverage"][..., None] + 0.6 * noise.yearly["coverage"]
    latent = luck + SIZE_IN_COVERAGE * size + MEMBER_IN_COVERAGE * member + news
    starts = np.array(settings.coverage_starts or (settings.first_rating_year,))
    wave = (len(starts) * (1.0 - np.nan_to_num(rank))).astype(np.int64).clip(0, len(starts) - 1)
    return (latent > RATED_THRESHOLD) & (settings.years >= starts[wave][..., None])
