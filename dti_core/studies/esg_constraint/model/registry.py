"""The estimators by name, with what each assumes and against which threats it is offered as valid.

To add one: write a function Panel -> Fit whose column 0 is the effect of last year's constraint on the
rating, and give it an entry in `ESTIMATORS`. Tables, figures and the Monte Carlo follow from the entry.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, cast, get_args

import numpy as np

from dti_core.studies.esg_constraint.model.effects import Array, Effect, Integers, Mask
from dti_core.studies.esg_constraint.model.fit import Cluster, Fit, join
from dti_core.studies.esg_constraint.model.gmm import Lags, gmm
from dti_core.studies.esg_constraint.model.instruments import two_stage
from dti_core.studies.esg_constraint.model.panel import Panel
from dti_core.studies.esg_constraint.model.regression import (
    CHUNK_BYTES,
    first_differences,
    least_squares,
    mundlak,
    random_effects,
    shifted,
    year_dummies,
)
from dti_core.studies.esg_constraint.model.selection import heckman, inverse_probability
from dti_core.studies.esg_constraint.model.shock import relaxed

Threat = Literal["firm_effects", "common_shocks", "reverse_effect", "selection", "rater_noise"]
THREATS: tuple[Threat, ...] = get_args(Threat)
#: What can mislead in each world of `world.WORLDS`; firm effects, common shocks and noisy raters are in all.
_ALWAYS: frozenset[Threat] = frozenset({"firm_effects", "common_shocks", "rater_noise"})
WORLD_THREATS: Mapping[str, frozenset[Threat]] = MappingProxyType(
    {
        "effect": _ALWAYS,
        "no_effect": _ALWAYS,
        "reverse_only": _ALWAYS | {"reverse_effect"},
        "selection": _ALWAYS | {"selection"},
        "rater_noise": _ALWAYS,
    }
)


@dataclass(frozen=True, slots=True)
class EstimatorSpec:
    """An estimator of the effect of last year's constraint on the rating (column 0 of its Fit).

    valid_against : threats under which its 95 % intervals are offered as right; the Monte Carlo judges the
    offer.
    needs : optional arrays of Panel that it reads.
    """

    name: str
    title: str
    estimate: Callable[[Panel], Fit]
    assumes: str
    valid_against: frozenset[Threat]
    needs: tuple[str, ...] = ()

    def offered_in(self, world: str) -> bool:
        """Whether it is offered as valid in that world of `world.WORLDS`: against all threats there."""
        return WORLD_THREATS[world] <= self.valid_against

    def run(self, panel: Panel) -> Fit:
        """The estimate for all draws, in chunks that fit the memory.

        Raises
        ------
        ValueError if the panel lacks an array that the estimator needs.
        """
        if lacking := [name for name in self.needs if name in panel.missing()]:
            raise ValueError(f"{self.name} needs {', '.join(lacking)}, which this panel lacks")
        n_draws = len(panel.outcome)
        bytes_a_draw = 40 * panel.outcome[0].nbytes * (1 + panel.controls.shape[3])
        size = max(1, int(CHUNK_BYTES // bytes_a_draw))
        starts = range(0, n_draws, size)
        return join([self.estimate(panel.draws(slice(start, start + size))) for start in starts])


def _regression(*effects: Effect, cluster: Cluster = "firm") -> Callable[[Panel], Fit]:
    def estimate(panel: Panel) -> Fit:
        return least_squares(panel.outcome, panel.regressors(), panel.rated, effects, cluster, panel.industry)

    return estimate


def _first_differences(panel: Panel) -> Fit:
    return first_differences(panel.outcome, panel.regressors(), panel.rated)


def _random_effects(panel: Panel) -> Fit:
    return random_effects(panel.outcome, panel.regressors(), panel.rated)


def _mundlak(panel: Panel) -> Fit:
    return mundlak(panel.outcome, panel.regressors(), panel.rated)


def _gmm(panel: Panel, system: bool) -> Fit:
    """Rating on last year's constraint, its own lag and the constraint before (common factor of AR(1)).

    A rater's noise makes the rating of two years ago invalid as an instrument, so that its lags start at
    three. One step, because two gain no precision here. Industry-year shocks stay in the error.
    """
    rating = np.where(panel.rated, panel.outcome, np.nan)
    constraint = panel.treatment
    x = np.stack([shifted(constraint, 1), shifted(rating, 1), shifted(constraint, 2)], axis=3)
    lagged = (Lags(rating, 3, 5, collapse=True), Lags(constraint, 2, 5, collapse=True))
    return gmm(rating, x, panel.rated, lagged, system=system, steps="one")


def _policy_instrument(panel: Panel) -> Fit:
    policy = shifted(relaxed(cast(Integers, panel.cohort), panel.outcome.shape[2]), 1)[..., None]
    x = panel.regressors()
    return two_stage(panel.outcome, x[..., 0], x[..., 1:], policy, panel.rated)


def _with_means(panel: Panel, columns: Array) -> Array:
    """Constant, year dummies, `columns` and their firm means over the years in which the firm exists."""
    known = panel.exists[..., None] & np.isfinite(columns)
    sums = np.where(known, columns, 0.0).sum(axis=2, keepdims=True)
    means = np.broadcast_to(sums / np.maximum(known.sum(axis=2, keepdims=True), 1), columns.shape)
    rated_years = np.flatnonzero(panel.rated.any(axis=(0, 1)))
    dummies = year_dummies(panel.exists)[..., rated_years[1:] - 1]
    return np.concatenate([columns, means, dummies, np.ones((*panel.exists.shape, 1))], axis=3)


def _coverage(panel: Panel) -> tuple[Array, Array, Mask, Array, Mask]:
    """Outcome, regressors, rated, regressors of coverage, firms at risk; years in which anybody is rated."""
    x = panel.regressors()
    excluded = np.zeros((*panel.exists.shape, 0)) if panel.excluded is None else panel.excluded[..., None]
    z = _with_means(panel, np.concatenate([x, excluded], axis=3))
    years = panel.rated.any(axis=(0, 1))
    arrays = (panel.outcome, x, panel.rated, z, panel.exists)
    return tuple(array[:, :, years] for array in arrays)  # type: ignore[return-value]


def _weighted(panel: Panel) -> Fit:
    return inverse_probability(*_coverage(panel))


def _heckman(panel: Panel) -> Fit:
    y, x, rated, z, exists = _coverage(panel)
    excluded, its_mean = x.shape[3], 2 * x.shape[3] + 1
    return heckman(y, np.delete(z, [excluded, its_mean], axis=3), rated, z, exists)


def _threats(*names: Threat) -> frozenset[Threat]:
    return frozenset(names)


_STRICT = "no feedback from the rating to later constraints"
_SPECS = (
    EstimatorSpec("pooled", "Pooled OLS", _regression("constant"), "nothing omitted",
        _threats("rater_noise"),
    ),
    EstimatorSpec(
        "firm", "Firm effects", _regression("firm"), f"no common shocks; {_STRICT}",
        _threats("firm_effects", "rater_noise"),
    ),
    EstimatorSpec(
        "two_way", "Firm and year effects", _regression("firm", "year"), _STRICT,
        _threats("firm_effects", "common_shocks", "rater_noise"),
    ),
    EstimatorSpec(
        "two_way_clustered", "Firm and year effects, clustered both ways",
        _regression("firm", "year", cluster="firm_year"), f"{_STRICT}; many years for the clusters",
        _threats("firm_effects", "common_shocks", "rater_noise"),
    ),
    EstimatorSpec(
        "industry_year", "Firm and industry-year effects", _regression("firm", "industry_year"), _STRICT,
        _threats("firm_effects", "common_shocks", "rater_noise"),
    ),
    EstimatorSpec(
        "first_differences", "First differences", _first_differences, _STRICT,
        _threats("firm_effects", "common_shocks", "rater_noise"),
    ),
    EstimatorSpec(
        "random", "Random effects", _random_effects, f"firm effects unrelated to constraints; {_STRICT}",
        _threats("common_shocks", "rater_noise"),
    ),
    EstimatorSpec(
        "mundlak", "Random effects with firm means", _mundlak, _STRICT,
        _threats("firm_effects", "common_shocks", "rater_noise"),
    ),
    EstimatorSpec(
        "difference_gmm", "Difference GMM", lambda panel: _gmm(panel, system=False),
        "errors AR(1) at most, rater noise white, constraint predetermined",
        _threats("firm_effects", "common_shocks", "reverse_effect", "rater_noise"),
    ),
    EstimatorSpec(
        "system_gmm", "System GMM", lambda panel: _gmm(panel, system=True),
        "as difference GMM, and changes unrelated to firm effects, which relief for constrained firms breaks",
        _threats("common_shocks", "reverse_effect", "rater_noise"),
    ),
    EstimatorSpec(
        "policy_iv", "Policy shock as instrument", _policy_instrument,
        "the policy moves ratings only through constraints; parallel trends",
        _threats("firm_effects", "common_shocks", "reverse_effect", "rater_noise"), ("cohort",),
    ),
    EstimatorSpec(
        "probability_weights", "Two-way effects, weighted by the chance of being rated", _weighted,
        f"rating coverage ignorable given the regressors; {_STRICT}",
        _threats("firm_effects", "common_shocks", "rater_noise"), ("excluded",),
    ),
    EstimatorSpec(
        "heckman", "Heckman with firm means", _heckman,
        f"joint normality; index membership does not move the rating; {_STRICT}",
        _threats("firm_effects", "common_shocks", "rater_noise", "selection"), ("excluded",),
    ),
)  # fmt: skip
ESTIMATORS: Mapping[str, EstimatorSpec] = MappingProxyType({spec.name: spec for spec in _SPECS})
