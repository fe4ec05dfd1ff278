"""Rectangular firm-year samples stacked over draws, and fixed effects partialled out of them exactly.

Inside this package arrays lie years first and firms last, (n_draws, n_years, n_columns, n_firms): every sum
over firms or years then runs along contiguous memory, and one matrix product serves all draws at once.
linearmodels and pyfixest fit one sample a call, and a Monte Carlo of thousands of samples would spend its
time on their set-up.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dti_core.studies.esg_constraint.model.arrays import Array, Integers, Mask, inverse_of_rank

Effect = Literal["constant", "firm", "year", "industry_year"]

TWO_WAY: tuple[Effect, ...] = ("firm", "year")


@dataclass(frozen=True, slots=True)
class Stacked:
    """A regression sample ready for sums: outcome and regressors in one array.

    values : (n_draws, n_years, 1 + n_regressors, n_firms); column 0 is the outcome; 0 where unobserved.
        Years without any observation in any draw are left out.
    weight : (n_draws, n_years, n_firms); 0 where unobserved.
    n_absorbed : (n_draws,) parameters taken by effects so far.
    """

    values: Array
    weight: Array
    n_absorbed: Integers

    @property
    def n_obs(self) -> Integers:
        """(n_draws,) firm-years in use."""
        return (self.weight > 0).sum(axis=(1, 2))


def stack(y: Array, x: Array, observed: Mask, weight: Array | None = None) -> Stacked:
    """Years-first sample of the firm-years that are observed with finite outcome, regressors and weight.

    Parameters
    ----------
    y : (n_draws, n_firms, n_years). x : (n_draws, n_firms, n_years, n_regressors).
    observed : like y. weight : like y, positive; None weighs all alike.

    Raises
    ------
    ValueError for shapes that do not belong together, or a draw without any usable firm-year.
    """
    if y.ndim != 3 or x.shape[:3] != y.shape or x.ndim != 4 or observed.shape != y.shape:
        raise ValueError(
            f"need y (draws, firms, years), x (draws, firms, years, regressors) and observed like y; "
            f"got {y.shape}, {x.shape}, {observed.shape}"
        )
    values = np.concatenate([y.transpose(0, 2, 1)[:, :, None], x.transpose(0, 2, 3, 1)], axis=2)
    usable = observed.transpose(0, 2, 1) & np.isfinite(values).all(axis=2)
    mass = usable.astype(float)
    if weight is not None:
        mass = np.where(usable & np.isfinite(weight.transpose(0, 2, 1)), weight.transpose(0, 2, 1), 0.0)
    if not (mass > 0).any(axis=(1, 2)).all():
        raise ValueError("no firm-year has the outcome and all regressors")
    kept = (mass > 0).any(axis=(0, 2))
    values, mass = values[:, kept], mass[:, kept]
    if not (mass > 0).all():
        values = np.where((mass > 0)[:, :, None], values, 0.0)
    return Stacked(values, mass, np.zeros(len(y), dtype=np.int64))


def absorb(sample: Stacked, effects: tuple[Effect, ...], industry: Integers | None = None) -> Stacked:
    """`sample` with its effects partialled out of outcome and regressors; exact for unbalanced panels.

    Firm effects go by demeaning, then year (or industry-year) dummies by a regression on the dummies
    demeaned in the same way (Frisch, Waugh, Lovell), which needs only one small system of years a draw and
    industry.

    Parameters
    ----------
    industry : (n_draws, n_firms) codes from 0, one a firm; needed by "industry_year" only.

    Raises
    ------
    ValueError for several effects without that of the firm, or industry-year effects alone.
    """
    if "firm" in effects:
        within, groups = _absorb_means(sample, (1,)), set(effects) - {"firm"}
        members = _membership(sample, industry if "industry_year" in groups else None)
        return _absorb_time_within(within, members) if groups else within
    match effects:
        case ("constant",):
            return _absorb_means(sample, (1, 3))
        case ("year",):
            return _absorb_means(sample, (3,))
        case ():
            return sample
    raise ValueError(f"effects {', '.join(effects)} are not taken out together; add firm effects to them")


def within_sd(values: Array, observed: Mask) -> Array:
    """(n_draws,) standard deviation of (n_draws, n_firms, n_years) values without firm and year effects."""
    sample = absorb(stack(values, np.zeros((*values.shape, 0)), observed), TWO_WAY)
    left = np.maximum(sample.n_obs - sample.n_absorbed, 1)
    return np.sqrt((sample.values[:, :, 0] ** 2).sum(axis=(1, 2)) / left)


def _membership(sample: Stacked, industry: Integers | None) -> Array:
    """(n_draws or 1, n_groups, n_firms) ones where the firm belongs to the group."""
    n_firms = sample.weight.shape[2]
    if industry is None:
        return np.ones((1, 1, n_firms))
    codes = np.arange(int(industry.max()) + 1)
    return (industry[:, None, :] == codes[None, :, None]).astype(float)


def _absorb_means(sample: Stacked, over: tuple[int, ...]) -> Stacked:
    """Subtract weighted means over the axes `over` of values: 1 years, 3 firms."""
    weight = sample.weight[:, :, None]
    total = weight.sum(axis=over, keepdims=True)
    means = (sample.values * weight).sum(axis=over, keepdims=True) / np.where(total > 0, total, 1.0)
    values = (sample.values - means) * (weight > 0)
    return Stacked(values, sample.weight, sample.n_absorbed + (total > 0).sum(axis=(1, 2, 3)))


def _absorb_time_within(sample: Stacked, groups: Array) -> Stacked:
    """Partial year dummies of each group out of columns from which firm means are already gone."""
    weight, (n_draws, n_years, n_columns, n_firms) = sample.weight, sample.values.shape
    total = weight.sum(axis=1)
    share = weight / np.where(total > 0, total, 1.0)[:, None]
    grouped = weight[:, None] * groups[:, :, None]
    gram = -(grouped @ share.swapaxes(1, 2)[:, None])
    years = np.arange(n_years)
    gram[..., years, years] += grouped.sum(axis=3)
    flat = (sample.values * weight[:, :, None]).reshape(n_draws, n_years * n_columns, n_firms)
    sums = (flat @ groups.swapaxes(1, 2)).reshape(n_draws, n_years, n_columns, -1).transpose(0, 3, 1, 2)
    inverse, rank = inverse_of_rank(gram)
    effect = inverse @ sums
    spread = effect.transpose(0, 2, 3, 1).reshape(n_draws, n_years * n_columns, -1) @ groups
    fitted = spread.reshape(n_draws, n_years, n_columns, n_firms)
    fitted = fitted - np.einsum("dtkn,dtn->dkn", fitted, share)[:, None]
    values = sample.values - fitted
    if not (weight > 0).all():
        values *= (weight > 0)[:, :, None]
    return Stacked(values, weight, sample.n_absorbed + rank.sum(axis=1))
