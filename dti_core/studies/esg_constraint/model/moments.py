"""Measured moments of real panels beside those of the simulated one, each with a tolerance and its reason."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dti_core.studies.esg_constraint.model.firms import Array
from dti_core.studies.esg_constraint.model.indices import sa_index
from dti_core.studies.esg_constraint.model.within import Flags, slopes, within_slopes
from dti_core.studies.esg_constraint.model.world import PanelDraws

MACHINERY = "496 Chinese listed machinery firms, 2000-2017, 5,457 firm-years"
CSR = "coded CSR score of 238 listed firms over five years"
BERG = "Berg, Koelbel and Rigobon (2022), mean over pairs of raters"
#: Years over which a rating's moments are taken, as in the source.
RATING_YEARS = 5
_FIVE_YEARS = "two sampling sds of 238 firms; five years, as measured"

_QUANTILES = {
    "log_assets": (5.21, 7.11, 9.52),
    "leverage": (0.125, 0.438, 0.749),
    "roa": (-0.022, 0.053, 0.187),
    "cash_flow": (-0.071, 0.043, 0.193),
    "cash": (0.028, 0.136, 0.477),
    "fixed_assets": (0.035, 0.174, 0.404),
    "age": (4.0, 12.0, 22.0),
    "sa_index": (-3.98, -3.53, -2.95),
}
_PERSISTENCE = {"leverage": 0.84, "roa": 0.76, "cash_flow": 0.38, "log_assets": 0.97}
_BETWEEN = {"leverage": 0.53, "roa": 0.41, "cash_flow": 0.28, "log_assets": 0.53}


@dataclass(frozen=True, slots=True)
class Moment:
    """A target: what was measured where, how it is taken from a simulated panel, and how near is near.

    measure : a function of a batch that returns (n_draws,).
    """

    name: str
    target: float
    tolerance: float
    reason: str
    source: str
    measure: Callable[[PanelDraws], Array]


def moment_table(draws: PanelDraws) -> pd.DataFrame:
    """Target, mean over draws, its spread between draws, tolerance, and whether it is met; one moment a row.

    `sampling_sd` is the spread between simulated panels: how far one real panel of this size may lie from its
    world.
    """
    rows = {}
    for moment in targets():
        values = moment.measure(draws)
        simulated = float(values.mean())
        rows[moment.name] = {
            "target": moment.target,
            "simulated": simulated,
            "sampling_sd": float(values.std(ddof=1)) if len(values) > 1 else float("nan"),
            "tolerance": moment.tolerance,
            "within": abs(simulated - moment.target) <= moment.tolerance,
            "reason": moment.reason,
            "source": moment.source,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("moment")


def targets() -> list[Moment]:
    """All targets, in the order of the table."""
    return [
        *_shape_targets(),
        *_quantile_targets(),
        *_dynamic_targets(),
        *_rating_targets(),
        *_slope_targets(),
    ]


def between_share(values: Array) -> Array:
    """(n_draws,) share of variance that lies between firm means, by one-way analysis of variance.

    Parameters
    ----------
    values : (n_draws, n_firms, n_years), NaN where unobserved.
    """
    seen = ~np.isnan(values)
    filled = np.where(seen, values, 0.0)
    count = np.maximum(seen.sum(axis=-1, keepdims=True), 1)
    inside = np.where(seen, filled - filled.sum(axis=-1, keepdims=True) / count, 0.0)
    grand = filled.sum(axis=(1, 2), keepdims=True) / seen.sum(axis=(1, 2), keepdims=True)
    total = np.where(seen, filled - grand, 0.0)
    return 1.0 - (inside**2).sum(axis=(1, 2)) / (total**2).sum(axis=(1, 2))


def persistence(values: Array) -> Array:
    """(n_draws,) pooled least-squares slope of a variable on its value a year before."""
    return correlation_slope(values[..., :-1], values[..., 1:])


def correlation_slope(x: Array, y: Array) -> Array:
    """(n_draws,) pooled least-squares slope of y on x over cells where both are known."""
    seen = ~np.isnan(x + y)
    n = seen.sum(axis=(1, 2), keepdims=True)
    x0, y0 = (np.where(seen, v, 0.0) for v in (x, y))
    dx, dy = (np.where(seen, v - v.sum(axis=(1, 2), keepdims=True) / n, 0.0) for v in (x0, y0))
    return (dx * dy).sum(axis=(1, 2)) / (dx**2).sum(axis=(1, 2))


def rater_correlation(draws: PanelDraws) -> Array:
    """(n_draws,) correlation of the two raters' grades."""
    there = correlation_slope(draws.rating_a, draws.rating_b)
    back = correlation_slope(draws.rating_b, draws.rating_a)
    return np.sign(there) * np.sqrt(there * back)


def _of(statistic: Callable[[Array], Array], name: str) -> Callable[[PanelDraws], Array]:
    """`statistic` of one column of a batch."""
    return lambda draws: statistic(_column(draws, name))


def _quantile(level: float) -> Callable[[Array], Array]:
    return lambda values: np.asarray(np.nanquantile(values.reshape(len(values), -1), level, axis=1))


def _rating_slope(place: int, within: bool) -> Callable[[PanelDraws], Array]:
    return lambda draws: _rating_slopes(draws, within)[:, place]


