"""Panel regressions on stacked draws: pooled, fixed effects, first differences, random effects."""

from dataclasses import replace

import numpy as np

from dti_core.studies.esg_constraint.model.arrays import Array, Integers, Mask, inverse_of_gram
from dti_core.studies.esg_constraint.model.effects import TWO_WAY, Effect, Stacked, absorb, stack
from dti_core.studies.esg_constraint.model.fit import Cluster, Fit, solve


def least_squares(
    y: Array, x: Array, observed: Mask, effects: tuple[Effect, ...] = TWO_WAY, cluster: Cluster = "firm",
    industry: Integers | None = None, weight: Array | None = None,
) -> Fit:  # fmt: skip
    """Coefficients of x with `effects` absorbed: pooled OLS, firm, two-way or industry-year effects.

    Parameters
    ----------
    y : (n_draws, n_firms, n_years). x : (n_draws, n_firms, n_years, n_regressors). observed : like y.
    effects : () takes x as it is, so that a constant must be a column of it.
    industry : (n_draws, n_firms) codes from 0. weight : like y, None for equal weights.

    Conventions of the errors: see `fit.solve`. Missing values leave their firm-year out.
    """
    raw = stack(y, x, observed, weight)
    columns = raw.values[:, :, 1:]
    before = np.einsum("dtkn,dtkn,dtn->dk", columns, columns, raw.weight, optimize=True)
    return solve(absorb(raw, effects, industry), before, cluster, int("constant" in effects))


def first_differences(
    y: Array, x: Array, observed: Mask, effects: tuple[Effect, ...] = ("year",), cluster: Cluster = "firm"
) -> Fit:
    """Regression of yearly changes on yearly changes, year effects absorbed."""
    both = np.zeros_like(observed)
    both[:, :, 1:] = observed[:, :, 1:] & observed[:, :, :-1]
    change = np.diff(x, axis=2, prepend=np.nan)
    return least_squares(np.diff(y, axis=2, prepend=np.nan), change, both, effects, cluster)


def shifted(values: Array, years: int) -> Array:
    """`values` of `years` earlier (a lag) or, if negative, later (a lead); NaN where the panel has none.

    Parameters
    ----------
    values : (n_draws, n_firms, n_years, ...), consecutive years.
    """
    moved = np.full_like(values, np.nan, dtype=float)
    if years >= values.shape[2] or -years >= values.shape[2]:
        return moved
    if years >= 0:
        moved[:, :, years:] = values[:, :, : values.shape[2] - years]
    else:
        moved[:, :, :years] = values[:, :, -years:]
    return moved


def lags(values: Array, years: range) -> Array:
    """(n_draws, n_firms, n_years, n_lags) of `values` (n_draws, n_firms, n_years), one column a lag."""
    return np.stack([shifted(values, lag) for lag in years], axis=3)


def year_dummies(observed: Mask) -> Array:
    """(n_draws, n_firms, n_years, n_years - 1) dummies of all years but the first."""
    n_years = observed.shape[2]
    return np.broadcast_to(np.eye(n_years)[:, 1:], (*observed.shape, n_years - 1))


def random_effects(
    y: Array, x: Array, observed: Mask, year_effects: bool = True, cluster: Cluster = "firm"
) -> Fit:
    """Feasible GLS with a random firm effect; slopes of x first, then year dummies and constant.

    Variance components as linearmodels: within residuals, and the between regression of firm means with the
    harmonic mean of years a firm.

    Source: Swamy and Arora (1972); Baltagi and Chang (1994) for unbalanced panels.
    Assumes: the firm effect is unrelated to x, which `mundlak` and `hausman` test.
    """
    parts = [x, year_dummies(observed)] if year_effects else [x]
    design = np.concatenate([*parts, np.ones((*observed.shape, 1))], axis=3)
    raw = stack(y, design, observed)
    theta = _quasi_demeaning(raw)
    total = raw.weight.sum(axis=1)
    means = raw.values.sum(axis=1) / np.where(total > 0, total, 1.0)[:, None]
    values = (raw.values - (theta[:, None] * means)[:, None]) * (raw.weight > 0)[:, :, None]
    before = np.einsum("dtkn,dtkn->dk", raw.values[:, :, 1:], raw.values[:, :, 1:])
    return solve(Stacked(values, raw.weight, raw.n_absorbed), before, cluster)


