"""What an estimator returns for a stack of draws, and the covariances behind its standard errors."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from dti_core.studies.esg_constraint.model.arrays import Array, Integers, Mask, inverse_of_gram
from dti_core.studies.esg_constraint.model.effects import Stacked

Cluster = Literal["classical", "white", "firm", "year", "firm_year"]

#: A regressor whose sum of squares falls below this share once effects are gone has nothing left to say.
ABSORBED = 1e-20
#: Bytes that the work arrays of one chunk of draws may take.
CHUNK_BYTES = 200e6


@dataclass(frozen=True, slots=True)
class Fit:
    """Estimates of one equation, a row a draw. NaN where a coefficient is not identified.

    coef, std_error : (n_draws, n_regressors). covariance : (n_draws, n_regressors, n_regressors).
    n_obs : (n_draws,) firm-years. dof : (n_draws,) of Student's t; infinite where the normal is used.
    diagnostics : further arrays, first axis n_draws. how : the convention of the standard errors, in words.
    """

    coef: Array
    std_error: Array
    covariance: Array
    n_obs: Integers
    dof: Array
    how: str
    diagnostics: Mapping[str, Array] = field(default_factory=dict)

    def interval(self, level: float = 0.95) -> tuple[Array, Array]:
        """Low and high ends, each (n_draws, n_regressors)."""
        from scipy import stats

        margin = stats.t.ppf((1 + level) / 2, self.dof)[:, None] * self.std_error
        return self.coef - margin, self.coef + margin

    def p_value(self, null: float = 0.0) -> Array:
        """(n_draws, n_regressors) two-sided p-values of coef = null."""
        from scipy import stats

        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(2 * stats.t.sf(np.abs(self.coef - null) / self.std_error, self.dof[:, None]))

    def wald(self, columns: slice | Integers) -> tuple[Array, Array]:
        """F statistic of "these coefficients are all 0" and its p-value, each (n_draws,)."""
        from scipy import stats

        some = self.coef[:, columns]
        inverse, rank, _ = inverse_of_gram(self.covariance[:, columns][:, :, columns])
        statistic = np.einsum("dk,dkl,dl->d", some, inverse, some) / np.maximum(rank, 1)
        return statistic, np.asarray(stats.f.sf(statistic, rank, np.minimum(self.dof, 1e9)))


def slices(n_draws: int, bytes_a_draw: float) -> list[slice]:
    """Draws in chunks that fit memory and cache; fit each and `join` them."""
    size = max(1, int(CHUNK_BYTES // max(bytes_a_draw, 1)))
    return [slice(start, start + size) for start in range(0, n_draws, size)]


def join(fits: list[Fit]) -> Fit:
    """One fit whose draws are those of `fits`, in order."""
    first = fits[0]
    parts = {name: np.concatenate([getattr(f, name) for f in fits]) for name in
             ("coef", "std_error", "covariance", "n_obs", "dof")}  # fmt: skip
    kept = {name: np.concatenate([f.diagnostics[name] for f in fits]) for name in first.diagnostics}
    return Fit(**parts, how=first.how, diagnostics=kept)


def cross(left: Array, right: Array) -> Array:
    """Sums over firms and years of products of columns: (d, t, k, n) x (d, t, l, n) -> (d, k, l)."""
    return np.asarray((left @ right.swapaxes(2, 3)).sum(axis=1))


def bread_of(x: Array, weighted: Array, before: Array) -> tuple[Array, Mask]:
    """Inverse of the regressors' cross product, and which coefficients it identifies.

    A coefficient is identified if its unit vector lies in the row space of the regressors. An exact
    combination of others, such as SA beside size and its square under firm and year effects, becomes NaN.

    Parameters
    ----------
    x, weighted : (n_draws, n_years, n_regressors, n_firms), the second times the weights.
    before : (n_draws, n_regressors) sums of squares before effects were absorbed.

    Returns
    -------
    (n_draws, k, k) inverse and (n_draws, k) booleans.
    """
    gram = cross(weighted, x)
    alive = np.einsum("dkk->dk", gram) > ABSORBED * before
    inverse, _, identified = inverse_of_gram(gram * alive[:, :, None] * alive[:, None])
    return inverse, identified


def solve(sample: Stacked, before: Array, cluster: Cluster, n_constants: int = 0) -> Fit:
    """Least squares on a sample whose effects are gone.

    Conventions. "classical": residual variance over n - slopes - absorbed effects. All others: sandwich
    with (n - 1) / (n - k) x G / (G - 1), k counting slopes and an explicit constant but no absorbed effect
    (statsmodels and Petersen for pooled data; pyfixest with `ssc(k_fixef="none", G_df="conventional")`;
    linearmodels with `auto_df=False, count_effects=False, group_debias=True`). Two-way: firm plus year less
    their intersection, each with its own factor; negative eigenvalues set to zero. Student's t with G - 1
    degrees, G the smaller number.

    Source: Petersen (2009); Cameron, Gelbach and Miller (2011).
    """
    y, x = sample.values[:, :, 0], sample.values[:, :, 1:]
    weighted = x * sample.weight[:, :, None]
    bread, identified = bread_of(x, weighted, before)
    coef = np.einsum("dkl,dl->dk", bread, cross(weighted, y[:, :, None])[..., 0])
    residual = y - np.einsum("dtkn,dk->dtn", x, coef)
    n_obs, k = sample.n_obs, identified.sum(axis=1) + n_constants
    left = n_obs - identified.sum(axis=1) - sample.n_absorbed
    squares, total = (np.einsum("dtn,dtn,dtn->d", v, v, sample.weight, optimize=True) for v in (residual, y))
    covariance, dof = covariance_of(bread, weighted, residual, sample.weight, cluster, k, left)
    diagnostics = {
        "identified": identified.astype(float),
        "r_squared": 1 - squares / total,
        "residual_variance": squares / left,
        "absorbed": sample.n_absorbed.astype(float),
    }
    coef, std_error = where_identified(identified, coef, covariance)
    return Fit(coef, std_error, covariance, n_obs, dof, f"least squares, {cluster} errors", diagnostics)


def where_identified(identified: Mask, coef: Array, covariance: Array) -> tuple[Array, Array]:
    """Coefficients and their standard errors, NaN where not identified, each (n_draws, k)."""
    variance = np.einsum("dkk->dk", covariance)
    return tuple(np.where(identified, v, np.nan) for v in (coef, np.sqrt(np.maximum(variance, 0))))  # type: ignore[return-value]


def covariance_of(
    bread: Array, weighted: Array, residual: Array, weight: Array, cluster: Cluster, k: Integers,
    left: Integers,
) -> tuple[Array, Array]:  # fmt: skip
    """Covariance (n_draws, k, k) and degrees of freedom (n_draws,); conventions as in `solve`.

    Parameters
    ----------
    weighted : (n_draws, n_years, k, n_firms) regressors, or what instruments fit of them, times weights.
    residual, weight : (n_draws, n_years, n_firms).
    """
    if cluster == "classical":
        squares = np.einsum("dtn,dtn,dtn->d", residual, residual, weight, optimize=True)
        return bread * (squares / left)[:, None, None], left.astype(float)
    return sandwich(bread, weighted * residual[:, :, None], weight, cluster, k, left)


def sandwich(
    bread: Array, scores: Array, weight: Array, cluster: Cluster, k: Integers, left: Integers
) -> tuple[Array, Array]:  # fmt: skip
    """Clustered covariance (n_draws, k, k) and degrees of freedom (n_draws,); conventions as in `solve`.

    Parameters
    ----------
    scores : (n_draws, n_years, k, n_firms) weighted regressor times residual. left : (n_draws,) residual
    degrees of freedom.
    """
    n_obs = (weight > 0).sum(axis=(1, 2))
    kinds: dict[Cluster, int] = (
        {"firm": 1, "year": 1, "white": -1} if cluster == "firm_year" else {cluster: 1}
    )
    meat, degrees = np.zeros_like(bread), []
    for kind, sign in kinds.items():
        sums, n_groups = _grouped(scores, weight, kind)
        factor = n_groups / np.maximum(n_groups - 1, 1) * (n_obs - 1) / np.maximum(n_obs - k, 1)
        meat += sign * factor[:, None, None] * sums
        degrees.append(left if kind == "white" else n_groups - 1)
    covariance = bread @ meat @ bread
    if cluster == "firm_year":
        covariance = _without_negative(covariance)
    return covariance, np.min(degrees, axis=0).astype(float)


def _grouped(scores: Array, weight: Array, kind: Cluster) -> tuple[Array, Integers]:
    """Sum over groups of the outer product of summed scores, and the number of groups that are observed."""
    present = weight > 0
    if kind == "white":
        return cross(scores, scores), present.sum(axis=(1, 2))
    if kind == "firm":
        by = scores.sum(axis=1)
        return by @ by.swapaxes(1, 2), present.any(axis=1).sum(axis=1)
    by = scores.sum(axis=3)
    return by.swapaxes(1, 2) @ by, present.any(axis=2).sum(axis=1)


def _without_negative(covariance: Array) -> Array:
    roots, vectors = np.linalg.eigh(covariance)
    if (roots >= 0).all():
        return covariance
    return np.asarray((vectors * np.maximum(roots, 0)[..., None, :]) @ vectors.swapaxes(-1, -2))
