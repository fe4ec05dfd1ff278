"""The balance sheets of a Chinese-listed-like panel: persistent, correlated, with the measured quantiles."""

import math
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from dti_core.studies.esg_constraint.model.arrays import Array, Integers

#: Standard normal quantile of .95, at which the measured shapes are pinned.
Z95 = 1.6448536269514722


@dataclass(frozen=True, slots=True)
class Shape:
    """A skewed marginal: the shifted lognormal that runs through three quantiles.

    low, middle, high : the 5, 50 and 95 % quantiles. floor : values below it are raised to it.
    """

    low: float
    middle: float
    high: float
    floor: float = -math.inf

    def of(self, normal: Array) -> Array:
        """Values with this marginal, of standard normal `normal` (any shape)."""
        skew = math.log((self.high - self.middle) / (self.middle - self.low)) / Z95
        if abs(skew) < 1e-6:
            values = self.middle + (self.high - self.middle) / Z95 * normal
        else:
            scale = (self.high - self.middle) / np.expm1(skew * Z95)
            values = self.middle + scale * np.expm1(skew * normal)
        return np.maximum(values, self.floor)

    def standard(self, values: Array) -> Array:
        """`values` from their median in units of about one sd: the 5 to 95 % range over that of a normal."""
        return np.asarray((values - self.middle) / ((self.high - self.low) / (2 * Z95)))


@dataclass(frozen=True, slots=True)
class Series:
    """A firm-year variable as a standard normal process behind a marginal.

    between : share of the process' variance that is a firm effect.
    persistence : AR(1) coefficient of the rest.
    firm : loadings of the firm effect on the size, constraint and profit factors (sum of squares <= 1).
    year : loadings of the yearly innovation on those of the constraint and of profit.
    trend : growth a year in sd of the variable, around each firm's own middle year. Without it no stationary
        process has both the measured AR(1) and the measured between-firm share (an AR(1) of .84 alone puts
        .64 of the variance between the means of eleven years).
    """

    between: float
    persistence: float
    shape: Shape
    firm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    year: tuple[float, float] = (0.0, 0.0)
    trend: float = 0.0


#: Quantiles, between shares and persistence of the first five rows are calibrated to measured moments
#: (moments.py); the others have plausible values, no target, and matter only as controls.
SERIES = MappingProxyType(
    {
        "log_assets": Series(0.26, 0.91, Shape(5.21, 7.11, 9.52), (1.0, 0.0, 0.0), trend=0.14),
        "leverage": Series(0.20, 0.79, Shape(0.125, 0.438, 0.749, 0.01), (0.4, 0.2, -0.4), (0.3, -0.2), 0.07),
        "roa": Series(0.05, 0.75, Shape(-0.022, 0.053, 0.187), (0.0, 0.0, 0.9), (-0.2, 0.9), -0.05),
        "cash_flow": Series(0.16, 0.27, Shape(-0.071, 0.043, 0.193), (0.0, -0.2, 0.5), (-0.2, 0.4)),
        "fixed_assets": Series(0.55, 0.75, Shape(0.035, 0.174, 0.404, 0.0), (0.1, 0.0, -0.2)),
        "cash": Series(0.40, 0.60, Shape(0.028, 0.136, 0.477, 0.0), (-0.1, -0.3, 0.3), (-0.3, 0.2)),
        "tobin_q": Series(0.40, 0.60, Shape(1.05, 1.9, 4.8, 0.3), (-0.4, 0.0, 0.4), (0.0, 0.3)),
        "dividends": Series(0.50, 0.40, Shape(-0.013, 0.004, 0.030, 0.0), (0.2, -0.3, 0.6), (-0.3, 0.3)),
        "sales_growth": Series(0.10, 0.15, Shape(-0.25, 0.12, 0.65), (0.0, 0.0, 0.3), (-0.2, 0.4)),
        "long_term_share": Series(0.50, 0.60, Shape(-0.10, 0.12, 0.45, 0.0), (0.4, 0.0, 0.0)),
    }
)
#: Age at listing, years; its quantiles make those of all firm-years meet the measured ones.
AGE_AT_ENTRY = Shape(1.0, 6.7, 10.8, 0.0)
#: Slope of investment outflow on operating cash flow, both over assets (measured, two-way effects).
CASH_FLOW_SENSITIVITY = 0.072
#: Share of firms owned by the state, as a threshold of a standard normal.
STATE_THRESHOLD = 0.6128129910166272
N_INDUSTRIES = 12


def autoregression(innovations: Array, persistence: float) -> Array:
    """AR(1) of unit variance along the last axis, stationary from the first year.

    Parameters
    ----------
    innovations : (..., n_years) standard normal.
    """
    path = np.empty_like(innovations)
    path[..., 0] = innovations[..., 0]
    scale = math.sqrt(1.0 - persistence**2)
    for year in range(1, innovations.shape[-1]):
        path[..., year] = persistence * path[..., year - 1] + scale * innovations[..., year]
    return path


def loaded(own: Array, factors: tuple[Array, ...], loadings: tuple[float, ...]) -> Array:
    """Unit-variance mixture of `own` with unit-variance `factors`, by their loadings."""
    rest = math.sqrt(1.0 - sum(loading**2 for loading in loadings))
    mixture = rest * own
    for factor, loading in zip(factors, loadings, strict=True):
        if loading:
            mixture = mixture + loading * factor
    return mixture


def process(
    series: Series, own: tuple[Array, Array], firm_factors: tuple[Array, ...],
    year_factors: tuple[Array, ...], entry: Integers,
) -> Array:  # fmt: skip
    """(n_draws, n_firms, n_years) process of one variable, about standard normal over all firm-years.

    Parameters
    ----------
    own : the variable's own noise, (n_draws, n_firms) and (n_draws, n_firms, n_years).
    firm_factors, year_factors : factors of the same shapes, in the order of the loadings.
    entry : (n_firms,) index of each firm's first year.
    """
    firm = loaded(own[0], firm_factors, series.firm)
    within = autoregression(loaded(own[1], year_factors, series.year), series.persistence)
    path = math.sqrt(series.between) * firm[..., None] + math.sqrt(1.0 - series.between) * within
    if not series.trend:
        return path
    n_years = path.shape[-1]
    middle = (entry + n_years - 1) / 2
    trend = series.trend * (np.arange(n_years) - middle[:, None])
    listed = np.arange(n_years) >= entry[:, None]
    return math.sqrt(max(0.0, 1.0 - float(np.var(trend[listed])))) * path + trend


def entry_years(n_firms: int, n_years: int, n_first: int, years_to_full: int) -> Integers:
    """(n_firms,) index of each firm's first year: `n_first` firms in year 0, all by `years_to_full`.

    The number of firms grows as the 1.27th power of time, which gives the measured 5,457 firm-years at 496
    firms.
    """
    years = np.arange(n_years)
    growth = np.minimum(1.0, years / years_to_full) ** 1.27
    listed = np.rint(n_first + (n_firms - n_first) * growth).astype(np.int64)
    return np.searchsorted(listed, np.arange(n_firms), side="right").astype(np.int64)
