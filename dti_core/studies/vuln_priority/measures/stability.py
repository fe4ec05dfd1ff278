"""How far a list moves: when impact enters the score, when impacts are dealt, and from release to release."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import kendalltau

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import share
from dti_core.lab.parallel import run_keyed
from dti_core.studies.vuln_priority.measures.orders import SIZE, draw_cases, draw_flows, spread_over
from dti_core.studies.vuln_priority.methods.fusion import FAVOURITE
from dti_core.studies.vuln_priority.methods.orders import ORDERS
from dti_core.studies.vuln_priority.model.evidence import Evidence, Flags, Floats, Ints
from dti_core.studies.vuln_priority.model.learners import calibrated
from dti_core.studies.vuln_priority.worlds.assumptions import draw_assumptions, fill

#: Findings at the head of a list; share of findings that a release replaces; overlap from which it is stable.
HEAD, TURNOVER, STABLE = 20, 0.1, 0.8
#: Against the list by risk an hour without impact: the list with it, and with impacts of other services.
LISTS = {"impact": "risk_per_hour", "dealt": "dealt_impact"}


@dataclass(frozen=True, slots=True)
class Task:
    """One set of assumptions."""

    evidence: Evidence
    severity: Floats
    chance: Floats
    seed: np.random.SeedSequence


def study_stability(
    evidence: Evidence, severity: Floats, chances: Mapping[str, Floats], seeds: np.random.SeedSequence,
    n_sets: int
) -> Findings:  # fmt: skip
    """Kendall's tau and share of the first twenty that impact exchanges; their overlap by release."""
    tasks = {
        k: Task(evidence, severity, chances[FAVOURITE], seed) for k, seed in enumerate(seeds.spawn(n_sets))
    }
    told = pd.DataFrame(list(run_keyed(compare_lists, tasks, "lists").values()))
    found = Findings()
    for name in LISTS:
        found.estimates += [
            spread_over(f"tau_{name}", told[f"tau_{name}"].to_numpy(), "Kendall's tau", list=name),
            spread_over(f"exchanged_{name}", told[f"exchanged_{name}"].to_numpy(), "share of the first 20",
                        list=name),
        ]  # fmt: skip
    kept = told["kept"].to_numpy()
    found.estimates += [
        spread_over("kept_by_release", kept, "share of the first 20 that stay open and first"),
        share(int((kept >= STABLE).sum()), len(kept)).estimate("stable_releases", "share of releases"),
    ]
    return found


def compare_lists(task: Task) -> dict[str, float]:
    """One estate, its lists, and its next release."""
    rng = np.random.default_rng(task.seed)
    assumed = draw_assumptions(rng, {})
    flow, real = task.evidence.flow, task.evidence.real
    rows = draw_cases(draw_flows(flow, rng), real, assumed.prevalence, rng, (SIZE,))
    items = fill(real[rows], task.severity[rows], assumed, rng)
    chance = _moved(task.chance[rows], real, assumed.prevalence)
    base = ORDERS["without_impact"].run(items, chance, rng)
    found = {}
    for name, order in LISTS.items():
        score = ORDERS[order].run(items, chance, rng)
        found[f"tau_{name}"] = float(kendalltau(base, score).statistic)
        found[f"exchanged_{name}"] = 1 - _overlap(base, score)
    stays = rng.random(SIZE) >= TURNOVER
    again = _relearnt(task, rows, rng)
    first = ORDERS["risk_per_hour"].run(items, chance, rng)
    second = ORDERS["risk_per_hour"].run(items, _moved(again, real, assumed.prevalence), rng)
    head = np.argsort(-first, kind="stable")[:HEAD]
    left = head[stays[head]]
    after = np.argsort(-np.where(stays, second, -np.inf), kind="stable")[: len(left)]
    return found | {"kept": len(set(left) & set(after)) / max(1, len(left))}


def _relearnt(task: Task, rows: Ints, rng: np.random.Generator) -> Floats:
    """Chances of the same findings by a fusion that learnt from other flows."""
    evidence = task.evidence
    flows = rng.choice(np.unique(evidence.flow), size=len(np.unique(evidence.flow)))
    learn = np.concatenate([np.flatnonzero(evidence.flow == one) for one in flows])
    return calibrated("logistic", evidence.at(learn), evidence.at(rows))


def _moved(chance: Floats, real: Flags, prevalence: float) -> Floats:
    return np.asarray(expit(logit(chance) + logit(prevalence) - logit(real.mean())))


def _overlap(one: Floats, other: Floats) -> float:
    heads = [set(np.argsort(-score, kind="stable")[:HEAD]) for score in (one, other)]
    return len(heads[0] & heads[1]) / HEAD
