"""A model of who books, by every way to learn it: how well it ranks and is calibrated at each epsilon."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.bridges.federated import attack_by_score, log_losses, malicious_clients, poisoned
from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval, mean_over_seeds
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import OBSERVED
from dti_core.studies.private_lift.data.expedia import SearchLog
from dti_core.studies.private_lift.measures.offers import name_of, place_of
from dti_core.studies.private_lift.methods.budget import Budget
from dti_core.studies.private_lift.methods.learners import CLIPPING_NORM, LEARNERS, by_user
from dti_core.studies.private_lift.model.ranking import SCORES, auc, log_loss, over_runs_and_users
from dti_core.studies.private_lift.model.searches import Searches, split_log

Array = NDArray[np.float64]
#: What the other learners are compared with: all searches in one place, without privacy.
REFERENCE = "central"
#: Name -> share of malicious users, and what they multiply their update by.
POISONINGS: Mapping[str, tuple[float, float]] = {
    "clean": (0.0, 1.0), "boosted": (0.05, -100.0), "reversed": (0.2, -1.0),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Task:
    """Learners on one cut of the log. settings : of (learner, epsilon), empty while they are chosen."""

    log: SearchLog
    learners: tuple[str, ...]
    budgets: tuple[Budget, ...]
    settings: Mapping[tuple[str, float], float]
    seeds: np.random.SeedSequence

    def cells(self) -> list[tuple[str, Budget, np.random.Generator]]:
        """Each learner at each budget that it knows, with random numbers of its own."""
        spent = [(name, budget) for name in self.learners for budget in self.budgets
                 if LEARNERS[name].needs or not budget.private]  # fmt: skip
        streams = self.seeds.spawn(len(spent))
        return [(*one, np.random.default_rng(child)) for one, child in zip(spent, streams, strict=True)]


@dataclass(frozen=True, slots=True)
class _Run:
    """One model on one cut. chance : (n_test,). advantage : of the loss attack on who was in the training."""

    chance: Array
    advantage: float
    by_opacus: float | None


#: What came of one cut, by learner and epsilon.
_Runs = Mapping[tuple[str, float], _Run]


def _try(task: _Task) -> dict[tuple[str, float], dict[float, float]]:
    """Loss of each setting of each learner at each epsilon, on users of one cut who are kept for this."""
    split, losses = split_log(task.log, np.random.default_rng(task.seeds)), {}
    for name, budget, rng in task.cells():
        learner = LEARNERS[name].run
        losses[name, budget.epsilon] = {
            one: log_loss(split.check.booked, learner(split.fit, budget, one, rng).predict(split.check))[0]
            for one in learner.candidates
        }
    return losses


def _run(task: _Task) -> dict[tuple[str, float], _Run]:
    """Every learner at every budget on one cut."""
    split, found = split_log(task.log, np.random.default_rng(task.seeds)), {}
    for name, budget, rng in task.cells():
        fitted = LEARNERS[name].run(split.fit, budget, task.settings[name, budget.epsilon], rng)
        scores = [-log_losses(fitted.predict(one), one.booked) for one in (split.fit, split.check)]
        few = rng.choice(scores[0], min(len(scores[0]), len(scores[1])), replace=False)
        advantage = attack_by_score(few, scores[1], rng).advantage[0]
        found[name, budget.epsilon] = _Run(fitted.predict(split.test), advantage, fitted.epsilon)
    return found


def study_federated(
    log: SearchLog, budgets: Sequence[Budget], n_runs: int, seeds: np.random.SeedSequence,
    learners: Sequence[str] = tuple(LEARNERS),
) -> Findings:  # fmt: skip
    """Every learner on the searches of the log, at every budget that it knows.

    A run cuts other users for training, draws other samples and other noise. Cuts of their own, a third as
    many, choose each learner's setting at each epsilon by its mean loss: this choice is not private.

    Parameters
    ----------
    budgets : one of them without noise. learners : among them `REFERENCE`.
    """
    tuning, *children = seeds.spawn(n_runs + 1)
    cuts = [tuning, *tuning.spawn(max(1, n_runs // 3) - 1)]
    tried = run_keyed(
        _try,
        {(name, cut): _Task(log, (name,), tuple(budgets), {}, own)
         for name in learners for cut, own in enumerate(cuts)},
        "settings",
    )  # fmt: skip
    settings = {}
    for name in learners:
        for place, losses in tried[name, 0].items():
            cost = {one: sum(tried[name, cut][place][one] for cut in range(len(cuts))) for one in losses}
            settings[place] = min(cost, key=lambda one: cost[one])
    tasks = {
        str(run): _Task(log, tuple(learners), tuple(budgets), settings, child)
        for run, child in enumerate(children)
    }
    runs = list(run_keyed(_run, tasks, "who books").values())
    test = split_log(log, np.random.default_rng(tuning)).test
    found, rows = Findings(), []
    for (name, epsilon), setting in settings.items():
        cell = {"learner": name, "epsilon": epsilon, "setting": setting}
        rows.append(cell | _judge(found, name, epsilon, runs, test))
    found.series["federated"] = pd.DataFrame(rows)
    return found


def _scored(
    test: Searches, chances: Sequence[Array], title: str, found: Findings
) -> dict[str, tuple[Interval, str]]:
    """Interval and unit of each score over runs; one that has no answer is left out with the reason."""
    scored = {}
    for score, (measure, unit) in SCORES.items():
        try:
            drawn = [measure(test.booked, chance) for chance in chances]
        except ValueError as error:
            found.left_out.append((f"{score} of {title}", str(error)))
            continue
        values = np.array([value for value, _ in drawn])
        influence = np.mean([one for _, one in drawn], axis=0)
        scored[score] = over_runs_and_users(values, influence, test.user), unit
    return scored


def _judge(
    found: Findings,
    name: str,
    epsilon: float,
    runs: Sequence[Mapping[tuple[str, float], _Run]],
    test: Searches,
) -> dict[str, float | str]:
    """Keep the scores of a learner at a budget as estimates; returns its row of the table."""
    method, own = LEARNERS[name], [one[name, epsilon] for one in runs]
    guarantee = Budget(epsilon).guarantee(method.run.unit or "user", pure=method.run.pure).text
    row: dict[str, float | str] = {"guarantee": guarantee, "epsilon_by_opacus": own[0].by_opacus or np.nan}
    scored = _scored(test, [one.chance for one in own], method.title, found)
    advantage = mean_over_seeds([one.advantage for one in own])
    scored["advantage"] = advantage, "true less false positive rate"
    if name != REFERENCE:
        scored["auc_lost"] = _lost(test, own, [one[REFERENCE, np.inf] for one in runs]), SCORES["auc"][1]
    if np.isfinite(epsilon):
        scored["auc_lost_to_noise"] = _lost(test, own, [one[name, np.inf] for one in runs]), SCORES["auc"][1]
    at = {"method": name, "epsilon": place_of(epsilon), "guarantee": guarantee}
    for score, (one, unit) in scored.items():
        key = f"booking_{score}_{name}_{name_of(epsilon)}"
        found.estimates.append(one.estimate(key, unit, OBSERVED, **at))
        row |= {score: one.value, f"{score}_low": one.low, f"{score}_high": one.high}
        row |= {f"{score}_sd_of_runs": float(np.std(one.per_seed, ddof=1))}
    return row


def _lost(test: Searches, own: Sequence[_Run], reference: Sequence[_Run]) -> Interval:
    """Area under the curve of the reference less a learner's, run by run on the same cuts and test users."""
    pairs = [
        (auc(test.booked, b.chance), auc(test.booked, a.chance)) for a, b in zip(own, reference, strict=True)
    ]
    values = np.array([best[0] - one[0] for best, one in pairs])
    influence = np.mean([best[1] - one[1] for best, one in pairs], axis=0)
    return over_runs_and_users(values, influence, test.user)


