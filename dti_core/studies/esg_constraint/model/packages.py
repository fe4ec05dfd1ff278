"""The same equation by maintained packages, as an analyst would call them, on one panel.

A package fits one sample a call and says much about it, which suits one panel and not a Monte Carlo. The
stacked estimators of this study are held to these to eight decimals.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dti_core.studies.esg_constraint.model.arrays import Array
from dti_core.studies.esg_constraint.model.fit import Fit
from dti_core.studies.esg_constraint.model.panel import Panel
from dti_core.studies.esg_constraint.model.regression import shifted
from dti_core.studies.esg_constraint.model.selection import ordered_logit
from dti_core.studies.esg_constraint.model.shock import relaxed

#: Beyond so many firm-years a package takes minutes and gigabytes for what the stacked estimators say too.
MAX_ROWS = 200_000
#: An ordered logit takes minutes beyond so many firm-years, and a threshold for each level of the outcome.
MAX_ORDERED_ROWS, MAX_LEVELS = 30_000, 15
#: What one unit of an effect is in.
GRADES, LOG_ODDS = "grades", "log odds"


@dataclass(frozen=True, slots=True)
class PackageFit(Fit):
    """What a package found on one panel, as a Fit of one draw; its first columns are constraint and controls.

    results : what linearmodels returned, for its comparison of models; None from another package.
    unit : GRADES or LOG_ODDS.
    """

    results: Any = None
    unit: str = GRADES


def two_way(panel: Panel, **errors: Any) -> PackageFit:
    """`linearmodels.PanelOLS` with firm and year effects, clustered by firm; `errors` go to its `fit`.

    Raises
    ------
    ValueError if the effects absorb a regressor.
    """
    from linearmodels.panel import PanelOLS
    from linearmodels.panel.utility import AbsorbingEffectError

    y, x, _ = rows_of(panel)
    chosen: dict[str, Any] = {"cov_type": "clustered", "cluster_entity": True} | errors
    try:
        fitted = PanelOLS(y, x, entity_effects=True, time_effects=True).fit(**chosen)
    except AbsorbingEffectError as error:
        n_firms = y.index.get_level_values("firm").nunique()
        gone = f"firm and year effects of {n_firms} rated firm{'s' * (n_firms > 1)} absorb a regressor"
        raise ValueError(gone) from error
    by = " and year" if chosen.get("cluster_time") else ""
    return _of_linearmodels(fitted, f"PanelOLS, clustered by firm{by}")


def two_way_clustered(panel: Panel, **errors: Any) -> PackageFit:
    """`two_way` clustered by firm and year."""
    return two_way(panel, **({"cluster_time": True} | errors))


def fama_macbeth(panel: Panel, **errors: Any) -> PackageFit:
    """Mean of yearly cross-sections, `linearmodels.FamaMacBeth`; Newey-West errors over years.

    Source: Fama and MacBeth (1973); Newey and West (1987). Assumes: no firm effects, whose persistence the
    few lags that a short panel allows do not count.

    Raises
    ------
    ValueError for fewer years than coefficients.
    """
    from linearmodels.panel import FamaMacBeth

    y, x, _ = rows_of(panel)
    if (n_years := y.index.get_level_values("year").nunique()) <= x.shape[1]:
        raise ValueError(f"{n_years} yearly cross-sections for {x.shape[1] + 1} coefficients")
    chosen = {"cov_type": "kernel"} | errors
    fitted = FamaMacBeth(y, x.assign(const=1.0)).fit(**chosen)
    return _of_linearmodels(fitted, "Fama-MacBeth, Newey-West errors over years")


def pooled(panel: Panel) -> PackageFit:
    """Pooled least squares by `statsmodels.OLS`, clustered by firm."""
    import statsmodels.api as sm

    y, x, firm = rows_of(panel)
    fitted = sm.OLS(y, x.assign(const=1.0)).fit(cov_type="cluster", cov_kwds={"groups": firm})
    coef, covariance = fitted.params.to_numpy(), fitted.cov_params().to_numpy()
    degrees = float(len(np.unique(firm)) - 1)
    how = "OLS of statsmodels, clustered by firm"
    return _fit(coef, covariance, int(fitted.nobs), degrees, how, {"r_squared": float(fitted.rsquared)})


def policy_instrument(panel: Panel, **errors: Any) -> PackageFit:
    """Last year's relief as instrument, `linearmodels.IV2SLS`, with its own tests of the first stage.

    Firm means are taken off all columns and year dummies stay regressors, which gives two-way effects exactly
    (Frisch, Waugh, Lovell). Diagnostics: first_stage_f, first_stage_p, partial_r_squared, wu_hausman_p.

    Raises
    ------
    ValueError if the policy does not vary within firms.
    """
    from linearmodels.iv import IV2SLS

    if panel.cohort is None:
        raise ValueError("needs the year of a policy for some firms")
    policy = shifted(relaxed(panel.cohort, panel.outcome.shape[2]), 1)
    y, x, firm = rows_of(panel, {"policy": policy})
    years = pd.get_dummies(y.index.get_level_values("year"), prefix="year", drop_first=True, dtype=float)
    table = pd.concat([y, x, years.set_index(y.index)], axis=1)
    table = table - table.groupby(level="firm").transform("mean")
    if np.ptp(table["policy"]) == 0:
        raise ValueError("the policy does not change within any rated firm")
    exogenous = table.drop(columns=["rating", "constraint", "policy"])
    chosen: dict[str, Any] = {"cov_type": "clustered", "clusters": firm, "debiased": True} | errors
    fitted: Any = IV2SLS(table["rating"], exogenous, table[["constraint"]], table[["policy"]]).fit(**chosen)
    first = fitted.first_stage.diagnostics.loc["constraint"]
    tests = {
        "first_stage_f": first["f.stat"], "first_stage_p": first["f.pval"],
        "partial_r_squared": first["partial.rsquared"], "wu_hausman_p": fitted.wu_hausman().pval,
    }  # fmt: skip
    return _of_linearmodels(fitted, "IV2SLS, clustered by firm", tests)


def ordered(panel: Panel) -> PackageFit:
    """Ordered logit with firm means of the regressors (Mundlak's device) and year dummies, by statsmodels.

    Raises
    ------
    ValueError for a rating of more than MAX_LEVELS levels, or too many firm-years.
    """
    y, x, firm = rows_of(panel)
    if (levels := y.nunique()) > MAX_LEVELS:
        raise ValueError(f"the rating has {levels} levels, more than {MAX_LEVELS} grades; see the ranks")
    if len(y) > MAX_ORDERED_ROWS:
        raise ValueError(f"more than {MAX_ORDERED_ROWS:,} firm-years; see the ranks")
    means = x.groupby(level="firm").transform("mean")
    dummies = pd.get_dummies(y.index.get_level_values("year"), drop_first=True, dtype=float)
    design = np.column_stack([x, means, dummies])
    kept = design.std(axis=0) > 0
    found = ordered_logit(y.to_numpy(), design[:, kept], firm)
    return PackageFit(
        found.coef, found.std_error, found.covariance, found.n_obs, found.dof,
        "OrderedModel of statsmodels, clustered by firm", unit=LOG_ODDS,
    )  # fmt: skip


def regression_table(fits: Mapping[str, PackageFit], terms: Mapping[str, str]) -> pd.DataFrame:
    """A column a model, a row a regressor with "coefficient (standard error)", then what the model is.

    Models of linearmodels are put side by side by its own `compare`, panels and instruments each.

    Parameters
    ----------
    fits : title -> fit. terms : names of constraint and controls -> words, in the order of the regressors.
    """
    rows = [*terms, "const"]
    coef, error = pd.DataFrame(index=rows), pd.DataFrame(index=rows)
    for comparison in _compared(fits):
        coef = coef.join(comparison.params.astype(float))
        error = error.join(comparison.std_errors.astype(float))
    for title, fit in fits.items():
        if fit.results is None:
            known = rows if fit.unit == GRADES else [*terms]
            coef[title] = pd.Series(fit.coef[0, : len(known)], known)
            error[title] = pd.Series(fit.std_error[0, : len(known)], known)
    cells = coef[list(fits)].map("{:.4f}".format) + error[list(fits)].map(" ({:.4f})".format)
    table = cells.where(coef[list(fits)].notna(), "").rename(index={**terms, "const": "constant"})
    table.loc["model"] = [fit.how for fit in fits.values()]
    table.loc["a unit of the outcome"] = [fit.unit for fit in fits.values()]
    table.loc["firm-years"] = [f"{fit.n_obs[0]:,}" for fit in fits.values()]
    shares = [fit.diagnostics["r_squared"][0] if fit.unit == GRADES else np.nan for fit in fits.values()]
    table.loc["R squared"] = ["" if np.isnan(share) else f"{share:.3f}" for share in shares]
    return table.rename_axis("regressor")


def _compared(fits: Mapping[str, PackageFit]) -> list[Any]:
    """Comparisons by linearmodels of its panel models, and of its models with instruments."""
    from linearmodels import iv, panel
    from linearmodels.panel.results import PanelResults

    ours = {title: fit.results for title, fit in fits.items() if fit.results is not None}
    flat = {title: found for title, found in ours.items() if isinstance(found, PanelResults)}
    instrumented = {title: found for title, found in ours.items() if title not in flat}
    compare: list[tuple[Callable[..., Any], Mapping[str, Any]]] = [
        (panel.compare, flat),
        (iv.compare, instrumented),
    ]
    return [function(some) for function, some in compare if some]


def rows_of(
    panel: Panel, more: Mapping[str, Array] | None = None
) -> tuple[pd.Series, pd.DataFrame, np.ndarray[Any, np.dtype[np.int64]]]:
    """Rating, named regressors and firm codes of the firm-years in use, indexed by firm and year.

    Raises
    ------
    ValueError for more than one draw, more rows than a package should be given, or collinear regressors.
    """
    if len(panel.outcome) != 1:
        raise ValueError("a package takes one panel, not a stack of draws")
    x = panel.regressors()
    known = panel.rated & np.isfinite(x).all(axis=3)
    for values in (more or {}).values():
        known &= np.isfinite(values)
    if known.sum() > MAX_ROWS:
        raise ValueError(f"more than {MAX_ROWS:,} ratings: the stacked estimator says the same")
    if not known.any():
        raise ValueError("no firm-year has a rating and all regressors of the year before")
    firm, year = np.nonzero(known[0])
    index = pd.MultiIndex.from_arrays([firm, year], names=["firm", "year"])
    columns: dict[Hashable, Array] = {name: x[0, firm, year, k] for k, name in enumerate(names_of(panel))}
    columns |= {name: values[0, firm, year] for name, values in (more or {}).items()}
    if np.linalg.matrix_rank(x[0, firm, year] - x[0, firm, year].mean(axis=0)) < x.shape[3]:
        raise ValueError("a regressor does not vary, or is a combination of others")
    rating = pd.Series(panel.outcome[0, firm, year], index=index, name="rating")
    return rating, pd.DataFrame(columns, index=index), firm.astype(np.int64)


def names_of(panel: Panel) -> list[str]:
    """Names under which a package is given the constraint and the controls."""
    return ["constraint", *(f"control_{k}" for k in range(panel.controls.shape[3]))]


def _of_linearmodels(fitted: Any, how: str, tests: Mapping[str, float] | None = None) -> PackageFit:
    """Constraint first, wherever the package put it."""
    order = ["constraint", *fitted.params.index.drop("constraint")]
    coef, covariance = fitted.params[order].to_numpy(), fitted.cov.loc[order, order].to_numpy()
    more = {"r_squared": float(fitted.rsquared), **(tests or {})}
    return _fit(coef, covariance, int(fitted.nobs), float(fitted.df_resid), how, more, fitted)


def _fit(
    coef: Array, covariance: Array, n: int, degrees: float, how: str, more: Mapping[str, float],
    results: Any = None,
) -> PackageFit:  # fmt: skip
    error = np.sqrt(np.diag(covariance))[None]
    diagnostics = {name: np.array([float(value)]) for name, value in more.items()}
    return PackageFit(
        coef[None], error, covariance[None], np.array([n]), np.array([degrees]), how, diagnostics, results
    )
