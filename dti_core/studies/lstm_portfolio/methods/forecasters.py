"""Forecasters of each asset's log return over the horizon: the LSTM, rivals, controls, and nulls.

All see the rows that the LSTM sees, learn from the same folds and forecast the same target.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from dti_core.bridges.forecaster import (
    Fold,
    LstmSettings,
    complete_rows,
    forecast_fold,
    future_returns,
    return_windows,
)
from dti_core.lab.methods import Method
from dti_core.studies.lstm_portfolio.model import Array, Days, forecasting

RIDGE_PENALTIES = (1e2, 1e3, 1e4, 1e5, 1e6)


@dataclass(frozen=True, slots=True)
class Task:
    """What a method may read in one fold of one world.

    log_returns : (n_rows, n_series) up to the fold's last decision, NaN where a share is not listed.
    network : size of the LSTM, and window and horizon of all. seeds : random numbers of this task alone.
    favourite, future : (n_decisions, n_assets) forecasts of the favourite, log returns until the next
        decision; only for a control that needs them.
    """

    log_returns: Array
    fold: Fold
    lookback_days: int
    network: LstmSettings
    seeds: np.random.SeedSequence
    favourite: Array | None = None
    future: Array | None = None

    @property
    def days(self) -> Days:
        """(n_decisions,) rows at which forecasts are made."""
        return np.asarray(self.fold.decisions, dtype=np.int64)

    @property
    def horizon_days(self) -> int:
        """Days ahead that are forecast."""
        return self.network.horizon_days


Forecaster = Callable[[Task], Array]


class Regressor(Protocol):
    """What a regressor of scikit-learn has: it learns from (n, n_inputs) and (n,), and predicts (n,)."""

    def fit(self, X: Array, y: Array, **more: Array) -> "Regressor":
        """Learn."""

    def predict(self, X: Array) -> Array:
        """Forecast."""


def lstm(task: Task) -> Array:
    """The pooled network, (n_networks, n_decisions, n_assets); the mean over networks is the forecast."""
    return forecast_fold(task.log_returns, task.fold, task.network, task.seeds)


def historical_mean(task: Task) -> Array:
    """Mean log return of the lookback, times the horizon."""
    total = forecasting.past_return(task.log_returns, task.days, task.lookback_days)
    return total / task.lookback_days * task.horizon_days


def ar1(task: Task) -> Array:
    """Each asset's return over the horizon regressed on that over the last horizon, by least squares."""
    horizon = task.horizon_days
    rows = np.concatenate([np.asarray(task.fold.train), np.asarray(task.fold.validation)])
    rows = rows[rows >= horizon]
    past = forecasting.past_return(task.log_returns, rows, horizon)
    ahead = future_returns(np.nan_to_num(task.log_returns), rows.tolist(), horizon)
    known = complete_rows(task.log_returns, rows, horizon, horizon)
    n = np.maximum(known.sum(axis=0), 1)
    mean, mean_ahead = (np.where(known, table, 0.0).sum(axis=0) / n for table in (past, ahead))
    centred = np.where(known, past - mean, 0.0)
    slope = (centred * ahead).sum(axis=0) / np.maximum((centred**2).sum(axis=0), 1e-12)
    now = forecasting.past_return(task.log_returns, task.days, horizon)
    return mean_ahead + slope * (now - mean)


def ridge(task: Task) -> Array:
    """Ridge regression on the LSTM's own inputs, pooled over assets; penalty from the validation slice."""
    from sklearn.linear_model import Ridge

    return by_sklearn(*map(Ridge, RIDGE_PENALTIES))(task)


def boosting(task: Task) -> Array:
    """Gradient-boosted trees on summaries of the LSTM's window, stopped early on the validation slice."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    model = HistGradientBoostingRegressor(
        max_iter=100, learning_rate=0.05, max_leaf_nodes=8, min_samples_leaf=200, l2_regularization=1.0,
        early_stopping=True, n_iter_no_change=5, random_state=0,
    )  # fmt: skip
    return by_sklearn(model, reads=forecasting.summaries, validated=True)(task)


def constant_sharpe(task: Task) -> Array:
    """Return in proportion to risk: volatility times one Sharpe ratio for all assets."""
    lengths = task.network.window_days, task.horizon_days
    return forecasting.constant_sharpe(task.log_returns, task.days, *lengths)


def shuffled(task: Task) -> Array:
    """The favourite's forecasts, dealt to the wrong assets."""
    return forecasting.shuffle_across_assets(_given(task.favourite), np.random.default_rng(task.seeds))


def foresight(task: Task) -> Array:
    """The forecast whose expected simple return is the one that comes until the next decision."""
    lengths = task.lookback_days, task.horizon_days
    return _given(task.future) - forecasting.convexity(task.log_returns, task.days, *lengths)


def zero(task: Task) -> Array:
    """No return at all."""
    return np.zeros((len(task.days), task.log_returns.shape[1]))


