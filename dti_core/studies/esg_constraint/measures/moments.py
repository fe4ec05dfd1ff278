"""Does the simulator look like real panels? Measured moments beside simulated ones, each with a tolerance."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from dti_core.lab.record import Estimate
from dti_core.studies.esg_constraint.measures.findings import Findings, exact
from dti_core.studies.esg_constraint.model.arrays import Array
from dti_core.studies.esg_constraint.model.effects import TWO_WAY
from dti_core.studies.esg_constraint.model.indices import sa_index
from dti_core.studies.esg_constraint.model.regression import least_squares, shifted
from dti_core.studies.esg_constraint.worlds.simulate import PanelDraws

MACHINERY = "496 Chinese listed machinery firms, 2000-2017, 5,457 firm-years"
CSR = "coded CSR score of 238 listed firms over five years"
BERG = "Berg, Koelbel and Rigobon (2022), mean over pairs of raters"
#: Years over which a rating's moments are taken, as in the source.
RATING_YEARS = 5
#: Ceiling of the balance sheet of a small or medium firm, EUR 43 million (Recommendation 2003/361/EC) in RMB.
SME_ASSETS_RMB_MILLIONS = 43 * 7.7

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
#: Slopes of the rating: pooled with its standard error as published, and within firms.
_SLOPES = {
    "ln assets": (0.198, 0.087, 0.033),
    "lagged leverage": (-0.069, 0.123, -0.007),
    "lagged ROA": (-0.012, 0.059, 0.015),
}

Measure = Callable[[PanelDraws], Array]


@dataclass(frozen=True, slots=True)
class Moment:
    """A target: what was measured where, how it is taken from a simulated panel, and how near is near.

    measure : a function of a batch that returns (n_draws,).
    """

    name: str
    target: float
    tolerance: float
    reason: str
    measure: Measure
    source: str = MACHINERY


def study_moments(draws: PanelDraws) -> Findings:
    """Share of the targets that are met, and of firms that would count as small or medium ones."""
    table, n_draws = moment_table(draws), len(draws.state)
    how = f"each by its own tolerance, mean of {n_draws} panels"
    met = exact(
        "moments_met", table["within"].mean(), "share of targets", len(table), how, measure="moments met"
    )
    small = (np.exp(draws["log_assets"][:, :, -1]) < SME_ASSETS_RMB_MILLIONS).mean(axis=1)
    low, middle, high = (float(q) for q in np.quantile(small, [0.025, 0.5, 0.975]))
    how = f"quantiles over {n_draws} calibrated panels"
    n_firms = draws.state.shape[1]
    size = Estimate("share_of_sme_size", middle, low, high, "share of firms", n_firms, how=how,
                    at={"measure": "size of firms"})  # fmt: skip
    return Findings([met, size], {"moments": table})


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
            "target": moment.target, "simulated": simulated,
            "sampling_sd": float(values.std(ddof=1)) if len(values) > 1 else float("nan"),
            "tolerance": moment.tolerance, "within": abs(simulated - moment.target) <= moment.tolerance,
            "reason": moment.reason, "source": moment.source,
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("moment")


def targets() -> list[Moment]:
    """All targets, in the order of the table."""
    return [*_shapes(), *_quantiles(), *_dynamics(), *_slopes()]


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
    return _pooled_slope(shifted(values, 1), values)


def rater_correlation(draws: PanelDraws) -> Array:
    """(n_draws,) correlation of the two raters' grades."""
    a, b = draws["rating_a"], draws["rating_b"]
    there = _pooled_slope(a, b)
    return np.sign(there) * np.sqrt(there * _pooled_slope(b, a))


def _pooled_slope(x: Array, y: Array) -> Array:
    return least_squares(y, x[..., None], np.isfinite(y), ("constant",)).coef[:, 0]


def _column(draws: PanelDraws, name: str) -> Array:
    return sa_index(draws["log_assets"], draws["age"]) if name == "sa_index" else draws[name]


def _shapes() -> Iterator[Moment]:
    exactly = "fixed by the design, up to rounding of the entry path"
    yield Moment("firms in the first year", 80, 0, exactly, lambda d: d.observed[..., 0].sum(axis=1) * 1.0)
    yield Moment("firms from 2014 on", 496, 0, exactly, lambda d: d.observed[..., 14].sum(axis=1) * 1.0)
    years = "1 %: years between were not measured"
    yield Moment("firm-years", 5457, 55, years, lambda d: d.observed.sum(axis=(1, 2)) * 1.0)
    one = "one binomial standard error of 496 firms"
    yield Moment("state share", 0.27, 0.02, one, lambda d: d.state.mean(axis=1))


