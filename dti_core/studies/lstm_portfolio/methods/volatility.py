"""Forecasts of the variance of daily returns over the next month: the LSTM and its rivals.

All read the past of the same days, learn from the same folds and tell the variance of one day,
(n_days, n_series). The network reads the signed returns of a window and the long-run level of each series
alone. `har_signs`, GJR-GARCH and EGARCH read no less; `har_market` reads what the network does not.
"""

from dataclasses import replace
from functools import partial

import numpy as np

from dti_core.bridges.forecaster import Fold, LstmSettings, forecast_fold
from dti_core.lab.methods import Method
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE, Forecaster, Task
from dti_core.studies.lstm_portfolio.methods.garch import EGARCH, GARCH, GJR, Law, garch_variance
from dti_core.studies.lstm_portfolio.methods.har import (
    HAR_DAYS,
    LogHar,
    har_variance,
    mean_ratio,
    pooled_har_variance,
)
from dti_core.studies.lstm_portfolio.model import Array
from dti_core.studies.lstm_portfolio.model.variance import constant_variance, realised_variance

#: Smallest daily volatility of a target or a forecast (10 basis points, about 1.6 % a year): a price may
#: stand still for weeks, and the QLIKE of a realised variance of zero is infinite.
VOLATILITY_FLOOR = 0.001
#: Days that the LSTM's scale is found on, spread evenly over those it learned from.
CALIBRATION_DAYS = 250


def lstm_variance(
    log_returns: Array, fold: Fold, settings: LstmSettings, seeds: np.random.SeedSequence, floor: float
) -> Array:
    """LSTM forecasts of each seed: the network of the return forecasts, trained on log realised volatility.

    The exponential of a forecast logarithm is too low on average. Each network is therefore scaled by its
    mean ratio of realised to forecast variance on the days it learned from, the scale of least QLIKE there.

    Returns
    -------
    (n_seeds, n_decisions, n_series), variance of a day.
    """

    learned = (*fold.train, *fold.validation)
    known = learned[:: max(1, len(learned) // CALIBRATION_DAYS)]
    asked = replace(fold, decisions=(*known, *fold.decisions))
    floored = replace(settings, scale_floor=floor)
    raw = np.exp(2.0 * forecast_fold(log_returns, asked, floored, seeds, target="log_volatility"))
    realised = realised_variance(log_returns, known, settings.horizon_days, floor)
    return np.maximum(mean_ratio(realised, raw[:, : len(known)]) * raw[:, len(known) :], floor**2)


def _fit_days(task: Task) -> range:
    """Days whose components and outcome were known at the first decision."""
    first = max(task.fold.train.start, max(HAR_DAYS) - 1)
    return range(first, task.fold.decisions[0] - task.horizon_days + 1)


def _constant(task: Task) -> Array:
    return np.maximum(constant_variance(task.log_returns, task.fold.decisions), VOLATILITY_FLOOR**2)


def _har(task: Task) -> Array:
    lengths = task.horizon_days, VOLATILITY_FLOOR
    return har_variance(task.log_returns, _fit_days(task), task.fold.decisions, *lengths)


def _pooled_har(task: Task, long: bool = False, signs: bool = False, market: bool = False) -> Array:
    """`long` adds the whole window that the network sees to day, week and month."""
    spans = (*HAR_DAYS, task.network.window_days) if long else HAR_DAYS
    lengths = task.horizon_days, VOLATILITY_FLOOR
    reads = LogHar(spans, signs, market)
    return pooled_har_variance(task.log_returns, _fit_days(task), task.fold.decisions, *lengths, reads)


def _garch(task: Task, law: Law = GARCH) -> Array:
    first, lengths = task.fold.train.start, (task.horizon_days, VOLATILITY_FLOOR)
    return garch_variance(task.log_returns, first, task.fold.decisions, *lengths, law)


def _lstm(task: Task) -> Array:
    return lstm_variance(task.log_returns, task.fold, task.network, task.seeds, VOLATILITY_FLOOR)


_LINEAR = "log variance follows the same HAR for all series"
#: The model without skill: what the others' losses are compared with.
BASELINE = "constant"
#: Each gives (n_decisions, n_series), or (n_networks, n_decisions, n_series) where it draws random numbers.
VOLATILITY: dict[str, Method[Forecaster]] = {
    BASELINE: Method("constant", _constant, ("variance never changes",), counts_as_trial=False),
    "har": Method("HAR", _har, ("variance is linear in that of a day, a week and a month",)),
    "pooled_har": Method("pooled HAR", _pooled_har, (_LINEAR,)),
    "har_window": Method("HAR, whole window", partial(_pooled_har, long=True), (_LINEAR,)),
    "har_signs": Method("HAR with signs", partial(_pooled_har, long=True, signs=True), (_LINEAR,)),
    "har_market": Method(
        "HAR, signs, all stocks", partial(_pooled_har, long=True, signs=True, market=True), (_LINEAR,)
    ),
    "garch": Method("GARCH(1,1)", _garch, ("variance follows its own square and the last squared return",)),
    "gjr": Method("GJR-GARCH", partial(_garch, law=GJR), ("as GARCH, and a fall counts more than a rise",)),
    "egarch": Method(
        "EGARCH", partial(_garch, law=EGARCH), ("log variance follows size and sign of returns",)
    ),
    FAVOURITE: Method("LSTM", _lstm, ("all series follow one rule",)),
}
