"""The estimators by name, with what each assumes and against which threats it is offered as valid.

To add one: write a function Panel -> Fit whose column 0 is the effect of last year's constraint on the
rating, and give it an entry in `METHODS`. Tables, figures and the Monte Carlo follow from the entry.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any, Literal, cast

import numpy as np

from dti_core.lab.methods import Method
from dti_core.studies.esg_constraint.model import packages, regression
from dti_core.studies.esg_constraint.model.arrays import Array, Integers, Mask
from dti_core.studies.esg_constraint.model.effects import Effect
from dti_core.studies.esg_constraint.model.fit import Cluster, Fit, join, slices
from dti_core.studies.esg_constraint.model.gmm import Lags
from dti_core.studies.esg_constraint.model.instrument_sets import DynamicModel
from dti_core.studies.esg_constraint.model.instruments import two_stage
from dti_core.studies.esg_constraint.model.panel import Panel
from dti_core.studies.esg_constraint.model.regression import least_squares, shifted, year_dummies
from dti_core.studies.esg_constraint.model.selection import heckman, inverse_probability
from dti_core.studies.esg_constraint.model.shock import relaxed
from dti_core.studies.esg_constraint.worlds import WORLDS, threats
from dti_core.studies.esg_constraint.worlds.settings import Threat


@dataclass(frozen=True, slots=True)
class Estimator(Method[Callable[[Panel], Fit]]):
    """An estimator of the effect of last year's constraint on the rating (column 0 of its Fit).

    valid_against : threats under which its 95 % intervals are offered as right; the Monte Carlo judges the
    offer. needs : optional arrays of Panel that it reads. tests : diagnostic of its Fit -> title of the test,
    and how it reads.
    """

    valid_against: frozenset[Threat] = frozenset()
    tests: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def offered_in(self, world: str) -> bool:
        """Whether it is offered as valid in that world of `WORLDS`: against all threats there."""
        return threats(WORLDS[world].settings) <= self.valid_against


def fit_draws(method: Estimator, panel: Panel) -> Fit:
    """The estimate for all draws, in chunks that fit the memory.

    Raises
    ------
    ValueError if the panel lacks an array that the estimator needs.
    """
    if lacking := [name for name in method.needs if name in panel.missing()]:
        raise ValueError(f"{method.title} needs {', '.join(lacking)}, which this panel lacks")
    bytes_a_draw = 40 * panel.outcome[0].nbytes * (1 + panel.controls.shape[3])
    return join([method.run(panel.draws(part)) for part in slices(len(panel.outcome), bytes_a_draw)])


def _effects(*effects: Effect, cluster: Cluster = "firm") -> Callable[[Panel], Fit]:
    def estimate(panel: Panel) -> Fit:
        return least_squares(panel.outcome, panel.regressors(), panel.rated, effects, cluster, panel.industry)

    return estimate


def _by(estimator: Callable[[Array, Array, Mask], Fit]) -> Callable[[Panel], Fit]:
    return lambda panel: estimator(panel.outcome, panel.regressors(), panel.rated)


def _country_year(panel: Panel) -> Fit:
    effects: tuple[Effect, ...] = ("firm", "industry_year")
    return least_squares(
        panel.outcome, panel.regressors(), panel.rated, effects, "firm", cast(Integers, panel.country)
    )


def _by_weight(panel: Panel) -> Fit:
    return least_squares(panel.outcome, panel.regressors(), panel.rated, weight=panel.weight)


def dynamic_model(panel: Panel, by_size: bool = False) -> DynamicModel:
    """Rating on last year's constraint and controls, its own lag, and theirs before (common factor of AR(1)).

    `by_size` : effects of their own, and year effects, for small firms (column 0) and for all others.

    A rater's noise makes the rating of two years ago invalid as an instrument, so that its lags start at
    three. Constraint and controls count as predetermined: the rating may move those of its own year and of
    later ones, so that their lags start at two. That costs no precision beside exogenous controls, and one
    step loses none against two. Few lags: with one or two more, 496 firms show a bias of a quarter of a
    standard deviation where ratings move constraints, and AR(3) rejects twice too often. Industry-year shocks
    stay in the error.
    """
    rating = np.where(panel.rated, panel.outcome, np.nan)
    groups = _by_size(panel) if by_size else {"": np.ones((1, 1, 1))}
    constraints = {f"constraint{who}": panel.treatment * group for who, group in groups.items()}
    controls = {name: panel.controls[..., k] for k, name in enumerate(packages.names_of(panel)[1:])}
    if panel.size is not None:
        controls["size squared"] = (panel.size - mean_size(panel)) ** 2
    small = next(iter(groups.values()))
    own = _years_of(panel, small) if by_size else None
    columns = [shifted(one, 1) for one in (*constraints.values(), rating, *controls.values())]
    columns += [shifted(one, 2) for one in (*constraints.values(), *controls.values())]
    sets = {"rating": Lags(rating, 3, 4, collapse=True)}
    sets |= {name: Lags(one, 2, 4, collapse=True) for name, one in constraints.items()}
    sets |= {name: Lags(one, 2, 3, collapse=True) for name, one in controls.items()}
    x = np.stack(columns, axis=3)
    x = x if own is None else np.concatenate([x, own], axis=3)
    return DynamicModel(rating, x, panel.rated, sets, own)


def mean_size(panel: Panel) -> Array:
    """(n_draws, 1, 1) mean log assets of a panel that has them."""
    seen = np.where(panel.exists, cast(Array, panel.size), np.nan)
    return np.asarray(np.nanmean(seen, axis=(1, 2), keepdims=True))


def _gmm(panel: Panel, system: bool = False, by_size: bool = False) -> Fit:
    return dynamic_model(panel, by_size).fit(system)


def _by_size(panel: Panel) -> dict[str, Array]:
    """1 for small firms, and for all others.

    Raises
    ------
    ValueError if a panel holds none of one kind.
    """
    small = cast(Mask, panel.small)[..., None]
    if not (small.any(axis=1) & ~small.all(axis=1)).all():
        raise ValueError("all firms are of one size, so that nothing is said of small ones")
    return {" of small firms": small.astype(float), " of other firms": (~small).astype(float)}


def _years_of(panel: Panel, group: Array) -> Array:
    """Dummies of the years with ratings, the first two left out, for the firms of a group."""
    years = np.flatnonzero(panel.rated.any(axis=(0, 1)))[2:]
    dummies = np.eye(panel.outcome.shape[2])[:, years]
    return np.asarray(group[..., None] * dummies)


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


def _coverage(panel: Panel) -> list[Any]:
    """Outcome, regressors, rated, regressors of coverage, firms at risk; years in which anybody is rated."""
    x, excluded = panel.regressors(), cast(Array, panel.excluded)[..., None]
    z = _with_means(panel, np.concatenate([x, excluded], axis=3))
    years = panel.rated.any(axis=(0, 1))
    return [array[:, :, years] for array in (panel.outcome, x, panel.rated, z, panel.exists)]


def _weighted(panel: Panel) -> Fit:
    y, x, rated, z, exists = _coverage(panel)
    return inverse_probability(y, x, rated, z, exists)


def _heckman(panel: Panel) -> Fit:
    y, x, rated, z, exists = _coverage(panel)
    excluded, its_mean = x.shape[3], 2 * x.shape[3] + 1
    return heckman(y, np.delete(z, [excluded, its_mean], axis=3), rated, z, exists)


#: The estimator behind `rating_effect`: of those that need ratings and accounts only, the one that is offered
#: against reverse effects and looks at small firms.
DECIDING = "difference_gmm_small"
#: The same of all firms, shown beside it.
AVERAGE = "difference_gmm"
#: Tests of the deciding estimator, and on which side of what they must lie for it to speak. AR(2) is no gate:
#: white noise of a rater makes it reject, and no instrument rests on it, since lags of the rating start at 3.
GATES: Mapping[str, tuple[Literal["greater", "less"], float]] = MappingProxyType({
    "hansen_p": ("greater", 0.05), "ar3_p": ("greater", 0.05), "instruments_per_firm": ("less", 1.0),
})  # fmt: skip
_STRICT = "no feedback from the rating to later constraints"
_AS_GMM = (
    "errors AR(1) at most, rater noise white, constraint and controls predetermined, constraint well measured"
)
_NOISE: frozenset[Threat] = frozenset({"rater_noise"})
_FIRM: frozenset[Threat] = frozenset({"rater_noise", "firm_effects"})
_YEAR: frozenset[Threat] = frozenset({"rater_noise", "common_shocks"})
_REVERSE: frozenset[Threat] = frozenset({"reverse_effect"})
#: What lagged controls, and samples without trends of their own, take care of.
_MILD: frozenset[Threat] = frozenset(
    {"observed_shock", "size_bias", "late_coverage", "unequal_relief", "persistence"}
)
_HIDDEN: frozenset[Threat] = frozenset({"hidden_shock", "constraint_error"})
_BOTH = _FIRM | _YEAR | _MILD
_GMM_TESTS = {
    "n_instruments": ("GMM, instruments", "should stay far below the number of firms"),
    "hansen_p": ("GMM, Hansen p", "small: instruments contradict each other"),
    "ar2_p": ("GMM, AR(2) p", "may be small: rater noise reaches two years"),
    "ar3_p": ("GMM, AR(3) p", "small: instruments of three years ago are not valid"),
}
#: Heckman is offered nowhere: relief, which is in all worlds, reaches constrained firms first and so parts
#: the means of all years from those of rated ones, a bias of .1 to .2 sd where nothing else misleads.
METHODS: dict[str, Estimator] = {
    "pooled": Estimator("Pooled OLS", _effects("constant"), ("nothing omitted",), valid_against=_NOISE),
    "firm": Estimator("Firm effects", _effects("firm"), ("no common shocks", _STRICT), valid_against=_FIRM),
    "two_way": Estimator(
        "Firm and year effects", _effects("firm", "year"), (_STRICT,), valid_against=_BOTH
    ),
    "two_way_clustered": Estimator(
        "Firm and year effects, clustered both ways", _effects("firm", "year", cluster="firm_year"),
        (_STRICT, "many years for the clusters"), valid_against=_BOTH,
    ),
    "industry_year": Estimator(
        "Firm and industry-year effects", _effects("firm", "industry_year"), (_STRICT,), ("industry",),
        valid_against=_BOTH,
    ),
    "first_differences": Estimator(
        "First differences", _by(regression.first_differences), (_STRICT,), valid_against=_BOTH
    ),
    "random": Estimator(
        "Random effects", _by(regression.random_effects),
        ("firm effects unrelated to constraints", _STRICT), valid_against=_YEAR,
    ),
    "mundlak": Estimator(
        "Random effects with firm means", _by(regression.mundlak), (_STRICT,), valid_against=_BOTH,
        tests={"mundlak_p": ("Mundlak, p", "small: firm effects are related to the regressors")},
    ),
    "difference_gmm": Estimator(
        "Difference GMM", _gmm, (_AS_GMM,), valid_against=_BOTH | _REVERSE | {"size_like"}, tests=_GMM_TESTS,
    ),
    "difference_gmm_small": Estimator(
        "Difference GMM, small firms", partial(_gmm, by_size=True), (_AS_GMM,), ("small",),
        valid_against=_BOTH | _REVERSE | {"unequal_effect", "size_like"},
        tests={name: (f"{title}, small firms", how) for name, (title, how) in _GMM_TESTS.items()},
    ),
    "system_gmm": Estimator(
        "System GMM", partial(_gmm, system=True),
        ("as difference GMM", "changes unrelated to firm effects, which relief for constrained firms breaks"),
        valid_against=_YEAR | _REVERSE,
    ),
    "policy_iv": Estimator(
        "Policy shock as instrument", _policy_instrument,
        ("the policy moves ratings only through constraints", "parallel trends"), ("cohort",),
        valid_against=_BOTH | _REVERSE | _HIDDEN,
        tests={"first_stage_f": ("Policy, first-stage F", "above 23: the instrument is not weak")},
    ),
    "probability_weights": Estimator(
        "Two-way effects, weighted by the chance of being rated", _weighted,
        ("rating coverage ignorable given the regressors", _STRICT), ("excluded",), valid_against=_BOTH,
    ),
    "heckman": Estimator(
        "Heckman with firm means", _heckman,
        ("joint normality", "index membership does not move the rating", "firm effects linear in firm means",
         "no relief that reaches constrained firms first", _STRICT), ("excluded",),
    ),
}  # fmt: skip

#: Dynamic models whose instruments are tested set by set, on one observed panel.
DYNAMIC: Mapping[str, Callable[[Panel], DynamicModel]] = {
    DECIDING: partial(dynamic_model, by_size=True), AVERAGE: dynamic_model,
}  # fmt: skip

#: Offers for one observed panel. None enters the Monte Carlo: a package's is offered as its stacked twin is,
#: which meets it to eight decimals, and one without a twin is not offered as valid at all. Countries and
#: weights exist in a user's panel only.
ON_ONE_PANEL: dict[str, Estimator] = {
    "pooled_statsmodels": replace(METHODS["pooled"], title="Pooled OLS, by statsmodels", run=packages.pooled),
    "two_way_linearmodels": replace(
        METHODS["two_way"], title="Firm and year effects, by linearmodels", run=packages.two_way,
    ),
    "clustered_linearmodels": replace(
        METHODS["two_way_clustered"], run=packages.two_way_clustered,
        title="Firm and year effects, clustered both ways, by linearmodels",
    ),
    "fama_macbeth": Estimator(
        "Fama-MacBeth, by linearmodels", packages.fama_macbeth, ("no firm effects", "many years"),
    ),
    "policy_linearmodels": replace(
        METHODS["policy_iv"], title="Policy shock as instrument, by linearmodels",
        run=packages.policy_instrument,
        tests={
            "first_stage_f": ("IV2SLS, first-stage F", "above 23: the instrument is not weak"),
            "partial_r_squared": ("IV2SLS, partial R2 of the policy", "what the instrument explains"),
            "wu_hausman_p": ("IV2SLS, Wu-Hausman p", "small: least squares and instrument disagree"),
        },
    ),
    "country_year": Estimator("Firm and country-year effects", _country_year, (_STRICT,), ("country",)),
    "weighted": Estimator(
        "Firm and year effects, by the column weight", _by_weight, (_STRICT,), ("weight",),
    ),
    "ordered_logit": Estimator("Ordered logit with firm means, by statsmodels", packages.ordered, (_STRICT,)),
}  # fmt: skip