def pooled_mean(task: Task) -> Array:
    """The mean return of all assets so far."""
    return forecasting.pooled_mean(task.log_returns, task.days, task.horizon_days)


#: The forecaster that the claims speak of.
FAVOURITE = "lstm"
#: Each gives (n_decisions, n_assets), or (n_networks, n_decisions, n_assets) where it draws random numbers.
METHODS: dict[str, Method[Forecaster]] = {
    FAVOURITE: Method("LSTM", lstm, ("all assets follow one rule once scaled by their volatility",)),
    "historical_mean": Method("past mean", historical_mean, ("means last",)),
    "ar1": Method("AR(1)", ar1, ("each asset's months follow one another linearly",)),
    "ridge": Method("ridge", ridge, ("linearity",)),
    "boosting": Method("boosting", boosting, ("sums and spreads of the window say all",)),
    "constant_sharpe": Method("risk x constant", constant_sharpe, ("risk is paid",), counts_as_trial=False),
    "shuffled": Method("LSTM, shuffled", shuffled, needs=("favourite",), counts_as_trial=False),
    "foresight": Method("foresight", foresight, needs=("future",), counts_as_trial=False),
}
#: What must be beaten to call a forecast skilled, from the easiest null to the hardest.
NULLS: dict[str, Method[Forecaster]] = {
    "zero": Method("zero", zero, counts_as_trial=False),
    "pooled_mean": Method("pooled mean", pooled_mean, counts_as_trial=False),
    "constant_sharpe": Method("constant Sharpe x volatility", constant_sharpe, counts_as_trial=False),
}


@dataclass(frozen=True, slots=True)
class BySklearn:
    """Regressors of scikit-learn as a forecaster; `by_sklearn` makes it."""

    candidates: tuple[Regressor, ...]
    reads: Callable[[Array], Array] | None
    validated: bool

    def __call__(self, task: Task) -> Array:
        """(n_decisions, n_assets) forecasts of the candidate with the least loss on the validation slice."""
        read = self.reads or np.asarray
        (inputs, outcomes), (held, held_outcomes) = _samples(task)
        more = {"X_val": read(held), "y_val": held_outcomes} if self.validated else {}
        models = [_seeded(one, task).fit(read(inputs), outcomes, **more) for one in self.candidates]
        losses = [float(np.mean((held_outcomes - model.predict(read(held))) ** 2)) for model in models]
        best = models[int(np.argmin(losses))]
        return _predict(task, lambda windows: best.predict(read(windows)))


def by_sklearn(
    *candidates: Regressor, reads: Callable[[Array], Array] | None = None, validated: bool = False
) -> BySklearn:
    """Any regressor of scikit-learn as a forecaster, for one entry in METHODS.

    It learns from the windows that the LSTM sees, pooled over assets and in units of their risk, in the same
    folds, and forecasts the same return: `"lasso": Method("lasso", by_sklearn(LassoCV()), ("linearity",))`.

    Parameters
    ----------
    candidates : fitted as copies; of several the one with the least squared error on the validation slice is
        used. One without a `random_state` of its own gets one from the run.
    reads : what it is given of (n, window_days) scaled returns, a row each; all of them if None.
    validated : whether its `fit` takes the validation slice, as X_val and y_val.

    Assumes: no look-ahead, as no window that is learned from reaches over the embargo before a decision.
    """
    return BySklearn(candidates, reads, validated)


def _seeded(candidate: Regressor, task: Task) -> Regressor:
    """An unfitted copy whose random numbers are those of the task."""
    from sklearn.base import clone

    copy: Any = clone(candidate)
    if "random_state" in (given := copy.get_params()) and given["random_state"] is None:
        copy.set_params(random_state=int(task.seeds.generate_state(1)[0]))
    fresh: Regressor = copy
    return fresh


def _samples(task: Task) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Windows and scaled outcomes to learn from, and those of the validation slice.

    Training days are taken as far apart as those of the network, since targets of neighbouring days overlap.
    """
    train = np.asarray(task.fold.train)[:: task.network.shared_spacing_days]
    validation = np.asarray(task.fold.validation)
    return _pooled(task, train), _pooled(task, validation)


def _pooled(task: Task, days: Days) -> tuple[Array, Array]:
    lengths = task.network.window_days, task.horizon_days
    known = complete_rows(task.log_returns, days, *lengths).ravel()
    filled = np.nan_to_num(task.log_returns)
    windows = return_windows(filled, days.tolist(), *lengths)
    outcomes = windows.standardise(future_returns(filled, days.tolist(), task.horizon_days))
    return windows.values[known, :, 0].astype(float), outcomes[known]


def _predict(task: Task, predict: Callable[[Array], Any]) -> Array:
    lengths = task.network.window_days, task.horizon_days
    windows = return_windows(np.nan_to_num(task.log_returns), task.fold.decisions, *lengths)
    return windows.unscale(predict(windows.values[..., 0].astype(float)))


def _given(table: Array | None) -> Array:
    if table is None:
        raise ValueError("this control runs only on what it needs")
    return table