def _quasi_demeaning(raw: Stacked) -> Array:
    """(n_draws, n_firms) share of its mean that each firm gives up."""
    within = solve(absorb(raw, ("firm",)), (raw.values[:, :, 1:] ** 2).sum(axis=(1, 3)), "classical")
    total = raw.weight.sum(axis=1)
    seen, years = total > 0, np.where(total > 0, total, 1.0)
    means = raw.values.sum(axis=1) / years[:, None]
    gram = means[:, 1:] @ means[:, 1:].swapaxes(1, 2)
    inverse, rank, _ = inverse_of_gram(gram)
    slope = np.einsum("dkl,dln,dn->dk", inverse, means[:, 1:], means[:, 0], optimize=True)
    residual = means[:, 0] - np.einsum("dkn,dk->dn", means[:, 1:], slope)
    noise = within.diagnostics["residual_variance"]
    harmonic = seen.sum(axis=1) / (seen / years).sum(axis=1)
    firm = np.maximum((residual**2).sum(axis=1) / (seen.sum(axis=1) - rank) - noise / harmonic, 0)
    return np.asarray(1 - np.sqrt(noise[:, None] / (years * firm[:, None] + noise[:, None])))


def mundlak(y: Array, x: Array, observed: Mask, cluster: Cluster = "firm") -> Fit:
    """Random effects with firm means of x added: slopes of x, then of the means, dummies and constant.

    The diagnostics `mundlak_f` and `mundlak_p` test "no mean matters", the robust form of Hausman's test.

    Source: Mundlak (1978).
    """
    used = observed & np.isfinite(y) & np.isfinite(x).all(axis=3)
    sums = np.where(used[..., None], x, 0.0).sum(axis=2, keepdims=True)
    means = sums / np.maximum(used.sum(axis=2), 1)[:, :, None, None]
    spread = np.broadcast_to(means, x.shape)
    fit = random_effects(y, np.concatenate([x, spread], axis=3), used, cluster=cluster)
    k = x.shape[3]
    statistic, p = fit.wald(slice(k, 2 * k))
    kept = {**fit.diagnostics, "mundlak_f": statistic, "mundlak_p": p}
    return replace(fit, how=f"random effects, {cluster} errors", diagnostics=kept)


def hausman(y: Array, x: Array, observed: Mask) -> tuple[Array, Array]:
    """Hausman statistic of two-way fixed against random effects, and p-value, each (n_draws,).

    Both covariances rest on the residual variance of the fixed-effects fit, so that their difference is
    positive definite; NaN in a draw where rounding leaves it indefinite.

    Source: Hausman (1978). Assumes: homoskedastic, serially independent errors; else read `mundlak`.
    """
    from scipy import stats

    k = x.shape[3]
    fixed = least_squares(y, x, observed, TWO_WAY, "classical")
    random = random_effects(y, x, observed, cluster="classical")
    gap = fixed.coef - random.coef[:, :k]
    ratio = fixed.diagnostics["residual_variance"] / random.diagnostics["residual_variance"]
    spread = fixed.covariance - random.covariance[:, :k, :k] * ratio[:, None, None]
    definite = np.linalg.eigvalsh(spread)[:, 0] > 0
    inverse, _, _ = inverse_of_gram(spread)
    statistic = np.where(definite, np.einsum("dk,dkl,dl->d", gap, inverse, gap), np.nan)
    return statistic, np.asarray(stats.chi2.sf(statistic, k))