def _column(draws: PanelDraws, name: str) -> Array:
    if name == "sa_index":
        return sa_index(draws.log_assets, draws.age)
    return draws.columns()[name]


def _shape_targets() -> list[Moment]:
    exact = "fixed by the design, up to rounding of the entry path"
    return [
        Moment("firms in the first year", 80, 0, exact, MACHINERY,
               lambda d: d.observed[..., 0].sum(axis=1).astype(float)),
        Moment("firms from 2014 on", 496, 0, exact, MACHINERY,
               lambda d: d.observed[..., 14].sum(axis=1).astype(float)),
        Moment("firm-years", 5457, 55, "1 %: years between were not measured", MACHINERY,
               lambda d: d.observed.sum(axis=(1, 2)).astype(float)),
        Moment("state share", 0.27, 0.02, "one binomial standard error of 496 firms", MACHINERY,
               lambda d: d.state.mean(axis=1)),
    ]  # fmt: skip


def _quantile_targets() -> list[Moment]:
    """Tolerance 4 % of the 5-95 % range: about two sampling sds of a quantile of 496 dependent firms."""
    moments = []
    for name, values in _QUANTILES.items():
        for level, target in zip((0.05, 0.50, 0.95), values, strict=True):
            reason = "4 % of the 5-95 % range, about two sampling sds"
            if name == "age":
                reason += "; ages are whole years"
            tolerance = max(0.04 * (values[2] - values[0]), 1.0 if name == "age" else 0.0)
            moments.append(
                Moment(
                    f"{name} {level:.0%} quantile",
                    target,
                    tolerance,
                    reason,
                    MACHINERY,
                    _of(_quantile(level), name),
                )
            )
    return moments


def _dynamic_targets() -> list[Moment]:
    reading = "definition not given by the source"
    moments = [
        Moment(f"{name} AR(1)", target, 0.03, f"{reading}: read as pooled slope", MACHINERY,
               _of(persistence, name))
        for name, target in _PERSISTENCE.items()
    ]  # fmt: skip
    moments += [
        Moment(f"{name} between-firm share", target, 0.04, f"{reading}: read as variance of firm means",
               MACHINERY,                _of(between_share, name))
        for name, target in _BETWEEN.items()
    ]  # fmt: skip
    return moments


def _rating_targets() -> list[Moment]:
    last = slice(-RATING_YEARS, None)
    return [
        Moment("rating between-firm share", 0.78, 0.03, _FIVE_YEARS, CSR,
               lambda d: between_share(d.rating_a[..., last])),
        Moment("rating AR(1)", 0.77, 0.03, _FIVE_YEARS, CSR,
               lambda d: persistence(d.rating_a[..., last])),
        Moment("correlation of raters", 0.54, 0.03, "pairs of raters differ by far more", BERG,
               rater_correlation),
    ]  # fmt: skip


def _slope_targets() -> list[Moment]:
    one = "one standard error as published"
    moments = [
        Moment(
            "investment on cash flow, two-way", 0.072, 0.022, one, MACHINERY, lambda d: _investment(d)[:, 0]
        ),
        Moment(
            "investment on cash flow x state", -0.016, 0.041, one, MACHINERY, lambda d: _investment(d)[:, 1]
        ),
    ]
    for place, (name, target, error) in enumerate(
        (("ln assets", 0.198, 0.087), ("lagged leverage", -0.069, 0.123), ("lagged ROA", -0.012, 0.059))
    ):
        moments.append(Moment(f"rating on {name}, pooled", target, error, f"{one}; read as standardised", CSR,
                              _rating_slope(place, within=False)))  # fmt: skip
    for place, (name, target) in enumerate(
        (("ln assets", 0.033), ("lagged leverage", -0.007), ("lagged ROA", 0.015))
    ):
        moments.append(Moment(f"rating on {name}, within firm", target, 0.10, "largest standard error", CSR,
                              _rating_slope(place, within=True)))  # fmt: skip
    return moments


def _investment(draws: PanelDraws) -> Array:
    """(n_draws, 2) two-way fixed-effects slopes of investment on cash flow and its product with state."""
    found = []
    for one in range(len(draws.state)):
        flow = draws.cash_flow[one]
        regressors = np.stack([flow, flow * draws.state[one][:, None]])
        found.append(within_slopes(draws.investment[one], regressors, draws.observed[one]))
    return np.array(found)


def _rating_slopes(draws: PanelDraws, within: bool) -> Array:
    """(n_draws, 3) standardised slopes of rating on size, lagged leverage and lagged ROA, with effects."""
    found = []
    for one in range(len(draws.state)):
        y, size = draws.rating_a[one, :, 1:], draws.log_assets[one, :, 1:]
        x = np.stack([size, draws.leverage[one, :, :-1], draws.roa[one, :, :-1]])
        seen = ~np.isnan(y + x.sum(axis=0))
        y, x = _standardise(y, seen), np.stack([_standardise(column, seen) for column in x])
        groups = np.broadcast_to(draws.industry[one][:, None], y.shape)
        found.append(within_slopes(y, x, seen) if within else slopes(y[seen], x[:, seen], groups[seen]))
    return np.array(found)


def _standardise(values: Array, seen: Flags) -> Array:
    return (values - values[seen].mean()) / values[seen].std()
