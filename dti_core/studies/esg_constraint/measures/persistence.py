"""How much of a variable lies between firms, and how much of it is last year's."""

import numpy as np

from dti_core.lab.intervals import Interval
from dti_core.studies.esg_constraint.model.arrays import Array, Mask

N_RESAMPLES = 499


def between_share(values: Array, observed: Mask) -> float:
    """Variance of firm means over that of all firm-years; `values` (1, n_firms, n_years); NaN without any."""
    return float(_between(_sums(values, observed)[None])[0])


def autocorrelation(values: Array, observed: Mask) -> float:
    """Pooled correlation of a year with the one before; `values` (1, n_firms, n_years); NaN without any."""
    return float(_correlation(_pairs(values, observed)[None])[0])


def persistence(values: Array, observed: Mask, rng: np.random.Generator) -> dict[str, Interval]:
    """Both between-firm shares and AR(1) with percentile intervals over resampled firms.

    `between_share` is that of firm means, which noise within firms swells; `anova_share` is free of it.
    """
    sums, pairs = _sums(values, observed), _pairs(values, observed)
    firms = rng.integers(len(sums), size=(N_RESAMPLES, len(sums)))
    drawn = {"ar1": _correlation(pairs[firms])} | {name: of(sums[firms]) for name, of in _SHARES.items()}
    whole = {"ar1": _correlation(pairs[None])} | {name: of(sums[None]) for name, of in _SHARES.items()}
    how, n = f"percentiles over {N_RESAMPLES} resamples of firms", int(sums[:, 0].sum())
    found = {}
    for name, draws in drawn.items():
        ends = np.nanquantile(draws, [0.025, 0.975]) if np.isfinite(draws).any() else (np.nan, np.nan)
        value = float(whole[name][0])
        low, high = min(float(ends[0]), value), max(float(ends[1]), value)
        found[name] = Interval(
            value, low, high, float(np.nanstd(draws) if np.isfinite(draws).any() else np.nan), n, how
        )
    return found


def _sums(values: Array, observed: Mask) -> Array:
    """(n_firms, 3): years, sum and sum of squares of each firm that has any."""
    known = observed[0] & np.isfinite(values[0])
    filled = np.where(known, values[0], 0.0)
    sums = np.stack([known.sum(axis=1), filled.sum(axis=1), (filled**2).sum(axis=1)], axis=1)
    return np.asarray(sums[known.any(axis=1)], dtype=np.float64)


def _between(sums: Array) -> Array:
    """(n_draws,) of (n_draws, n_firms, 3)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        n, total, squares = (sums[..., j].sum(axis=1) for j in range(3))
        mean = total / n
        between = (sums[..., 1] ** 2 / sums[..., 0]).sum(axis=1) / n - mean**2
        return np.asarray(between / (squares / n - mean**2))


def _anova(sums: Array) -> Array:
    """(n_draws,) of (n_draws, n_firms, 3): variance of firm effects over that and the one within firms.

    Source: Searle (1971), one-way random effects with unequal numbers.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        n, total, squares = (sums[..., j].sum(axis=1) for j in range(3))
        means = (sums[..., 1] ** 2 / sums[..., 0]).sum(axis=1)
        firms = sums.shape[1]
        within, among = (squares - means) / (n - firms), (means - total**2 / n) / (firms - 1)
        typical = (n - (sums[..., 0] ** 2).sum(axis=1) / n) / (firms - 1)
        effects = (among - within) / typical
        return np.asarray(effects / (effects + within))


_SHARES = {"between_share": _between, "anova_share": _anova}


def _pairs(values: Array, observed: Mask) -> Array:
    """(n_firms, 6): number, sums, squares and product of (last year, this year) pairs of each firm."""
    kept = np.where(observed[0], values[0], np.nan)
    known = np.isfinite(kept[:, 1:]) & np.isfinite(kept[:, :-1])
    before, now = (np.where(known, part, 0.0) for part in (kept[:, :-1], kept[:, 1:]))
    parts = [known, before, now, before**2, now**2, before * now]
    return np.stack([part.sum(axis=1, dtype=np.float64) for part in parts], axis=1)


def _correlation(pairs: Array) -> Array:
    """(n_draws,) of (n_draws, n_firms, 6)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        n, x, y, xx, yy, xy = np.moveaxis(pairs.sum(axis=1), 1, 0)
        return np.asarray((xy - x * y / n) / np.sqrt((xx - x**2 / n) * (yy - y**2 / n)))
