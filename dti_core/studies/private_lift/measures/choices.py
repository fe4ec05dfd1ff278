"""What goes with a brand on display or in the leaflet: its share of a household panel's purchases."""

import numpy as np
from statsmodels.regression.linear_model import OLS

from dti_core.bridges.privacy import discrete_laplace
from dti_core.lab.errors import DataError, one_line
from dti_core.lab.findings import Findings
from dti_core.studies.private_lift.data.panels import PANELS, Panel, load_panel
from dti_core.studies.private_lift.measures.reports import Plan, Question, Report, noise_variance
from dti_core.studies.private_lift.model.cells import Counts
from dti_core.studies.private_lift.model.lift import Measured, normal

POINTS = "percentage points of choice"
EXPOSURES = ("display", "feature")
#: Purchases that count of one household: no household of either panel has fewer.
MAX_PURCHASES = 5
#: A divisor counts as clear of its noise above so many standard deviations; what is answered in fewer draws
#: than this share is left out.
CLEAR, ANSWERED = 2.0, 0.9


def study_choices(plan: Plan) -> Findings:
    """Share of choice with an exposure less that without, within brands, plainly and at each epsilon.

    Nothing was randomised: shops cut prices of what they display, so that `_at_price` holds price and the
    other exposure. Each answer is a release of its own.
    """
    report = Report(plan, costs=False)
    for name, what in PANELS.items():
        try:
            panel, _ = load_panel(name)
        except DataError as error:
            report.found.left_out.append((name, one_line(error, 200)))
            continue
        for exposure in EXPOSURES:
            _measure(report, name, f"Purchases of {what}, not randomised", panel, exposure)
    return report.gathered("choices")


def fit_choice(panel: Panel, exposure: str, *, clustered: bool = True, at_price: bool = False) -> Measured:
    """Slope of choice on an exposure within brands, a purchase and brand a row, (1,) each.

    clustered : errors by household, else as if every row were independent. at_price : with the other
    exposure and the price against that of all brands held linearly.
    """
    columns = [getattr(panel, exposure)]
    if at_price:
        columns += [getattr(panel, one) for one in EXPOSURES if one != exposure]
        columns.append(panel.price - panel.price.mean(axis=1, keepdims=True))
    within = [(column - column.mean(axis=0)).ravel() for column in (panel.chosen, *columns)]
    model = OLS(within[0], np.column_stack(within[1:]))
    groups = np.repeat(panel.household, panel.chosen.shape[1])
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": groups}) if clustered else model.fit()
    return normal(fit.params[:1], fit.bse[:1])


def cells_of(panel: Panel, exposure: str) -> Counts:
    """(B, 2, 2) purchases by brand, whether it was exposed, whether it was chosen.

    A purchase adds one in one cell of each of the B brands.
    """
    shown, n_brands = getattr(panel, exposure), panel.chosen.shape[1]
    place = (4 * np.arange(n_brands) + 2 * shown + panel.chosen).astype(np.int64)
    return np.bincount(place.ravel(), minlength=4 * n_brands).reshape(n_brands, 2, 2)


def slope_of_cells(cells: Counts, variance: float) -> Measured:
    """The slope of choice on exposure within brands from (n_draws, B, 2, 2) counts, their noise included.

    NaN where the divisor, the spread of exposure, is not clear of its noise. The error is told from the
    counts alone: rows of one household, at most B * MAX_PURCHASES, raise the sampling variance of
    independent rows at most as many times (Cauchy-Schwarz). What a change of one count moves is the
    influence of a row in its cell.
    """
    counts = cells.astype(np.float64)
    shown, bought = counts.sum(axis=3), counts.sum(axis=2)
    n = np.maximum(shown.sum(axis=2), 1.0)
    rate, share = shown[..., 1] / n, bought[..., 1] / n
    from_rate = np.arange(2)[:, None] - rate[..., None, None]
    divisor = (n * rate * (1 - rate)).sum(axis=1)
    noise = np.sqrt(variance * 2 * (from_rate**4).sum(axis=(1, 2, 3)))
    divisor = np.where(divisor > CLEAR * noise, divisor, np.nan)
    slope = (counts[..., 1, 1] - n * rate * share).sum(axis=1) / divisor
    from_fit = np.arange(2) - share[..., None, None] - slope[:, None, None, None] * from_rate
    squares = (from_rate * from_fit / divisor[:, None, None, None]) ** 2
    sampling = np.maximum((counts * squares).sum(axis=(1, 2, 3)), 0.0)
    most_alike = cells.shape[1] * MAX_PURCHASES
    return normal(slope, np.sqrt(most_alike * sampling + variance * squares.sum(axis=(1, 2, 3))))


def _measure(report: Report, name: str, title: str, panel: Panel, exposure: str) -> None:
    n = int(panel.household.max()) + 1

    def asked(quantity: str) -> Question:
        return Question(name, quantity, title, POINTS, "household", n)

    report.add(asked(exposure), None, fit_choice(panel, exposure))
    report.add(asked(f"{exposure}_as_if_independent"), None, fit_choice(panel, exposure, clustered=False))
    report.add(asked(f"{exposure}_at_price"), None, fit_choice(panel, exposure, at_price=True))
    few = panel.first(MAX_PURCHASES)
    plain, cells = fit_choice(few, exposure), cells_of(few, exposure)
    first = asked(f"{exposure}_first_{MAX_PURCHASES}")
    report.add(first, None, plain)
    for epsilon in report.plan.epsilons:
        scale = cells.shape[0] * MAX_PURCHASES / epsilon
        rng = report.plan.stream(name, first.quantity, f"{epsilon:g}")
        drawn = cells + discrete_laplace(scale, (report.plan.n_draws, *cells.shape), rng)
        answers = slope_of_cells(drawn, noise_variance(scale))
        if (answered := float(np.isfinite(answers.value).mean())) >= ANSWERED:
            report.add(first, epsilon, answers, plain)
        else:
            why = f"too few of {n} households saw it: {answered:.0%} of draws of noise leave an answer"
            report.found.left_out.append((f"{name} {exposure}, epsilon {epsilon:g}", why))
