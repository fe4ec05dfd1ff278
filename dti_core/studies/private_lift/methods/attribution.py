"""Ways to credit channels with conversions: rules on paths, games, observational estimators, the experiment.

All get the same users. They do not answer the same question: rules split the conversions of touched users,
buyers who would have bought anyway included; the rest estimate what exposure, or eligibility, added. So only
shares of what a method credits in all are compared, and effects of an exposure are scaled by exposures.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold

from dti_core.bridges.privacy import discrete_laplace
from dti_core.lab.methods import Method
from dti_core.studies.private_lift.model.cells import Array, Counts, shapley_weights
from dti_core.studies.private_lift.model.journeys import Journeys, markov_removal
from dti_core.studies.private_lift.model.lift import factorial_shapley
from dti_core.studies.private_lift.worlds.users import Users, coalition

#: Shares of the first and of the last touch under the position rule; touches between divide the rest.
ENDS = 0.4
#: A touch counts half of the next one under time decay.
HALVING = 0.5
#: Steps of a conversion in which a device tells its credit; two to ten touches share them without a rest.
STEPS = 2520
#: Folds of cross-fitting, and the largest propensity that weights may rest on.
N_FOLDS, MOST_LIKELY = 2, 0.99


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a campaign; `users` and `eligible` are absent where only paths are.

    eligible : (2^C, 2) users by randomised eligible coalition and conversion. epsilon : of the one histogram
    that a private method releases; unit user, add or remove one, pure.
    """

    journeys: Journeys
    epsilon: float
    users: Users | None = None
    eligible: Counts | None = None


Credit = Callable[[Evidence, np.random.Generator], Array]


def _rule(weights: Callable[[Array, Array], Array]) -> Credit:
    """A rule that splits each conversion over the touches of its path, by place and number of touches."""

    def credit(evidence: Evidence, _: np.random.Generator) -> Array:
        return rule_credit(evidence.journeys, weights)

    return credit


def rule_credit(journeys: Journeys, weights: Callable[[Array, Array], Array]) -> Array:
    """Conversions a user credited to each channel, (..., C).

    Parameters
    ----------
    weights : of places 0, 1, ... on paths of so many touches, (n, longest) each; scaled to sum to 1 a path.
    """
    return journeys.converted @ credit_of_paths(journeys, weights) / journeys.n_users[..., None]


def credit_of_paths(journeys: Journeys, weights: Callable[[Array, Array], Array]) -> Array:
    """(n, C) shares of one conversion that each path gives each channel; no touch, no share."""
    steps = journeys.steps
    place = np.broadcast_to(np.arange(steps.shape[1], dtype=float), steps.shape)
    long = (steps >= 0).sum(axis=1, keepdims=True).astype(float)
    split = np.where(steps >= 0, weights(place, long), 0.0)
    split = split / np.where(long > 0, split.sum(axis=1, keepdims=True), 1)
    row, column = np.nonzero(steps >= 0)
    cell, size = row * journeys.n_channels + steps[row, column], len(steps) * journeys.n_channels
    credit = np.bincount(cell, split[row, column], size).reshape(len(steps), journeys.n_channels)
    return credit.astype(np.float64)


def _first(place: Array, long: Array) -> Array:
    return (place == 0).astype(float)


def _last(place: Array, long: Array) -> Array:
    return (place == long - 1).astype(float)


def _linear(place: Array, long: Array) -> Array:
    return np.ones_like(place)


def _time_decay(place: Array, long: Array) -> Array:
    return np.where(place < long, HALVING ** (long - 1 - place), 0.0)


def _position(place: Array, long: Array) -> Array:
    between = np.where(long > 2, (1 - 2 * ENDS) / np.maximum(long - 2, 1), 0.0)
    return np.where((place == 0) | (place == long - 1), ENDS, between)


def _private(weights: Callable[[Array, Array], Array]) -> Credit:
    """The rule from one histogram of channels, with discrete Laplace noise.

    A device rounds each share of its conversion down to whole `STEPS`, so that they are one at most together.
    """

    def credit(evidence: Evidence, rng: np.random.Generator) -> Array:
        journeys = evidence.journeys
        counts = journeys.converted @ np.floor(STEPS * credit_of_paths(journeys, weights) + 1e-9)
        noise = discrete_laplace(STEPS / evidence.epsilon, counts.shape, rng)
        return np.asarray((counts + noise) / STEPS / journeys.n_users[..., None])

    return credit


def _markov(evidence: Evidence, _: np.random.Generator) -> Array:
    journeys, lost = evidence.journeys, markov_removal(evidence.journeys)
    touched = journeys.converted @ journeys.touched.any(axis=1) / journeys.n_users
    return lost / lost.sum(axis=-1, keepdims=True) * touched[..., None]


def _set_shapley(evidence: Evidence, _: np.random.Generator) -> Array:
    """Shapley values of the game v(S) = conversions of users who touched nothing outside S.

    They split each conversion evenly over the distinct channels of its path. The ordered variant tells the
    same credit apart by place, so that its sums over places are these.

    Source: Zhao, Mahboobi, Bagheri (2018), eqs. 6 and 9.
    """
    journeys = evidence.journeys
    touched = journeys.touched.astype(float)
    each = journeys.converted / np.maximum(touched.sum(axis=1), 1)
    return each @ touched / journeys.n_users[..., None]