def _quantiles() -> Iterator[Moment]:
    """Tolerance 4 % of the 5-95 % range: about two sampling sds of a quantile of 496 dependent firms."""
    for name, values in _QUANTILES.items():
        reason, tolerance = "4 % of the 5-95 % range, about two sampling sds", 0.04 * (values[2] - values[0])
        if name == "age":
            reason, tolerance = f"{reason}; ages are whole years", max(tolerance, 1.0)
        for level, target in zip((0.05, 0.50, 0.95), values, strict=True):
            measure = partial(_quantile, name=name, level=level)
            yield Moment(f"{name} {level:.0%} quantile", target, tolerance, reason, measure)


def _quantile(draws: PanelDraws, name: str, level: float) -> Array:
    return np.asarray(np.nanquantile(_column(draws, name), level, axis=(1, 2)))


def _dynamics() -> Iterator[Moment]:
    unknown = "definition not given by the source"
    for name, target in _PERSISTENCE.items():
        measure = partial(_of, statistic=persistence, name=name)
        yield Moment(f"{name} AR(1)", target, 0.03, f"{unknown}: read as pooled slope", measure)
    for name, target in _BETWEEN.items():
        measure = partial(_of, statistic=between_share, name=name)
        reason = f"{unknown}: read as variance of firm means"
        yield Moment(f"{name} between-firm share", target, 0.04, reason, measure)
    reason = "two sampling sds of 238 firms; five years, as measured"
    rating = partial(_of, name="rating_a", last=RATING_YEARS)
    share, ar1 = (partial(rating, statistic=one) for one in (between_share, persistence))
    yield Moment("rating between-firm share", 0.78, 0.03, reason, share, CSR)
    yield Moment("rating AR(1)", 0.77, 0.03, reason, ar1, CSR)
    reason = "pairs of raters differ by far more"
    yield Moment("correlation of raters", 0.54, 0.03, reason, rater_correlation, BERG)


def _of(draws: PanelDraws, statistic: Callable[[Array], Array], name: str, last: int = 0) -> Array:
    return statistic(draws[name][..., -last:])


def _slopes() -> Iterator[Moment]:
    one = "one standard error as published"
    names = "investment on cash flow, two-way", "investment on cash flow x state"
    for place, (name, target, error) in enumerate(zip(names, (0.072, -0.016), (0.022, 0.041), strict=True)):
        yield Moment(name, target, error, one, partial(_investment, place=place))
    for place, (name, (pooled, error, _)) in enumerate(_SLOPES.items()):
        measure = partial(_rating, place=place, within=False)
        yield Moment(f"rating on {name}, pooled", pooled, error, f"{one}; read as standardised", measure, CSR)
    for place, (name, (_, _, within)) in enumerate(_SLOPES.items()):
        measure = partial(_rating, place=place, within=True)
        yield Moment(f"rating on {name}, within firm", within, 0.10, "largest standard error", measure, CSR)


def _investment(draws: PanelDraws, place: int) -> Array:
    """(n_draws,) two-way slope of investment on cash flow, or on its product with state."""
    flow = draws["cash_flow"]
    x = np.stack([flow, flow * draws.state[:, :, None]], axis=3)
    return least_squares(draws["investment"], x, draws.observed).coef[:, place]


def _rating(draws: PanelDraws, place: int, within: bool) -> Array:
    """(n_draws,) standardised slope of rating on size, lagged leverage or ROA; firm or industry effects."""
    names = ("leverage", "roa")
    x = np.stack([draws["log_assets"], *(shifted(draws[name], 1) for name in names)], axis=3)
    seen = draws.rated & np.isfinite(x).all(axis=3)
    y = np.where(seen, draws["rating_a"], np.nan)
    x = np.where(seen[..., None], x, np.nan)
    x = x / np.nanstd(x, axis=(1, 2), keepdims=True)
    y = y / np.nanstd(y, axis=(1, 2), keepdims=True)
    if within:
        return least_squares(y, x, seen, TWO_WAY).coef[:, place]
    industry = draws.industry[:, :, None, None] == np.arange(draws.industry.max() + 1)
    dummies = np.broadcast_to(industry, (*seen.shape, industry.shape[3])).astype(float)
    return least_squares(y, np.concatenate([x, dummies], axis=3), seen, ()).coef[:, place]
