"""Data x model -> Result: worlds whose truth is known, one panel, published panels."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np
import pandas as pd

from dti_core.lab.config import Config
from dti_core.lab.data import DataCard
from dti_core.lab.kept import keep
from dti_core.lab.parallel import run_parallel
from dti_core.lab.record import Estimate, Result
from dti_core.studies.esg_constraint.data import FirmPanel
from dti_core.studies.esg_constraint.model.moments import moment_table
from dti_core.studies.esg_constraint.model.registry import ESTIMATORS
from dti_core.studies.esg_constraint.model.world import WORLDS, WorldSettings, simulate_panel
from dti_core.studies.esg_constraint.montecarlo import coverage_table, judge_worlds, simulate_worlds
from dti_core.studies.esg_constraint.one_panel import (
    Findings,
    study_direction,
    study_estimators,
    study_raters,
)
from dti_core.studies.esg_constraint.power import firms_needed, power_curve
from dti_core.studies.esg_constraint.published import published_panels
from dti_core.studies.esg_constraint.robustness import (
    study_choices,
    study_omitted,
    study_overlap,
    study_timing,
)
from dti_core.studies.esg_constraint.sample import OWN, Sample, sample_of

#: Draws from which the moments of the simulated panel are taken; more would not move them.
MOMENT_DRAWS = 40
#: Ceiling of the balance sheet of a small or medium firm, EUR 43 million (Recommendation 2003/361/EC) in RMB.
SME_ASSETS_RMB_MILLIONS = 43 * 7.7

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
    roots = config.seeds().spawn(5)
    parts: list[Part] = [partial(_published, one) for one in published_panels()]
    parts.append(partial(_moments, min(config.n_draws, MOMENT_DRAWS), roots[2]))
    if data.rated:
        sample = sample_of(data, config.measure)
        parts += _parts(sample, config.n_resamples, roots[3], real=card.origin != "simulated")
        parts.append(partial(_known, data, sample))
    worlds = simulate_worlds(config.n_draws, roots[0])
    found = judge_worlds(worlds) + firms_needed(worlds["effect"])
    found += power_curve(config.n_power_draws, roots[1])
    series = {"coverage": coverage_table(found)}
    return _gathered(config, card, found, series, run_parallel(_do, parts, "one panel"))


def _parts(sample: Sample, n_resamples: int, seeds: np.random.SeedSequence, *, real: bool) -> list[Part]:
    first, second = (np.random.default_rng(child) for child in seeds.spawn(2))
    return [
        partial(study_choices, sample, n_resamples, first),
        partial(study_raters, sample),
        partial(study_estimators, sample, second, real),
        partial(study_direction, sample),
        partial(study_timing, sample),
        partial(study_omitted, sample),
        partial(study_overlap, sample),
    ]


def _do(part: Part) -> Findings:
    return part()


def _gathered(
    config: Config, card: DataCard, found: list[Estimate], series: dict[str, pd.DataFrame],
    parts: Sequence[Findings],
) -> Result:  # fmt: skip
    """One Result; the tests and what was left out become tables of their own."""
    for part in parts:
        found = [*found, *part.estimates]
        series |= part.series
    tests = [row for part in parts for row in part.tests]
    series["tests"] = pd.DataFrame(tests, columns=["test", "value", "reads"])
    left_out = [row for part in parts for row in part.left_out]
    series["left_out"] = pd.DataFrame(left_out, columns=["analysis", "why"])
    series["estimators"] = _estimator_table(found)
    return Result(config, card, tuple(found), series)


def _estimator_table(found: Iterable[Estimate]) -> pd.DataFrame:
    """A row an estimator of this panel, with what it assumes."""
    by_key = {one.key: one for one in found}
    rows = [
        [spec.title, one.value, one.low, one.high, one.n, spec.assumes]
        for name, spec in ESTIMATORS.items()
        if (one := by_key.get(f"effect_{name}")) is not None
    ]
    return pd.DataFrame(rows, columns=["estimator", "effect", "low", "high", "firm-years", "assumes"])


def _published(panel: Callable[[], list[Estimate]]) -> Findings:
    return Findings(estimates=panel())


def _moments(n_draws: int, seeds: np.random.SeedSequence) -> Findings:
    """Moments of the simulated panel beside their targets, and how small its firms are."""
    draws = simulate_panel(WorldSettings(), n_draws, np.random.default_rng(seeds))
    table = moment_table(draws)
    met, n = int(table["within"].sum()), len(table)
    how = f"each by its own tolerance, mean of {n_draws} panels"
    share = Estimate("moments_met", met / n, met / n, met / n, "share of targets", n, how=how)
    assets = np.exp(draws.log_assets[:, :, -1])
    small = (assets < SME_ASSETS_RMB_MILLIONS).mean(axis=1)
    low, middle, high = (float(q) for q in np.quantile(small, [0.025, 0.5, 0.975]))
    size = Estimate("share_of_sme_size", middle, low, high, "share of firms", assets.shape[1],
                    how=f"quantiles over {n_draws} calibrated panels")  # fmt: skip
    return Findings(estimates=[share, size], series={"moments": table})


def _known(data: FirmPanel, sample: Sample) -> Findings:
    """What is true in the world that made the panel, where its own constraint is the measure."""
    if data.truth is None or sample.measure != OWN:
        return Findings()
    how, n = "set in the simulator", len(data.table)
    per_grade = data.truth.reverse * data.truth.esg_sd / data.truth.grades if data.truth.grades else 0.0
    rows = {
        "true_effect": (data.truth.grades, "grades a unit of constraint"),
        "true_reverse_effect": (per_grade, "constraint a grade"),
    }
    return Findings(estimates=[Estimate(name, v, v, v, unit, n, how=how) for name, (v, unit) in rows.items()])


def worlds_in_words() -> pd.DataFrame:
    """What is true in each world of the Monte Carlo, for a notebook."""
    columns = ["effect", "reverse_effect", "selection_strength", "rater_noise"]
    rows = {name: [getattr(settings, column) for column in columns] for name, settings in WORLDS.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)
