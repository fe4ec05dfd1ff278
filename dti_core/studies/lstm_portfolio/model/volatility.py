"""Which forecast of the volatility over the next month loses least: constant, HAR, GARCH(1,1) or LSTM?

The target is the realised variance: the mean of the squared daily log returns over the horizon. It is an
unbiased but noisy proxy of the variance that nobody observes; QLIKE ranks forecasts rightly under such noise
(Patton 2011).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.bridges.forecaster import Fold
from dti_core.lab.intervals import Interval, newey_west_mean
from dti_core.lab.parallel import run_parallel
from dti_core.lab.record import OBSERVED, Estimate
from dti_core.studies.lstm_portfolio.model.variance import (
    HAR_DAYS,
    constant_variance,
    garch_variance,
    har_variance,
    lstm_variance,
    pooled_har_variance,
    realised_variance,
)

if TYPE_CHECKING:
    from dti_core.bridges.forecaster import LstmSettings

Array = NDArray[np.float64]

#: Smallest daily volatility of a target or a forecast (10 basis points, about 1.6 % a year): a price may
#: stand still for weeks, and the QLIKE of a realised variance of zero is infinite.
VOLATILITY_FLOOR = 0.001
MODELS = ("constant", "har", "pooled_har", "garch", "lstm")


@dataclass(frozen=True, slots=True)
class _FoldTask:
    """All that one fold needs: (n_rows, n_series) log returns, the fold, the network's settings and seeds."""

    log_returns: Array
    fold: Fold
    seeds: np.random.SeedSequence
    settings: "LstmSettings"
    floor: float


def estimate_volatility(
    returns: pd.DataFrame,
    folds: Sequence[Fold],
    settings: "LstmSettings",
    seed_sequence: np.random.SeedSequence,
    index: pd.Series | None = None,
    floor: float = VOLATILITY_FLOOR,
    world: str = OBSERVED,
) -> tuple[tuple[Estimate, ...], pd.DataFrame]:
    """Compare five volatility forecasters by walk-forward QLIKE, claim C17a.

    At each decision day losses are averaged over assets before anything else, so that assets which move
    together count as one observation of the day. Positive differences say that the LSTM loses less. Its
    forecast is the mean of those of all seeds; `per_seed` holds what each network would reach alone.

    Parameters
    ----------
    returns : (n_rows, n_assets), simple daily returns.
    folds : refits; decision days whose horizon reaches past the last row are left out.
    settings : the network; `settings.horizon_days` is the horizon of all models.
    index : (n_rows,), simple daily returns of an index; learned with the assets where models
        pool, judged apart from them.
    floor : smallest daily volatility of targets and forecasts.

    Returns
    -------
    estimates : for assets and, with the ending `_index`, for the index: `qlike_<model>`, against the constant
    `qlike_skill_<model>`, and `qlike_<model>_minus_lstm` for har, pooled_har and garch.
    losses : (n_decisions, n_models) mean QLIKE over assets at each decision day, then those of the index.

    Raises
    ------
    ValueError for fewer than three decision days or a forecast that is not finite.
    """
    series = returns if index is None else pd.concat([returns, index], axis=1)
    log_returns = np.log1p(series.to_numpy(dtype=np.float64))
    kept = _with_outcome(folds, len(series), settings.horizon_days)
    days = np.array([day for fold in kept for day in fold.decisions], dtype=int)
    if len(days) < 3:
        raise ValueError(f"{len(days)} decision days with a known outcome; an interval needs at least 3")
    seeds = seed_sequence.spawn(len(kept))
    tasks = [_FoldTask(log_returns, *pair, settings, floor) for pair in zip(kept, seeds, strict=True)]
    by_fold = run_parallel(_forecast_fold, tasks, f"volatility, {world}")
    forecasts = {model: np.concatenate([fold[model] for fold in by_fold], axis=-2) for model in by_fold[0]}
    realised = realised_variance(log_returns, days, settings.horizon_days, floor)
    losses = {model: qlike(realised, forecast) for model, forecast in forecasts.items()}
    lags = _lags(days, settings.horizon_days)
    estimates: list[Estimate] = []
    table = pd.DataFrame(index=returns.index[days])
    groups = {"": slice(0, returns.shape[1])} | ({} if index is None else {"_index": slice(-1, None)})
    for ending, group in groups.items():
        by_day = {model: loss[..., group].mean(axis=-1) for model, loss in losses.items()}
        estimates += _estimates(by_day, lags, ending, world)
        table = table.assign(**{f"{model}{ending}": by_day[model] for model in MODELS})
    return tuple(estimates), table


