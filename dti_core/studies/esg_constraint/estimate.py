"""Worlds x methods -> measures -> Result: worlds whose truth is known, one panel, published panels."""

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
import pandas as pd

from dti_core.lab.config import Config
from dti_core.lab.data import DataCard
from dti_core.lab.kept import keep
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import Result
from dti_core.studies.esg_constraint.data import FirmPanel, Parameters
from dti_core.studies.esg_constraint.data.sample import OWN, Sample, sample_of
from dti_core.studies.esg_constraint.data.winsorise import winsorised
from dti_core.studies.esg_constraint.measures.coverage import coverage_table, simulate_worlds, study_coverage
from dti_core.studies.esg_constraint.measures.direction import study_direction
from dti_core.studies.esg_constraint.measures.estimators import estimator_table, study_estimators
from dti_core.studies.esg_constraint.measures.findings import Findings, exact
from dti_core.studies.esg_constraint.measures.instrument_sets import study_instrument_sets
from dti_core.studies.esg_constraint.measures.moments import study_moments
from dti_core.studies.esg_constraint.measures.omitted import study_omitted
from dti_core.studies.esg_constraint.measures.overlap import study_overlap
from dti_core.studies.esg_constraint.measures.packages import study_packages
from dti_core.studies.esg_constraint.measures.power import firms_needed, power_curve
from dti_core.studies.esg_constraint.measures.published import published_panels, study_published
from dti_core.studies.esg_constraint.measures.raters import study_raters
from dti_core.studies.esg_constraint.measures.specifications import study_specifications
from dti_core.studies.esg_constraint.measures.staggered import study_staggered
from dti_core.studies.esg_constraint.measures.timing import study_timing
from dti_core.studies.esg_constraint.worlds import WORLDS
from dti_core.studies.esg_constraint.worlds.settings import WorldSettings
from dti_core.studies.esg_constraint.worlds.simulate import simulate

#: Draws from which the moments of the simulated panel are taken; more would not move them.
MOMENT_DRAWS = 40

Part = Callable[[], Findings]


@keep
def estimate(config: Config, data: FirmPanel, card: DataCard) -> Result:
    """All estimates of the study: Monte Carlo, power, one panel, published panels.

    Source of the question: Liu (2022), study [3] of the review.

    The estimate that decides C16b, `rating_effect`, is made for real firms only. A simulated panel says
    what its maker put in, so there it exists in the control worlds alone.

    Raises
    ------
    DataError if the panel is rated but no measure of constraint can be made from it.
    """
    asked = config.typed(Parameters)
    parts: dict[str, Part] = {name: partial(study_published, name) for name in published_panels()}
    data = winsorised(data, asked.winsorise)
    parts["moments"] = partial(_moments, config.seeds("moments"))
    if data.rated:
        sample = sample_of(data, asked.measure, asked.controls)
        parts |= panel_parts(sample, asked.n_resamples, config, real=card.origin != "simulated")
        parts["truth"] = partial(_truth, data, sample)
    worlds = simulate_worlds(config)
    trust = study_coverage(worlds)
    found = [*trust, *firms_needed(worlds["effect"]), *power_curve(config)]
    done = run_keyed(_do, parts, "one panel")
    return _gathered(config, card, Findings(found, {"coverage": coverage_table(trust)}), done.values())


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
        "overlap": partial(study_overlap, sample),
    }


def _do(part: Part) -> Findings:
    return part()


def _gathered(config: Config, card: DataCard, found: Findings, parts: Iterable[Findings]) -> Result:
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


def _truth(data: FirmPanel, sample: Sample) -> Findings:
    """What is true in the world that made the panel, where its own constraint is the measure."""
    if data.truth is None or sample.measure != OWN:
        return Findings()
    of = data.truth
    per_grade = of.reverse * of.esg_sd / of.grades if of.grades else 0.0
    rows = {"true_effect": (of.grades, sample.unit), "true_reverse_effect": (per_grade, sample.turned)}
    how, n = "set in the simulator", len(data.table)
    return Findings([
        exact(name, value, unit, n, how, measure="truth", of=name) for name, (value, unit) in rows.items()
    ])  # fmt: skip


def worlds_in_words() -> pd.DataFrame:
    """What is true in each world of the Monte Carlo, and its role, for a notebook."""
    columns = ["effect", "reverse_effect", "selection_strength", "rater_noise"]
    rows = {
        name: [world.role, *(getattr(world.settings, column) for column in columns)]
        for name, world in WORLDS.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["role", *columns])
