"""vuln_priority: an answer from outside the code, and what must hold whatever the numbers are."""

import numpy as np
import pytest
from scipy import stats

from dti_core.studies.vuln_priority.methods import METHODS
from dti_core.studies.vuln_priority.model import draw_sample
from dti_core.studies.vuln_priority.worlds import WORLDS


def test_the_mean_has_students_interval():
    """scipy's t interval of the same sample is the referee."""
    sample = draw_sample(WORLDS["observed"].settings, 50, np.random.default_rng(7))
    found = METHODS["mean"].run(sample, np.random.default_rng(1))
    referee = stats.ttest_1samp(sample, 0.0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((referee.low, referee.high), rel=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_moving_the_sample_moves_the_interval(method):
    sample = draw_sample(WORLDS["effect"].settings, 50, np.random.default_rng(7))
    here, there = (METHODS[method].run(sample + shift, np.random.default_rng(1)) for shift in (0.0, 5.0))
    assert (there.low, there.high) == pytest.approx((here.low + 5, here.high + 5))
