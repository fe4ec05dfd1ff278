"""What would overturn the estimate of one panel: timing, omitted variables, and the analyst's own choices."""

from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.lab.record import Estimate
from dti_core.studies.esg_constraint.model.bootstrap import holm
from dti_core.studies.esg_constraint.model.effects import Effect, absorb, stack
from dti_core.studies.esg_constraint.model.fit import Fit
from dti_core.studies.esg_constraint.model.indices import INDICES
from dti_core.studies.esg_constraint.model.regression import TWO_WAY, least_squares, shifted
from dti_core.studies.esg_constraint.model.selection import year_rank
from dti_core.studies.esg_constraint.model.sensitivity import (
    Specification,
    leads_and_lags,
    oster_bounds,
    specification_curve,
)
from dti_core.studies.esg_constraint.model.shock import average_effect, event_study, relaxed
from dti_core.studies.esg_constraint.one_panel import Findings, unit_of
from dti_core.studies.esg_constraint.sample import OWN, Sample

Array = NDArray[np.float64]

LEADS, LAGS = 2, 3
HORIZON = range(-4, 6)
#: Above so many ratings the joint tests take one specification a measure and few resamples.
LARGE, LARGE_RESAMPLES = 100_000, 39
STANDARD = "sd of rating a sd of measure"
_EFFECTS: dict[str, tuple[Effect, ...]] = {"firm and year": TWO_WAY, "firm": ("firm",), "year": ("year",)}


def study_timing(sample: Sample) -> Findings:
    """Leads and lags of the constraint, and years around the policy shock."""
    found, panel = Findings(), sample.panel
    controls = panel.regressors()[..., 1:]
    fit = leads_and_lags(panel.outcome, panel.treatment, controls, panel.rated, LEADS, LAGS)
    years = [-k for k in range(-LEADS, LAGS + 1)]
    found.series["leads_lags"] = _frame(fit, years, "years")
    found.add("lead_effect", fit, unit_of(sample), LEADS - 1)
    found.test("Leads, p", float(fit.diagnostics["leads_p"][0]), "small: the rating moves later constraints")
    if panel.cohort is None:
        found.left_out.append(("event study", "needs the column cohort, the year of a firm's relief"))
        return found
    outcomes = {"rating": (panel.outcome, panel.rated), "constraint": (panel.treatment, panel.exists)}
    frames = []
    for name, (values, seen) in outcomes.items():
        try:
            study = event_study(values, seen & np.isfinite(values), panel.cohort, HORIZON)
        except ValueError as error:
            found.left_out.append((f"event study of {name}", str(error)))
            continue
        frames.append(_frame(study, list(HORIZON), "years").assign(outcome=name))
        later = [k for k, since in enumerate(HORIZON) if since >= 1 and np.isfinite(study.std_error[0, k])]
        unit = "grades" if name == "rating" else sample.measure
        if later:
            found.add(f"event_{name}", average_effect(study, np.array(later)), unit)
        found.test(f"Event study of {name}, leads p", float(study.diagnostics["pre_trend_p"][0]),
                   "small: reached firms moved apart before")  # fmt: skip
    if frames:
        found.series["event_study"] = pd.concat(frames)
        reached = shifted(relaxed(panel.cohort, panel.outcome.shape[2]), 1)[..., None]
        found.add("did_two_way", least_squares(panel.outcome, reached, panel.rated), "grades")
    return found


def study_omitted(sample: Sample) -> Findings:
    """Oster's bound on the two-way estimate."""
    found, panel = Findings(), sample.panel
    if not sample.controls:
        found.left_out.append(("Oster bound", "the panel has no control to compare omitted ones with"))
        return found
    bounds = oster_bounds(panel.outcome, panel.regressors(), panel.rated)
    low, high = sorted((float(bounds.long[0]), float(bounds.beta_star[0])))
    if np.isfinite([low, high]).all():
        how = "from the estimate to where omitted variables as strong as the controls would put it"
        n = int((panel.rated & np.isfinite(panel.regressors()).all(axis=3)).sum())
        found.estimates.append(
            Estimate("oster_bound", float(bounds.beta_star[0]), low, high, unit_of(sample), n, how=how)
        )
    found.test("Oster, delta", float(bounds.delta[0]), "how many times the controls omitted ones must matter")
    return found


def study_choices(sample: Sample, n_resamples: int, rng: np.random.Generator) -> Findings:
    """The specification curve, joint tests over the two-way ones, and indices corrected for their number."""
    found, panel = Findings(), sample.panel
    everything = _specifications(sample)
    curve = specification_curve(list(everything.values()), panel.rated, rng, 1)
    frame = pd.DataFrame(list(everything), columns=["measure", "controls", "effects", "outcome"])
    found.series["specifications"] = frame.assign(coef=curve.coef, low=curve.low, high=curve.high, p=curve.p)
    sound = [one for key, one in everything.items() if key[2] == "firm and year"]
    if panel.rated.sum() > LARGE:
        controls = "usual" if sample.controls else "none"
        sound = [one for key, one in everything.items() if key[1:] == (controls, "firm and year", "rating a")]
        n_resamples = min(n_resamples, LARGE_RESAMPLES)
        why = f"more than {LARGE:,} ratings: {len(sound)} specifications, {n_resamples} resamples"
        found.left_out.append(("joint test over all two-way specifications", why))
    joint = specification_curve(sound, panel.rated, rng, n_resamples)
    found.test(
        "Specification curve, median p", joint.median_p, f"no effect in any of {len(sound)} two-way ones"
    )
    found.test(
        "Specification curve, share p", joint.share_p, "as many significant ones of one sign by chance"
    )
    low, high = (float(np.quantile(joint.coef, q)) for q in (0.025, 0.975))
    found.estimates.append(
        Estimate("specification_median", joint.median, low, high, STANDARD, len(sound),
                 how="middle 95 % of two-way specifications, not a confidence interval")
    )  # fmt: skip
    found.series["indices"] = _indices(sample, everything, n_resamples, rng)
    return found


