"""Event study and difference-in-differences on a policy shock that may reach firms in different years."""

from dataclasses import replace
from typing import Literal

import numpy as np

from dti_core.studies.esg_constraint.model.arrays import Array, Integers, Mask
from dti_core.studies.esg_constraint.model.fit import Fit

Comparison = Literal["never", "not_yet"]


def event_study(
    y: Array,
    observed: Mask,
    cohort: Integers,
    horizon: range = range(-4, 5),
    comparison: Comparison = "never",
) -> Fit:
    """Mean effect of the shock by years since it came; column j belongs to `horizon[j]`; -1 is 0 by design.

    Each cohort's change since the year before its shock is compared with that of firms never (or not yet)
    reached, and cohorts are averaged by their number of firms. Cohorts reached earlier never serve as
    comparison, which is what biases two-way effects when effects differ over time. In a balanced panel with
    never-reached firms this equals the regression of Sun and Abraham (2021).

    Source: Callaway and Sant'Anna (2021), without covariates. Errors: influence functions, clustered by
    firm, shares of cohorts taken as given; normal distribution. Assumes: without the shock, reached and
    other firms had moved alike; nobody acts on it early.

    Parameters
    ----------
    y : (n_draws, n_firms, n_years). cohort : (n_draws, n_firms) index of the shock's year, -1 for never.

    Returns
    -------
    Fit with diagnostics pre_trend_p (all leads before -1 are 0) and n_treated (n_draws, n_horizon).

    Raises
    ------
    ValueError if no firm is reached or none can serve as comparison.
    """
    values = np.where(observed, y, np.nan)
    n_draws, n_firms, n_years = y.shape
    influence = np.zeros((n_draws, len(horizon), n_firms))
    coef, mass = np.zeros((n_draws, len(horizon))), np.zeros((n_draws, len(horizon)))
    for start in [int(year) for year in np.unique(cohort) if 0 < year < n_years]:
        for column, since in enumerate(horizon):
            if since == -1 or not 0 <= start + since < n_years:
                continue
            change = values[:, :, start + since] - values[:, :, start - 1]
            rivals = _rivals(cohort, start, since, comparison)
            effect, pull, size = _comparison(change, cohort == start, rivals)
            coef[:, column] += size * effect
            influence[:, column] += size[:, None] * pull
            mass[:, column] += size
    if not (mass > 0).any():
        raise ValueError("no firm with outcomes before and after its shock, or none to compare it with")
    safe = np.where(mass > 0, mass, np.nan)
    influence /= np.where(mass > 0, mass, 1.0)[:, :, None]
    covariance = influence @ influence.swapaxes(1, 2)
    base = np.asarray(horizon) == -1
    coef = np.where(base, 0.0, coef / safe)
    std_error = np.where(mass > 0, np.sqrt(np.einsum("dkk->dk", covariance)), np.nan)
    std_error[:, base] = 0.0
    n_obs = np.isfinite(values).sum(axis=(1, 2))
    fit = Fit(coef, std_error, covariance, n_obs, np.full(n_draws, np.inf), "event study, firm errors")
    leads = np.flatnonzero((np.asarray(horizon) < -1) & (mass > 0).all(axis=0))
    p = fit.wald(leads)[1] if len(leads) else np.full(n_draws, np.nan)
    return replace(fit, diagnostics={"pre_trend_p": p, "n_treated": mass})


def average_effect(study: Fit, columns: Integers) -> Fit:
    """Plain mean of the event-study columns `columns`, such as all years after the shock."""
    weight = np.zeros(study.coef.shape[1])
    weight[columns] = 1 / len(columns)
    variance = np.einsum("k,dkl,l->d", weight, study.covariance, weight)[:, None, None]
    coef = study.coef[:, columns].mean(axis=1)[:, None]
    return replace(study, coef=coef, std_error=np.sqrt(variance[:, :, 0]), covariance=variance)


def relaxed(cohort: Integers, n_years: int) -> Array:
    """(n_draws, n_firms, n_years) 1 from the year of a firm's shock on: the regressor of two-way DiD."""
    reached = (cohort >= 0)[..., None] & (np.arange(n_years) >= cohort[..., None])
    return reached.astype(float)


def _rivals(cohort: Integers, start: int, since: int, comparison: Comparison) -> Mask:
    later = cohort > max(start + since, start)
    return (cohort < 0) | (later if comparison == "not_yet" else False)


def _comparison(change: Array, treated: Mask, rivals: Mask) -> tuple[Array, Array, Array]:
    """Difference of mean changes, each firm's influence on it, and the number of treated firms."""
    known = np.isfinite(change)
    change = np.where(known, change, 0.0)
    sides = []
    for members in (treated & known, rivals & known):
        size = members.sum(axis=1)
        mean = (change * members).sum(axis=1) / np.maximum(size, 1)
        sides.append((mean, members * (change - mean[:, None]) / np.maximum(size, 1)[:, None], size))
    (mean, pull, n_treated), (other, other_pull, n_rivals) = sides
    usable = (n_treated > 0) & (n_rivals > 0)
    return mean - other, pull - other_pull, np.where(usable, n_treated, 0).astype(float)
