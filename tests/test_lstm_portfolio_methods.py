"""Methods of lstm_portfolio: forecasts as expected returns of skfolio, and registries that carry them."""

import pickle

import numpy as np
import pytest
from skfolio.optimization import MeanRisk, ObjectiveFunction
from skfolio.prior import EmpiricalPrior

from dti_core.bridges.forecaster.lstm import (
    LstmSettings,
    fit_lstm,
    target_values,
    target_windows,
    training_samples,
)
from dti_core.bridges.forecaster.sequences import walk_forward_folds
from dti_core.studies.lstm_portfolio.methods.expected_returns import GivenMu, LstmMu
from tests.test_bridges_forecaster import FOLD_LENGTHS, TINY, momentum_returns, random_returns


def test_a_given_forecast_decides_the_optimiser_s_weights():
    """With equal risks and one asset forecast far above the rest, max-Sharpe holds mostly that asset."""
    returns = random_returns(400, 4)
    prior = EmpiricalPrior(mu_estimator=GivenMu(np.array([1e-5, 1e-5, 1e-3, 1e-5])))
    model = MeanRisk(objective_function=ObjectiveFunction.MAXIMIZE_RATIO, prior_estimator=prior).fit(returns)
    assert model.weights_[2] > 0.9
    assert model.weights_.sum() == pytest.approx(1.0)
    with pytest.raises(ValueError, match="X has 4 assets"):
        GivenMu(np.zeros(3)).fit(returns)
    with pytest.raises(ValueError, match="finite"):
        GivenMu(np.array([0.0, 0.0, np.nan, 0.0])).fit(returns)


def test_the_network_serves_as_expected_returns_of_any_optimiser():
    """The planted momentum: the asset that rose on the last day of X is forecast above the one that fell."""
    plan = LstmSettings(
        hidden=8, window_days=10, horizon_days=1, n_steps=120, batch=128, learning_rate=0.01, device="cpu"
    )
    X = np.expm1(momentum_returns(700, 4))
    X[-1] = [0.03, -0.03, 0.001, 0.001]
    mu = LstmMu(plan, validation_days=100, seeds=(0,))
    prior = EmpiricalPrior(mu_estimator=mu)
    model = MeanRisk(objective_function=ObjectiveFunction.MAXIMIZE_RATIO, prior_estimator=prior).fit(X)
    fitted = mu.fit(X)
    assert fitted.mu_[0] > 0 > fitted.mu_[1]
    assert model.weights_[0] > 0.5
    assert model.weights_[1] < 1e-3
    np.testing.assert_allclose(model.prior_estimator_.mu_estimator_.mu_, fitted.mu_)


def test_networks_trained_before_only_forecast_and_agree_with_the_fold():
    returns = random_returns()
    (fold,) = walk_forward_folds([89], refit_every=1, **FOLD_LENGTHS)
    x, y = training_samples(returns, fold.train, TINY)
    held_days = fold.validation[::-5][::-1]
    held = target_windows(returns, held_days, TINY)
    ensemble = fit_lstm(
        x, y, held.values, held.standardise(target_values(returns, held_days, TINY)), TINY, [3]
    )
    ready = LstmMu(ensemble=pickle.loads(pickle.dumps(ensemble))).fit(np.expm1(returns))
    trained = LstmMu(TINY, validation_days=12, seeds=[3]).fit(np.expm1(returns))
    np.testing.assert_allclose(ready.forecasts_, trained.forecasts_, rtol=1e-6)
    np.testing.assert_allclose(ready.mu_, np.expm1(ready.forecasts_[0] / 3))
    with pytest.raises(ValueError, match="-100 %"):
        LstmMu(TINY).fit(np.full((90, 2), -1.0))
