"""Real panels with published answers: what the estimators give there, so that each run can be checked."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd

from dti_core.lab.record import Estimate
from dti_core.studies.esg_constraint.data import load_packaged
from dti_core.studies.esg_constraint.model.fit import Cluster, Fit
from dti_core.studies.esg_constraint.model.gmm import Lags, gmm
from dti_core.studies.esg_constraint.model.panel import Rectangle, rectangle
from dti_core.studies.esg_constraint.model.regression import lags, least_squares, shifted

_CLUSTERS: dict[str, Cluster] = {
    "ols": "classical",
    "white": "white",
    "firm": "firm",
    "year": "year",
    "two_way": "firm_year",
}
#: Share of firm-years cut at each end of growth and of cash flow, as in the numbers to be met.
TRIM = 0.01


#: pyfixest sums in parallel, in no fixed order; what that moves is far smaller than these decimals.
DECIMALS = 6


def published_panels() -> tuple[Callable[[], list[Estimate]], ...]:
    """One function a panel; each returns coefficients with intervals, and their standard errors."""
    return petersen, grunfeld, arellano_bond, spanish_firms, innovation


def petersen() -> list[Estimate]:
    """Petersen (2009): one slope, five standard errors."""
    table = load_packaged("petersen")[0].table.assign(one=1.0)
    laid = _laid(table, ["y", "one", "x"])
    y, x = laid.values[..., 0], laid.values[..., 1:]
    found: list[Estimate] = []
    for name, cluster in _CLUSTERS.items():
        fit = least_squares(y, x, laid.observed, (), cluster)
        found += [_exact(f"petersen_se_{name}_{part}", fit.std_error[0, k], fit) for k, part in
                  enumerate(("constant", "x")) if name != "ols" or part == "x"]  # fmt: skip
    return [*_named(fit, ["petersen_slope"], "y a unit of x", [1], errors=False), *found]


def grunfeld() -> list[Estimate]:
    """Grunfeld's investment with firm effects and classical errors."""
    laid = _laid(load_packaged("grunfeld")[0].table, ["inv", "value", "capital"])
    fit = least_squares(laid.values[..., 0], laid.values[..., 1:], laid.observed, ("firm",), "classical")
    return _named(fit, ["grunfeld_value", "grunfeld_capital"], "dollars a dollar")


def arellano_bond() -> list[Estimate]:
    """Employment of UK firms: one-step difference GMM of Arellano and Bond (1991), table 4, column a1."""
    table = load_packaged("empluk")[0].table
    names = ["emp", "wage", "capital", "output"]
    laid = _laid(table.assign(**{name: np.log(table[name]) for name in names}), names)
    n, w, k, ys = (laid.values[..., j] for j in range(4))
    plain = np.concatenate([lags(w, range(2)), lags(k, range(3)), lags(ys, range(3))], axis=3)
    x = np.concatenate([lags(n, range(1, 3)), plain], axis=3)
    fit = gmm(n, x, laid.observed, (Lags(n, 2),), plain, steps="one")
    labels = [f"empluk_{name}" for name in ("n1", "n2", "w", "w1", "k", "k1", "ys", "ys1")]
    return _named(fit, labels, "log points a log point", [0, 1, 2, 3, 4, 5, 7, 8])


def spanish_firms() -> list[Estimate]:
    """Growth of capital on cash flow over lagged capital and growth of sales, for all, small and large firms.

    Errors count the absorbed effects, as linearmodels does by default and as the numbers to be met do. The
    constraint side of the question, in real and mostly small firms; a sensitivity is no proof of a constraint
    (Kaplan and Zingales 1997).
    """
    laid = _laid(load_packaged("snmesp")[0].table, ["n", "y", "k", "f"])
    n, sales, capital, cash_flow = (laid.values[..., j] for j in range(4))
    growth, rate = capital - shifted(capital, 1), cash_flow / np.exp(shifted(capital, 1))
    x = np.stack([rate, sales - shifted(sales, 1)], axis=3)
    kept = np.isfinite(growth) & np.isfinite(x).all(axis=3)
    ends = [np.quantile(values[kept], [TRIM, 1 - TRIM]) for values in (growth, rate)]
    for values, (low, high) in zip((growth, rate), ends, strict=True):
        kept &= (values >= low) & (values <= high)
    size = np.nanmean(n, axis=2)[:, :, None]
    small = size <= np.median(size)
    unit = "growth of capital a unit of cash flow over capital"
    found: list[Estimate] = []
    for name, rows in (("all", True), ("small", small), ("large", ~small)):
        fit = _counting_effects(least_squares(growth, x, kept & rows))
        found += _named(fit, [f"snmesp_{name}"], unit, [0])
    of = {one.name: one for one in found}
    few, many = of["snmesp_small"], of["snmesp_large"]
    error = math.hypot(few.std_error or 0.0, many.std_error or 0.0)
    gap, both, how = few.value - many.value, few.n + many.n, "two samples of different firms"
    return [*found, _coefficient("snmesp_small_minus_large", gap, error, unit, both, how)]


def innovation() -> list[Estimate]:
    """Citations of US firms on institutional ownership: Poisson, year and industry dummies, by pyfixest."""
    import pyfixest as pf

    table = load_packaged("innovation")[0].table
    logs = {"sales": np.log(table["sales"]), "intensity": np.log(table["capital"] / table["employment"])}
    fitted: Any = pf.fepois(
        "cites ~ institutions + intensity + sales | year + industry",
        table.assign(**logs),
        vcov={"CRV1": "firm"},
    )
    coef, error = fitted.coef().round(DECIMALS), fitted.se().round(DECIMALS)
    return [
        _coefficient(f"innovation_{name}", float(coef[name]), float(error[name]), "log points a unit",
                     int(fitted._N), "Poisson by pyfixest, clustered by firm")
        for name in ("institutions", "sales", "intensity")
    ] + [_number("innovation_institutions_se", float(error["institutions"]), int(fitted._N))]  # fmt: skip


def _laid(table: pd.DataFrame, columns: list[str]) -> Rectangle:
    return rectangle(table, "firm", "year", columns)


def _counting_effects(fit: Fit) -> Fit:
    """The same fit with absorbed effects counted as parameters in the factor of its errors."""
    left = fit.n_obs - fit.coef.shape[1]
    factor = np.sqrt(left / (left - fit.diagnostics["absorbed"]))[:, None]
    return Fit(fit.coef, fit.std_error * factor, fit.covariance, fit.n_obs, fit.dof, fit.how, fit.diagnostics)


def _named(
    fit: Fit, names: Iterable[str], unit: str, columns: list[int] | None = None, errors: bool = True
) -> list[Estimate]:
    low, high = fit.interval()
    found = []
    names = list(names)
    for name, k in zip(names, columns or range(len(names)), strict=True):
        found.append(
            Estimate(name, float(fit.coef[0, k]), float(low[0, k]), float(high[0, k]), unit,
                     int(fit.n_obs[0]), how=fit.how, std_error=float(fit.std_error[0, k]))
        )  # fmt: skip
        if errors:
            found.append(_exact(f"{name}_se", fit.std_error[0, k], fit))
    return found


def _exact(name: str, value: float, fit: Fit) -> Estimate:
    return _number(name, float(value), int(fit.n_obs[0]))


def _number(name: str, value: float, n: int) -> Estimate:
    return Estimate(name, value, value, value, "standard error", n, how="exact, no interval")


def _coefficient(name: str, value: float, error: float, unit: str, n: int, how: str) -> Estimate:
    margin = 1.959963984540054 * error
    return Estimate(name, value, value - margin, value + margin, unit, n, how=how, std_error=error)
