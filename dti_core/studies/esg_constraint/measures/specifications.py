"""How much hangs on the analyst's choices? Every defensible specification, and tests over all of them."""

from itertools import product

import numpy as np
import pandas as pd

from dti_core.studies.esg_constraint.data.sample import OWN, Sample
from dti_core.studies.esg_constraint.measures.findings import Findings
from dti_core.studies.esg_constraint.model.arrays import Array, Mask
from dti_core.studies.esg_constraint.model.bootstrap import holm
from dti_core.studies.esg_constraint.model.effects import TWO_WAY, Effect, within_sd
from dti_core.studies.esg_constraint.model.regression import shifted
from dti_core.studies.esg_constraint.model.selection import year_rank
from dti_core.studies.esg_constraint.model.sensitivity import Specification, specification_curve

#: Above so many ratings the joint tests take one specification a measure and few resamples.
LARGE, LARGE_RESAMPLES = 100_000, 39
#: Less than this, in sd of the measure, is rounding.
SOMETHING = 1e-8
STANDARD = "sd of rating a sd of measure"
_EFFECTS: dict[str, tuple[Effect, ...]] = {"firm and year": TWO_WAY, "firm": ("firm",), "year": ("year",)}
#: Measure of constraint, controls, effects, outcome.
Choice = tuple[str, str, str, str]


def study_specifications(sample: Sample, n_resamples: int, rng: np.random.Generator) -> Findings:
    """The specification curve, joint tests over the two-way ones, and indices corrected for their number."""
    found, panel = Findings(), sample.panel
    possible = _specifications(sample)
    everything = {choice: one for choice, one in possible.items() if _identified(one, panel.rated)}
    if not everything:
        raise ValueError("firm and year effects leave nothing of any measure")
    if lost := len(possible) - len(everything):
        what = f"{lost} of {len(possible)} specifications"
        found.left_out.append((what, "firm and year effects leave nothing of the measure there"))
    curve = specification_curve(list(everything.values()), panel.rated, rng, 1)
    frame = pd.DataFrame(list(everything), columns=["measure", "controls", "effects", "outcome"])
    found.series["specifications"] = frame.assign(coef=curve.coef, low=curve.low, high=curve.high, p=curve.p)
    usual = {choice[0]: one for choice, one in everything.items() if choice[1:] == _usual(sample)}
    sound = [one for choice, one in everything.items() if choice[2] == "firm and year"]
    if panel.rated.sum() > LARGE:
        sound, n_resamples = list(usual.values()), min(n_resamples, LARGE_RESAMPLES)
        why = f"more than {LARGE:,} ratings: {len(sound)} specifications, {n_resamples} resamples"
        found.left_out.append(("joint test over all two-way specifications", why))
    joint = specification_curve(sound, panel.rated, rng, n_resamples)
    reads = f"no effect in any of {len(sound)} two-way ones", "as many significant ones of one sign by chance"
    found.test("Specification curve, median p", joint.median_p, reads[0])
    found.test("Specification curve, share p", joint.share_p, reads[1])
    how = "middle 95 % of two-way specifications, not a confidence interval"
    ends = np.quantile(joint.coef, [0.025, 0.975])
    at = {"measure": "median over specifications", "effects": "firm and year"}
    found.keep("specification_median", joint.median, ends, STANDARD, len(sound), how, **at)
    found.series["indices"] = _indices(sample, usual, n_resamples, rng)
    return found


def _identified(one: Specification, rated: Mask) -> bool:
    """Whether firm and year effects leave something of the measure where the outcome is known."""
    cells = rated & np.isfinite(one.y) & np.isfinite(one.x).all(axis=3)
    return bool(cells.any()) and float(within_sd(one.x[..., 0], cells)[0]) > SOMETHING


def _usual(sample: Sample) -> tuple[str, str, str]:
    return "usual" if sample.panel.controls.shape[3] else "none", "firm and year", "rating a"


def _specifications(sample: Sample) -> dict[Choice, Specification]:
    """Every defensible and common choice; collinear indices are left out where firm effects absorb them.

    Arrays are shared between specifications, so that a panel of a million rows fits into memory.
    """
    panel, usual = sample.panel, sample.panel.regressors()[..., 1:]
    outcomes = {"rating a": panel.outcome, "rank of a": year_rank(panel.outcome, panel.rated)}
    if panel.second_rating is not None and (panel.rated & np.isfinite(panel.second_rating)).any():
        outcomes["rating b"] = panel.second_rating
    for name, values in outcomes.items():
        seen = np.where(panel.rated, values, np.nan)
        outcomes[name] = seen / np.nanstd(seen)
    designs: dict[tuple[str, str], Array] = {}
    for measure, values in sample.measures.items():
        if sample.made.refused(measure):
            continue
        lagged = shifted(values, 1)
        designs[measure, "none"] = (lagged / within_sd(lagged, panel.rated)[0])[..., None]
        if usual.shape[3]:
            designs[measure, "usual"] = np.concatenate([designs[measure, "none"], usual], axis=3)
    return {
        (*kind, effects, outcome): Specification(y, x, _EFFECTS[effects])
        for (kind, x), effects, (outcome, y) in product(designs.items(), _EFFECTS, outcomes.items())
    }


def _indices(
    sample: Sample, usual: dict[str, Specification], n_resamples: int, rng: np.random.Generator
) -> pd.DataFrame:
    """A row an index: two-way estimate, plain and corrected p-values; no number where collinear."""
    usable = {name: usual[name] for name in sample.overlaps if name in usual}
    columns = ["effect", "low", "high", "p", "p_holm", "p_romano_wolf"]
    frame = pd.DataFrame(columns=columns, dtype=float)
    if usable:
        curve = specification_curve(list(usable.values()), sample.panel.rated, rng, n_resamples)
        numbers = [curve.coef, curve.low, curve.high, curve.p, holm(curve.p), curve.stepdown_p]
        frame = pd.DataFrame(dict(zip(columns, numbers, strict=True)), index=list(usable))
    frame = frame.reindex(list(sample.overlaps))
    flat = pd.DataFrame({name: values.ravel() for name, values in sample.measures.items()})
    own = flat.corr()[OWN].reindex(frame.index) if OWN in flat else float("nan")
    barred = {
        name: "collinear with size" if sample.made.refused(name) else "nothing left" for name in frame.index
    }
    said = ["" if name in usable else f"{barred[name]}: not printed" for name in frame.index]
    return frame.assign(correlation_with_constraint=own, note=said)