def _exposure_shapley(evidence: Evidence, _: np.random.Generator) -> Array:
    """Shapley values of v(S) = rate of conversion of users exposed to exactly S: an effect an exposure.

    One user of the average rate is added to each coalition, since a rare one may have been seen by nobody.
    """
    journeys = evidence.journeys
    codes, n = coalition(journeys.touched), 2**journeys.n_channels
    won, missed = (np.bincount(codes, end, n) for end in (journeys.converted, journeys.missed))
    rates = (won + won.sum() / journeys.n_users) / (won + missed + 1)
    return shapley_weights(journeys.n_channels) @ rates


def _exposure_shapley_scaled(evidence: Evidence, rng: np.random.Generator) -> Array:
    """The same times exposures a user, so that it counts conversions, as the truth does."""
    journeys = evidence.journeys
    exposed = (journeys.converted + journeys.missed) @ journeys.touched / journeys.n_users
    return _exposure_shapley(evidence, rng) * exposed


def _learner() -> LogisticRegression:
    return LogisticRegression(C=1e3, solver="newton-cholesky", max_iter=50)


def _users(evidence: Evidence) -> Users:
    if evidence.users is None:
        raise ValueError("this method needs users one by one, with covariates")
    return evidence.users


def _known(users: Users, channel: int) -> Array:
    """What an analyst conditions on for one channel: covariates, their squares, exposure to the others."""
    seen = users.covariates
    return np.column_stack([seen, seen**2, np.delete(users.exposed, channel, axis=1)])


def _matching(evidence: Evidence, _: np.random.Generator) -> Array:
    """Conversions a user that exposure added, each exposed user against the nearest by propensity."""
    users, credit = _users(evidence), []
    for channel in range(len(users.channels)):
        exposed, known = users.exposed[:, channel], _known(users, channel)
        score = _learner().fit(known, exposed).decision_function(known)
        others = np.flatnonzero(~exposed)[np.argsort(score[~exposed], kind="stable")]
        at = np.clip(np.searchsorted(score[others], score[exposed]), 1, len(others) - 1)
        nearer = score[exposed] - score[others[at - 1]] < score[others[at]] - score[exposed]
        twin = others[at - nearer]
        credit.append((users.converted[exposed].astype(float) - users.converted[twin]).sum() / len(users))
    return np.array(credit)


def _dml(evidence: Evidence, rng: np.random.Generator) -> Array:
    """Conversions a user that exposure added, by the doubly robust score of the exposed, cross-fitted.

    Source: Chernozhukov et al. (2018), section 5.1, effect on the treated.
    """
    users, credit = _users(evidence), []
    folds = list(KFold(N_FOLDS, shuffle=True, random_state=int(rng.integers(2**31))).split(users.converted))
    for channel in range(len(users.channels)):
        exposed, known, total = users.exposed[:, channel], _known(users, channel), 0.0
        for fit, held in folds:
            chance = _learner().fit(known[fit], exposed[fit]).predict_proba(known[held])[:, 1]
            without = fit[~exposed[fit]]
            rate = _learner().fit(known[without], users.converted[without]).predict_proba(known[held])[:, 1]
            odds = np.minimum(chance, MOST_LIKELY) / (1 - np.minimum(chance, MOST_LIKELY))
            total += (np.where(exposed[held], 1.0, -odds) * (users.converted[held] - rate)).sum()
        credit.append(total / len(users))
    return np.array(credit)


def _eligible(evidence: Evidence) -> Counts:
    if evidence.eligible is None:
        raise ValueError("this method needs randomised eligibility")
    return evidence.eligible


def _factorial(evidence: Evidence, _: np.random.Generator) -> Array:
    return factorial_shapley(_eligible(evidence).astype(float))[0]


def _factorial_private(evidence: Evidence, rng: np.random.Generator) -> Array:
    counts = _eligible(evidence)
    noise = discrete_laplace(1 / evidence.epsilon, counts.shape, rng)
    return factorial_shapley((counts + noise).astype(float))[0]


_UNTOUCHED = ("nobody would have converted without the touches",)
_AS_IF = ("exposure is as good as random",)
_GIVEN = ("exposure is as good as random given covariates and the other channels",)
_RANDOM = ("eligibility was randomised",)

METHODS: dict[str, Method[Credit]] = {
    "first_touch": Method("First touch", _rule(_first), _UNTOUCHED),
    "first_touch_private": Method("First touch, with noise", _private(_first), _UNTOUCHED),
    "last_touch": Method("Last touch", _rule(_last), _UNTOUCHED),
    "last_touch_private": Method("Last touch, with noise", _private(_last), _UNTOUCHED),
    "linear": Method("Linear", _rule(_linear), _UNTOUCHED),
    "linear_private": Method("Linear, with noise", _private(_linear), _UNTOUCHED),
    "time_decay": Method("Decay, half a touch", _rule(_time_decay), _UNTOUCHED),
    "position": Method("Position 40-20-40", _rule(_position), _UNTOUCHED),
    "markov": Method("Markov removal", _markov, _UNTOUCHED),
    "set_shapley": Method("Shapley of totals", _set_shapley, _UNTOUCHED),
    "exposure_shapley": Method("Shapley of exposure", _exposure_shapley, _AS_IF, ("coalitions",)),
    "exposure_shapley_scaled": Method(
        "Shapley of exposure, scaled", _exposure_shapley_scaled, _AS_IF, ("coalitions",)
    ),
    "matching": Method("Propensity matching", _matching, _GIVEN, ("users",)),
    "dml": Method("Double machine learning", _dml, _GIVEN, ("users",)),
    "factorial": Method("Experiment, Shapley", _factorial, _RANDOM, ("eligible",)),
    "factorial_private": Method("Experiment, with noise", _factorial_private, _RANDOM, ("eligible",)),
}  # fmt: skip
