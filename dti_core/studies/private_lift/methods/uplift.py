"""Ways to learn whom a treatment moves, from a randomised trial; each with the same models of a mean."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dti_core.lab.methods import Method
from dti_core.studies.private_lift.model.uplift import robust_scores

Array = NDArray[np.float64]
#: Every mean is learned two ways, of which the better on a quarter of the users is learned again on all.
CHECKED_SHARE, LEAF_SHARE, TREES = 0.25, 0.02, 20


@dataclass(frozen=True, slots=True)
class Trial:
    """Users of a randomised trial with two arms.

    features : (n, d). treated, outcome : (n,) 0 or 1. chance : of being treated, known by design.
    truth : (n,) effect of each user in a simulated world, else None. group : (n,) codes of groups that were
    fixed before any outcome was seen, None without.
    """

    features: Array
    treated: Array
    outcome: Array
    chance: float
    truth: Array | None = None
    group: NDArray[np.int64] | None = None

    def part(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> "Trial":
        """The trial of these users."""
        truth = None if self.truth is None else self.truth[rows]
        group = None if self.group is None else self.group[rows]
        return Trial(self.features[rows], self.treated[rows], self.outcome[rows], self.chance, truth, group)


#: Features (m, d) -> (m,) expected outcomes.
Predict = Callable[[Array], Array]


@dataclass(frozen=True, slots=True)
class Arms:
    """Models of the outcome with treatment and without, each learned from its own arm of a trial."""

    on: Predict
    off: Predict


#: Trial, its arms, features (m, d) of other users, generator -> (m,) effects that are expected of them.
Learn = Callable[[Trial, Arms, Array, np.random.Generator], Array]


def fit_mean(features: Array, outcome: Array) -> Predict:
    """Model of the expected outcome: ridge or shallow boosted trees, whichever errs less.

    All by squared error, which is proper for outcomes 0 and 1 too; rows must stand in random order.
    """
    first = int(len(outcome) * CHECKED_SHARE)
    makers = _makers(len(outcome))
    errors = []
    for make in makers:
        guess = make().fit(features[first:], outcome[first:]).predict(features[:first])
        errors.append(float(((outcome[:first] - guess) ** 2).mean()))
    best = makers[int(np.argmin(errors))]().fit(features, outcome)
    return lambda new: np.asarray(best.predict(new), dtype=np.float64)


def _makers(n: int) -> list[Callable[[], Any]]:
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    leaf = max(20, int(LEAF_SHARE * n))
    shape = {"max_leaf_nodes": 6, "min_samples_leaf": leaf, "early_stopping": False}
    trees = partial(HistGradientBoostingRegressor, max_iter=TREES, **shape)
    return [lambda: make_pipeline(StandardScaler(), Ridge(alpha=0.01 * n)), trees]


def fit_arms(trial: Trial) -> Arms:
    """The models of both arms."""
    treated = trial.treated > 0
    on, off = (fit_mean(trial.features[side], trial.outcome[side]) for side in (treated, ~treated))
    return Arms(on, off)


def t_learner(trial: Trial, arms: Arms, new: Array, rng: np.random.Generator) -> Array:
    """Difference of two models, one an arm."""
    return arms.on(new) - arms.off(new)


def s_learner(trial: Trial, arms: Arms, new: Array, rng: np.random.Generator) -> Array:
    """One model that knows the arm, asked twice."""
    known = np.column_stack([trial.features, trial.treated])
    asked = [np.column_stack([new, np.full(len(new), arm)]) for arm in (1.0, 0.0)]
    on, off = np.split(fit_mean(known, trial.outcome)(np.vstack(asked)), 2)
    return on - off


def x_learner(trial: Trial, arms: Arms, new: Array, rng: np.random.Generator) -> Array:
    """Effects imputed from the other arm's model, learned again, weighed by the chance of treatment.

    Source: Kuenzel, Sekhon, Bickel, Yu (2019).
    """
    treated = trial.treated > 0
    shown, held = trial.features[treated], trial.features[~treated]
    gained = fit_mean(shown, trial.outcome[treated] - arms.off(shown))(new)
    forgone = fit_mean(held, arms.on(held) - trial.outcome[~treated])(new)
    return trial.chance * forgone + (1 - trial.chance) * gained


def dr_learner(trial: Trial, arms: Arms, new: Array, rng: np.random.Generator) -> Array:
    """Doubly robust scores, made with models of other users, learned on the features.

    Source: Kennedy (2023).
    """
    fold = rng.permutation(len(trial.outcome)) % 2 == 0
    scores = np.empty(len(trial.outcome))
    for held in (fold, ~fold):
        others, here = fit_arms(trial.part(~held)), trial.part(held)
        on, off = others.on(here.features), others.off(here.features)
        scores[held] = robust_scores(here.outcome, here.treated, trial.chance, on, off)
    return fit_mean(trial.features, scores)(new)


def constant(trial: Trial, arms: Arms, new: Array, rng: np.random.Generator) -> Array:
    """The mean effect for everybody: the rival in error, which ranks nobody before another."""
    on = trial.treated > 0
    return np.full(len(new), trial.outcome[on].mean() - trial.outcome[~on].mean())


def at_random(trial: Trial, arms: Arms, new: Array, rng: np.random.Generator) -> Array:
    """The mean effect, users in random order: the rival in ranking."""
    return constant(trial, arms, new, rng) + 1e-6 * rng.normal(size=len(new))


def baseline(trial: Trial, arms: Arms, new: Array, rng: np.random.Generator) -> Array:
    """Chance of the outcome without treatment, as if those who buy anyway were those who are moved."""
    return arms.off(new)


UPLIFT: dict[str, Method[Learn]] = {
    "t": Method("T-learner", t_learner, assumes=("randomised arms",)),
    "s": Method("S-learner", s_learner, assumes=("randomised arms",)),
    "x": Method("X-learner", x_learner, assumes=("randomised arms",)),
    "dr": Method("DR-learner", dr_learner, assumes=("randomised arms", "known chance of treatment")),
    "propensity": Method("Likely converters first", baseline, assumes=("effects rise with the base rate",)),
    "constant": Method("Mean effect for all", constant, counts_as_trial=False),
    "random": Method("Random order", at_random, counts_as_trial=False),
}