def qlike(realised: Array, forecast: Array) -> Array:
    """Loss of variance forecasts, zero for a perfect one: x - log(x) - 1 with x = realised / forecast.

    Source: Patton (2011), the robust loss that is homogeneous of degree zero.

    Parameters
    ----------
    realised, forecast : variances of any shapes that fit together, all above 0.
    """
    with np.errstate(divide="ignore"):
        ratio = realised / forecast
    if not np.all(np.isfinite(ratio) & (ratio > 0.0)):
        raise ValueError("variances must be finite and above 0")
    loss: Array = ratio - np.log(ratio) - 1.0
    return loss


def _forecast_fold(task: _FoldTask) -> dict[str, Array]:
    """Forecasts of all models at the fold's decision days; `lstm_seeds` those of each network."""
    returns, days, floor = task.log_returns, task.fold.decisions, task.floor
    horizon, first_row = task.settings.horizon_days, task.fold.train.start
    fit_days = range(max(first_row, max(HAR_DAYS) - 1), days[0] - horizon + 1)
    members = lstm_variance(returns, task.fold, task.settings, task.seeds, floor)
    return {
        "constant": np.maximum(constant_variance(returns, days), floor**2),
        "har": har_variance(returns, fit_days, days, horizon, floor),
        "pooled_har": pooled_har_variance(returns, fit_days, days, horizon, floor),
        "garch": garch_variance(returns, first_row, days, horizon, floor),
        "lstm": members.mean(axis=0),
        "lstm_seeds": members,
    }


def _with_outcome(folds: Sequence[Fold], n_rows: int, horizon_days: int) -> list[Fold]:
    """Folds without the decision days whose horizon is not over."""
    kept = []
    for fold in folds:
        decisions = tuple(day for day in fold.decisions if day + horizon_days < n_rows)
        if decisions:
            kept.append(Fold(fold.train, fold.validation, decisions, fold.embargo_days))
    return kept


def skill(loss: Array, baseline: Array, lags: int) -> Interval:
    """Share of the baseline's mean loss that a forecaster avoids, 1 - mean(loss) / mean(baseline).

    The interval is Newey-West on the influence of each day on the ratio (delta method).

    Parameters
    ----------
    loss, baseline : (n_decisions,) of the same days.
    """
    value = 1.0 - float(loss.mean() / baseline.mean())
    influence = value + (baseline - loss - value * baseline) / baseline.mean()
    return newey_west_mean(influence, lags)


def _estimates(by_day: dict[str, Array], lags: int, ending: str, world: str) -> list[Estimate]:
    """Losses, skills and differences of one group of series, from losses of each decision day."""
    lstm_seeds = by_day["lstm_seeds"].mean(axis=1)
    estimates = []
    for model in MODELS:
        loss = newey_west_mean(by_day[model], lags)
        found = {f"qlike_{model}": (loss, lstm_seeds if model == "lstm" else None)}
        if model != "constant":
            found[f"qlike_skill_{model}"] = (skill(by_day[model], by_day["constant"], lags), None)
        if model in ("har", "pooled_har", "garch"):
            gain = newey_west_mean(by_day[model] - by_day["lstm"], lags)
            found[f"qlike_{model}_minus_lstm"] = (gain, by_day[model].mean() - lstm_seeds)
        for name, (interval, per_seed) in found.items():
            unit = "share of the constant's QLIKE" if "skill" in name else "QLIKE"
            if per_seed is not None:
                interval = replace(interval, n_seeds=len(per_seed), per_seed=tuple(map(float, per_seed)))
            estimates.append(interval.estimate(f"{name}{ending}", unit, world))
    return estimates


def _lags(days: NDArray[np.int_], horizon_days: int) -> int:
    """Newey-West lags: the rule of Newey and West (1994), at least the overlap of neighbouring horizons."""
    overlap = math.ceil(horizon_days / int(np.diff(days).min())) - 1
    return max(overlap, math.floor(4 * (len(days) / 100) ** (2 / 9)))
