"""Chance that a reported flaw is real, from what tools say: learners, each calibrated on held-out flows.

A learner takes the evidence it may learn from and the evidence it must judge, and returns (n,) log odds.
"""

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from scipy.special import expit, logit
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from dti_core.studies.vuln_priority.model.evidence import Evidence, Floats, Ints, splits

LearnerName = Literal["bayes", "logistic", "boosted"]
LEARNERS: tuple[LearnerName, ...] = get_args(LearnerName)
Learner = Callable[[Evidence, Evidence], Floats]
#: Cases that a kind of flaw must bring before its own rate counts as much as that of all kinds.
PRIOR_CASES = 4.0
#: Folds by flow on which a learner's log odds are calibrated; penalty of the logistic fit.
INNER_FOLDS, PENALTY = 5, 1.0
#: No chance is nearer to 0 or 1 than this: the lab has some hundreds of cases.
EDGE = 0.005


def naive_bayes(learn: Evidence, judge: Evidence) -> Floats:
    """Log odds by a Beta-Bernoulli rate of each tool, kind of flaw and truth, tools taken as independent.

    The Beta prior of a kind has the rate of all kinds as its mean and `PRIOR_CASES` as its weight.
    """
    n_kinds = len(learn.families)
    odds = logit(_rates(learn.real[:, None], learn.family, np.ones(learn.n, bool), n_kinds))[judge.family, 0]
    yes = _rates(learn.flags, learn.family, learn.real, n_kinds)
    no = _rates(learn.flags, learn.family, ~learn.real, n_kinds)
    flagged, silent = np.log(yes / no), np.log((1 - yes) / (1 - no))
    worth = np.where(judge.flags, flagged[judge.family], silent[judge.family])
    return np.asarray(odds + worth.sum(axis=1), dtype=np.float64)


def logistic(learn: Evidence, judge: Evidence) -> Floats:
    """Log odds by a penalised logistic fit on what tools say, kinds of flaw, and both together."""
    if learn.real.all() or not learn.real.any():
        return np.full(judge.n, logit(_clipped(learn.real.mean())))
    model = LogisticRegression(C=1 / PENALTY, solver="newton-cholesky", max_iter=100)
    model.fit(_wide(learn), learn.real)
    return np.asarray(model.decision_function(_wide(judge)), dtype=np.float64)


def boosted(learn: Evidence, judge: Evidence) -> Floats:
    """Log odds by small trees on what tools say and kinds of flaw."""
    if learn.real.all() or not learn.real.any():
        return np.full(judge.n, logit(_clipped(learn.real.mean())))
    model = GradientBoostingClassifier(
        n_estimators=40, max_depth=2, learning_rate=0.1, min_samples_leaf=8, random_state=0
    )
    model.fit(_plain(learn), learn.real)
    return np.asarray(model.decision_function(_plain(judge)), dtype=np.float64)


RUN: dict[LearnerName, Learner] = {"bayes": naive_bayes, "logistic": logistic, "boosted": boosted}


def calibrated(name: LearnerName, learn: Evidence, judge: Evidence) -> Floats:
    """(n,) chances that cases are real, from a learner whose log odds were bent by Platt's two numbers.

    The two numbers are fitted to log odds of flows that the learner had not seen.
    Source: Platt (1999).
    """
    learner = RUN[name]
    inner = np.unique(learn.flow, return_inverse=True)[1] % INNER_FOLDS
    unseen = np.zeros(learn.n)
    for seen, held in splits(inner):
        unseen[held] = learner(learn.at(seen), learn.at(held))
    slope, shift = _bend(unseen, learn.real)
    return _clipped(expit(slope * learner(learn, judge) + shift))


def held_out(name: LearnerName, evidence: Evidence, folds: Ints) -> Floats:
    """(n,) chance of each case from what was learnt on the other folds."""
    chances = np.zeros(evidence.n)
    for seen, held in splits(folds):
        chances[held] = calibrated(name, evidence.at(seen), evidence.at(held))
    return chances


def _bend(odds: Floats, real: np.ndarray) -> tuple[float, float]:
    """Slope, never negative, and shift that fit log odds to what is real."""
    if real.all() or not real.any() or np.ptp(odds) == 0:
        return 0.0, float(logit(_clipped(real.mean())))
    fit = LogisticRegression(C=1e3).fit(np.clip(odds, -20, 20)[:, None], real)
    slope, shift = float(fit.coef_[0, 0]), float(fit.intercept_[0])
    return (slope, shift) if slope > 0 else (0.0, float(logit(_clipped(real.mean()))))


def _rates(seen: np.ndarray, kind: Ints, among: np.ndarray, n_kinds: int) -> Floats:
    """(n_kinds, n_columns) posterior mean rates of columns of flags among some rows, shrunk to all kinds."""
    chosen = seen[among].astype(float)
    overall = (chosen.sum(axis=0) + 0.5) / (len(chosen) + 1.0)
    sums = np.zeros((n_kinds, seen.shape[1]))
    np.add.at(sums, kind[among], chosen)
    counts = np.bincount(kind[among], minlength=n_kinds)[:, None]
    return np.asarray((sums + PRIOR_CASES * overall) / (counts + PRIOR_CASES), dtype=np.float64)


def _plain(evidence: Evidence) -> Floats:
    kinds = np.eye(len(evidence.families))[evidence.family]
    return np.hstack([evidence.flags, evidence.strength, kinds]).astype(np.float64)


def _wide(evidence: Evidence) -> Floats:
    kinds = np.eye(len(evidence.families))[evidence.family]
    both = (evidence.flags[:, :, None] * kinds[:, None, :]).reshape(evidence.n, -1)
    return np.hstack([evidence.flags, evidence.strength, kinds, both]).astype(np.float64)


def _clipped(chances: Floats) -> Floats:
    return np.clip(chances, EDGE, 1 - EDGE)
