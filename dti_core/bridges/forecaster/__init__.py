"""A forecaster of daily series pooled over assets: walk-forward folds, scaled windows and a small LSTM.

It forecasts the log return or the log volatility over the days ahead, for several seeds at once, from the
past of each series alone. Folds and windows are made so that no forecaster can look ahead through them.

Assumes: daily log returns, NaN where a series is not known, of which nothing is learned; rows up to and
including a decision day are known when deciding; the embargo between learning and forecasting is at least the
horizon.

Source: Hochreiter, Schmidhuber (1997) and Gers, Schmidhuber, Cummins (2000) for the network, Kingma, Ba
(2015) for its training, Lopez de Prado (2018), chapter 7, for the embargo.
"""

from dti_core.bridges.forecaster.lstm import (
    LstmEnsemble,
    fit_lstm,
    forecast_fold,
    target_windows,
    training_samples,
)
from dti_core.bridges.forecaster.sequences import (
    SCALE_FLOOR,
    Fold,
    complete_rows,
    future_returns,
    return_windows,
    trailing_volatility,
    walk_forward_folds,
)
from dti_core.bridges.forecaster.settings import LstmSettings

__all__ = [
    "SCALE_FLOOR", "Fold", "LstmEnsemble", "LstmSettings", "complete_rows", "fit_lstm", "forecast_fold",
    "future_returns", "return_windows", "target_windows", "trailing_volatility", "training_samples",
    "walk_forward_folds",
]  # fmt: skip
