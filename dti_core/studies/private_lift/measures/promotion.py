"""What a display in a shop seems to sell, and how much of that is only timing."""

import numpy as np
import pandas as pd
from statsmodels.regression.linear_model import OLS

from dti_core.bridges.privacy import Guarantee
from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval
from dti_core.lab.record import Estimate
from dti_core.studies.private_lift.data.promotions import N_WEEKS, ShopWeeks, load_promotions
from dti_core.studies.private_lift.measures.reports import Plan, Z, guarantee, noise_variance
from dti_core.studies.private_lift.model.cells import Array

UNIT = "units a shop and week"
#: Effects that are taken out: of product x shop, or also of product x week.
DESIGNS = ("naive", "timed")
#: Units that count of one household in one week, so that noise can be scaled to it.
MAX_UNITS = 5


def study_promotion(plan: Plan) -> Findings:
    """Display on units sold with and without product x week effects, errors clustered by product."""
    found, (shops, _) = Findings(), load_promotions()
    value: dict[str, float] = {}
    for design in DESIGNS:
        plain = fit_display(shops, shops.units, design)
        cut = fit_display(shops, bounded_units(shops.purchases, len(shops.units)), design)
        value[design] = plain.value
        found.estimates.append(plain.estimate(f"display_{design}", UNIT, design=design, measure="plain"))
        found.estimates.append(cut.estimate(f"display_{design}_cut", UNIT, design=design, measure="cut"))
        for epsilon in plan.epsilons:
            found.estimates.append(_private(shops, cut, design, guarantee(epsilon, "household and week")))
    timing = 1 - value["timed"] / value["naive"]
    how, at = "ratio of two estimates, no interval", {"measure": "share of the naive lift that is timing"}
    n = int(shops.product.max()) + 1
    found.estimates.append(
        Estimate("display_timing_share", timing, timing, timing, "share", n, how=how, at=at)
    )
    return found


def within(shops: ShopWeeks, values: Array, design: str) -> Array:
    """(n,) values less the effects of a design, exact as the table is balanced."""
    cube = values.reshape(int(shops.product.max()) + 1, -1, int(shops.week.max()) + 1)
    left = cube - cube.mean(axis=2, keepdims=True)
    return (left - left.mean(axis=1, keepdims=True) if design == "timed" else left).ravel()


def fit_display(shops: ShopWeeks, units: Array, design: str) -> Interval:
    """Units that a display adds, a household panel's, in a shop and week."""
    display = within(shops, shops.display, design)
    fit = OLS(within(shops, units, design), display).fit(
        cov_type="cluster", cov_kwds={"groups": shops.product}, use_t=True
    )
    low, high = fit.conf_int()[0]
    n, how = int(shops.product.max()) + 1, "errors clustered by product, Student t"
    return Interval(float(fit.params[0]), float(low), float(high), float(fit.bse[0]), n, how)


def bounded_units(purchases: pd.DataFrame, n_rows: int) -> Array:
    """(n_rows,) units where a household adds at most MAX_UNITS in a week, the first of them in the file."""
    week = purchases["row"] % N_WEEKS
    before = purchases.groupby(["household", week])["units"].cumsum() - purchases["units"]
    kept = np.clip(MAX_UNITS - before, 0, purchases["units"])
    return np.bincount(purchases["row"], kept, minlength=n_rows).astype(np.float64)


def _private(shops: ShopWeeks, cut: Interval, design: str, promise: Guarantee) -> Estimate:
    """The cut estimate with the exact standard deviation that noise on every cell adds to it.

    The estimate is a weighted sum of cells, so that no draw of the noise is needed.
    """
    left = within(shops, shops.display, design)
    noise = noise_variance(MAX_UNITS / promise.epsilon) / float(left @ left)
    error = float(np.sqrt(cut.std_error**2 + noise))
    name = f"display_{design}_eps{promise.epsilon:g}".replace(".", "_")
    at = {"design": design, "measure": "private", "guarantee": promise.text}
    return Estimate(
        name, cut.value, cut.value - Z * error, cut.value + Z * error, UNIT, cut.n, std_error=error, at=at,
        how="clustered by product, exact variance of the noise added",
    )  # fmt: skip
