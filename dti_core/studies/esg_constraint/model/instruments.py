"""Two-stage least squares on stacked draws, with what weak instruments leave of it."""

import numpy as np

from dti_core.studies.esg_constraint.model import fit as fitting
from dti_core.studies.esg_constraint.model.arrays import Array, Integers, Mask, inverse_of_gram
from dti_core.studies.esg_constraint.model.effects import TWO_WAY, Effect, Stacked, absorb, stack
from dti_core.studies.esg_constraint.model.fit import Cluster, Fit, cross
from dti_core.studies.esg_constraint.model.regression import least_squares

#: Codes of the diagnostic `anderson_rubin_kind`.
BOUNDED, TWO_RAYS, WHOLE_LINE = 0.0, 1.0, 2.0


def two_stage(
    y: Array, endogenous: Array, exogenous: Array, instruments: Array, observed: Mask,
    effects: tuple[Effect, ...] = TWO_WAY, cluster: Cluster = "firm", level: float = 0.95,
) -> Fit:  # fmt: skip
    """Effect of one endogenous regressor, then of the exogenous ones; effects absorbed from all.

    With one instrument the diagnostics hold the Anderson-Rubin confidence set, which keeps its level
    however weak the instrument: `anderson_rubin_low`, `_high` and `_kind` (BOUNDED: between them; TWO_RAYS:
    outside them; WHOLE_LINE: the data exclude nothing, bounds infinite). `first_stage_f` is the clustered F
    of the instruments; with one instrument it is the effective F of Montiel Olea and Pflueger (2013), whose
    rule asks for more than 23.

    Source: Anderson and Rubin (1949); Andrews, Stock and Sun (2019). Conventions of errors: `fit.solve`.
    Assumes: instruments move y only through the endogenous regressor.

    Parameters
    ----------
    y, endogenous : (n_draws, n_firms, n_years). exogenous : (n_draws, n_firms, n_years, k).
    instruments : (n_draws, n_firms, n_years, m), m >= 1.
    """
    design = np.concatenate([endogenous[..., None], exogenous, instruments], axis=3)
    k, m = exogenous.shape[3], instruments.shape[3]
    if m < 1:
        raise ValueError("two-stage least squares needs at least one instrument")
    sample = absorb(stack(y, design, observed), effects)
    x, z = sample.values[:, :, 1 : 2 + k], sample.values[:, :, 2:]
    weight = sample.weight[:, :, None]
    first = least_squares(endogenous, design[..., 1:], observed & np.isfinite(y), effects, cluster)
    projection = inverse_of_gram(cross(z * weight, z))[0] @ cross(z * weight, x)
    fitted = np.einsum("dtln,dlk->dtkn", z, projection)
    bread, _, identified = inverse_of_gram(cross(fitted * weight, fitted))
    coef = np.einsum("dkl,dl->dk", bread, cross(fitted * weight, sample.values[:, :, :1])[..., 0])
    residual = sample.values[:, :, 0] - np.einsum("dtkn,dk->dtn", x, coef)
    slopes = np.full(len(y), 1 + k + int("constant" in effects))
    left = sample.n_obs - 1 - k - sample.n_absorbed
    covariance, dof = fitting.covariance_of(
        bread, fitted * weight, residual, sample.weight, cluster, slopes, left
    )
    diagnostics = {"first_stage_f": first.wald(np.arange(k, k + m))[0]}
    if m == 1:
        forms = _reduced_forms(sample, k, cluster, slopes, left)
        diagnostics |= _anderson_rubin(*forms, level)
    coef, std_error = fitting.where_identified(identified, coef, covariance)
    return Fit(coef, std_error, covariance, sample.n_obs, dof, f"2SLS, {cluster} errors", diagnostics)


def _reduced_forms(
    sample: Stacked, k: int, cluster: Cluster, slopes: Integers, left: Integers
) -> tuple[Array, Array, Array]:
    """Effects of the one instrument on outcome and regressor (n_draws, 2), their covariance and degrees."""
    weight = sample.weight[:, :, None]
    pair, exogenous, z = sample.values[:, :, :2], sample.values[:, :, 2 : 2 + k], sample.values[:, :, 2 + k :]
    if k:
        inverse = inverse_of_gram(cross(exogenous * weight, exogenous))[0]
        both = np.concatenate([z, pair], axis=2)
        both = both - np.einsum("dtkn,dkl->dtln", exogenous, inverse @ cross(exogenous * weight, both))
        z, pair = both[:, :, :1], both[:, :, 1:]
    power = cross(z * weight, z)[:, 0, 0]
    effect = cross(z * weight, pair)[:, 0] / power[:, None]
    residual = pair - z * effect[:, None, :, None]
    if cluster == "classical":
        noise = cross(residual * weight, residual) / left[:, None, None]
        return effect, noise / power[:, None, None], left.astype(float)
    bread = np.eye(2) / power[:, None, None]
    scores = z * weight * residual
    return effect, *fitting.sandwich(bread, scores, sample.weight, cluster, slopes, left)


def _anderson_rubin(effect: Array, covariance: Array, dof: Array, level: float) -> dict[str, Array]:
    """Values b at which the instrument does not move y - b x: a quadratic inequality in b, solved exactly."""
    from scipy import stats

    c = stats.f.ppf(level, 1, dof)
    square = effect[:, 1] ** 2 - c * covariance[:, 1, 1]
    middle = effect[:, 0] * effect[:, 1] - c * covariance[:, 0, 1]
    rest = effect[:, 0] ** 2 - c * covariance[:, 0, 0]
    inside = middle**2 - square * rest
    root = np.sqrt(np.maximum(inside, 0))
    ends = np.sort(np.stack([(middle - root) / square, (middle + root) / square]), axis=0)
    whole = (square <= 0) & (inside <= 0)
    kind = np.where(whole, WHOLE_LINE, np.where(square > 0, BOUNDED, TWO_RAYS))
    return {
        "anderson_rubin_low": np.where(whole, -np.inf, ends[0]),
        "anderson_rubin_high": np.where(whole, np.inf, ends[1]),
        "anderson_rubin_kind": kind,
    }
