"""One panel, simulated or the user's: every estimator that its columns allow, raters, who differs."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.lab.record import Estimate
from dti_core.studies.esg_constraint.model.bootstrap import wild_cluster_p_value
from dti_core.studies.esg_constraint.model.fit import Fit
from dti_core.studies.esg_constraint.model.instruments import BOUNDED, two_stage
from dti_core.studies.esg_constraint.model.panel import Panel
from dti_core.studies.esg_constraint.model.registry import ESTIMATORS, EstimatorSpec
from dti_core.studies.esg_constraint.model.regression import hausman, least_squares
from dti_core.studies.esg_constraint.model.selection import ordered_logit, year_rank
from dti_core.studies.esg_constraint.model.sensitivity import cross_lagged
from dti_core.studies.esg_constraint.montecarlo import JUDGE, standardised
from dti_core.studies.esg_constraint.sample import Sample, firm_constant

Array = NDArray[np.float64]

#: An ordered logit takes minutes beyond this many firm-years; the ranks say the same.
MAX_ORDERED_LOGIT = 30_000


@dataclass(slots=True)
class Findings:
    """What accumulates while one panel is studied.

    tests : rows (test, value, what it reads). left_out : rows (analysis, why).
    """

    estimates: list[Estimate] = field(default_factory=list)
    series: dict[str, pd.DataFrame] = field(default_factory=dict)
    tests: list[tuple[str, float, str]] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)

    def add(self, name: str, fit: Fit, unit: str, column: int = 0) -> None:
        """Keep a coefficient of the first draw, or note that it is not identified."""
        low, high = fit.interval()
        ends = float(low[0, column]), float(high[0, column])
        if not np.isfinite(ends).all():
            self.left_out.append((name, "not identified: other regressors and effects reproduce it"))
            return
        self.estimates.append(
            Estimate(name, float(fit.coef[0, column]), *ends, unit, int(fit.n_obs[0]), how=fit.how,
                     std_error=float(fit.std_error[0, column]))
        )  # fmt: skip

    def test(self, name: str, value: float, reads: str) -> None:
        """Keep a test statistic or p-value, if there is one."""
        if np.isfinite(value):
            self.tests.append((name, float(value), reads))


def study_estimators(sample: Sample, rng: np.random.Generator, real: bool) -> Findings:
    """All registered estimators, their specification tests, and `rating_effect` where firms are real."""
    found, panel = Findings(), sample.panel
    fits = dict(_run_all(sample, found))
    for name, fit in fits.items():
        found.add(f"effect_{name}", fit, unit_of(sample))
    if real and JUDGE in fits:
        value, low, high = (float(number) for number in standardised(panel, fits[JUDGE])[0])
        if np.isfinite([value, low, high]).all():
            unit, n = "sd of rating a sd of constraint", int(fits[JUDGE].n_obs[0])
            found.estimates.append(Estimate("rating_effect", value, low, high, unit, n, how=fits[JUDGE].how))
    _specification_tests(sample, fits, found, rng)
    return found


def study_raters(sample: Sample) -> Findings:
    """Another rater, ranks, an ordered logit; the second rater as instrument where ratings are regressors."""
    found, panel = Findings(), sample.panel
    x, unit = panel.regressors(), unit_of(sample)
    found.add("effect_rank", least_squares(year_rank(panel.outcome, panel.rated), x, panel.rated),
              unit.replace("grades", "share of ranks"))  # fmt: skip
    _ordered_logit(panel, found)
    if panel.second_rating is None:
        found.left_out.append(("raters compared", "the panel has no rating_b"))
        return found
    both = panel.rated & np.isfinite(panel.second_rating)
    found.add("effect_rater_b", least_squares(panel.second_rating, x, both), unit)
    gap = least_squares(panel.outcome - panel.second_rating, x, both)
    found.add("effect_rater_a_minus_b", gap, unit)
    turned = f"{sample.measure} a grade"
    rating, controls = panel.outcome, x[..., 1:]
    plain = np.concatenate([rating[..., None], controls], axis=3)
    found.add("reverse_least_squares", least_squares(panel.treatment, plain, both), turned)
    instrument = panel.second_rating[..., None]
    found.add("reverse_second_rater", two_stage(panel.treatment, rating, controls, instrument, both), turned)
    return found


def study_direction(sample: Sample) -> Findings:
    """Each of rating and constraint on the other's past; small against large, state against private firms."""
    found, panel = Findings(), sample.panel
    there, back = cross_lagged(panel.outcome, panel.treatment, panel.rated)
    found.add("cross_constraint_to_rating", there, unit_of(sample))
    found.add("cross_rating_to_constraint", back, f"{sample.measure} a grade")
    for name, group in _groups(sample).items():
        if group is None or not 0 < np.nanmean(group) < 1:
            found.left_out.append((f"effect by group: {name}", "needs assets or ownership of both kinds"))
            continue
        x = panel.regressors()
        inside = np.where(np.isfinite(group), group, 0.0)[..., None]
        fit = least_squares(
            panel.outcome, np.concatenate([x[..., :1] * inside[..., None], x], axis=3), panel.rated
        )
        found.add(f"effect_{name}", fit, unit_of(sample))
    return found


