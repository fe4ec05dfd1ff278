"""Which forecast of the volatility over the next month loses least: a constant, HAR, GARCH or the LSTM?

The target is the realised variance: the mean of the squared daily log returns over the horizon. It is an
unbiased but noisy proxy of the variance that nobody observes; QLIKE ranks forecasts rightly under such noise
(Patton 2011).
"""

import math
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from dti_core.lab.intervals import Interval, newey_west_mean
from dti_core.lab.record import Estimate
from dti_core.studies.lstm_portfolio.measures.report import Report
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE
from dti_core.studies.lstm_portfolio.methods.volatility import BASELINE, VOLATILITY
from dti_core.studies.lstm_portfolio.model import Array, Days
from dti_core.studies.lstm_portfolio.model.variance import qlike


def volatility_estimates(
    realised: Array, forecasts: Mapping[str, Array], days: Days, n_assets: int, report: Report
) -> tuple[list[Estimate], pd.DataFrame]:
    """Compare volatility forecasters by walk-forward QLIKE, claim C17a.

    At each decision day losses are averaged over assets before anything else, so that assets which move
    together count as one observation of the day. Positive differences say that the favourite loses less. Its
    forecast is the mean of those of all networks; `per_seed` holds what each network would reach alone.

    Parameters
    ----------
    realised : (n_decisions, n_series) variances; of the series, the first `n_assets` are assets, judged
        together, and a further one is an index, judged apart from them.
    forecasts : by model, (n_networks, n_decisions, n_series). days : (n_decisions,) rows of decision.

    Returns
    -------
    estimates : for assets and, with the ending `_index`, for the index: `qlike_<model>`, against the constant
    `qlike_skill_<model>`, and for rivals of the favourite `qlike_<model>_minus_<favourite>`.
    losses : (n_decisions, n_models) mean QLIKE over assets at each decision day, then those of the index.

    Raises
    ------
    ValueError for fewer than three decision days or a forecast that is not finite.
    """
    if len(days) < 3:
        raise ValueError(f"{len(days)} decision days with a known outcome; an interval needs at least 3")
    lags = _lags(days, report.config.horizon_days)
    estimates: list[Estimate] = []
    columns: dict[str, Array] = {}
    for series, group in {"assets": slice(0, n_assets), "index": slice(n_assets, None)}.items():
        if realised[:, group].size:
            means = {name: table.mean(axis=0) for name, table in forecasts.items()}
            mean = {name: qlike(realised, table)[:, group].mean(axis=1) for name, table in means.items()}
            networks = qlike(realised, forecasts[FAVOURITE])[..., group].mean(axis=(1, 2))
            estimates += _estimates(mean, networks, lags, series, report)
            columns |= {f"{name}{_ending(series)}": losses for name, losses in mean.items()}
    return estimates, pd.DataFrame(columns)


def paired_losses(losses: Array) -> dict[str, tuple[float, float, float]]:
    """Value and bounds of each rival's loss less the favourite's, under its name, for assets and index.

    Parameters
    ----------
    losses : (n_models, n_decisions, 2) of the models of VOLATILITY in their order, for forecasts whose
        horizons do not overlap; assets, then the index.
    """
    by_model = dict(zip(VOLATILITY, losses, strict=True))
    gaps = {}
    for name in _rivals():
        for place, series in enumerate(("assets", "index")):
            found = newey_west_mean((by_model[name] - by_model[FAVOURITE])[:, place])
            gaps[f"qlike_{name}_minus_{FAVOURITE}{_ending(series)}"] = found.value, found.low, found.high
    return gaps


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


def _estimates(
    losses: Mapping[str, Array], networks: Array, lags: int, series: str, report: Report
) -> Iterator[Estimate]:
    """Losses, skills and differences of one group of series, from (n_decisions,) losses of each model."""
    ending = _ending(series)
    for name, loss in losses.items():
        at = {"series": series, "method": name}
        level, each = newey_west_mean(loss, lags), networks.tolist() if name == FAVOURITE else ()
        yield report.estimate(level, f"qlike_{name}{ending}", "QLIKE", at | {"measure": "qlike"}, each)
        if name != BASELINE:
            share, key = skill(loss, losses[BASELINE], lags), f"qlike_skill_{name}{ending}"
            unit, skilled = "share of the constant's QLIKE", at | {"measure": "qlike_skill"}
            yield report.estimate(share, key, unit, skilled)
        if name in _rivals():
            gap, each = newey_west_mean(loss - losses[FAVOURITE], lags), (loss.mean() - networks).tolist()
            key, paired = f"qlike_{name}_minus_{FAVOURITE}{ending}", at | {"measure": "qlike_difference"}
            yield report.estimate(gap, key, "QLIKE", paired | {"against": FAVOURITE}, each)


def _rivals() -> list[str]:
    return [name for name, model in VOLATILITY.items() if model.counts_as_trial and name != FAVOURITE]


def _ending(series: str) -> str:
    return "" if series == "assets" else f"_{series}"


def _lags(days: Days, horizon_days: int) -> int:
    """Newey-West lags: the rule of Newey and West (1994), at least the overlap of neighbouring horizons."""
    overlap = math.ceil(horizon_days / int(np.diff(days).min())) - 1
    return max(overlap, math.floor(4 * (len(days) / 100) ** (2 / 9)))
