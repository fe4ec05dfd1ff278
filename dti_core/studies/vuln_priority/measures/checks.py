"""Whether the fusion can be fooled: labels dealt, a tool that says yes to all, or twice the same."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import stats
from scipy.special import logit

from dti_core.lab.findings import Findings
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import OBSERVED, Estimate
from dti_core.studies.vuln_priority.measures.contest import SCORES
from dti_core.studies.vuln_priority.methods.fusion import FAVOURITE, METHODS
from dti_core.studies.vuln_priority.model.evidence import Evidence, Flags, flow_folds
from dti_core.studies.vuln_priority.model.learners import held_out, naive_bayes
from dti_core.studies.vuln_priority.model.scores import average_precision, brier

#: Shares of real and of safe cases that the planted tool reports.
WORTH = (0.7, 0.1)
ALWAYS, TWICE, PLANTED, DEALT = "always", "twice", "planted tool", "dealt labels"
#: The tool that is given twice.
COPIED = "agent"


@dataclass(frozen=True, slots=True)
class Draw:
    """One draw of all checks."""

    evidence: Evidence
    seed: np.random.SeedSequence


def study_checks(evidence: Evidence, seeds: np.random.SeedSequence, n_draws: int) -> Findings:
    """Each check over draws: what should be nothing is nothing, and a known worth is found."""
    drawn = run_keyed(
        check_once, {k: Draw(evidence, seed) for k, seed in enumerate(seeds.spawn(n_draws))}, "checks"
    )
    found = Findings()
    units = {
        "dealt_labels_ap": "average precision above the share that is real",
        "always_changes": "largest change of a chance", "twice_brier": "mean squared error",
        "twice_brier_bayes": "mean squared error", "planted_gain": "average precision",
        "planted_weight_error": "log odds",
    }  # fmt: skip
    for name, unit in units.items():
        values = np.array([one[name] for one in drawn.values()])
        margin = float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
        mean = float(values.mean())
        found.estimates.append(
            Estimate(name, mean, mean - margin, mean + margin, unit, len(values), world=OBSERVED,
                     how=f"Student t over {len(values)} draws", at={"check": name})
        )  # fmt: skip
    return found


@dataclass(frozen=True, slots=True)
class Left:
    """Cases of which some flows are left out, and the single tool that the fusion is set against."""

    evidence: Evidence
    single: str


def study_relearning(evidence: Evidence, single: str, n_groups: int) -> Findings:
    """The lead over a single tool with all fits repeated as flows are left out, group by group.

    The bootstrap of the contest keeps its fits; a jackknife over flows that learns anew says what that hides.

    Parameters
    ----------
    n_groups : into which flows are dealt in their order; at most the number of flows.
    """
    flows = np.unique(evidence.flow)
    groups = min(n_groups, len(flows))
    group = np.searchsorted(flows, evidence.flow) % groups
    tasks = {k: Left(evidence.at(group != k), single) for k in range(groups)}
    whole, found = lead_of(Left(evidence, single)), Findings()
    left = list(run_keyed(lead_of, tasks, "relearning").values())
    for name, value in whole.items():
        values = np.array([one[name] for one in left])
        spread = float(np.sqrt((groups - 1) / groups * ((values - values.mean()) ** 2).sum()))
        margin = float(stats.t.ppf(0.975, groups - 1)) * spread
        found.estimates.append(
            Estimate(f"{name}_over_{single}_relearnt", value, value - margin, value + margin, SCORES[name][0],
                     evidence.n, how=f"jackknife over {groups} groups of flows, all fits repeated",
                     std_error=spread, at={"score": name, "rival": single, "check": "relearnt"})
        )  # fmt: skip
    return found


def weight_of(tool: str, evidence: Evidence) -> float:
    """Log odds by which a report of a tool moves naive Bayes, against its silence, mean over cases.

    Of a tool with shares a and b of real and of safe cases it is logit(a) - logit(b).
    """
    place = evidence.tools.index(tool)
    said, silent = (
        replace(evidence, flags=np.insert(np.delete(evidence.flags, place, axis=1), place, value, axis=1))
        for value in (True, False)
    )
    return float((naive_bayes(evidence, said) - naive_bayes(evidence, silent)).mean())


def _turned_twins(evidence: Evidence, rng: np.random.Generator) -> Flags:
    """(n,) whether a case's label is turned over: both of a flaw and its harmless twin, or neither."""
    pair = evidence.flow * (int(evidence.sink.max()) + 1) + evidence.sink
    names, at = np.unique(pair, return_inverse=True)
    return np.asarray((rng.random(len(names)) < 0.5)[at])


def lead_of(left: Left) -> dict[str, float]:
    """What the fusion scores beyond the single tool, on flows held out."""
    folds, one = flow_folds(left.evidence), np.ones((1, left.evidence.n))
    told = {name: METHODS[name].run(left.evidence, folds) for name in (FAVOURITE, left.single)}
    return {
        name: float(np.subtract(*(score(told[who], left.evidence.real, one)[0] for who in told)))
        for name, (_, score, _) in SCORES.items()
        if name in ("ap", "auc", "brier")
    }


def check_once(draw: Draw) -> dict[str, float]:
    """All checks on one draw of labels, of a tool, and of a halved sample."""
    rng = np.random.default_rng(draw.seed)
    evidence, folds = draw.evidence, flow_folds(draw.evidence)
    one, tools = np.ones((1, evidence.n)), evidence.tools

    def ap(chances: np.ndarray, real: Flags) -> float:
        return float(average_precision(chances, real, one)[0])

    dealt = replace(evidence, real=evidence.real ^ _turned_twins(evidence, rng))
    base = METHODS[FAVOURITE].run(evidence, folds)
    always = evidence.beside(ALWAYS, np.ones(evidence.n, bool))
    place = tools.index(COPIED)
    twice = evidence.beside(TWICE, evidence.flags[:, place], evidence.strength[:, place])
    strong = evidence.beside(PLANTED, rng.random(evidence.n) < np.where(evidence.real, *WORTH))
    worth = weight_of(PLANTED, strong)
    bayes = held_out("bayes", evidence, folds)
    return {
        "dealt_labels_ap": ap(held_out("logistic", dealt, folds), dealt.real) - float(dealt.real.mean()),
        "always_changes": float(np.abs(held_out("logistic", always, folds) - base).max()),
        "twice_brier": float(
            (brier(held_out("logistic", twice, folds), evidence.real, one) - brier(base, evidence.real, one))[
                0
            ]
        ),
        "twice_brier_bayes": float(
            (brier(held_out("bayes", twice, folds), evidence.real, one) - brier(bayes, evidence.real, one))[0]
        ),
        "planted_gain": ap(held_out("logistic", strong, folds), evidence.real) - ap(base, evidence.real),
        "planted_weight_error": worth - float(np.subtract(*logit(WORTH))),
    }