def unit_of(sample: Sample) -> str:
    """The unit of an effect: rating points a unit of the measure of last year."""
    return f"grades a unit of {sample.measure}"


def _run_all(sample: Sample, found: Findings) -> Iterator[tuple[str, Fit]]:
    for name, spec in ESTIMATORS.items():
        why = _why_not(spec, sample.panel)
        try:
            if not why:
                yield name, spec.run(sample.panel)
        except (ValueError, np.linalg.LinAlgError) as error:
            why = str(error)
        if why:
            found.left_out.append((spec.title, why))


def _why_not(spec: EstimatorSpec, panel: Panel) -> str:
    columns = {"cohort": "cohort", "second_rating": "rating_b", "excluded": "index_member"}
    if lacking := [columns[name] for name in spec.needs if name in panel.missing()]:
        return f"needs the column {', '.join(lacking)}"
    if spec.name == "industry_year" and panel.industry.max() == 0:
        return "needs the column industry"
    return ""


def _specification_tests(
    sample: Sample, fits: dict[str, Fit], found: Findings, rng: np.random.Generator
) -> None:
    panel, x = sample.panel, sample.panel.regressors()
    found.test("Hausman, p", float(hausman(panel.outcome, x, panel.rated)[1][0]),
               "small: random effects differ from fixed effects")  # fmt: skip
    reads = {
        ("mundlak", "mundlak_p"): ("Mundlak, p", "small: firm effects are related to the regressors"),
        ("difference_gmm", "n_instruments"): (
            "GMM, instruments",
            "should stay far below the number of firms",
        ),
        ("difference_gmm", "hansen_p"): ("GMM, Hansen p", "small: instruments contradict each other"),
        ("difference_gmm", "ar2_p"): ("GMM, AR(2) p", "may be small: rater noise reaches two years"),
        ("difference_gmm", "ar3_p"): ("GMM, AR(3) p", "small: instruments of three years ago are not valid"),
        ("policy_iv", "first_stage_f"): ("Policy, first-stage F", "above 23: the instrument is not weak"),
    }
    for (estimator, key), (name, text) in reads.items():
        if estimator in fits:
            found.test(name, float(fits[estimator].diagnostics[key][0]), text)
    if "policy_iv" in fits and fits["policy_iv"].diagnostics["anderson_rubin_kind"][0] == BOUNDED:
        kept, value = fits["policy_iv"].diagnostics, float(fits["policy_iv"].coef[0, 0])
        low, high = (float(kept[f"anderson_rubin_{end}"][0]) for end in ("low", "high"))
        found.estimates.append(
            Estimate("effect_policy_anderson_rubin", value, min(low, value), max(high, value),
                     unit_of(sample), int(fits["policy_iv"].n_obs[0]), how="Anderson-Rubin set by firm")
        )  # fmt: skip
    if panel.industry.max() > 1:
        p = wild_cluster_p_value(panel.outcome, x, panel.rated, panel.industry, rng)
        found.test("Wild bootstrap by industry, p", p, "two-way effects, few clusters, null imposed")


def _ordered_logit(panel: Panel, found: Findings) -> None:
    """Ordered logit with firm means of the regressors (Mundlak's device) and year dummies."""
    x = panel.regressors()
    known = panel.rated & np.isfinite(x).all(axis=3)
    if known.sum() > MAX_ORDERED_LOGIT:
        found.left_out.append(("ordered logit", f"more than {MAX_ORDERED_LOGIT:,} firm-years; see the ranks"))
        return
    firm, year = np.nonzero(known[0])
    rows = pd.DataFrame(x[0, firm, year])
    means = rows.groupby(firm).transform("mean")
    dummies = pd.get_dummies(year, drop_first=True, dtype=float)
    design = np.column_stack([rows, means, dummies])
    design = design[:, design.std(axis=0) > 0]
    try:
        fit = ordered_logit(panel.outcome[0, firm, year], design, firm.astype(np.int64))
    except (ValueError, np.linalg.LinAlgError) as error:
        found.left_out.append(("ordered logit", str(error)))
        return
    found.add(
        "effect_ordered_logit", replace(fit, n_obs=np.array([len(firm)])), "log odds a unit of constraint"
    )


def _groups(sample: Sample) -> dict[str, Array | None]:
    """(1, n_firms) 1 for the first-named group; None where the columns are missing."""
    columns = sample.laid.columns
    size, state = columns.get("log_assets"), columns.get("state")
    small = None
    if size is not None:
        mean = np.nanmean(np.where(sample.laid.observed, size, np.nan), axis=2)
        small = (mean <= np.nanmedian(mean)).astype(float)
    return {
        "small_minus_large": small,
        "state_minus_private": None if state is None else firm_constant(state),
    }
