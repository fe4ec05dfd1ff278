"""Long-only portfolios against skfolio's, an independent solver of the same problems."""

import numpy as np
import pytest
from skfolio import RiskMeasure
from skfolio.optimization import MeanRisk, ObjectiveFunction

from dti_core.studies.lstm_portfolio.data import load_months
from dti_core.studies.lstm_portfolio.model.frontier import best_ratio


def windows() -> list[np.ndarray]:
    months = load_months("industries_12").excess.to_numpy()
    rng = np.random.default_rng(0)
    simulated = rng.normal(0, 0.01, (300, 25)) * rng.uniform(0.5, 2, 25) + rng.normal(0, 0.01, (300, 1))
    return [months[:120], months[400:520], simulated]


@pytest.mark.parametrize("window", windows(), ids=["1949", "1982", "simulated"])
def test_portfolios_equal_those_of_skfolio(window: np.ndarray) -> None:
    tight = {"solver_params": {"tol_gap_abs": 1e-12, "tol_gap_rel": 1e-12, "tol_feas": 1e-12}}
    n = window.shape[1]
    least = MeanRisk(**tight).fit(window).weights_
    assert best_ratio(window, np.ones(n)) == pytest.approx(least, abs=1e-4)
    promised = np.random.default_rng(1).normal(0.0005, 0.001, n)
    best = MeanRisk(
        objective_function=ObjectiveFunction.MAXIMIZE_RATIO, risk_measure=RiskMeasure.STANDARD_DEVIATION,
        overwrite_expected_return=lambda weights: promised @ weights, **tight,
    ).fit(window).weights_  # fmt: skip
    ours = best_ratio(window, promised)
    ratio = [promised @ w / np.sqrt(w @ np.cov(window.T) @ w) for w in (ours, best)]
    assert ratio[0] >= ratio[1] * (1 - 1e-7)
    assert ours == pytest.approx(best, abs=1e-3)


def test_more_assets_than_days_have_an_answer() -> None:
    window = np.random.default_rng(2).normal(0, 0.01, (60, 90))
    weights = best_ratio(window, np.ones(90))
    assert weights.sum() == pytest.approx(1)
    assert weights.min() >= 0
    with pytest.raises(ValueError, match="one above 0"):
        best_ratio(window, np.zeros(90))
