"""Forecasts as expected returns, so that any optimiser of skfolio can take them.

`MeanRisk(prior_estimator=EmpiricalPrior(mu_estimator=LstmMu(...)))` trains inside `fit`;
`EmpiricalPrior(mu_estimator=GivenMu(forecast))` takes a forecast made before.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skfolio.moments import BaseMu
from sklearn.utils.validation import validate_data

from dti_core.bridges.forecaster import (
    LstmEnsemble,
    LstmSettings,
    forecast_fold,
    target_windows,
    walk_forward_folds,
)

Array = NDArray[np.float64]


class GivenMu(BaseMu):
    """Expected returns that someone has forecast already.

    Parameters
    ----------
    mu : (n_assets,) simple returns per period of the returns X; divide a forecast over a horizon by its days.
    """

    def __init__(self, mu: Array | Sequence[float]) -> None:
        self.mu = mu

    def fit(self, X: Any, y: None = None) -> "GivenMu":
        """Set `mu_`. X (n_observations, n_assets) is only asked for its number of assets.

        Raises ValueError for a forecast of another length or with values not finite.
        """
        n_assets = validate_data(self, X).shape[1]
        self.mu_ = _checked_mu(np.asarray(self.mu, dtype=np.float64), n_assets)
        return self


class LstmMu(BaseMu):
    """Expected returns by the pooled LSTM, forecast at the last row of X from X alone.

    Parameters
    ----------
    settings : size and training of the network; None for the defaults.
    validation_days : later slice of X kept for early stopping.
    seeds : one network each; their forecasts are averaged.
    ensemble : networks trained before on earlier days; then `fit` only forecasts.

    Attributes
    ----------
    mu_ : (n_assets,) simple returns per row of X.
    forecasts_ : (n_seeds, n_assets) log returns over the horizon.
    """

    def __init__(
        self,
        settings: LstmSettings | None = None,
        validation_days: int = 252,
        seeds: Sequence[int] = (0, 1, 2),
        ensemble: LstmEnsemble | None = None,
    ) -> None:
        self.settings = settings
        self.validation_days = validation_days
        self.seeds = seeds
        self.ensemble = ensemble

    def fit(self, X: Any, y: None = None) -> "LstmMu":
        """Forecast after the last row of X: simple returns (n_observations, n_assets) in time order.

        Raises ValueError for holes in X, returns of -100 % or less, or too few rows.
        """
        simple = validate_data(self, X, dtype=np.float64)
        if (simple <= -1.0).any():
            raise ValueError("X holds a return of -100 % or less; give simple returns, such as 0.01 for 1 %")
        settings, returns = self.settings or LstmSettings(), np.log1p(simple)
        if self.ensemble is None:
            self.forecasts_ = self._train_and_forecast(returns, settings)
        else:
            windows = target_windows(returns, [len(returns) - 1], self.ensemble.settings)
            self.forecasts_ = windows.unscale(self.ensemble.predict(windows.values))[:, 0]
            settings = self.ensemble.settings
        daily: NDArray[np.float64] = np.expm1(self.forecasts_.mean(axis=0) / settings.horizon_days)
        self.mu_ = _checked_mu(daily, returns.shape[1])
        return self

    def _train_and_forecast(self, returns: Array, settings: LstmSettings) -> Array:
        (fold,) = walk_forward_folds(
            [len(returns) - 1],
            refit_every=1,
            horizon_days=settings.horizon_days,
            window_days=settings.window_days,
            validation_days=self.validation_days,
        )
        forecasts: Array = forecast_fold(returns, fold, settings, self.seeds)[:, 0]
        return forecasts


def _checked_mu(mu: Array, n_assets: int) -> Array:
    if mu.shape != (n_assets,):
        raise ValueError(f"mu has shape {mu.shape}; X has {n_assets} assets, so it must be ({n_assets},)")
    if not np.isfinite(mu).all():
        raise ValueError("mu must be finite: an asset without a forecast must not enter the optimiser")
    return mu
