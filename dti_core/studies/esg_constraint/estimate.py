"""Worlds x methods -> measures -> Result: worlds whose truth is known, one panel, published panels."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from functools import partial

import numpy as np
import pandas as pd

from dti_core.lab.config import Config
from dti_core.lab.data import DataCard
from dti_core.lab.kept import keep
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import Result
from dti_core.studies.esg_constraint.data import FirmPanel, Parameters
from dti_core.studies.esg_constraint.data.layout import Rectangle, lay_out
from dti_core.studies.esg_constraint.data.sample import (
    OWN,
    Measures,
    NoMeasureError,
    Sample,
    choose_sample,
    measures_of,
)
from dti_core.studies.esg_constraint.data.winsorise import winsorised
from dti_core.studies.esg_constraint.measures.constraint_side import study_constraint_side
from dti_core.studies.esg_constraint.measures.controls import replaced, sized_controls, unseen_at_size
from dti_core.studies.esg_constraint.measures.coverage import (
    coverage_table,
    share_of_worlds,
    simulate_worlds,
    study_coverage,
)
from dti_core.studies.esg_constraint.measures.direction import study_direction
from dti_core.studies.esg_constraint.measures.estimators import estimator_table, study_estimators
from dti_core.studies.esg_constraint.measures.findings import CANNOT, Findings, reason
from dti_core.studies.esg_constraint.measures.instrument_sets import study_instrument_sets
from dti_core.studies.esg_constraint.measures.moments import study_moments
from dti_core.studies.esg_constraint.measures.needed import firms_needed
from dti_core.studies.esg_constraint.measures.omitted import study_omitted
from dti_core.studies.esg_constraint.measures.overlap import study_overlap
from dti_core.studies.esg_constraint.measures.packages import study_packages
from dti_core.studies.esg_constraint.measures.power import power_curve
from dti_core.studies.esg_constraint.measures.published import published_panels, study_published
from dti_core.studies.esg_constraint.measures.raters import study_raters
from dti_core.studies.esg_constraint.measures.real_panel import study_real_panel
from dti_core.studies.esg_constraint.measures.score import study_score
from dti_core.studies.esg_constraint.measures.specifications import study_specifications
from dti_core.studies.esg_constraint.measures.staggered import study_staggered
from dti_core.studies.esg_constraint.measures.timing import study_timing
from dti_core.studies.esg_constraint.measures.truth import study_truth
from dti_core.studies.esg_constraint.measures.uncertain_score import study_uncertain_score
from dti_core.studies.esg_constraint.worlds import WORLDS
from dti_core.studies.esg_constraint.worlds.settings import WorldSettings
from dti_core.studies.esg_constraint.worlds.simulate import simulate

#: Draws from which the moments of the simulated panel are taken; more would not move them.
MOMENT_DRAWS = 40
#: Title under which all is listed that needs a rating and a measure of constraint.
RATING = "effect of constraints on the rating, by any estimator"
#: Parts that a panel may not allow, as the table of what was left out calls them.
QUESTIONS = {
    "raters": "ranks, grades and a second rater", "estimators": "every estimator on this panel",
    "direction": "each side on the other's past, by groups", "omitted": "bound for omitted variables",
    "specifications": "specification curve", "packages": "linearmodels and statsmodels on this panel",
    "instruments": "instruments set by set", "staggered": "staggered difference-in-differences",
}  # fmt: skip

Part = Callable[[], Findings]


@dataclass(frozen=True, slots=True)
class Observed:
    """The one panel, laid out. sample : what its rating is explained by, or why there is none."""

    data: FirmPanel
    laid: Rectangle
    made: Measures
    sample: Sample | str


@keep
def estimate(config: Config, data: FirmPanel, card: DataCard) -> Result:
    """All estimates of the study: Monte Carlo, power, one panel, published panels.

    Source of the question: Liu (2022), study [3] of the review.

    The estimate that decides C16b, `rating_effect`, is made for real firms only. A simulated panel says
    what its maker put in, so there it exists in the control worlds alone. Those that judge a panel of real
    firms are as large as it is. What a panel does not allow is listed in the table `left_out`, with its
    reason.

    Raises
    ------
    DataError if a measure of constraint that was asked for by name cannot be used.
    """
    asked = config.typed(Parameters)
    parts: dict[str, Part] = {name: partial(study_published, name) for name in published_panels()}
    data = winsorised(data, asked.winsorise)
    parts["moments"] = partial(_moments, config.seeds("moments"))
    parts["real panel"] = partial(study_real_panel, config.stream("one panel", "real panel"))
    seen, real = observe(data, asked), card.origin != "simulated"
    parts |= parts_of(seen, asked, config, real=real)
    worlds = simulate_worlds(config)
    trust = study_coverage(worlds)
    table = coverage_table(trust)
    passed = next(one.value for one in trust if one.key == "rating_gates_passed@effect")
    if real and isinstance(seen.sample, Sample) and seen.sample.panel.small is not None:
        trust = replaced(trust, sized_controls(config, seen.sample.panel))
    found = [*trust, share_of_worlds(table), unseen_at_size(config)]
    found += [*firms_needed(config, passed), *power_curve(config)]
    return gathered(config, card, Findings(found, {"coverage": table}), do_parts(parts))


def observe(data: FirmPanel, asked: Parameters) -> Observed:
    """Lay a panel out, and choose measure and controls.

    Raises
    ------
    DataError if a measure that was asked for by name cannot be used, or a control.
    """
    laid = lay_out(data.table, data.numbers)
    made = measures_of(laid)
    if not data.rated:
        return Observed(data, laid, made, "the panel has no rating_a")
    try:
        return Observed(data, laid, made, choose_sample(laid, made, asked.measure, asked.controls))
    except NoMeasureError as error:
        return Observed(data, laid, made, str(error))


def observed_parts(data: FirmPanel, asked: Parameters, config: Config, *, real: bool) -> dict[str, Part]:
    """What can be asked of the one panel, as `parts_of`."""
    return parts_of(observe(data, asked), asked, config, real=real)


def parts_of(seen: Observed, asked: Parameters, config: Config, *, real: bool) -> dict[str, Part]:
    """What can be asked of the one panel: its constraint side, its rating, the effect of one on the other."""
    parts: dict[str, Part] = {
        "constraint side": partial(study_constraint_side, seen.laid, seen.made),
        "overlap": partial(study_overlap, seen.laid, seen.made),
    }
    if seen.data.rated:
        if {"signal", "error_variance"} <= seen.laid.columns.keys():
            parts["uncertain score"] = partial(study_uncertain_score, seen.laid, seen.data.unmatched)
        parts["score"] = partial(study_score, seen.laid, config.stream("one panel", "score"))
    if isinstance(seen.sample, str):
        return parts | {RATING: partial(_closed, seen.sample)}
    parts |= panel_parts(seen.sample, asked.n_resamples, config, real=real)
    if seen.data.truth is not None and seen.sample.measure == OWN:
        parts["truth"] = partial(study_truth, seen.data.truth, seen.sample)
    return parts


def panel_parts(sample: Sample, n_resamples: int, config: Config, *, real: bool) -> dict[str, Part]:
    """What is asked of one rated panel, each question with random numbers of its own."""
    names = ("specifications", "wild bootstrap", "staggered")
    choices, wild, multipliers = (config.stream("one panel", name) for name in names)
    return {
        "specifications": partial(study_specifications, sample, n_resamples, choices),
        "raters": partial(study_raters, sample),
        "estimators": partial(study_estimators, sample, wild, real),
        "packages": partial(study_packages, sample),
        "instruments": partial(study_instrument_sets, sample),
        "direction": partial(study_direction, sample),
        "timing": partial(study_timing, sample),
        "staggered": partial(study_staggered, sample, n_resamples, multipliers),
        "omitted": partial(study_omitted, sample),
    }


def do_parts(parts: Mapping[str, Part]) -> list[Findings]:
    """What each part finds; one that its panel does not allow is left out with the reason."""
    return list(run_keyed(_do, {name: (name, part) for name, part in parts.items()}, "one panel").values())


def _do(task: tuple[str, Part]) -> Findings:
    return do_part(*task)


def do_part(name: str, part: Part) -> Findings:
    """What one part finds, or why it finds nothing."""
    try:
        with np.errstate(divide="ignore", invalid="ignore"):  # what comes out infinite or NaN is left out
            return part()
    except CANNOT as error:
        return Findings(left_out=[(QUESTIONS.get(name, name), reason(error))])


def _closed(why: str) -> Findings:
    """Nothing, because of `why`."""
    return Findings(left_out=[(RATING, why)])


def gathered(config: Config, card: DataCard, found: Findings, parts: Iterable[Findings]) -> Result:
    """One Result; the tests and what was left out become tables of their own."""
    for part in parts:
        found.estimates += part.estimates
        found.series |= part.series
        found.tests += part.tests
        found.left_out += part.left_out
    found.series["tests"] = pd.DataFrame(found.tests, columns=["test", "value", "reads"])
    found.series["left_out"] = pd.DataFrame(found.left_out, columns=["analysis", "why"])
    found.series["estimators"] = estimator_table(found.estimates)
    return Result(config, card, tuple(found.estimates), found.series)


def _moments(seeds: np.random.SeedSequence) -> Findings:
    generators = [np.random.default_rng(child) for child in seeds.spawn(MOMENT_DRAWS)]
    return study_moments(simulate(WorldSettings(), generators))


def worlds_in_words() -> pd.DataFrame:
    """What is true in each world of the Monte Carlo, and its role, for a notebook."""
    columns = ["effect", "reverse_effect", "rater_noise", "persistence", "reliability"]
    rows = {
        name: [world.role, *(getattr(world.settings, column) for column in columns), _differs(world.settings)]
        for name, world in WORLDS.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["role", *columns, "differs in"])


def _differs(settings: WorldSettings) -> str:
    """What else differs from the plain world."""
    named = {one.name for one in fields(settings)} - {"effect", "reverse_effect", "rater_noise"}
    named -= {"persistence", "reliability"}
    plain = WorldSettings()
    return ", ".join(
        name.replace("_", " ") for name in sorted(named) if getattr(settings, name) != getattr(plain, name)
    )