def study_poisoning(log: SearchLog, setting: float, n_runs: int, seeds: np.random.SeedSequence) -> Findings:
    """What malicious users do to the federated model, with and without a bound on their updates.

    Parameters
    ----------
    setting : of the learner `user`, as chosen without noise.
    """
    found, rows = Findings(), []
    splits = [(split_log(log, np.random.default_rng(child)), child) for child in seeds.spawn(n_runs)]
    for attack, (share, factor) in POISONINGS.items():
        for bound, norm in (("bounded", CLIPPING_NORM), ("unbounded", None)):
            chances = []
            for split, child in splits:
                rng = np.random.default_rng(child)
                bad = poisoned(malicious_clients(int(split.fit.user.max()) + 1, share, rng), factor)
                fitted = by_user(split.fit, Budget(np.inf), setting, rng, norm=norm, tamper=bad)
                chances.append(fitted.predict(split.test))
            at = {"attack": attack, "bound": bound}
            scored = _scored(splits[0][0].test, chances, f"{attack}, {bound}", found)
            for score, (one, unit) in scored.items():
                key = f"booking_{score}_{attack}_{bound}"
                found.estimates.append(one.estimate(key, unit, OBSERVED, **at))
                ends = {"value": one.value, "low": one.low, "high": one.high}
                rows.append(at | {"score": score} | ends)
    found.series["poisoning"] = pd.DataFrame(rows)
    return found