def study_overlap(sample: Sample) -> Findings:
    """How indices agree with each other, and what size and fixed effects leave of each."""
    found = Findings()
    for name, overlap in sample.overlaps.items():
        n = int(sample.laid.observed.sum())
        share = float(np.clip(overlap.r_squared, 0.0, 1.0))
        found.estimates.append(
            Estimate(f"overlap_{name}", share, share, share, "R2", n, how="exact in this panel, no interval")
        )
    found.series["overlap"] = pd.DataFrame(
        [[one.index, one.r_squared, one.collinear, one.text] for one in sample.overlaps.values()],
        columns=["index", "reproduced", "collinear", "diagnosis"],
    )
    flat = {name: values[sample.laid.observed] for name, values in sample.measures.items()}
    found.series["index_correlation"] = pd.DataFrame(flat).corr()
    return found


def _specifications(sample: Sample) -> dict[tuple[str, str, str, str], Specification]:
    """Every defensible and common choice; collinear indices are left out where firm effects absorb them.

    Arrays are shared between specifications, so that a panel of a million rows fits into memory.
    """
    panel, usual = sample.panel, sample.panel.regressors()[..., 1:]
    outcomes = {"rating a": panel.outcome, "rank of a": year_rank(panel.outcome, panel.rated)}
    if panel.second_rating is not None:
        outcomes["rating b"] = panel.second_rating
    for name, values in outcomes.items():
        seen = np.where(panel.rated, values, np.nan)
        outcomes[name] = seen / np.nanstd(seen)
    designs: dict[tuple[str, str], Array] = {}
    for measure, values in sample.measures.items():
        if measure in sample.overlaps and sample.overlaps[measure].collinear:
            continue
        lagged = shifted(values, 1)
        designs[measure, "none"] = (lagged / _within_sd(lagged, panel.rated))[..., None]
        if sample.controls:
            designs[measure, "usual"] = np.concatenate([designs[measure, "none"], usual], axis=3)
    return {
        (*kind, effects, outcome): Specification(
            ", ".join((*kind, effects, outcome)), outcomes[outcome], x, _EFFECTS[effects]
        )
        for (kind, x), effects, outcome in product(designs.items(), _EFFECTS, outcomes)
    }


def _indices(
    sample: Sample, everything: dict[tuple[str, str, str, str], Specification], n_resamples: int,
    rng: np.random.Generator,
) -> pd.DataFrame:  # fmt: skip
    """A row an index: two-way estimate, plain and corrected p-values; no number where collinear."""
    controls = "usual" if sample.controls else "none"
    chosen = {
        m: everything.get((m, controls, "firm and year", "rating a")) for m in INDICES if m in sample.overlaps
    }
    usable = {name: one for name, one in chosen.items() if one is not None}
    rows = {}
    if usable:
        curve = specification_curve(list(usable.values()), sample.panel.rated, rng, n_resamples)
        numbers = [curve.coef, curve.low, curve.high, curve.p, holm(curve.p), curve.stepdown_p]
        rows = {name: [array[k] for array in numbers] for k, name in enumerate(usable)}
    columns = ["effect", "low", "high", "p", "p_holm", "p_romano_wolf"]
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    frame = frame.reindex(list(chosen))
    truth_correlation = {
        name: np.ma.corrcoef(*(np.ma.masked_invalid(sample.measures[m].ravel()) for m in (name, OWN)))[0, 1]
        for name in chosen if OWN in sample.measures
    }  # fmt: skip
    said = ["" if name in usable else "collinear with size: not printed" for name in frame.index]
    return frame.assign(correlation_with_constraint=pd.Series(truth_correlation, dtype=float), note=said)


def _within_sd(values: Array, observed: NDArray[np.bool_]) -> float:
    """Standard deviation of (1, n_firms, n_years) values once firm and year effects are gone."""
    sample = absorb(stack(values, np.zeros((*values.shape, 0)), observed), TWO_WAY)
    left = sample.n_obs[0] - sample.n_absorbed[0]
    return float(np.sqrt((sample.values[:, :, 0] ** 2).sum() / left))


def _frame(fit: Fit, labels: list[int], name: str) -> pd.DataFrame:
    low, high = fit.interval()
    kept = slice(0, len(labels))
    frame = pd.DataFrame(
        {name: labels, "coef": fit.coef[0, kept], "low": low[0, kept], "high": high[0, kept]}
    )
    return frame[np.isfinite(frame["low"])]
