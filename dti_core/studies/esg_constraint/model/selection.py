"""Who is rated, and on which scale: probability weights, Heckman's two steps, ranks and ordered grades."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dti_core.studies.esg_constraint.model.arrays import Array, Integers, Mask
from dti_core.studies.esg_constraint.model.effects import TWO_WAY, Effect
from dti_core.studies.esg_constraint.model.fit import Cluster, Fit
from dti_core.studies.esg_constraint.model.regression import least_squares

Link = Literal["logit", "probit"]
#: Newton steps of a binary choice; it converges in about six.
NEWTON_STEPS = 25


@dataclass(frozen=True, slots=True)
class Choice:
    """A fitted binary choice. probability, index, score : (n_draws, n_firms, n_years), 0 outside `used`.

    coef : (n_draws, k). bread : (n_draws, k, k) inverse information. score : derivative of the
    log-likelihood by the index.
    """

    coef: Array
    bread: Array
    probability: Array
    index: Array
    score: Array
    used: Mask


def fit_choice(chosen: Mask, z: Array, exists: Mask, link: Link = "logit") -> Choice:
    """Maximum likelihood of being chosen among the firm-years that exist, by Fisher scoring.

    Parameters
    ----------
    chosen, exists : (n_draws, n_firms, n_years). z : (n_draws, n_firms, n_years, k), a constant included.

    Raises
    ------
    ValueError if a draw does not converge, as when a regressor separates the chosen from the others.
    """
    used = exists & np.isfinite(z).all(axis=3)
    flat = np.where(used[..., None], z, 0.0).reshape(len(z), -1, z.shape[3])
    mask, hit = used.reshape(len(z), -1), (chosen & used).reshape(len(z), -1)
    if (hit == mask).all(axis=1).any() or not hit.any(axis=1).all():
        raise ValueError("all firm-years are rated, or none: who is rated says nothing")
    coef = np.zeros((len(z), z.shape[3]))
    for _ in range(NEWTON_STEPS):
        index = (flat @ coef[:, :, None])[..., 0]
        probability, score, information = _link(index, hit, link)
        bread = np.linalg.inv((flat * (information * mask)[..., None]).swapaxes(1, 2) @ flat)
        step = (bread @ (flat.swapaxes(1, 2) @ (score * mask)[..., None]))[..., 0]
        coef = coef + step
        if np.abs(step).max() < 1e-10:
            parts = [(values * mask).reshape(exists.shape) for values in (probability, index, score)]
            return Choice(coef, np.asarray(bread, dtype=np.float64), parts[0], parts[1], parts[2], used)
    raise ValueError(f"{link} did not converge: a regressor may separate rated from unrated firms")


def _link(index: Array, hit: Mask, link: Link) -> tuple[Array, Array, Array]:
    """Probability, derivative of the log-likelihood by the index, and expected information."""
    from scipy import special, stats

    if link == "logit":
        probability = np.asarray(special.expit(index), dtype=np.float64)
        return probability, hit - probability, probability * (1 - probability)
    probability, density = np.asarray(special.ndtr(index)), stats.norm.pdf(index)
    spread = np.maximum(probability * special.ndtr(-index), 1e-300)
    return probability, density * (hit - probability) / spread, density**2 / spread


def inverse_probability(
    y: Array, x: Array, rated: Mask, z: Array, exists: Mask, effects: tuple[Effect, ...] = TWO_WAY,
    cluster: Cluster = "firm", floor: float = 0.05,
) -> Fit:  # fmt: skip
    """`least_squares` on rated firm-years, each weighed by one over its logit probability of being rated.

    Errors take the weights as known, which is conservative (Wooldridge 2007).
    Assumes: given z, being rated is unrelated to the outcome's error.

    Parameters
    ----------
    z : (n_draws, n_firms, n_years, p), a constant included. floor : smallest probability in use.
    """
    choice = fit_choice(rated, z, exists)
    weight = np.where(choice.used, 1 / np.maximum(choice.probability, floor), np.nan)
    return least_squares(y, x, rated & choice.used, effects, cluster, weight=weight)


def heckman(y: Array, x: Array, rated: Mask, z: Array, exists: Mask) -> Fit:
    """Heckman's two steps: probit of being rated, then outcome on x and inverse Mills ratio (last).

    Errors are clustered by firm and count the noise of the first step. For a panel, give x and z firm means
    and year dummies (Wooldridge 1995). No small-sample factor; normal distribution.

    Source: Heckman (1979); Newey and McFadden (1994), section 6, for the errors.
    Assumes: jointly normal errors, and a column of z that moves being rated but not the outcome.

    Parameters
    ----------
    x : (n_draws, n_firms, n_years, k) and z : (..., p), constants included.
    """
    choice = fit_choice(rated, z, exists, "probit")
    used = rated & choice.used & np.isfinite(y) & np.isfinite(x).all(axis=3)
    mills = np.where(used, choice.score, 0.0)
    design = np.where(used[..., None], np.concatenate([x, mills[..., None]], axis=3), 0.0)
    n_draws, k = len(y), design.shape[3]
    flat, outcome = design.reshape(n_draws, -1, k), np.where(used, y, 0.0).reshape(n_draws, -1)
    bread = np.linalg.inv(flat.swapaxes(1, 2) @ flat)
    coef = (bread @ (flat.swapaxes(1, 2) @ outcome[..., None]))[..., 0]
    residual = (outcome - (flat @ coef[..., None])[..., 0]).reshape(used.shape)
    slope = -mills * (mills + choice.index) * coef[:, -1, None, None]
    selectors = np.where(choice.used[..., None], z, 0.0)
    link = flat.swapaxes(1, 2) @ (selectors * slope[..., None]).reshape(n_draws, -1, z.shape[3])
    second = (design * residual[..., None]).sum(axis=2)
    first = (selectors * choice.score[..., None]).sum(axis=2)
    by_firm = (second - first @ choice.bread @ link.swapaxes(1, 2)) @ bread
    covariance = by_firm.swapaxes(1, 2) @ by_firm
    std_error = np.sqrt(np.einsum("dkk->dk", covariance))
    n_obs = used.sum(axis=(1, 2))
    return Fit(coef, std_error, covariance, n_obs, np.full(n_draws, np.inf), "Heckman two-step, firm errors")


def year_rank(y: Array, observed: Mask) -> Array:
    """Rank of y among the observed firms of its year, from 0 to 1, ties sharing their mean rank; else NaN."""
    from scipy import stats

    ranks = stats.rankdata(np.where(observed, y, np.nan), axis=1, nan_policy="omit")
    count = np.isfinite(ranks).sum(axis=1, keepdims=True)
    return np.asarray((ranks - 0.5) / np.maximum(count, 1))


def ordered_logit(grade: Array, x: Array, firm: Integers) -> Fit:
    """Ordered logit of one sample by statsmodels, clustered by firm; thresholds are not returned.

    Parameters
    ----------
    grade : (n,) ordered grades. x : (n, k) without constant. firm : (n,) codes.
    """
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    scale = x.std(axis=0)
    model = OrderedModel(np.unique(grade, return_inverse=True)[1], x / scale, distr="logit")
    found = model.fit(method="bfgs", disp=False, maxiter=500, cov_type="cluster", cov_kwds={"groups": firm})
    k, n, how = x.shape[1], np.array([len(grade)]), "ordered logit, firm errors"
    covariance = (np.asarray(found.cov_params())[:k, :k] / np.outer(scale, scale))[None]
    error = np.sqrt(np.einsum("dkk->dk", covariance))
    return Fit((found.params[:k] / scale)[None], error, covariance, n, np.array([np.inf]), how)
